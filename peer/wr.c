/* Verbs that post work requests. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include "drill/call_wr.h"
#include "peer/call.h"
#include "peer/extended.h"

#define TIMES_MAX 100000u
#define HOP_LIMIT 64

/* Addressed as the regions are.  An address past one is the drill's to try. */
static void set_sges(struct ibv_sge *sge, const struct call_sge *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sge[i] = (struct ibv_sge){s[i].o->iova + s[i].offset, s[i].len,
					  s[i].o->ibv_mr->lkey};
}

/* One that is about to be posted. */
struct request {
	struct call_wr w;
	struct call_sge s[CALL_SGES];
	struct ibv_sge sge[CALL_SGES];
	struct ibv_send_wr wr;
};

/* Inline data is read by the library, at the program's own addresses. */
static int address_inline(struct call *c, struct request *r)
{
	int rc = 0;

	for (int i = 0; i < r->wr.num_sge && !rc; i++)
		rc = call_inline(c, &r->s[i], &r->sge[i].addr);
	return rc;
}

/* ---- datagrams ---- */

static int find_address(struct call *c, struct ibv_pd *pd,
			const union ibv_gid *gid, uint8_t traffic_class,
			struct ibv_ah **ah)
{
	struct ibv_ah_attr attr = {
		.is_global = 1,
		.port_num = session_of(c)->device->port,
		.grh = {.dgid = *gid,
			.sgid_index = session_of(c)->device->gid_index,
			.hop_limit = HOP_LIMIT,
			.traffic_class = traffic_class},
	};
	unsigned i = 0;

	for (; i < AHS_MAX && session_of(c)->address[i].ah; i++) {
		struct address *a = &session_of(c)->address[i];

		if (a->pd != pd || memcmp(&a->gid, gid, sizeof(*gid)) ||
		    a->traffic_class != traffic_class)
			continue;
		*ah = a->ah;
		return 0;
	}
	if (i == AHS_MAX)
		return call_refuse(c, "more than %u addresses", AHS_MAX);
	*ah = ibv_create_ah(pd, &attr);
	if (*ah)
		session_of(c)->address[i] =
			(struct address){*ah, pd, *gid, traffic_class};
	return call_errno(*ah);
}

static int get_datagram(struct call *c, struct ibv_qp *qp,
			struct ibv_send_wr *wr)
{
	union ibv_gid gid = {{0}};
	struct call_datagram d;
	int rc = call_datagram(c, &d);

	if (!rc)
		rc = call_gid(c, "dgid", &gid);
	if (rc)
		return rc;
	wr->wr.ud.remote_qpn = d.qpn;
	wr->wr.ud.remote_qkey = d.qkey;
	return find_address(c, qp->pd, &gid, d.traffic_class, &wr->wr.ud.ah);
}

/* ---- windows ---- */

/* The window gets its next key. */
static int bind_window(struct call *c, struct ibv_qp *qp,
		       struct ibv_send_wr *wr)
{
	struct ibv_mw_bind type1 = {.wr_id = wr->wr_id,
				    .send_flags = wr->send_flags};
	struct ibv_mw_bind_info *info = &type1.bind_info;
	struct ibv_send_wr *bad;
	struct call_bind b;
	struct ibv_mw *mw;
	uint32_t rkey;
	int rc = call_bind(c, &b);

	if (rc)
		return rc;
	info->mr = b.mr->ibv_mr;
	info->addr = b.mr->iova + b.at;
	info->length = b.len;
	info->mw_access_flags = b.access;
	mw = b.mw->ibv_mw;
	rkey = ibv_inc_rkey(mw->rkey);
	if (mw->type == IBV_MW_TYPE_1) {
		rc = ibv_bind_mw(qp, mw, &type1);
		rkey = mw->rkey;
	} else {
		wr->bind_mw.mw = mw;
		wr->bind_mw.rkey = rkey;
		wr->bind_mw.bind_info = *info;
		rc = ibv_post_send(qp, wr, &bad);
		if (!rc)
			mw->rkey = rkey;
	}
	if (!rc)
		call_say(c, "mw=%s rkey=0x%x va=0x%llx", words_get(&c->w, "mw"),
			 rkey, (unsigned long long)info->addr);
	return rc;
}

