/* What is posted, what completes, and what state QPs are in: each request of a
 * flow, and each receive of a queue, completes once and in order.
 */
#include "tests/sim/world.h"

#include <string.h>

/* ---- receive queues: is something lacking? ---- */

void model_wants(struct world *w, struct recv_queue *q, int want, int have)
{
	bool lacked = q->lacks;

	q->want += want;
	q->have += have;
	q->lacks = q->want > q->have;
	if (lacked && !q->lacks)
		q->lacked = w->f.now;
}

void model_recv_posted(struct world *w, struct recv_queue *q)
{
	struct recv *r = &q->recv[q->n - 1];

	r->fate = OUT;
	q->spoiled |= r->step->spoil != SPOIL_NOTHING;
	model_wants(w, q, 0, 1);
}

void model_posted(struct world *w, struct flow *f, struct wr *wr)
{
	w->nposted++;
	wr->fate = OUT;
	wr->posted = w->f.now;
	wr->nth_taker = f->takers;
	if (!wr_takes_recv(wr->op))
		return;
	f->takers++;
	f->unreceived++;
	model_wants(w, w->end[f->conn][!f->side].rq, 1, 0);
}

/* ---- send requests that complete ---- */

static void end_wr(struct world *w, struct wr *wr, enum outcome fate, nsec_t at)
{
	wr->fate = fate;
	wr->ended = at;
}

static void window_done(struct wr *wr, nsec_t at)
{
	struct key *k = wr->key;

	if (wr->op == GN_WR_BIND_MW && k->sure_from == NSEC_NEVER)
		k->sure_from = at;
	if ((wr->op == GN_WR_LOCAL_INV || wr->op == GN_WR_SEND_INV) &&
	    at < k->maybe_until)
		k->maybe_until = at;
}

static void succeed(struct world *w, struct flow *f, nsec_t at)
{
	struct wr *wr = &f->wr[f->done];

	SIM_CHECK(w, is_wild(w) || expect_status(w, f, wr, GN_WC_SUCCESS, at),
		  "status", "request %u of flow %u (step %d) succeeded",
		  f->done, f->id, (int)(wr->step - w->plan->step));
	SIM_CHECK(w, f->done < f->drained, "state",
		  "request %u of flow %u was posted in SQD, and succeeded",
		  f->done, f->id);
	if (!is_wild(w))
		memory_done(w, f, wr);
	if (wr->key)
		window_done(wr, at);
	end_wr(w, wr, DONE, at);
	f->sure += f->sure == f->done;
	f->done++;
}

static void fail(struct world *w, struct flow *f, enum gn_wc_status status,
		 nsec_t at)
{
	struct wr *wr = &f->wr[f->done];

	SIM_CHECK(w, is_wild(w) || expect_status(w, f, wr, status, at),
		  "status",
		  "request %u of flow %u (step %d) ended with status %d",
		  f->done, f->id, (int)(wr->step - w->plan->step), status);
	if (f->done >= f->flush_upto)
		f->broken = true;
	if (!wr_is_write(wr->op) && !wr_is_send(wr->op))
		memory_adopt(w, f->node, wr->step); /* half an answer */
	if (wr->op == GN_WR_BIND_MW && status == GN_WC_MW_BIND_ERR)
		wr->key->maybe_until = 0;
	end_wr(w, wr, FAILED, at);
	f->done++;
}

static const enum gn_wc_opcode wc_opcodes[GN_WR_N] = {
	[GN_WR_RDMA_WRITE] = GN_WC_RDMA_WRITE,
	[GN_WR_RDMA_WRITE_IMM] = GN_WC_RDMA_WRITE,
	[GN_WR_SEND] = GN_WC_SEND,
	[GN_WR_SEND_IMM] = GN_WC_SEND,
	[GN_WR_RDMA_READ] = GN_WC_RDMA_READ,
	[GN_WR_CMP_SWAP] = GN_WC_COMP_SWAP,
	[GN_WR_FETCH_ADD] = GN_WC_FETCH_ADD,
	[GN_WR_LOCAL_INV] = GN_WC_LOCAL_INV,
	[GN_WR_BIND_MW] = GN_WC_BIND_MW,
	[GN_WR_SEND_INV] = GN_WC_SEND,
	[GN_WR_FLUSH] = GN_WC_FLUSH,
	[GN_WR_ATOMIC_WRITE] = GN_WC_ATOMIC_WRITE,
};

