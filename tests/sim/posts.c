/* Steps that post become work requests.  What posting returns is foreseen. */
#include "tests/sim/world.h"

#include <errno.h>

/* ---- receives ---- */

static unsigned fill_sges(const struct world *w, unsigned node,
			  const struct step *s, struct gn_sge *sge)
{
	const struct host *h = &w->host[node];
	uint32_t lkey = h->mr[REGION_LOCAL]->h.key, at = s->local;

	if (s->spoil == SPOIL_LKEY)
		lkey ^= 0x80;
	for (unsigned i = 0; i < s->nsge; i++) {
		sge[i] = (struct gn_sge){(uintptr_t)h->mem + at, s->piece[i],
					 lkey};
		at += s->piece[i] + SGE_GAP;
	}
	return s->nsge;
}

bool recv_post(struct world *w, struct end *e, const struct step *s)
{
	struct recv_queue *q = e->rq;
	struct gn_sge sge[PLAN_SGES];
	struct gn_recv_wr wr = {.wr_id = (uint64_t)q->id << 32 | q->n,
				.sge = sge,
				.nsge = fill_sges(w, e->node, s, sge)};
	int rc;

	if (!e->qp || qp_state(e->qp) == GN_QPS_RESET || q->n == RECVS ||
	    e->qp->init.type == GN_QPT_XRC_SEND)
		return false;
	rc = q->srq ? rq_post(&q->srq->rq, &wr) : qp_post_recv(e->qp, &wr);
	if (rc == -ENOMEM && q->n - q->done >= RECV_DEPTH)
		return false;
	world_must(w, rc, 0, "posting a receive");
	q->recv[q->n++].step = s;
	model_recv_posted(w, q);
	if (!q->srq)
		qp_ring(e->qp);
	return true;
}

/* ---- sends ---- */

static struct key *nonsense(struct world *w)
{
	struct key *k = key_new(w, 0x12345678, ALL_REMOTE, OWNER_REGION);

	k->maybe_from = k->sure_from = NSEC_NEVER;
	k->maybe_until = 0;
	return k;
}

/* The window of another connection's QP at the same node; NULL: none. */
static struct key *foreign_key(struct world *w, const struct flow *f,
			       struct wr *record)
{
	for (unsigned i = 0; i < 2 * w->plan->nconn; i++) {
		const struct flow *other = &w->flow[i];
		struct end *owner = &w->end[other->conn][!other->side];

		if (other->conn == f->conn || owner->node != f->to ||
		    !owner->win[1].key)
			continue;
		record->cell = i;
		return owner->win[1].key;
	}
	return NULL;
}

/* The key that @s names; one of a window that was never bound is another. */
static struct key *choose_key(struct world *w, const struct flow *f,
			      struct wr *record)
{
	const struct step *s = record->step;
	struct end *peer = &w->end[f->conn][!f->side];
	const struct host *h = &w->host[f->to];
	struct key *window = NULL;

	if (s->shared)
		return h->key[REGION_CELLS];
	switch (s->key) {
	case KEY_COMING: return h->key[REGION_COMING];
	case KEY_READ: return h->key[REGION_READ];
	case KEY_NONSENSE: return nonsense(w);
	case KEY_WINDOW1: window = peer->win[0].key; break;
	case KEY_WINDOW2: window = peer->win[1].key; break;
	case KEY_FOREIGN: window = foreign_key(w, f, record); break;
	case KEY_CELLS:
	case KEY_N: break;
	}
	return window ? window : h->key[REGION_CELLS];
}

static void fill_bind(struct world *w, struct end *e, const struct step *s,
		      struct gn_send_wr *wr, struct wr *record)
{
	struct window *win = &e->win[s->type2];
	struct host *h = &w->host[e->node];
	uint32_t cell =
		plan_cell(w->plan, REGION_CELLS, flow_of(e->conn, !e->side));

	wr->mw = win->mw;
	wr->bind_mr = h->mr[REGION_CELLS];
	wr->remote_addr = (uintptr_t)h->mem + cell;
	wr->bind_len = w->plan->cell_len;
	wr->bind_access = ALL_REMOTE;
	record->first_bind = !win->key;
	wr->imm = (win->mw->h.key & ~0xffu) | ((win->variant + 1) & 0xff);
	record->key =
		key_new(w, wr->imm, ALL_REMOTE, flow_of(e->conn, e->side));
}

/* A bind was posted: what the window had before may go. */
static void bind_posted(struct world *w, struct end *e, const struct step *s,
			struct wr *record)
{
	struct window *win = &e->win[s->type2];

	if (win->key && !s->type2 && win->key->sure_until > w->f.now)
		win->key->sure_until = w->f.now;
	win->key = record->key;
	win->variant++;
}

static bool fill_window(struct world *w, struct end *e, const struct step *s,
			struct gn_send_wr *wr, struct wr *record)
{
	struct end *owner =
		wr->opcode == GN_WR_SEND_INV ? &w->end[e->conn][!e->side] : e;

