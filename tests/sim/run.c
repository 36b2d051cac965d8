/* A schedule from beginning to end. */
#include "tests/sim/world.h"

#include <string.h>

#define EVENTS_MAX 2000000u
#define ROUND	   (20 * MSEC)
#define ROUNDS	   400u

static void run_until(struct world *w, nsec_t until)
{
	static unsigned events;

	if (w->f.now == SEC)
		events = 0;
	while (fabric_step(&w->f, until)) {
		model_observe(w);
		plant_step(w);
		SIM_CHECK(w, ++events < EVENTS_MAX, "hang",
			  "packets and timers without end");
	}
	model_observe(w);
	if (until > w->f.now)
		w->f.now = until;
}

/* ---- the end: nothing stays under way ---- */

static void for_ends(struct world *w, void (*fn)(struct world *, struct end *))
{
	for (unsigned c = 0; c < w->plan->nconn; c++)
		for (unsigned s = 0; s < 2; s++)
			if (w->end[c][s].qp)
				fn(w, &w->end[c][s]);
}

static void poll_all(struct world *w)
{
	for (unsigned i = 0; i < w->plan->nnode; i++)
		model_polled(w, i, UINT32_MAX);
}

static void heal(struct world *w)
{
	struct step *s = &w->spare;

	w->healed = true;
	for (unsigned c = 0; c < w->plan->nconn; c++)
		faults_note_flights(w, c); /* what is sent now overtakes them */
	w->step = NULL;
	for (unsigned i = 0; i < w->plan->nnode; i++)
		w->host[i].down = false;
	/* All receives of the end share one buffer. */
	s->what = DO_RECV;
	s->nsge = 1;
	s->local = w->plan->spare;
	s->len = s->piece[0] = w->plan->cell_len + UD_GRH;
}

static void resume(struct world *w, struct end *e)
{
	struct step s = {.what = DO_RESUME, .conn = e->conn, .side = e->side};

	step_do(w, &s);
	w->step = NULL;
}

/* A packet that was changed may have taken a receive, or asked for one. */
static bool wants_more(const struct world *w, const struct recv_queue *q)
{
	return q->lacks || (is_wild(w) && q->have < 2);
}

static void feed(struct world *w, struct end *e)
{
	while (qp_state(e->qp) != GN_QPS_ERR && wants_more(w, e->rq))
		if (!recv_post(w, e, &w->spare))
			break;
}

static bool is_quiet(const struct world *w)
{
	for (unsigned i = 0; i < w->plan->nnode; i++)
		if (engine_deadline(&w->host[i].node->engine) != NSEC_NEVER)
			return false;
	return !w->f.first;
}

static void wind_down(struct world *w)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		fabric_settle(&w->f);
		model_observe(w);
		poll_all(w);
		for_ends(w, feed);
		if (is_quiet(w))
			return;
		run_until(w, w->f.now + ROUND);
	}
	sim_fail(w, "hang", "packets and timers for %u ms after the last step",
		 (unsigned)(ROUNDS * ROUND / MSEC));
}

/* ---- what must be so then ---- */

static void check_quiet(struct world *w, struct end *e)
{
	const struct gn_qp *qp = e->qp;

	SIM_CHECK(w,
		  list_empty(&qp->ready) && list_empty(&qp->waiting) &&
			  qp->req.ack_by == NSEC_NEVER && !qp->req.rnr_until &&
			  qp->req.charged == qp->req.paid &&
			  qp->req.una == qp->req.nxt &&
			  (!qp->peer || !qp->peer->in_flight),
		  "leak",
		  "the QP of conn %u side %u is quiet, but keeps something in "
		  "flight",
		  e->conn, e->side);
}

/* Nothing that a live QP was given is left. */
static void check_served(struct world *w, struct end *e)
{
	const struct flow *f = world_flow(w, e->conn, e->side);

	if (qp_state(e->qp) != GN_QPS_RTS)
		return;
	SIM_CHECK(w, e->qp->req.head == sq_tail(&e->qp->sq), "hang",
		  "request %u of flow %u never completes", f->done, f->id);
}