static void sent(struct world *w, unsigned node, const struct gn_wc *wc)
{
	uint32_t id = (uint32_t)(wc->wr_id >> 32), i = (uint32_t)wc->wr_id;
	struct flow *f = &w->flow[id];

	SIM_CHECK(w,
		  id < 2 * w->plan->nconn && i < f->n && f->node == node &&
			  wc->qp == w->end[f->conn][f->side].qp,
		  "order", "a completion of no request: wr_id 0x%llx",
		  (unsigned long long)wc->wr_id);
	SIM_CHECK(w, i >= f->done, "order",
		  "request %u of flow %u completes twice, or after a later one",
		  i, f->id);
	while (f->done < i) {
		SIM_CHECK(w, !f->wr[f->done].signaled, "order",
			  "request %u of flow %u was signaled and passed over",
			  f->done, f->id);
		succeed(w, f, wc->timestamp);
	}
	f->polled = i + 1;
	if (wc->status != GN_WC_SUCCESS) {
		fail(w, f, wc->status, wc->timestamp);
		return;
	}
	SIM_CHECK(w, f->wr[i].signaled && wc->opcode == wc_opcodes[f->wr[i].op],
		  "order",
		  "request %u of flow %u: completion of kind %d, and was "
		  "%ssignaled",
		  i, f->id, wc->opcode, f->wr[i].signaled ? "" : "not ");
	succeed(w, f, wc->timestamp);
	f->good = wc->timestamp;
}

/* ---- receives that complete ---- */

/* Does @wc tell of @wr's message, as far as can be seen without its bytes? */
static bool tells_of(const struct conn_plan *c, const struct wr *wr,
		     const struct gn_wc *wc)
{
	bool imm = wr->op == GN_WR_SEND_IMM || wr->op == GN_WR_RDMA_WRITE_IMM;
	bool inv = wr->op == GN_WR_SEND_INV;
	uint32_t grh = c->type == GN_QPT_UD ? UD_GRH : 0;

	if (!wr_takes_recv(wr->op) || wc->byte_len != wr->step->len + grh)
		return false;
	if (!(wc->flags & GN_WC_WITH_IMM) == imm ||
	    !(wc->flags & GN_WC_WITH_INV) == inv)
		return false;
	if (imm && wc->imm_or_rkey != (uint32_t)wr->step->value[0])
		return false;
	if (inv && wc->imm_or_rkey != wr->key->key)
		return false;
	if (wc->opcode !=
	    (wr_is_send(wr->op) ? GN_WC_RECV : GN_WC_RECV_RDMA_WITH_IMM))
		return false;
	return wc->solicited == !!(wr->step->flags & GN_SEND_SOLICITED);
}

static void receive(struct world *w, struct flow *f, const struct wr *wr,
		    unsigned node, const struct recv *r)
{
	uint32_t grh = conn_of(w, f)->type == GN_QPT_UD ? UD_GRH : 0;

	if (!is_reliable(conn_of(w, f)) || r->step == &w->spare)
		memory_adopt(w, node, r->step);
	else if (wr_is_send(wr->op))
		memory_received(w, node, r->step, memory_message(w, f, wr),
				wr->step->len, grh);
}

/* Of a reliable flow the next message that takes a receive. */
static void receive_next(struct world *w, struct flow *f, unsigned node,
			 const struct recv *r, const struct gn_wc *wc)
{
	while (f->rx < f->n && !wr_takes_recv(f->wr[f->rx].op))
		f->rx++;
	SIM_CHECK(w, f->rx < f->n && tells_of(conn_of(w, f), &f->wr[f->rx], wc),
		  "receive",
		  "flow %u: not the message of request %u was received", f->id,
		  f->rx);
	receive(w, f, &f->wr[f->rx++], node, r);
}

