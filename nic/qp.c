#include "nic/qp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "nic/engine.h"
#include "nic/requester.h"
#include "nic/responder.h"

/* ---- numbers --------------------------------------------------------------- */

static uint32_t free_qpn(struct engine *e)
{
	uint32_t qpn;

	/* 0 and 1 are the management QPs, 0xffffff is multicast. */
	do
		qpn = e->next_qpn++ & QPN_MASK;
	while (qpn < 2 || qpn == QPN_MASK || engine_find_qp(e, qpn));
	return qpn;
}

static void hash_in(struct engine *e, struct gn_qp *qp)
{
	struct gn_qp **at = &e->bucket[qp->qpn % ENGINE_BUCKETS];

	qp->next = *at;
	*at = qp;
	e->qps++;
}

static void hash_out(struct engine *e, struct gn_qp *qp)
{
	struct gn_qp **at = &e->bucket[qp->qpn % ENGINE_BUCKETS];

	while (*at != qp)
		at = &(*at)->next;
	*at = qp->next;
	e->qps--;
}

/* ---- life ------------------------------------------------------------------- */

static int check_init(const struct engine *e, const struct gn_qp_init *init)
{
	const struct gn_limits *l = &e->cfg.limits;
	const struct gn_qp_cap *c = &init->cap;

	if (init->type != GN_QPT_RC)
		return -EOPNOTSUPP;
	if (!init->send_cq || !init->recv_cq)
		return -EINVAL;
	if (c->max_send_wr > l->max_qp_wr || c->max_recv_wr > l->max_qp_wr ||
	    c->max_send_sge > l->max_sge || c->max_recv_sge > l->max_sge ||
	    c->max_inline > l->max_inline)
		return -EINVAL;
	return e->qps < l->max_qp ? 0 : -ENOMEM;
}

static int init_queues(struct gn_qp *qp)
{
	struct gn_qp_cap *c = &qp->init.cap;
	int rc = sq_init(&qp->sq, c->max_send_wr, c->max_send_sge,
			 c->max_inline);

	if (rc)
		return rc;
	rc = rq_init(&qp->rq, c->max_recv_wr, c->max_recv_sge);
	if (rc)
		goto free_sq;
	qp->resp.recv.sge = calloc(c->max_recv_sge + 1u, sizeof(struct gn_sge));
	if (!qp->resp.recv.sge) {
		rc = -ENOMEM;
		goto free_rq;
	}
	c->max_send_wr = qp->sq.depth;
	c->max_recv_wr = qp->rq.depth;
	return 0;

free_rq:
	rq_fini(&qp->rq);
free_sq:
	sq_fini(&qp->sq);
	return rc;
}

static void set_users(struct gn_qp *qp, int by)
{
	qp->pd->users += (unsigned)by;
	qp->init.send_cq->users += (unsigned)by;
	qp->init.recv_cq->users += (unsigned)by;
}

int qp_new(struct gn_pd *pd, struct gn_qp_init *init, struct gn_qp **out)
{
	struct engine *e = pd->engine;
	struct gn_qp *qp;
	int rc = check_init(e, init);

	if (rc)
		return rc;
	rc = timers_reserve(&e->timers, e->qps + 1);
	if (rc)
		return rc;
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return -ENOMEM;
	qp->engine = e;
	qp->pd = pd;
	qp->init = *init;
	list_init(&qp->ready);
	list_init(&qp->waiting);
	rc = init_queues(qp);
	if (rc) {
		free(qp);
		return rc;
	}
	qp->qpn = free_qpn(e);
	hash_in(e, qp);
	set_users(qp, 1);
	requester_reset(qp);
	responder_reset(qp);
	init->cap = qp->init.cap;
	*out = qp;
	return 0;
}

void qp_set_peer(struct gn_qp *qp, struct peer *peer)
{
	struct engine *e = qp->engine;
	uint64_t owed = qp->req.charged - qp->req.paid;

	if (qp->peer) {
		list_del(&qp->waiting);
		qp->peer->in_flight -= owed;
		engine_window_opened(e, qp->peer);
		peer_put(&e->peers, qp->peer);
	}
	if (peer)
		peer->in_flight += owed;
	else
		qp->req.paid = qp->req.charged;
	qp->peer = peer;
}

