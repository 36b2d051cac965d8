/* QPs: made, connected, reset, destroyed; and their windows. */
#include "tests/sim/world.h"

#include "tests/support/kind_mask.h"

static void windows_open(struct world *w, struct end *e)
{
	for (unsigned i = 0; i < 2; i++) {
		struct window *win = &e->win[i];

		world_must(w, mw_new(w->host[e->node].pd, i + 1, &win->mw), 0,
			   "mw_new");
		win->key = NULL;
		win->variant = win->mw->h.key & 0xff;
	}
}

static void windows_close(struct world *w, struct end *e)
{
	for (unsigned i = 0; i < 2; i++) {
		struct window *win = &e->win[i];

		if (!win->mw)
			continue;
		world_must(w, mw_free(win->mw), 0, "mw_free");
		win->mw = NULL;
		win->key = NULL;
	}
	for (uint32_t i = 0; i < w->nkey; i++) {
		struct key *k = &w->keys[i];

		if (k->owner != flow_of(e->conn, e->side))
			continue;
		if (k->maybe_until > w->f.now)
			k->maybe_until = w->f.now;
		if (k->sure_until > w->f.now)
			k->sure_until = w->f.now;
	}
}

static enum gn_qp_type type_of(const struct conn_plan *c, unsigned side)
{
	return c->type == GN_QPT_XRC_SEND && side ? GN_QPT_XRC_RECV : c->type;
}

static void end_open(struct world *w, struct end *e)
{
	const struct conn_plan *c = &w->plan->conn[e->conn];
	struct host *h = &w->host[e->node];
	enum gn_qp_type type = type_of(c, e->side);
	bool xrc = c->type == GN_QPT_XRC_SEND;
	struct gn_qp_init init = {
		.type = type,
		.send_cq = type == GN_QPT_XRC_RECV ? NULL : h->scq,
		.recv_cq = xrc ? NULL : h->rcq,
		.srq = xrc ? NULL : e->rq->srq,
		.xrcd = type == GN_QPT_XRC_RECV ? h->xrcd : NULL,
		.cap = {SEND_DEPTH, RECV_DEPTH, PLAN_SGES, PLAN_SGES,
			INLINE_MAX},
		.sq_sig_all = c->sig_all,
	};

	world_must(w, qp_new(h->pd, &init, &e->qp), 0, "qp_new");
	if (type == GN_QPT_RC)
		windows_open(w, e);
}

void end_destroy(struct world *w, struct end *e)
{
	if (!e->qp)
		return;
	qp_free(e->qp);
	e->qp = NULL;
	windows_close(w, e);
	model_reset(w, e);
}

static struct gn_qp_attr attr_of(const struct world *w, const struct end *e,
				 const struct step *s)
{
	const struct conn_plan *c = &w->plan->conn[e->conn];
	const struct end *peer = &w->end[e->conn][!e->side];

	return (struct gn_qp_attr){
		.path_mtu = c->pmtu,
		.qkey = QKEY,
		.sq_psn = s->psn[e->side],
		.rq_psn = s->psn[!e->side],
		.dest_qpn = peer->qp->qpn,
		.access = c->access,
		.ah = {.is_global = true,
		       .dgid = w->host[peer->node].node->link.addr[0],
		       .port_num = 1},
		.max_rd_atomic = c->rd_atomic,
		.max_dest_rd_atomic = c->dest_rd_atomic,
		.min_rnr_timer = c->min_rnr_timer,
		.timeout = c->timeout,
		.retry_cnt = c->retry_cnt,
		.rnr_retry = c->rnr_retry,
		.port_num = 1,
	};
}

static void end_raise(struct world *w, struct end *e, const struct step *s)
{
	struct gn_qp_attr attr = attr_of(w, e, s);

	for (enum gn_qp_state at = GN_QPS_RESET; at < GN_QPS_RTS; at++) {
		attr.state = at + 1;
		world_must(w,
			   qp_modify(e->qp, &attr,
				     GN_QP_STATE |
					     kind_mask(e->qp->init.type, at)),
			   0, "qp_modify");
	}
}

void end_move(struct world *w, struct end *e, enum gn_qp_state to)
{
	struct gn_qp_attr attr = {.state = to};

	world_must(w, qp_modify(e->qp, &attr, GN_QP_STATE), 0, "qp_modify");
}

void end_reset(struct world *w, struct end *e)
{
	if (!e->qp || qp_state(e->qp) == GN_QPS_RESET)
		return;
	end_move(w, e, GN_QPS_RESET);
	model_reset(w, e);
}

void end_connect(struct world *w, const struct step *s)
{
	for (unsigned i = 0; i < 2; i++)
		end_reset(w, &w->end[s->conn][i]);
	for (unsigned i = 0; i < 2; i++)
		if (!w->end[s->conn][i].qp)
			end_open(w, &w->end[s->conn][i]);
	model_new_epoch(w, s->conn);
	for (unsigned i = 0; i < 2; i++)
		end_raise(w, &w->end[s->conn][i], s);
	faults_note_flights(w, s->conn); /* strays of the life before */
}
