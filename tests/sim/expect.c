/* Which statuses a work request may end with.  Most follow from the request and
 * the state of the other side.  Where a race decides (a key that goes while the
 * request is under way, a packet that is lost just then), all that it may come
 * to is allowed; success is allowed unless something is wrong for sure.
 */
#include "tests/sim/world.h"

#include "wire/aeth.h"

/* ---- keys ---- */

bool key_may_work(const struct key *k, nsec_t from, nsec_t to)
{
	return k->maybe_from <= to && from <= k->maybe_until;
}

bool key_may_fail(const struct key *k, nsec_t from, nsec_t to)
{
	return from < k->sure_from || to >= k->sure_until;
}

static unsigned rights_of(enum gn_wr_opcode op)
{
	if (wr_is_write(op))
		return GN_ACCESS_REMOTE_WRITE;
	if (wr_is_atomic(op))
		return GN_ACCESS_REMOTE_ATOMIC;
	if (op == GN_WR_FLUSH)
		return GN_ACCESS_FLUSH_GLOBAL;
	return op == GN_WR_RDMA_READ ? GN_ACCESS_REMOTE_READ : 0;
}

static bool flushes_whole(const struct wr *wr)
{
	return wr->op == GN_WR_FLUSH && (wr->step->value[0] & 1);
}

/* Does the responder look at the key?  Not for no bytes. */
static bool needs_key(const struct wr *wr)
{
	if (wr->op == GN_WR_SEND_INV || flushes_whole(wr))
		return true;
	return rights_of(wr->op) && wr->step->len;
}

/* Is it the wrong key, whatever its time? */
static bool lacks_rights(const struct flow *f, const struct wr *wr)
{
	unsigned need = rights_of(wr->op);
	const struct step *s = wr->step;

	if (wr->cell != f->id)
		return true;
	if (s->spoil == SPOIL_RANGE && !s->shared && need && s->len)
		return true;
	return (wr->key->rights & need) != need ||
	       (flushes_whole(wr) && wr->key->owner != OWNER_REGION);
}

static bool access_may_work(const struct flow *f, const struct wr *wr,
			    nsec_t at)
{
	return !needs_key(wr) ||
	       (!lacks_rights(f, wr) && key_may_work(wr->key, wr->posted, at));
}

static bool access_may_fail(const struct flow *f, const struct wr *wr,
			    nsec_t at)
{
	return needs_key(wr) &&
	       (lacks_rights(f, wr) || key_may_fail(wr->key, wr->posted, at));
}

/* ---- what is wrong with a request for sure ---- */

static bool has_bad_lkey(const struct wr *wr)
{
	const struct step *s = wr->step;

	return s->spoil == SPOIL_LKEY && s->len && !wr_is_local(wr->op) &&
	       !(s->flags & GN_SEND_INLINE);
}

static bool is_disabled(const struct conn_plan *c, const struct wr *wr)
{
	unsigned need = rights_of(wr->op);

	return (c->access & need) != need;
}

static bool is_misaligned(const struct wr *wr)
{
	return wr->step->spoil == SPOIL_ALIGNMENT && !wr->step->shared &&
	       (wr_is_atomic(wr->op) || wr->op == GN_WR_ATOMIC_WRITE);
}

const struct recv *expect_mate(struct world *w, const struct flow *f,
			       const struct wr *wr)
{
	const struct recv_queue *q = w->end[f->conn][!f->side].rq;

	if (q->srq || !wr_takes_recv(wr->op) || q->base + wr->nth_taker >= q->n)
		return NULL;
	return &q->recv[q->base + wr->nth_taker];
}

static bool overflows(struct world *w, const struct flow *f,
		      const struct wr *wr)
{
	const struct recv *r = expect_mate(w, f, wr);

	return r && wr_is_send(wr->op) && r->step->len < wr->step->len;
}

static bool spoils_recv(struct world *w, const struct flow *f,
			const struct wr *wr)
{
	const struct recv *r = expect_mate(w, f, wr);

	return r && wr_is_send(wr->op) && wr->step->len &&
	       r->step->spoil == SPOIL_LKEY;
}

/* More READs and atomics than the responder was told of: if they are quick, it
 * may not notice.
 */
static bool may_exceed_depth(const struct conn_plan *c, const struct wr *wr)
{
	return wr_is_read(wr->op) && c->rd_atomic > c->dest_rd_atomic;
}

static bool may_succeed(struct world *w, const struct flow *f,
			const struct wr *wr, nsec_t at)
{
	const struct conn_plan *c = conn_of(w, f);

	if (has_bad_lkey(wr))
		return false;
	if (wr->op == GN_WR_LOCAL_INV)
		return key_may_work(wr->key, wr->posted, at);
	if (c->type == GN_QPT_UD)
		return wr->step->len <= 4096;
	if (!is_reliable(c) || wr_is_local(wr->op))
		return true;
	if (wr_is_read(wr->op) && !c->rd_atomic)
		return false;
	return !is_disabled(c, wr) && !is_misaligned(wr) &&
	       access_may_work(f, wr, at) && !overflows(w, f, wr) &&
	       !spoils_recv(w, f, wr);
}

/* ---- what a connection may come to ---- */

