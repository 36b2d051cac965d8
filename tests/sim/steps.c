#include "tests/sim/world.h"

static void poll_first(struct world *w, const struct step *s)
{
	for (unsigned i = 0; i < 2 && !s->quiet; i++)
		model_polled(w, w->end[s->conn][i].node, UINT32_MAX);
}

static void resume(struct world *w, struct end *e)
{
	struct flow *f = world_flow(w, e->conn, e->side);
	enum gn_qp_state s = e->qp ? qp_state(e->qp) : GN_QPS_RESET;

	if (s == GN_QPS_SQE) {
		f->flush_upto = f->n;
		f->broken = false;
	}
	if (s != GN_QPS_SQE && s != GN_QPS_SQD)
		return;
	f->drained = NO_INDEX;
	end_move(w, e, GN_QPS_RTS);
}

static void drain(struct world *w, struct end *e)
{
	struct flow *f = world_flow(w, e->conn, e->side);

	if (!e->qp || qp_state(e->qp) != GN_QPS_RTS)
		return;
	end_move(w, e, GN_QPS_SQD);
	f->drained = f->n;
}

static void stop(struct world *w, struct end *e)
{
	enum gn_qp_state s = e->qp ? qp_state(e->qp) : GN_QPS_RESET;

	if (s == GN_QPS_RESET)
		return;
	e->program_error = true;
	end_move(w, e, GN_QPS_ERR);
}

void step_do(struct world *w, const struct step *s)
{
	struct end *e = &w->end[s->conn][s->side];
	struct host *h = &w->host[s->node];

	w->step = s;
	switch (s->what) {
	case DO_CONNECT:
		poll_first(w, s);
		end_connect(w, s);
		break;
	case DO_RESET:
		poll_first(w, s);
		end_reset(w, e);
		break;
	case DO_DESTROY:
		poll_first(w, s);
		end_destroy(w, e);
		break;
	case DO_ERROR: stop(w, e); break;
	case DO_DRAIN: drain(w, e); break;
	case DO_RESUME: resume(w, e); break;
	case DO_SEND: send_post(w, s); break;
	case DO_RECV: recv_post(w, e, s); break;
	case DO_POLL: model_polled(w, s->node, s->len); break;
	case DO_DEREG:
		if (h->mr[REGION_COMING])
			region_dereg(w, s->node, REGION_COMING);
		break;
	case DO_REG:
		if (!h->mr[REGION_COMING])
			region_reg(w, s->node, REGION_COMING);
		break;
	case DO_DOWN: h->down = true; break;
	case DO_UP: h->down = false; break;
	case DO_N: break;
	}
	model_observe(w);
}
