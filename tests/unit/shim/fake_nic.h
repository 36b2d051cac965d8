/* A NIC that a test plays: it answers with what the test has put into the
 * variables, and notes what it was asked.
 */
#ifndef TESTS_UNIT_SHIM_FAKE_NIC_H
#define TESTS_UNIT_SHIM_FAKE_NIC_H

#include <errno.h>
#include <string.h>
#include "nic/api.h"
#include "tests/unit/shim/fake_mw.h"
#include "tests/unit/shim/fake_wq.h"
#include "verbs_shim/context.h"

static struct ip_addr fake_gids[4];
static unsigned fake_gid_count; /* entries; the table is one longer, empty */

int gn_query_gid(const struct gn_nic *nic, unsigned index, struct ip_addr *gid)
{
	if (index > fake_gid_count)
		return -EINVAL;
	if (index == fake_gid_count)
		return -ENODATA;
	*gid = fake_gids[index];
	return 0;
}

int gn_query_pkey(const struct gn_nic *nic, unsigned index, uint16_t *pkey)
{
	if (index)
		return -EINVAL;
	*pkey = 0xffff;
	return 0;
}

static struct gn_port_info fake_port;
static struct gn_limits fake_limits;

void gn_query_port(const struct gn_nic *nic, struct gn_port_info *p)
{
	*p = fake_port;
}

void gn_query_limits(const struct gn_nic *nic, struct gn_limits *l)
{
	*l = fake_limits;
	l->gid_count = fake_gid_count + 1;
}

/* Cookies that wait in the channel (or, as gn_event, in the listener). */
static void *fake_cookies[8];
static struct gn_event fake_events[8];
static unsigned fake_queued, fake_taken;

int gn_channel_get(struct gn_channel *ch, void **cookie)
{
	if (fake_taken == fake_queued)
		return -EAGAIN;
	*cookie = fake_cookies[fake_taken++];
	return 0;
}

int gn_listener_get(struct gn_listener *l, struct gn_event *ev)
{
	if (fake_taken == fake_queued)
		return -EAGAIN;
	*ev = fake_events[fake_taken++];
	return 0;
}

int gn_channel_new(struct gn_nic *nic, struct gn_channel **ch)
{
	return 0;
}

int gn_channel_free(struct gn_channel *ch)
{
	return 0;
}

int gn_channel_fd(const struct gn_channel *ch)
{
	return 0;
}

static void *fake_cookie; /* of the last CQ or QP made */
static struct gn_wc fake_wc[64];
static unsigned fake_wc_count;

int gn_cq_new(struct gn_nic *nic, unsigned cqe, struct gn_channel *ch,
	      void *cookie, struct gn_cq **cq)
{
	fake_cookie = cookie;
	return 0;
}

int gn_cq_free(struct gn_cq *cq)
{
	return 0;
}

unsigned gn_cq_size(const struct gn_cq *cq)
{
	return 64;
}

int gn_cq_poll(struct gn_cq *cq, unsigned n, struct gn_wc *wc)
{
	if (n > fake_wc_count)
		n = fake_wc_count;
	memcpy(wc, fake_wc, n * sizeof(*wc));
	fake_wc_count -= n;
	memmove(fake_wc, fake_wc + n, fake_wc_count * sizeof(*wc));
	return (int)n;
}

int gn_cq_arm(struct gn_cq *cq, bool solicited_only)
{
	return 0;
}

void gn_cq_set_listener(struct gn_cq *cq, struct gn_listener *l)
{
}

int gn_cq_resize(struct gn_cq *cq, unsigned cqe)
{
	return 0;
}

int gn_cq_moderate(struct gn_cq *cq, unsigned count, unsigned usec)
{
	return 0;
}

int gn_qp_open(struct gn_xrcd *xrcd, uint32_t qpn, struct gn_qp **qp)
{
	return -EINVAL;
}

int gn_qp_new(struct gn_pd *pd, struct gn_qp_init *init, struct gn_qp **qp)
{
	fake_cookie = init->cookie;
	return 0;
}

int gn_qp_free(struct gn_qp *qp)
{
	return 0;
}

uint32_t gn_qp_num(const struct gn_qp *qp)
{
	return 17;
}

int gn_qp_modify(struct gn_qp *qp, const struct gn_qp_attr *a, unsigned mask)
{
	return 0;
}

int gn_qp_query(struct gn_qp *qp, struct gn_qp_attr *a, struct gn_qp_init *init)
{
	return 0;
}

/* Requests that were posted as a list, and how many times the bell rang. */
static struct gn_send_wr fake_posted[8];
static unsigned fake_post_count, fake_ring_count;
static int fake_post_rc;

int gn_post_send_list(struct gn_qp *qp, const struct gn_send_wr *wr, unsigned n)
{
	if (fake_post_rc)
		return fake_post_rc;
	memcpy(fake_posted, wr, n * sizeof(*wr));
	fake_post_count += n;
	return 0;
}

int gn_post_send(struct gn_qp *qp, const struct gn_send_wr *wr)
{
	return gn_post_send_list(qp, wr, 1);
}

void gn_qp_ring(struct gn_qp *qp)
{
	fake_ring_count++;
}

int gn_post_recv(struct gn_qp *qp, const struct gn_recv_wr *wr)
{
	return 0;
}

int gn_post_srq(struct gn_srq *srq, const struct gn_recv_wr *wr)
{
	return 0;
}

/* A context on this NIC. */
static struct shim_context fake_context;

static inline struct ibv_context *fake_open(void)
{
	fake_context.verbs.context.num_comp_vectors = 1;
	pthread_mutex_init(&fake_context.verbs.context.mutex, NULL);
	return &fake_context.verbs.context;
}

#endif
