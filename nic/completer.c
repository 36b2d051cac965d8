/* An answer names a PSN.  Everything up to it that needs no data back is
 * thereby acknowledged; a READ or atomic on the way whose answer is missing means
 * that the answer was lost (an implied NAK, IBTA 9.7.5.2.4), and the requester
 * goes back to it.
 */
#include "nic/completer.h"

#include <string.h>

#include "nic/engine.h"
#include "nic/requester.h"
#include "wire/aeth.h"

static uint32_t end_of(const struct swqe *w)
{
	return psn_add(w->first_psn, w->npsn);
}

/* The PSN that @w still waits for. */
static uint32_t want_of(const struct swqe *w)
{
	return psn_add(w->first_psn, w->answered);
}

/* The oldest work request that is in flight, or NULL. */
static struct swqe *oldest(const struct gn_qp *qp)
{
	struct swqe *w;

	if (qp->req.head == sq_tail(&qp->sq))
		return NULL;
	w = sq_at(&qp->sq, qp->req.head);
	return w->started ? w : NULL;
}

/* Completes all that an answer for @psn acknowledges by coming: the messages
 * that end before @psn.  IMPLIED_NAK if one of them waits for data; QP_STATE if
 * a completion did not fit into the CQ, and the QP is in ERR; NONE if it got
 * there.  *@moved: whether anything was acknowledged.
 */
static enum drop retire_before(struct gn_qp *qp, uint32_t psn, bool *moved)
{
	struct swqe *w;

	*moved = false;
	while ((w = oldest(qp)) &&
	       ((psn - w->first_psn) & PSN_MASK) >= w->npsn) {
		uint32_t end = end_of(w);

		if (swqe_reads(w))
			return DROP_IMPLIED_NAK;
		requester_complete(qp);
		if (qp_state(qp) == GN_QPS_ERR)
			return DROP_QP_STATE;
		requester_advance(qp, end);
		*moved = true;
	}
	if (w && !swqe_reads(w) && psn_diff(psn, qp->req.una) > 0) {
		requester_advance(qp, psn);
		*moved = true;
	}
	return DROP_NONE;
}

/* An echo comes from before the requester went back: what it sent since has not
 * had time to draw an answer, or has not even left.
 */
static bool is_echo(const struct gn_qp *qp)
{
	return qp->req.naked || qp->req.una == qp->req.nxt;
}

static void go_back_once(struct gn_qp *qp, uint32_t psn)
{
	if (is_echo(qp) || !requester_retry(qp))
		return;
	qp->req.naked = true;
	requester_go_back(qp, psn);
}

static enum drop implied_nak(struct gn_qp *qp)
{
	if (!is_echo(qp))
		count(&qp->engine->counters, CNT_IMPLIED_NAK);
	go_back_once(qp, want_of(oldest(qp)));
	return DROP_IMPLIED_NAK;
}

/* What an answer for @psn acknowledges by coming, before it is looked at. */
static enum drop accept_up_to(struct gn_qp *qp, uint32_t psn)
{
	bool moved;
	enum drop v = retire_before(qp, psn, &moved);

	if (v == DROP_QP_STATE)
		return v;
	if (moved)
		requester_progress(qp);
	return v == DROP_IMPLIED_NAK ? implied_nak(qp) : v;
}

/* The limit on SENDs that the AETH sets (IBTA 9.7.7.2). */
static void take_credits(struct gn_qp *qp, const struct aeth *a)
{
	unsigned code = aeth_value(a->syndrome);

	qp->req.limited = code != CREDITS_UNLIMITED;
	if (qp->req.limited)
		qp->req.lsn = psn_add(a->msn, credits_from_code(code));
}

/* ---- ACK and NAK ------------------------------------------------------------- */

static enum drop on_ack(struct gn_qp *qp, const struct roce *r)
{
	take_credits(qp, &r->aeth);
	engine_ready(qp->engine, qp);
	return accept_up_to(qp, psn_add(r->bth.psn, 1));
}

static enum drop on_rnr(struct gn_qp *qp, const struct roce *r)
{
	struct requester *q = &qp->req;
	nsec_t wait = rnr_usec(aeth_value(r->aeth.syndrome)) * USEC;
	enum drop v;

	count(&qp->engine->counters, CNT_RX_RNR);
	v = accept_up_to(qp, r->bth.psn);
	if (v != DROP_NONE)
		return v;
	if (q->rnr_until > qp->engine->now && q->una == q->nxt)
		return DROP_NONE; /* an echo: we are waiting already */
	if (!q->rnr_left) {
		requester_fail(qp, GN_WC_RNR_RETRY_EXC_ERR);
		return DROP_NONE;
	}
	if (qp->attr.rnr_retry != 7)
		q->rnr_left--;
	/* The path works: losses among many RNR NAKs do not add up. */
	q->retry_left = qp->attr.retry_cnt;
	requester_go_back(qp, r->bth.psn);
	requester_wait_rnr(qp, wait);
	return DROP_NONE;
}

static enum drop on_sequence_nak(struct gn_qp *qp, const struct roce *r)
{
	enum drop v;

	count(&qp->engine->counters, CNT_RX_SEQ_NAK);
	v = accept_up_to(qp, r->bth.psn);
	if (v == DROP_NONE)
		go_back_once(qp, qp->req.una);
	return v;
}

