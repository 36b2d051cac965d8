/* nic/api.h over a running host: each call takes the NIC's lock, except the four
 * of the data path, which have locks of their own.
 */
#include "nic/api.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nic/base/log.h"
#include "nic/host/host.h"
#include "nic/mcast.h"
#include "nic/qp.h"
#include "nic/raw.h"
#include "nic/rss.h"
#include "nic/srq.h"

/* ---- devices --------------------------------------------------------------------- */

static struct {
	pthread_once_t once;
	pthread_mutex_t lock;
	struct nic_spec spec[SPEC_NICS];
	unsigned n;
	struct gn_nic *open[SPEC_NICS];
	pid_t owner; /* of what is open */
} devices = { .once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER };

static void before_fork(void)
{
	pthread_mutex_lock(&devices.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&devices.lock);
}

/* The child has none of the parent's threads, and must not hold its sockets. */
static void in_child(void)
{
	for (unsigned i = 0; i < SPEC_NICS; i++) {
		if (devices.open[i])
			host_forget(devices.open[i]);
		devices.open[i] = NULL;
	}
	pthread_mutex_unlock(&devices.lock);
}

/* Many programs exit without closing what they have opened.  A child that was
 * made without the handlers above (_Fork, clone) has no say in its parent's.
 */
static void __attribute__((destructor)) at_exit(void)
{
	if (devices.owner != getpid() || !host_last_lock(&devices.lock))
		return;
	for (unsigned i = 0; i < SPEC_NICS; i++)
		if (devices.open[i])
			host_exits(devices.open[i]);
	pthread_mutex_unlock(&devices.lock);
}

static void configure(void)
{
	char why[SPEC_WHY_MAX];
	int n = specs_parse(getenv("GLASSNIC_NIC"), devices.spec, SPEC_NICS,
			    why);

	if (n < 0)
		log_error("GLASSNIC_NIC: %s", why);
	devices.n = n < 0 ? 0 : (unsigned)n;
	pthread_atfork(before_fork, after_fork, in_child);
}

unsigned gn_device_count(void)
{
	pthread_once(&devices.once, configure);
	return devices.n;
}

/* FNV-1a over what makes this NIC another than the next one. */
static uint64_t guid_of(const struct nic_spec *s)
{
	char text[SPEC_TEXT_MAX];
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *p = spec_format(s, text); *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	return (h & 0x00ffffffffffffffu) | 0x0200000000000000u;
}

static void describe(const struct nic_spec *s, struct gn_device_info *info)
{
	memset(info, 0, sizeof(*info));
	memcpy(info->name, s->name, sizeof(s->name));
	strcpy(info->netdev, "lo");
	info->guid = guid_of(s);
}

int gn_device_info(unsigned index, struct gn_device_info *info)
{
	if (index >= gn_device_count())
		return -ENODEV;
	describe(&devices.spec[index], info);
	return 0;
}

void gn_device_of(const struct gn_nic *nic, struct gn_device_info *info)
{
	describe(&nic->spec, info);
}

int gn_open(unsigned index, struct gn_nic **nic)
{
	int rc = 0;

	if (index >= gn_device_count())
		return -ENODEV;
	pthread_mutex_lock(&devices.lock);
	if (!devices.open[index])
		rc = host_open(&devices.spec[index], &devices.open[index]);
	if (!rc) {
		devices.owner = getpid();
		*nic = devices.open[index];
		(*nic)->users++;
	}
	pthread_mutex_unlock(&devices.lock);
	return rc;
}

void gn_close(struct gn_nic *nic)
{
	pthread_mutex_lock(&devices.lock);
	if (!atomic_load(&nic->dead) && !--nic->users) {
		for (unsigned i = 0; i < SPEC_NICS; i++)
			if (devices.open[i] == nic)
				devices.open[i] = NULL;
		host_close(nic);
	}
	pthread_mutex_unlock(&devices.lock);
}