/* What is posted in SQE is flushed, until the program resumes. */
static void check_flushed(struct world *w, struct end *e)
{
	SIM_CHECK(w,
		  qp_state(e->qp) != GN_QPS_SQE ||
			  e->qp->req.head == sq_tail(&e->qp->sq),
		  "hang",
		  "what was posted to the QP of conn %u side %u in SQE never "
		  "completes",
		  e->conn, e->side);
}

static void check_error_reason(struct world *w, struct end *e)
{
	SIM_CHECK(w,
		  is_wild(w) || !e->in_error || e->program_error ||
			  world_flow(w, e->conn, e->side)->broken ||
			  expect_refusal(w, world_flow(w, e->conn, !e->side)),
		  "state",
		  "the QP of conn %u side %u went to ERR for no reason",
		  e->conn, e->side);
}

static void stop(struct world *w, struct end *e)
{
	struct step s = {.what = DO_ERROR, .conn = e->conn, .side = e->side};

	step_do(w, &s);
	w->step = NULL;
}

/* Everything has completed, and what succeeded has arrived. */
static void check_accounts(struct world *w, struct end *e)
{
	struct flow *f = world_flow(w, e->conn, e->side);
	const struct recv_queue *q = e->rq;

	model_finish(w, f);
	SIM_CHECK(w, q->srq || q->done == q->n || !e->in_error, "once",
		  "receive %u of queue %u never completes", q->done, q->id);
	if (is_wild(w) || f->rx_lost || !is_reliable(conn_of(w, f)))
		return;
	for (uint32_t i = f->rx; i < f->n; i++)
		SIM_CHECK(
			w, !wr_takes_recv(f->wr[i].op) || f->wr[i].fate != DONE,
			"receive",
			"request %u of flow %u succeeded, but was not received",
			i, f->id);
}

static void adopt_receives(struct world *w, const struct recv_queue *q)
{
	for (uint32_t i = 0; i < q->n; i++)
		if (is_wild(w) || q->recv[i].fate != DONE)
			memory_adopt(w, q->node, q->recv[i].step);
}

static void adopt_answers(struct world *w, const struct flow *f)
{
	for (uint32_t i = 0; i < f->n && is_wild(w); i++)
		if (wr_is_read(f->wr[i].op))
			memory_adopt(w, f->node, f->wr[i].step);
}

static void adopt_all(struct world *w)
{
	for (unsigned i = 0; i < 2 * w->plan->nconn; i++) {
		adopt_receives(w, &w->end[i / 2][i % 2].own);
		adopt_answers(w, &w->flow[i]);
	}
	for (unsigned i = 0; i < w->plan->nnode; i++) {
		adopt_receives(w, &w->host[i].srq);
		adopt_receives(w, &w->host[i].xrc_srq);
	}
}

void world_end(struct world *w)
{
	heal(w);
	fabric_settle(&w->f);
	for_ends(w, check_flushed);
	for_ends(w, resume);
	wind_down(w);
	for_ends(w, check_served);
	for_ends(w, check_quiet);
	for_ends(w, check_error_reason);
	for_ends(w, stop);
	wind_down(w);
	for_ends(w, check_accounts);
	adopt_all(w);
	memory_check(w);
	plant_end(w);
	for_ends(w, end_destroy);
	hosts_close(w);
}

void world_run(struct world *w, const struct plan *p, struct choice *c)
{
	w->plan = p;
	w->choice = c;
	w->random = (struct random){p->seed ^ 0x5eed};
	fabric_init(&w->f, p->seed);
	w->f.latency = p->latency;
	w->f.keep = w->verbose;
	hosts_open(w);
	faults_install(w);
	for (unsigned i = 0; i < p->nstep; i++) {
		if (c->no_step[i])
			continue;
		run_until(w, SEC + p->step[i].at);
		if (w->verbose) {
			fprintf(stderr, "%12.3f",
				(double)(w->f.now - SEC) / 1000.0);
			plan_print_step(p, i, stderr);
		}
		step_do(w, &p->step[i]);
	}
	world_end(w);
	faults_remove(w);
	fabric_fini(&w->f);
}