	if (wr->opcode == GN_WR_BIND_MW) {
		fill_bind(w, e, s, wr, record);
		return true;
	}
	record->key = owner->win[1].key;
	record->cell = flow_of(e->conn, e->side);
	if (!record->key && wr->opcode == GN_WR_LOCAL_INV)
		return false;
	if (!record->key)
		record->op = wr->opcode = GN_WR_SEND;
	else
		wr->imm = record->key->key;
	return true;
}

static void fill_atomic(struct world *w, struct flow *f, struct wr *record,
			struct gn_send_wr *wr)
{
	const struct step *s = record->step;

	record->compare_add = s->value[0];
	if (s->op == GN_WR_CMP_SWAP && s->value[0] & 1)
		record->compare_add = memory_foresee(w, f, record);
	if (s->shared)
		record->compare_add = 1ull << 2 * s->digit;
	wr->compare_add = record->compare_add;
	wr->swap = s->value[1];
}

/* All of @wr but its SGEs; false: not now. */
static bool fill_send(struct world *w, struct flow *f, struct wr *record,
		      struct gn_send_wr *wr)
{
	struct end *e = &w->end[f->conn][f->side];
	const struct step *s = record->step;
	const struct host *to = &w->host[f->to];

	wr->imm = (uint32_t)s->value[0];
	record->key = choose_key(w, f, record);
	wr->remote_addr = (uintptr_t)to->mem + memory_target(w, f, record);
	wr->rkey = record->key->key;
	wr->remote_srqn = to->xrc_srq.srq->srqn;
	if (wr_is_atomic(s->op))
		fill_atomic(w, f, record, wr);
	if (s->op == GN_WR_FLUSH) {
		wr->flush_type = FETH_GLOBAL;
		wr->flush_level = s->value[0] & 1 ? FETH_MR : FETH_RANGE;
	}
	if (wr_is_local(s->op) || s->op == GN_WR_SEND_INV)
		return fill_window(w, e, s, wr, record);
	if (s->op == GN_WR_SEND || s->op == GN_WR_SEND_IMM)
		record->key = NULL;
	return true;
}

static int expected_rc(const struct flow *f, const struct gn_qp *qp)
{
	enum gn_qp_state s = qp_state(qp);

	if (s == GN_QPS_RESET || s == GN_QPS_INIT || s == GN_QPS_RTR)
		return -EINVAL;
	return f->n - f->polled >= SEND_DEPTH ? -ENOMEM : 0;
}

/* What INLINE sent is in its slot: the program may scribble. */
static void scribble(struct world *w, const struct flow *f, struct wr *record)
{
	struct host *h = &w->host[f->node];

	for (uint32_t i = 0; i < record->step->len; i++) {
		uint32_t at = memory_local(record->step, i);

		record->data[i] = h->mem[at];
		h->mem[at] = (uint8_t)~h->mem[at];
		h->model[at] = h->mem[at];
	}
}

static void sent(struct world *w, struct flow *f, struct wr *record)
{
	const struct step *s = record->step;
	struct end *e = &w->end[f->conn][f->side];

	f->n++;
	if (record->op == GN_WR_BIND_MW)
		bind_posted(w, e, s, record);
	if ((record->op == GN_WR_LOCAL_INV || record->op == GN_WR_SEND_INV) &&
	    record->key->sure_until > w->f.now)
		record->key->sure_until = w->f.now;
	if (s->shared)
		w->digit[f->to][s->digit] = record;
	if (s->flags & GN_SEND_INLINE)
		scribble(w, f, record);
	model_posted(w, f, record);
	qp_ring(e->qp);
}

void send_post(struct world *w, const struct step *s)
{
	struct flow *f = world_flow(w, s->conn, s->side);
	struct end *e = &w->end[s->conn][s->side];
	const struct end *peer = &w->end[s->conn][!s->side];
	struct wr *record = &f->wr[f->n];
	struct gn_sge sge[PLAN_SGES];
	struct gn_ah ah = {.is_global = true,
			   .dgid = w->host[f->to].node->link.addr[0],
			   .port_num = 1};
	struct gn_send_wr wr = {.wr_id = (uint64_t)f->id << 32 | f->n,
				.opcode = s->op,
				.flags = s->flags,
				.sge = sge,
				.ah = &ah,
				.remote_qpn = peer->qp ? peer->qp->qpn : 2,
				.remote_qkey = QKEY};
	int want, rc;

	if (!e->qp || e->qp->init.type == GN_QPT_XRC_RECV)
		return;
	*record = (struct wr){.step = s,
			      .op = s->op,
			      .cell = f->id,
			      .signaled = s->flags & GN_SEND_SIGNALED ||
					  e->qp->init.sq_sig_all};
	wr.nsge = fill_sges(w, f->node, s, sge);
	wr.remote_qkey ^= s->spoil == SPOIL_QKEY;
	if (!fill_send(w, f, record, &wr))
		return;
	want = expected_rc(f, e->qp);
	rc = qp_post_send(e->qp, &wr);
	world_must(w, rc, want, "posting a send");
	if (!rc)
		sent(w, f, record);
}