void gn_query_limits(const struct gn_nic *nic, struct gn_limits *l)
{
	*l = nic->engine.cfg.limits;
}

void gn_query_port(const struct gn_nic *nic, struct gn_port_info *p)
{
	*p = (struct gn_port_info){ .active = true,
				    .max_mtu = PMTU_MAX,
				    .active_mtu = engine_pmtu(&nic->engine),
				    .speed_mbps = 10000,
				    .lid = engine_lid(&nic->engine),
				    .netdev = "lo" };
	memcpy(p->mac, nic->link->mac.b, 6);
}

int gn_query_gid(const struct gn_nic *nic, unsigned index, struct ip_addr *gid)
{
	const struct engine *e = &nic->engine;

	if (index >= e->cfg.limits.gid_count)
		return -EINVAL;
	if (index >= e->ngid)
		return -ENODATA;
	*gid = e->gid[index];
	return 0;
}

int gn_query_pkey(const struct gn_nic *nic, unsigned index, uint16_t *pkey)
{
	if (index >= nic->engine.cfg.limits.pkey_count)
		return -EINVAL;
	*pkey = PKEY_DEFAULT;
	return 0;
}

int gn_counter(const struct gn_nic *nic, const char *name, uint64_t *value)
{
	return counters_find(&nic->engine.counters, name, value) ? 0 : -ENOENT;
}

/* ---- objects ---------------------------------------------------------------------- */

/* int NAME(...) { lock; rc = CALL; unlock; return rc; } */
#define LOCKED(nic, call)                                                      \
	do {                                                                   \
		struct gn_nic *nic_ = (nic);                                   \
		int rc_ = host_lock(nic_);                                     \
		if (rc_)                                                       \
			return rc_;                                            \
		rc_ = (call);                                                  \
		host_unlock(nic_);                                             \
		return rc_;                                                    \
	} while (0)

int gn_pd_new(struct gn_nic *nic, struct gn_pd **pd)
{
	LOCKED(nic, (publish_open(nic), pd_new(&nic->engine, pd)));
}

int gn_pd_free(struct gn_pd *pd)
{
	LOCKED(host_of(pd->engine), pd_free(pd));
}

int gn_mr_new(struct gn_pd *pd, void *addr, uint64_t len, uint64_t iova,
	      unsigned access, struct gn_mr **mr)
{
	LOCKED(host_of(pd->engine), mr_new(pd, addr, len, iova, access, mr));
}

int gn_mr_free(struct gn_mr *mr)
{
	LOCKED(host_of(mr->h.pd->engine), mr_free(mr));
}

uint32_t gn_mr_lkey(const struct gn_mr *mr)
{
	return mr->h.key;
}

uint32_t gn_mr_rkey(const struct gn_mr *mr)
{
	return mr->h.key;
}

int gn_mr_rereg(struct gn_mr *mr, unsigned flags, struct gn_pd *pd, void *addr,
		uint64_t len, unsigned access)
{
	LOCKED(host_of(mr->h.pd->engine),
	       mr_rereg(mr, flags, pd, addr, len, access));
}

int gn_mr_new_null(struct gn_pd *pd, struct gn_mr **mr)
{
	LOCKED(host_of(pd->engine), mr_new_null(pd, mr));
}

int gn_mr_prefetch(struct gn_pd *pd, const struct gn_sge *sge, bool write)
{
	LOCKED(host_of(pd->engine), mr_prefetch(pd, sge, write));
}

int gn_dm_new(struct gn_nic *nic, uint64_t len, struct gn_dm **dm)
{
	return dm_new(&nic->engine, len, dm);
}

int gn_dm_free(struct gn_dm *dm)
{
	return dm_free(dm);
}

int gn_dm_write(struct gn_dm *dm, uint64_t offset, const void *from,
		uint64_t len)
{
	if (offset > dm->len || len > dm->len - offset)
		return -EFAULT;
	LOCKED(host_of(dm->engine), (memcpy(dm->mem + offset, from, len), 0));
}