/* Out of all that the engine would look into. */
static void withdraw(struct gn_qp *qp)
{
	engine_answer_bells(qp->engine, qp);
	list_del(&qp->ready);
	qp_set_peer(qp, NULL);
	timer_cancel(&qp->engine->timers, &qp->timer);
	cq_forget(qp->init.send_cq, qp);
	cq_forget(qp->init.recv_cq, qp);
}

void qp_free(struct gn_qp *qp)
{
	struct engine *e = qp->engine;

	withdraw(qp);
	set_users(qp, -1);
	hash_out(e, qp);
	sq_fini(&qp->sq);
	rq_fini(&qp->rq);
	free(qp->resp.recv.sge);
	free(qp->resp.res);
	free(qp);
}

/* ---- posting ---------------------------------------------------------------- */

static const bool opcode_known[GN_WR_N] = {
	[GN_WR_RDMA_WRITE] = true, [GN_WR_RDMA_WRITE_IMM] = true,
	[GN_WR_SEND] = true,	   [GN_WR_SEND_IMM] = true,
	[GN_WR_RDMA_READ] = true,  [GN_WR_CMP_SWAP] = true,
	[GN_WR_FETCH_ADD] = true,  [GN_WR_SEND_INV] = true,
};

int qp_post_send(struct gn_qp *qp, const struct gn_send_wr *wr)
{
	enum gn_qp_state s = qp_state(qp);

	if (s == GN_QPS_RESET || s == GN_QPS_INIT || s == GN_QPS_RTR)
		return -EINVAL;
	if ((unsigned)wr->opcode >= GN_WR_N || !opcode_known[wr->opcode])
		return -EINVAL;
	return sq_post(&qp->sq, wr, qp->engine->cfg.limits.max_msg_size);
}

int qp_post_recv(struct gn_qp *qp, const struct gn_recv_wr *wr)
{
	if (qp->init.srq || qp_state(qp) == GN_QPS_RESET)
		return -EINVAL;
	return rq_post(&qp->rq, wr);
}

bool qp_ring(struct gn_qp *qp)
{
	struct engine *e = qp->engine;

	if (atomic_exchange(&qp->bell, true))
		return false;
	qp->bell_next = atomic_load(&e->bells);
	while (!atomic_compare_exchange_weak(&e->bells, &qp->bell_next, qp))
		;
	return true;
}

/* ---- states ------------------------------------------------------------------ */

void qp_set_state(struct gn_qp *qp, enum gn_qp_state state)
{
	if (state == GN_QPS_RESET) {
		withdraw(qp);
		sq_reset(&qp->sq);
		rq_reset(&qp->rq);
		requester_reset(qp);
		responder_reset(qp);
	}
	atomic_store_explicit(&qp->state, (int)state, memory_order_release);
}

void qp_flush(struct gn_qp *qp)
{
	requester_flush(qp);
	responder_flush(qp);
}

void qp_set_error(struct gn_qp *qp)
{
	if (qp_state(qp) == GN_QPS_ERR)
		return;
	qp_set_state(qp, GN_QPS_ERR);
	qp_flush(qp);
}

void qp_arm(struct gn_qp *qp)
{
	nsec_t at = qp->req.ack_by < qp->req.rnr_until || !qp->req.rnr_until
			    ? qp->req.ack_by
			    : qp->req.rnr_until;

	if (at != NSEC_NEVER)
		timer_arm(&qp->engine->timers, &qp->timer, at);
}

void qp_query(struct gn_qp *qp, struct gn_qp_attr *attr,
	      struct gn_qp_init *init)
{
	*attr = qp->attr;
	attr->state = attr->cur_state = qp_state(qp);
	attr->cap = qp->init.cap;
	attr->sq_draining = attr->state == GN_QPS_SQD &&
			    !requester_drained(qp);
	if (qp->attr.path_mtu) {
		attr->sq_psn = qp->req.nxt;
		attr->rq_psn = qp->resp.epsn;
	}
	*init = qp->init;
}