static const enum gn_wc_status nak_status[NAK_N] = {
	[NAK_INVALID_REQUEST] = GN_WC_REM_INV_REQ_ERR,
	[NAK_REMOTE_ACCESS] = GN_WC_REM_ACCESS_ERR,
	[NAK_REMOTE_OPERATIONAL] = GN_WC_REM_OP_ERR,
};

static enum drop on_nak(struct gn_qp *qp, const struct roce *r)
{
	unsigned code = aeth_value(r->aeth.syndrome);
	enum drop v;

	if (code == NAK_PSN_SEQUENCE)
		return on_sequence_nak(qp, r);
	if (code >= NAK_N || nak_status[code] == GN_WC_SUCCESS)
		return DROP_AETH;
	count(&qp->engine->counters, CNT_RX_NAK);
	v = accept_up_to(qp, r->bth.psn);
	if (v == DROP_NONE)
		requester_fail(qp, nak_status[code]);
	return v;
}

static enum drop on_aeth(struct gn_qp *qp, const struct roce *r)
{
	switch (aeth_kind(r->aeth.syndrome)) {
	case AETH_ACK: return on_ack(qp, r);
	case AETH_RNR: return on_rnr(qp, r);
	case AETH_NAK: return on_nak(qp, r);
	case AETH_RESERVED: break;
	}
	return DROP_AETH;
}

/* ---- answers with data ---------------------------------------------------------- */

static bool is_read_response(enum operation op)
{
	return op >= OP_READ_RESPONSE_FIRST && op <= OP_READ_RESPONSE_ONLY;
}

/* Is @r what packet w->answered of the answer to @w must look like?  A retried
 * READ starts again with First or Only, an old answer may still be arriving:
 * so First stands for Middle, and Only for Last, and the other way round.
 */
static bool fits(const struct gn_qp *qp, const struct swqe *w,
		 const struct roce *r)
{
	enum operation op = opcode_operation(r->bth.opcode);
	uint32_t pmtu = qp->attr.path_mtu;
	uint32_t left = w->len - w->answered * pmtu;
	bool end = r->op->flags & IS_END;

	if (swqe_is_atomic(w))
		return op == OP_ATOMIC_ACKNOWLEDGE;
	if (w->opcode != GN_WR_RDMA_READ)
		return op == OP_READ_RESPONSE_ONLY && !r->payload.len;
	if (!is_read_response(op) || end != (w->answered + 1 == w->npsn))
		return false;
	return r->payload.len == (end ? left : pmtu);
}

static enum gn_wc_status place(const struct gn_qp *qp, const struct swqe *w,
			       const struct roce *r)
{
	struct span data = r->payload;
	uint8_t orig[8];

	if (!fits(qp, w, r))
		return GN_WC_BAD_RESP_ERR;
	if (swqe_is_atomic(w)) {
		memcpy(orig, &r->orig, sizeof(orig));
		data = (struct span){ orig, sizeof(orig) };
	}
	if (!mr_scatter(qp->pd, w->sge, w->nsge,
			w->answered * qp->attr.path_mtu, data))
		return GN_WC_LOC_PROT_ERR;
	return GN_WC_SUCCESS;
}

/* An answer behind a hole.  The responder has not seen us go back yet, or sends
 * what it owes first, as rxe does with a READ of megabytes: it is alive, and
 * waiting for it uses up no retry.
 */
static enum drop on_hole(struct gn_qp *qp)
{
	if (is_echo(qp))
		requester_wait(qp);
	return implied_nak(qp);
}

static enum drop on_data(struct gn_qp *qp, const struct roce *r)
{
	enum gn_wc_status status;
	struct swqe *w;
	enum drop v = accept_up_to(qp, r->bth.psn);

	if (v != DROP_NONE)
		return v;
	w = oldest(qp);
	if (!w || !swqe_reads(w)) {
		requester_fail(qp, GN_WC_BAD_RESP_ERR);
		return DROP_BAD_RESPONSE;
	}
	if (r->bth.psn != want_of(w)) {
		if (psn_diff(r->bth.psn, want_of(w)) < 0)
			return DROP_GHOST;
		return on_hole(qp);
	}
	status = place(qp, w, r);
	if (status != GN_WC_SUCCESS) {
		requester_fail(qp, status);
		return DROP_BAD_RESPONSE;
	}
	if (r->op->flags & HAS_AETH)
		take_credits(qp, &r->aeth);
	w->answered++;
	if (w->answered == w->npsn)
		requester_complete(qp);
	if (qp_state(qp) == GN_QPS_ERR)
		return DROP_QP_STATE;
	requester_advance(qp, psn_add(r->bth.psn, 1));
	requester_progress(qp);
	return DROP_NONE;
}

enum drop completer_receive(struct gn_qp *qp, const struct roce *r)
{
	enum gn_qp_state s = qp_state(qp);
	const struct requester *q = &qp->req;

	if (s != GN_QPS_RTS && s != GN_QPS_SQD)
		return DROP_QP_STATE;
	/* Only what was sent and has no answer yet can be answered. */
	if (psn_diff(r->bth.psn, q->una) < 0 ||
	    psn_diff(r->bth.psn, q->max) >= 0)
		return DROP_GHOST;
	if (opcode_operation(r->bth.opcode) == OP_ACKNOWLEDGE)
		return on_aeth(qp, r);
	if ((r->op->flags & HAS_AETH) &&
	    aeth_kind(r->aeth.syndrome) != AETH_ACK)
		return DROP_AETH;
	return on_data(qp, r);
}