int gn_dm_read(struct gn_dm *dm, uint64_t offset, void *to, uint64_t len)
{
	if (offset > dm->len || len > dm->len - offset)
		return -EFAULT;
	LOCKED(host_of(dm->engine), (memcpy(to, dm->mem + offset, len), 0));
}

int gn_mr_new_dm(struct gn_pd *pd, struct gn_dm *dm, uint64_t offset,
		 uint64_t len, unsigned access, struct gn_mr **mr)
{
	LOCKED(host_of(pd->engine),
	       mr_new_dm(pd, dm, offset, len, access, mr));
}

int gn_mw_new(struct gn_pd *pd, unsigned type, struct gn_mw **mw)
{
	LOCKED(host_of(pd->engine), mw_new(pd, type, mw));
}

int gn_mw_free(struct gn_mw *mw)
{
	LOCKED(host_of(mw->h.pd->engine), mw_free(mw));
}

uint32_t gn_mw_rkey(const struct gn_mw *mw)
{
	return mw->h.key;
}

int gn_srq_new(struct gn_pd *pd, struct gn_srq_init *init, struct gn_srq **srq)
{
	LOCKED(host_of(pd->engine), srq_new(pd, init, srq));
}

int gn_srq_free(struct gn_srq *srq)
{
	LOCKED(host_of(srq->engine), srq_free(srq));
}

int gn_srq_set_limit(struct gn_srq *srq, uint32_t limit)
{
	LOCKED(host_of(srq->engine), srq_set_limit(srq, limit));
}

void gn_srq_query(struct gn_srq *srq, struct gn_srq_init *init)
{
	struct gn_nic *nic = host_of(srq->engine);

	if (host_lock(nic))
		return;
	*init = srq->init;
	host_unlock(nic);
}

uint32_t gn_srq_num(const struct gn_srq *srq)
{
	return srq->srqn;
}

int gn_xrcd_open(struct gn_nic *nic, uint64_t key, bool create, bool exclusive,
		 struct gn_xrcd **xrcd)
{
	LOCKED(nic, xrcd_open(&nic->engine, key, create, exclusive, xrcd));
}

int gn_xrcd_close(struct gn_xrcd *xrcd)
{
	LOCKED(host_of(xrcd->engine), xrcd_close(xrcd));
}

unsigned gn_cq_size(const struct gn_cq *cq)
{
	return cq->size;
}

int gn_cq_resize(struct gn_cq *cq, unsigned cqe)
{
	LOCKED(host_of(cq->engine), cq_resize(cq, cqe));
}

int gn_cq_moderate(struct gn_cq *cq, unsigned cqes, unsigned usec)
{
	LOCKED(host_of(cq->engine), cq_moderate(cq, cqes, usec));
}

int gn_cq_poll(struct gn_cq *cq, unsigned n, struct gn_wc *wc)
{
	if (cq_is_empty(cq))
		host_poll(host_of(cq->engine));
	return cq_take(cq, n, wc);
}

int gn_cq_arm(struct gn_cq *cq, bool solicited_only)
{
	if (cq->channel)
		host_expect_events(host_of(cq->engine));
	cq_arm(cq, solicited_only);
	return 0;
}

void gn_cq_set_listener(struct gn_cq *cq, struct gn_listener *l)
{
	cq->listener = l;
}

