#include "nic/qp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "nic/engine.h"
#include "nic/mcast.h"
#include "nic/raw.h"
#include "nic/requester.h"
#include "nic/responder.h"
#include "nic/rss.h"
#include "nic/srq.h"

/* ---- numbers --------------------------------------------------------------- */

/* 0 and 1 are the management QPs, 0xffffff is multicast. */
static bool is_reserved(uint32_t qpn)
{
	return qpn < 2 || qpn == QPN_MASK;
}

static uint32_t own_qpn(struct engine *e)
{
	uint32_t qpn;

	do
		qpn = e->next_qpn++ & QPN_MASK;
	while (is_reserved(qpn));
	return qpn;
}

/* 0: there is none. */
static uint32_t free_qpn(struct engine *e)
{
	uint32_t qpn;

	do {
		qpn = own_qpn(e);
		if (e->hooks->qpn)
			qpn = e->hooks->qpn(e->hook_ctx, qpn);
	} while (engine_find_qp(e, qpn));
	return is_reserved(qpn) ? 0 : qpn;
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

/* What each type of QP has. */
static const struct qp_kind {
	bool offered, sends, receives;
} kinds[] = {
	[GN_QPT_RC] = { true, true, true },
	[GN_QPT_UC] = { true, true, true },
	[GN_QPT_UD] = { true, true, true },
	[GN_QPT_RAW_PACKET] = { true, true, true },
	[GN_QPT_XRC_SEND] = { true, true, false },
	[GN_QPT_XRC_RECV] = { true, false, false },
};

static const struct qp_kind *kind_of(const struct gn_qp_init *init)
{
	size_t n = sizeof(kinds) / sizeof(*kinds);

	return (size_t)init->type < n && kinds[init->type].offered
		       ? &kinds[init->type]
		       : NULL;
}

static int check_init(const struct engine *e, const struct gn_qp_init *init)
{
	const struct gn_limits *l = &e->cfg.limits;
	const struct gn_qp_cap *c = &init->cap;
	const struct qp_kind *k = kind_of(init);

	if (!k || (init->type == GN_QPT_RAW_PACKET && !l->raw_packet))
		return -EOPNOTSUPP;
	if (init->ind)
		return init->type == GN_QPT_RAW_PACKET ? 0 : -EINVAL;
	if ((k->sends && !init->send_cq) || (k->receives && !init->recv_cq))
		return -EINVAL;
	if (init->type == GN_QPT_XRC_RECV ? !init->xrcd : !!init->xrcd)
		return -EINVAL;
	if (init->srq && (!k->receives || init->srq->init.xrcd))
		return -EINVAL;
	if (c->max_send_wr > l->max_qp_wr || c->max_recv_wr > l->max_qp_wr ||
	    c->max_send_sge > l->max_sge || c->max_recv_sge > l->max_sge ||
	    c->max_inline > l->max_inline)
		return -EINVAL;
	return e->qps < l->max_qp ? 0 : -ENOMEM;
}

/* Queues that the type does not have, or that an SRQ replaces, are empty. */
static void trim_caps(struct gn_qp *qp)
{
	const struct qp_kind *k = kind_of(&qp->init);
	struct gn_qp_cap *c = &qp->init.cap;

	if (!k->sends || qp->init.ind)
		c->max_send_wr = c->max_send_sge = c->max_inline = 0;
	if (!k->receives || qp->init.srq || qp->init.ind)
		c->max_recv_wr = c->max_recv_sge = 0;
}

/* SGEs of the largest receive WR that may come its way. */
static uint32_t recv_sges(const struct gn_qp *qp)
{
	if (qp->init.srq)
		return qp->init.srq->init.max_sge;
	if (qp->init.type == GN_QPT_XRC_RECV)
		return qp->engine->cfg.limits.max_srq_sge;
	return qp->init.cap.max_recv_sge;
}

static int init_queues(struct gn_qp *qp)
{
	struct gn_qp_cap *c = &qp->init.cap;
	int rc;

	trim_caps(qp);
	rc = sq_init(&qp->sq, c->max_send_wr, c->max_send_sge, c->max_inline,
		     qp->init.type == GN_QPT_UD);
	if (rc)
		return rc;
	rc = rq_init(&qp->rq, c->max_recv_wr, c->max_recv_sge);
	if (rc)
		goto free_sq;
	qp->resp.recv.sge = calloc(recv_sges(qp) + 1u, sizeof(struct gn_sge));
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
	const struct gn_qp_init *i = &qp->init;

	if (qp->pd)
		qp->pd->users += (unsigned)by;
	if (i->send_cq)
		i->send_cq->users += (unsigned)by;
	if (i->recv_cq)
		i->recv_cq->users += (unsigned)by;
	if (i->srq)
		i->srq->users += (unsigned)by;
	if (i->ind)
		i->ind->users += (unsigned)by;
	if (i->xrcd)
		i->xrcd->users += (unsigned)by;
}

static void on_timer(struct timer *t, nsec_t now)
{
	struct gn_qp *qp = list_entry(t, struct gn_qp, timer);

	requester_tick(qp, now);
	if (reply_pending(qp))
		engine_ready(qp->engine, qp);
	qp_arm(qp);
}

int qp_new(struct gn_pd *pd, struct gn_qp_init *init, struct gn_qp **out)
{
	struct engine *e = init->xrcd ? init->xrcd->engine : pd->engine;
	struct gn_qp *qp;
	int rc = check_init(e, init);

	if (rc)
		return rc;
	rc = timers_reserve(&e->timers, e->timed + 1);
	if (rc)
		return rc;
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return -ENOMEM;
	qp->engine = e;
	qp->pd = init->xrcd ? NULL : pd;
	qp->init = *init;
	qp->opens = 1;
	list_init(&qp->ready);
	list_init(&qp->begun);
	list_init(&qp->waiting);
	qp->qpn = free_qpn(e);
	rc = qp->qpn ? init_queues(qp) : -ENOMEM;
	if (rc) {
		free(qp);
		return rc;
	}
	e->timed++;
	qp->timer.fire = on_timer;
	hash_in(e, qp);
	set_users(qp, 1);
	requester_reset(qp);
	responder_reset(qp);
	init->cap = qp->init.cap;
	*out = qp;
	return 0;
}

int qp_open(struct gn_xrcd *xrcd, uint32_t qpn, struct gn_qp **out)
{
	struct gn_qp *qp = engine_find_qp(xrcd->engine, qpn);

	if (!qp || qp->init.xrcd != xrcd)
		return -EINVAL;
	qp->opens++;
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

/* Those of an XRC QP lie in the CQs of its domain's SRQs. */
static void forget_completions(struct gn_qp *qp)
{
	struct gn_srq *srq = qp->init.xrcd ? qp->engine->srq_list : NULL;

	if (qp->init.send_cq)
		cq_forget(qp->init.send_cq, qp);
	if (qp->init.recv_cq)
		cq_forget(qp->init.recv_cq, qp);
	for (; srq; srq = srq->next)
		if (srq->init.xrcd == qp->init.xrcd)
			cq_forget(srq->init.cq, qp);
}

/* Out of all that the engine would look into. */
static void withdraw(struct gn_qp *qp)
{
	engine_answer_bells(qp->engine, qp);
	list_del(&qp->ready);
	list_del(&qp->begun);
	list_del(&qp->waiting);
	qp_set_peer(qp, NULL);
	timer_cancel(&qp->engine->timers, &qp->timer);
	forget_completions(qp);
}

bool qp_is_busy(const struct gn_qp *qp)
{
	return qp->opens == 1 && (qp->flows || qp->groups);
}

void qp_free(struct gn_qp *qp)
{
	struct engine *e = qp->engine;

	if (--qp->opens)
		return;
	withdraw(qp);
	mcast_forget(qp);
	flow_forget(qp);
	set_users(qp, -1);
	e->timed--;
	hash_out(e, qp);
	sq_fini(&qp->sq);
	rq_fini(&qp->rq);
	free(qp->resp.recv.sge);
	free(qp->resp.res);
	free(qp);
}

/* ---- posting ---------------------------------------------------------------- */

#define RC  (1u << GN_QPT_RC)
#define UC  (1u << GN_QPT_UC)
#define UD  (1u << GN_QPT_UD)
#define XRC (1u << GN_QPT_XRC_SEND)
#define RAW (1u << GN_QPT_RAW_PACKET)

/* Which QPs take which work request (IBTA 10.7.2.2, table 84). */
static const unsigned takers[GN_WR_N] = {
	[GN_WR_RDMA_WRITE] = RC | UC | XRC,
	[GN_WR_RDMA_WRITE_IMM] = RC | UC | XRC,
	[GN_WR_SEND] = RC | UC | UD | XRC | RAW,
	[GN_WR_SEND_IMM] = RC | UC | UD | XRC,
	[GN_WR_RDMA_READ] = RC | XRC,
	[GN_WR_CMP_SWAP] = RC | XRC,
	[GN_WR_FETCH_ADD] = RC | XRC,
	[GN_WR_LOCAL_INV] = RC | UC | XRC,
	[GN_WR_BIND_MW] = RC | UC | XRC,
	[GN_WR_SEND_INV] = RC | XRC,
	[GN_WR_FLUSH] = RC | XRC,
	[GN_WR_ATOMIC_WRITE] = RC | XRC,
};

/* A datagram's own: as qp_modify judges that of a connected QP. */
static bool is_good_ah(const struct engine *e, const struct gn_ah *given)
{
	struct gn_ah ah;

	if (!given)
		return false;
	ah = *given;
	engine_resolve_lid(e, &ah);
	return ah.is_global && ah.sgid_index < e->ngid &&
	       ip_is_v4(&ah.dgid) == ip_is_v4(&e->gid[ah.sgid_index]);
}

static bool takes(const struct gn_qp *qp, const struct gn_send_wr *wr)
{
	if ((unsigned)wr->opcode >= GN_WR_N ||
	    !(takers[wr->opcode] & 1u << qp->init.type))
		return false;
	return qp->init.type != GN_QPT_UD || is_good_ah(qp->engine, wr->ah);
}

int qp_post_list(struct gn_qp *qp, const struct gn_send_wr *wr, unsigned n)
{
	enum gn_qp_state s = qp_state(qp);

	if (s == GN_QPS_RESET || s == GN_QPS_INIT || s == GN_QPS_RTR)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		if (!takes(qp, &wr[i]))
			return -EINVAL;
	return sq_post(&qp->sq, wr, n, qp->engine->cfg.limits.max_msg_size);
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
	struct engine *e = qp->engine;

	if (e->hooks->qp_moves)
		e->hooks->qp_moves(e->hook_ctx, qp, qp_state(qp), state);
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
	/* IBTA 10.3.1.7: no more of the SRQ's requests will complete here. */
	if (qp->init.srq)
		engine_qp_event(qp, GN_EVENT_QP_LAST_WQE_REACHED);
}

void qp_set_sqe(struct gn_qp *qp)
{
	if (qp_state(qp) == GN_QPS_ERR)
		return; /* the completion did not fit into its CQ */
	qp_set_state(qp, GN_QPS_SQE);
	requester_flush(qp);
}

void qp_arm(struct gn_qp *qp)
{
	nsec_t now = qp->engine->now, at = qp->req.ack_by;

	if (qp->req.rnr_until && qp->req.rnr_until < at)
		at = qp->req.rnr_until;
	if (qp->resp.pace.until > now && qp->resp.pace.until < at)
		at = qp->resp.pace.until;
	if (qp->req.room_by > now && qp->req.una == qp->req.nxt &&
	    qp->req.room_by < at)
		at = qp->req.room_by;
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