/* Of a requester whom nobody answers (IBTA 9.7.6.1.3). */
static nsec_t patience(const struct conn_plan *c)
{
	return (c->retry_cnt + 1u) * ((nsec_t)4096 << c->timeout);
}

/* What happened so long before still counts: its requester may just have become
 * patient again, because of what came before it.
 */
static nsec_t look_back(const struct conn_plan *c)
{
	return patience(c) + MSEC;
}

/* A retry takes a packet that was lost, late, or out of order; one for each
 * that is allowed and one more.  Or nobody answered.
 */
static bool may_run_out(struct world *w, const struct flow *f,
			const struct wr *wr, nsec_t at)
{
	const struct end *peer = &w->end[f->conn][!f->side];
	const struct conn_plan *c = conn_of(w, f);
	nsec_t from = wr->posted > f->good ? wr->posted : f->good;
	unsigned mishaps;

	mishaps = faults_count(w, f->conn, from - look_back(c), at);
	if (peer->unready >= wr->posted)
		return mishaps || at - from >= patience(c);
	/* What went past the responder's depth cannot be answered again. */
	if (c->rd_atomic > c->dest_rd_atomic && faults_count(w, f->conn, 0, at))
		return true;
	return mishaps > c->retry_cnt;
}

/* Each try that is allowed takes its time. */
static bool may_lack_recv(struct world *w, const struct flow *f,
			  const struct wr *wr, nsec_t at)
{
	const struct recv_queue *q = w->end[f->conn][!f->side].rq;
	const struct conn_plan *c = conn_of(w, f);
	nsec_t wait = c->rnr_retry * rnr_usec(c->min_rnr_timer) * USEC;

	return wr_takes_recv(wr->op) && c->rnr_retry != 7 &&
	       (q->lacks || q->lacked >= wr->posted) && at - wr->posted >= wait;
}

static bool was_flushed(const struct world *w, const struct flow *f,
			const struct wr *wr)
{
	return f->broken || w->end[f->conn][f->side].in_error ||
	       (uint32_t)(wr - f->wr) < f->flush_upto;
}

static bool may_be_refused(struct world *w, const struct flow *f,
			   const struct wr *wr, enum gn_wc_status status,
			   nsec_t at)
{
	const struct conn_plan *c = conn_of(w, f);

	if (!is_reliable(c) || wr_is_local(wr->op))
		return false;
	switch ((int)status) {
	case GN_WC_REM_ACCESS_ERR: return access_may_fail(f, wr, at);
	case GN_WC_REM_INV_REQ_ERR:
		return is_disabled(c, wr) || is_misaligned(wr) ||
		       overflows(w, f, wr) || may_exceed_depth(c, wr);
	case GN_WC_REM_OP_ERR: return spoils_recv(w, f, wr);
	case GN_WC_RETRY_EXC_ERR: return may_run_out(w, f, wr, at);
	case GN_WC_RNR_RETRY_EXC_ERR: return may_lack_recv(w, f, wr, at);
	}
	return false;
}

bool expect_status(struct world *w, const struct flow *f, const struct wr *wr,
		   enum gn_wc_status status, nsec_t at)
{
	const struct conn_plan *c = conn_of(w, f);

	switch ((int)status) {
	case GN_WC_SUCCESS: return !f->broken && may_succeed(w, f, wr, at);
	case GN_WC_WR_FLUSH_ERR: return was_flushed(w, f, wr);
	}
	if (f->broken)
		return false;
	switch ((int)status) {
	case GN_WC_LOC_PROT_ERR:
		return has_bad_lkey(wr) ||
		       (wr->op == GN_WR_LOCAL_INV &&
			key_may_fail(wr->key, wr->posted, at));
	case GN_WC_LOC_LEN_ERR:
		return c->type == GN_QPT_UD && wr->step->len > 4096;
	case GN_WC_LOC_QP_OP_ERR: return wr_is_read(wr->op) && !c->rd_atomic;
	case GN_WC_MW_BIND_ERR:
		return wr->op == GN_WR_BIND_MW && wr->step->type2 &&
		       !wr->first_bind;
	}
	return may_be_refused(w, f, wr, status, at);
}

/* ---- what else may have happened ---- */

bool expect_refusal(struct world *w, const struct flow *f)
{
	static const enum gn_wc_status refusals[] = {
		GN_WC_REM_ACCESS_ERR,
		GN_WC_REM_INV_REQ_ERR,
		GN_WC_REM_OP_ERR,
	};

	for (uint32_t i = f->base; i < f->n; i++)
		for (unsigned k = 0; k < 3; k++)
			if (may_be_refused(w, f, &f->wr[i], refusals[k],
					   w->f.now))
				return true;
	return w->end[f->conn][!f->side].rq->spoiled;
}

bool expect_touch(struct world *w, const struct flow *f, const struct wr *wr)
{
	nsec_t until =
		wr->fate == DONE || wr->fate == FAILED ? wr->ended : w->f.now;

	/* Another's memory may be written to after its sender gave up. */
	if (wr->fate == FAILED)
		until = w->f.now;
	return !has_bad_lkey(wr) && !is_misaligned(wr) &&
	       !is_disabled(conn_of(w, f), wr) && access_may_work(f, wr, until);
}