/* As the kernel asks for its raw sockets: CAP_NET_RAW, or root. */
static bool may_send_raw(void)
{
	int fd;

	if (!geteuid())
		return true;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int gn_qp_new(struct gn_pd *pd, struct gn_qp_init *init, struct gn_qp **qp)
{
	struct gn_nic *nic = host_of(init->xrcd ? init->xrcd->engine
						: pd->engine);
	int rc;

	if (init->type == GN_QPT_RAW_PACKET && !may_send_raw())
		return -EPERM;
	rc = host_lock(nic);
	if (rc)
		return rc;
	publish_open(nic);
	rc = host_start_thread(nic);
	if (!rc)
		rc = qp_new(pd, init, qp);
	host_unlock(nic);
	return rc;
}

int gn_wq_new(struct gn_pd *pd, struct gn_wq_init *init, struct gn_wq **wq)
{
	LOCKED(host_of(pd->engine), wq_new(pd, init, wq));
}

int gn_wq_free(struct gn_wq *wq)
{
	LOCKED(host_of(wq->engine), wq_free(wq));
}

int gn_wq_modify(struct gn_wq *wq, enum gn_wq_state state)
{
	LOCKED(host_of(wq->engine), wq_modify(wq, state));
}

uint32_t gn_wq_num(const struct gn_wq *wq)
{
	return wq->num;
}

int gn_ind_new(struct gn_nic *nic, struct gn_wq *const *wq, uint32_t n,
	       struct gn_ind **ind)
{
	LOCKED(nic, ind_new(&nic->engine, wq, n, ind));
}

int gn_ind_free(struct gn_ind *ind)
{
	LOCKED(host_of(ind->engine), ind_free(ind));
}

int gn_flow_new(struct gn_qp *qp, const struct gn_flow_match *match,
		struct gn_flow **flow)
{
	LOCKED(host_of(qp->engine), flow_new(qp, match, flow));
}

int gn_flow_free(struct gn_flow *flow)
{
	LOCKED(host_of(flow->qp->engine), (flow_free(flow), 0));
}

int gn_qp_free(struct gn_qp *qp)
{
	struct gn_nic *nic = host_of(qp->engine);
	int rc = host_lock(nic);

	if (rc)
		return rc;
	if (qp_is_busy(qp))
		rc = -EBUSY;
	else
		qp_free(qp);
	host_unlock(nic);
	return rc;
}

int gn_qp_open(struct gn_xrcd *xrcd, uint32_t qpn, struct gn_qp **qp)
{
	LOCKED(host_of(xrcd->engine), qp_open(xrcd, qpn, qp));
}

int gn_qp_attach(struct gn_qp *qp, const struct ip_addr *gid)
{
	LOCKED(host_of(qp->engine), mcast_attach(qp, gid));
}

int gn_qp_detach(struct gn_qp *qp, const struct ip_addr *gid)
{
	LOCKED(host_of(qp->engine), mcast_detach(qp, gid));
}

uint32_t gn_qp_num(const struct gn_qp *qp)
{
	return qp->qpn;
}

int gn_qp_modify(struct gn_qp *qp, const struct gn_qp_attr *attr, unsigned mask)
{
	LOCKED(host_of(qp->engine), qp_modify(qp, attr, mask));
}

int gn_qp_query(struct gn_qp *qp, struct gn_qp_attr *attr,
		struct gn_qp_init *init)
{
	LOCKED(host_of(qp->engine), (qp_query(qp, attr, init), 0));
}

/* ---- the data path ------------------------------------------------------------------- */

int gn_post_send(struct gn_qp *qp, const struct gn_send_wr *wr)
{
	return qp_post_send(qp, wr);
}

int gn_post_send_list(struct gn_qp *qp, const struct gn_send_wr *wr, unsigned n)
{
	return qp_post_list(qp, wr, n);
}

void gn_qp_ring(struct gn_qp *qp)
{
	qp_ring(qp);
	host_ring(host_of(qp->engine));
}

int gn_post_recv(struct gn_qp *qp, const struct gn_recv_wr *wr)
{
	int rc = qp_post_recv(qp, wr);

	if (!rc && qp_state(qp) == GN_QPS_ERR)
		gn_qp_ring(qp); /* it will be flushed */
	return rc;
}

int gn_post_srq(struct gn_srq *srq, const struct gn_recv_wr *wr)
{
	return rq_post(&srq->rq, wr);
}

int gn_post_wq(struct gn_wq *wq, const struct gn_recv_wr *wr)
{
	return wq_post(wq, wr);
}