static bool same_bytes(struct world *w, struct flow *f, const struct wr *wr,
		       unsigned node, const struct recv *r)
{
	uint32_t grh = conn_of(w, f)->type == GN_QPT_UD ? UD_GRH : 0;
	const uint8_t *msg = memory_message(w, f, wr);

	if (!wr_is_send(wr->op) || r->step == &w->spare)
		return wr->step->spoil != SPOIL_QKEY;
	for (uint32_t i = 0; i < wr->step->len; i++)
		if (w->host[node].mem[memory_local(r->step, grh + i)] != msg[i])
			return false;
	return wr->step->spoil != SPOIL_QKEY;
}

/* Of an unreliable one any that was ever sent, whole. */
static void receive_any(struct world *w, struct flow *f, unsigned node,
			const struct recv *r, const struct gn_wc *wc)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (!tells_of(conn_of(w, f), &f->wr[i], wc) ||
		    !same_bytes(w, f, &f->wr[i], node, r))
			continue;
		receive(w, f, &f->wr[i], node, r);
		return;
	}
	sim_fail(w, "receive", "flow %u: what was received was never sent",
		 f->id);
}

static struct end *end_of(struct world *w, const struct gn_qp *qp)
{
	for (unsigned c = 0; c < w->plan->nconn; c++)
		for (unsigned s = 0; s < 2; s++)
			if (w->end[c][s].qp == qp)
				return &w->end[c][s];
	sim_fail(w, "order", "a completion of a QP that is gone");
}

static bool may_recv_fail(struct world *w, const struct end *e,
			  const struct recv *r, enum gn_wc_status status)
{
	struct flow *f = world_flow(w, e->conn, !e->side);

	switch ((int)status) {
	case GN_WC_WR_FLUSH_ERR: return e->in_error;
	case GN_WC_LOC_LEN_ERR: return r->step->spoil == SPOIL_LENGTH;
	case GN_WC_LOC_PROT_ERR: return r->step->spoil == SPOIL_LKEY;
	case GN_WC_LOC_ACCESS_ERR: return expect_refusal(w, f);
	}
	return false;
}

static struct recv_queue *queue_of(struct world *w, uint32_t id)
{
	if (id < PLAN_FLOWS)
		return &w->end[id / 2][id % 2].own;
	id -= PLAN_FLOWS;
	SIM_CHECK(w, id < 2 * w->plan->nnode, "order",
		  "a completion of no receive queue");
	return id % 2 ? &w->host[id / 2].xrc_srq : &w->host[id / 2].srq;
}

static void check_recv_order(struct world *w, struct recv_queue *q, uint32_t i)
{
	SIM_CHECK(w, i < q->n && q->recv[i].fate == OUT, "order",
		  "receive %u of queue %u completes, and is not out", i, q->id);
	SIM_CHECK(w, q->srq || i == q->done, "order",
		  "receive %u of queue %u completes before %u", i, q->id,
		  q->done);
	q->done = i + 1;
}

static void received(struct world *w, unsigned node, const struct gn_wc *wc)
{
	struct recv_queue *q = queue_of(w, (uint32_t)(wc->wr_id >> 32));
	struct end *e = end_of(w, wc->qp);
	struct flow *f = world_flow(w, e->conn, !e->side);
	struct recv *r = &q->recv[(uint32_t)wc->wr_id % RECVS];

	SIM_CHECK(w, q == e->rq && q->node == node, "order",
		  "a receive of queue %u completes at another QP", q->id);
	check_recv_order(w, q, (uint32_t)wc->wr_id);
	r->fate = wc->status == GN_WC_SUCCESS ? DONE : FAILED;
	if (is_wild(w)) {
		model_wants(w, q, 0, -1);
		return;
	}
	if (wc->status != GN_WC_SUCCESS) {
		SIM_CHECK(w, may_recv_fail(w, e, r, wc->status), "status",
			  "a receive of queue %u ended with status %d", q->id,
			  wc->status);
		memory_adopt(w, node, r->step);
		model_wants(w, q, 0, -1);
		return;
	}
	if (is_reliable(conn_of(w, f)))
		receive_next(w, f, node, r, wc);
	else
		receive_any(w, f, node, r, wc);
	/* A datagram may come twice; what comes then, nobody waited for. */
	model_wants(w, q, f->unreceived ? -1 : 0, -1);
	f->unreceived -= f->unreceived > 0;
}