/* ---- sends ---- */

static void fill_in(struct ibv_send_wr *wr, const struct call_wr *w)
{
	bool invalidates = wr->opcode == IBV_WR_SEND_WITH_INV ||
			   wr->opcode == IBV_WR_LOCAL_INV;

	if (invalidates)
		wr->invalidate_rkey = w->inv_rkey;
	else
		wr->imm_data = htonl(w->imm);
	wr->qp_type.xrc.remote_srqn = w->srqn;
	if (wr->opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
	    wr->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		wr->wr.atomic.remote_addr = w->va;
		wr->wr.atomic.rkey = w->rkey;
		wr->wr.atomic.compare_add = w->compare;
		wr->wr.atomic.swap = w->swap;
	} else {
		wr->wr.rdma.remote_addr = w->va;
		wr->wr.rdma.rkey = w->rkey;
	}
}

static int post_flush(const struct call_wr *w)
{
	struct flush f = {w->wr_id, w->va,	   w->flush_len,  w->rkey,
			  w->flags, w->flush_type, w->flush_level};

	return w->o->extended ? extended_flush(w->o->ibv_qp, &f) : EOPNOTSUPP;
}

/* Not every library posts it; then it is made by a call, which is given its
 * bytes as inline data is.
 */
static int post_atomic_write(struct call *c, struct request *r)
{
	const struct object *o = r->w.o;
	struct ibv_send_wr *bad;
	int rc = ibv_post_send(o->ibv_qp, &r->wr, &bad);

	if ((rc != EINVAL && rc != EOPNOTSUPP) || !o->extended ||
	    r->wr.num_sge != 1 || r->sge->length != 8)
		return rc;
	rc = address_inline(c, r);
	return rc ? rc
		  : extended_atomic_write(
			    o->ibv_qp, &r->wr,
			    (const uint8_t *)(uintptr_t)r->sge->addr);
}

static int post(struct call *c, struct request *r)
{
	struct ibv_qp *qp = r->w.o->ibv_qp;
	struct ibv_send_wr *wr = &r->wr, *bad;
	int rc = 0;

	if ((unsigned)wr->opcode == WR_FLUSH)
		return post_flush(&r->w);
	if (wr->opcode == IBV_WR_BIND_MW)
		return bind_window(c, qp, wr);
	fill_in(wr, &r->w);
	if (wr->opcode == IBV_WR_ATOMIC_WRITE)
		return post_atomic_write(c, r);
	if (qp->qp_type == IBV_QPT_UD)
		rc = get_datagram(c, qp, wr);
	if (!rc && wr->send_flags & IBV_SEND_INLINE)
		rc = address_inline(c, r);
	return rc ? rc : ibv_post_send(qp, wr, &bad);
}

int verb_post_send(struct call *c)
{
	struct request r = {.wr = {.sg_list = r.sge}};
	unsigned n;
	int rc = call_wr(c, &r.w);

	if (!rc)
		rc = call_sges(c, r.s, &n);
	if (rc)
		return rc;
	set_sges(r.sge, r.s, n);
	r.wr.num_sge = (int)n;
	r.wr.wr_id = r.w.wr_id;
	r.wr.opcode = (enum ibv_wr_opcode)r.w.opcode;
	r.wr.send_flags = r.w.flags;
	return post(c, &r);
}

/* ---- receives ---- */

int verb_post_recv(struct call *c)
{
	struct call_sge s[CALL_SGES];
	struct ibv_sge sge[CALL_SGES];
	struct ibv_recv_wr wr = {.sg_list = sge}, *bad;
	struct object *o;
	uint64_t times;
	unsigned n;
	int rc = call_recv(c, &o, &wr.wr_id, &times);

	if (!rc && times > TIMES_MAX)
		rc = call_refuse(c, "times=: at most %u", TIMES_MAX);
	if (!rc)
		rc = call_sges(c, s, &n);
	if (rc)
		return rc;
	set_sges(sge, s, n);
	wr.num_sge = (int)n;
	for (; !rc && times; times--, wr.wr_id++)
		rc = o->kind == O_SRQ ? ibv_post_srq_recv(o->ibv_srq, &wr, &bad)
				      : ibv_post_recv(o->ibv_qp, &wr, &bad);
	return rc;
}