/* ---- polling ---- */

static void mix(struct world *w, uint64_t v)
{
	w->hash = (w->hash ^ v) * 0x100000001b3u;
}

static void trace(const struct world *w, unsigned node, bool send,
		  const struct gn_wc *wc)
{
	if (w->verbose)
		fprintf(stderr, "%12.3f node %u: %s %u of %u: status %d\n",
			(double)(w->f.now - SEC) / 1000.0, node,
			send ? "request" : "receive", (unsigned)wc->wr_id,
			(unsigned)(wc->wr_id >> 32), wc->status);
}

static void poll_cq(struct world *w, unsigned node, struct gn_cq *cq,
		    uint32_t max)
{
	bool send = cq == w->host[node].scq;
	struct gn_wc wc;

	plant_cqe(w, cq);
	while (max-- && cq_take(cq, 1, &wc) == 1) {
		mix(w, wc.wr_id);
		mix(w, wc.timestamp << 8 | wc.status);
		w->ncqe++;
		trace(w, node, send, &wc);
		if (send)
			sent(w, node, &wc);
		else
			received(w, node, &wc);
	}
}

void model_polled(struct world *w, unsigned node, uint32_t max)
{
	poll_cq(w, node, w->host[node].scq, max);
	poll_cq(w, node, w->host[node].rcq, max);
}

/* ---- states ---- */

static void observe_end(struct world *w, struct end *e)
{
	enum gn_qp_state s = e->qp ? qp_state(e->qp) : GN_QPS_RESET;

	if (s == GN_QPS_RESET || s == GN_QPS_INIT || s == GN_QPS_ERR)
		e->unready = w->f.now;
	if (s == GN_QPS_ERR && !e->in_error) {
		e->in_error = true;
		e->error_at = w->f.now;
	}
}

void model_observe(struct world *w)
{
	for (unsigned c = 0; c < w->plan->nconn; c++)
		for (unsigned s = 0; s < 2; s++)
			observe_end(w, &w->end[c][s]);
}

/* ---- resets ---- */

static void forget_requests(struct world *w, struct flow *f)
{
	for (; f->done < f->n; f->done++) {
		struct wr *wr = &f->wr[f->done];

		if (!wr_is_write(wr->op) && !wr_is_send(wr->op))
			memory_adopt(w, f->node, wr->step);
		wr->fate = GONE;
	}
	f->polled = f->n;
	f->drained = NO_INDEX;
}

static void forget_receives(struct world *w, struct end *e)
{
	struct recv_queue *q = e->rq;
	struct flow *f = world_flow(w, e->conn, !e->side);

	f->rx_lost = true;
	if (q->srq) { /* as many may have been taken */
		model_wants(w, q, 0, -(int)f->unreceived);
		return;
	}
	for (; q->done < q->n; q->done++) {
		q->recv[q->done].fate = GONE;
		memory_adopt(w, e->node, q->recv[q->done].step);
	}
	model_wants(w, q, 0, -q->have);
}

void model_reset(struct world *w, struct end *e)
{
	forget_requests(w, world_flow(w, e->conn, e->side));
	forget_receives(w, e);
	e->in_error = e->program_error = false;
	e->unready = w->f.now;
}

void model_new_epoch(struct world *w, unsigned conn)
{
	for (unsigned s = 0; s < 2; s++) {
		struct flow *f = world_flow(w, conn, s);
		struct recv_queue *q = w->end[conn][!s].rq;

		memory_settle(w, f);
		model_wants(w, q, -(int)f->unreceived, 0);
		f->base = f->rx = f->sure = f->flush_upto = f->n;
		f->takers = f->unreceived = 0;
		f->rx_lost = f->broken = false;
		if (!q->srq) {
			q->base = q->n;
			q->spoiled = false;
		}
	}
}

void model_finish(struct world *w, struct flow *f)
{
	bool stopped = w->end[f->conn][f->side].in_error;

	while (f->done < f->n && stopped) {
		SIM_CHECK(w, !f->wr[f->done].signaled, "once",
			  "request %u of flow %u never completes", f->done,
			  f->id);
		succeed(w, f, w->f.now);
	}
}
