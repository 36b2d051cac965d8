/* A request passes a row of checks, each of which may refuse it with a word;
 * verdict.c says what the word costs; act() makes the responder pay.  A request
 * that passes all is executed at once; what must be said about it (ACK, READ
 * responses, atomic results) is left for reply.c to send.
 */
#include "nic/responder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nic/engine.h"
#include "nic/responder_parts.h"
#include "nic/verdict.h"
#include "wire/aeth.h"
#include "wire/print.h"

#define PACE_FIRST (50 * USEC)

void responder_reset(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;
	struct gn_sge *sge = s->recv.sge;

	free(s->res);
	*s = (struct responder){ .recv.sge = sge, .srq = qp->init.srq,
				  .pace.gap = PACE_FIRST };
}

/* ---- checks: const, and named verdicts ------------------------------------------ */

static enum drop check_psn(const struct gn_qp *qp, const struct roce *r)
{
	const struct responder *s = &qp->resp;
	int32_t ahead = psn_diff(r->bth.psn, s->epsn);

	if (!ahead)
		return DROP_NONE;
	if (ahead < 0)
		return DROP_DUPLICATE;
	if (s->rnr_naked)
		return DROP_RNR_WAIT;
	return s->gap_naked ? DROP_SEQ_GAP_NAKED : DROP_SEQ_GAP;
}

/* IBTA 9.7.4.1.5: a requester that has more outstanding than it was told. */
static enum drop check_resources(const struct gn_qp *qp, const struct roce *r)
{
	const struct responder *s = &qp->resp;
	const struct resource *old;

	if (!needs_resource(r))
		return DROP_NONE;
	if (!qp->attr.max_dest_rd_atomic)
		return DROP_RD_ATOMIC;
	if (s->res_used < qp->attr.max_dest_rd_atomic)
		return DROP_NONE;
	old = resource_at(qp, 0);
	return old->pending && !old->replay ? DROP_RD_ATOMIC : DROP_NONE;
}

typedef enum drop (*check_fn)(const struct gn_qp *qp, const struct roce *r);

static enum drop check_all(const struct gn_qp *qp, const struct roce *r,
			   const check_fn *checks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum drop v = checks[i](qp, r);

		if (v != DROP_NONE)
			return v;
	}
	return DROP_NONE;
}

/* A new message of an XRC QP chooses its SRQ, which the last checks look at. */
static enum drop check(struct gn_qp *qp, const struct roce *r)
{
	static const check_fn before[] = { check_psn, check_sequence,
					   check_xrc };
	static const check_fn after[] = { check_length, check_enabled,
					  check_resources, check_memory,
					  check_recv };
	enum drop v = check_all(qp, r, before,
				sizeof(before) / sizeof(*before));

	if (v != DROP_NONE)
		return v;
	if (qp->init.xrcd)
		qp->resp.srq = srq_find(qp->init.xrcd, r->srqn);
	return check_all(qp, r, after, sizeof(after) / sizeof(*after));
}

/* ---- the record of READs and atomics ------------------------------------------------- */

struct resource *resource_at(const struct gn_qp *qp, uint32_t i)
{
	const struct responder *s = &qp->resp;
	uint32_t n = qp->attr.max_dest_rd_atomic;

	return &s->res[(s->res_next + n - s->res_used + i) % n];
}

int responder_resize(struct gn_qp *qp, uint32_t n)
{
	struct responder *s = &qp->resp;
	uint32_t kept = s->res_used < n ? s->res_used : n;
	struct resource *res = calloc(n + 1u, sizeof(*res));

	if (!res)
		return -ENOMEM;
	for (uint32_t i = 0; i < kept; i++)
		res[i] = *resource_at(qp, s->res_used - kept + i);
	free(s->res);
	s->res = res;
	s->res_used = kept;
	s->res_next = n ? kept % n : 0;
	return 0;
}

/* ---- execution -------------------------------------------------------------------- */

/* For all that was executed so far. */
static void owe_ack(struct responder *s)
{
	s->ack_due = true;
	s->ack_psn = psn_add(s->epsn, PSN_MASK);
	s->ack_msn = s->msn;
}

static enum drop execute(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	uint32_t f = r->op->flags, psns = 1;
	enum drop v = DROP_NONE;

	if (f & IS_SEND) {
		v = execute_send(qp, r);
	} else if (f & IS_WRITE) {
		v = execute_write(qp, r);
	} else if (f & IS_READ) {
		execute_read(qp, r);
		psns = answer_packets(qp, r->reth.len);
	} else if (f & HAS_FETH) {
		v = execute_flush(qp, r);
	} else {
		v = execute_atomic(qp, r);
	}
	if (v != DROP_NONE)
		return v;
	/* Its completion did not fit into the CQ: nothing is said any more. */
	if (qp_state(qp) == GN_QPS_ERR)
		return DROP_QP_STATE;
	s->epsn = psn_add(s->epsn, psns);
	s->gap_naked = s->rnr_naked = false;
	if (needs_resource(r))
		s->ack_due = false; /* its answer acknowledges all before it */
	else if (r->bth.ackreq || s->nak)
		owe_ack(s);
	s->nak = 0; /* one for this PSN that has not left yet */
	return DROP_NONE;
}

/* ---- again: duplicates (IBTA 9.7.4.2, 9.7.5.1.5) -------------------------------------- */

static struct resource *find_resource(const struct gn_qp *qp, uint32_t psn)
{
	for (uint32_t i = qp->resp.res_used; i--;) {
		struct resource *res = resource_at(qp, i);

		if (((psn - res->first_psn) & PSN_MASK) < res->npsn)
			return res;
	}
	return NULL;
}

/* A duplicate READ may ask for the end of the first one; nothing else. */
static bool is_suffix(const struct gn_qp *qp, const struct resource *res,
		      const struct roce *r)
{
	uint32_t skip = ((r->bth.psn - res->first_psn) & PSN_MASK) *
			qp->attr.path_mtu;

	return res->op == OP_READ_REQUEST && r->reth.rkey == res->rkey &&
	       r->reth.va == res->va + skip && r->reth.len == res->len - skip;
}

static void answer_again(struct resource *res, uint32_t from)
{
	if (res->pending && from >= res->sent)
		return; /* still to be sent anyway */
	res->replay = true;
	res->pending = true;
	res->sent = res->from = from;
}

static enum drop replay(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	struct resource *res;

	count(&qp->engine->counters, CNT_DUPLICATE);
	if (!needs_resource(r)) {
		if (!s->nak)
			owe_ack(s);
		return DROP_DUPLICATE;
	}
	res = find_resource(qp, r->bth.psn);
	if (!res)
		return DROP_REPLAY_GONE;
	if (r->op->flags & IS_READ) {
		if (!is_suffix(qp, res, r))
			return DROP_REPLAY_GONE;
		answer_again(res, (r->bth.psn - res->first_psn) & PSN_MASK);
		reply_slow_down(qp);
	} else {
		if (res->op != opcode_operation(r->bth.opcode))
			return DROP_REPLAY_GONE;
		answer_again(res, 0);
	}
	return DROP_DUPLICATE;
}

/* ---- paying for a verdict ---------------------------------------------------------------- */

static void say_nak(struct gn_qp *qp, uint8_t syndrome)
{
	qp->resp.ack_due = true;
	qp->resp.nak = syndrome;
}

static void fatal(struct gn_qp *qp, const struct verdict *v)
{
	bool told = qp->resp.have_recv;

	count(&qp->engine->counters, CNT_TX_NAK);
	if (told)
		complete_recv(qp, NULL, v->recv);
	else
		engine_qp_event(qp, v->event);
	say_nak(qp, aeth_syndrome(AETH_NAK, v->nak));
	qp_set_error(qp);
}

static enum drop act(struct gn_qp *qp, const struct roce *r, enum drop word)
{
	const struct verdict *v = &rc_verdict[word];
	struct responder *s = &qp->resp;

	switch (v->cost) {
	case COST_NOTHING: return word;
	case COST_REPLAY: word = replay(qp, r); break;
	case COST_SEQ_NAK:
		count(&qp->engine->counters, CNT_OUT_OF_SEQ);
		s->gap_naked = true;
		say_nak(qp, aeth_syndrome(AETH_NAK, NAK_PSN_SEQUENCE));
		break;
	case COST_RNR_NAK:
		count(&qp->engine->counters, CNT_TX_RNR);
		s->rnr_naked = true;
		say_nak(qp, aeth_syndrome(AETH_RNR, qp->attr.min_rnr_timer));
		break;
	case COST_FATAL: fatal(qp, v); break;
	}
	engine_ready(qp->engine, qp);
	return word;
}

static void remark(const struct gn_qp *qp, struct note *note, enum drop word)
{
	if (!note || word == DROP_NONE)
		return;
	snprintf(note->text, sizeof(note->text), "%s: %s (expected PSN %u)",
		 drop_word(word), drop_text(word), qp->resp.epsn);
}

void responder_tell_established(struct gn_qp *qp)
{
	if (qp->resp.established)
		return;
	qp->resp.established = true;
	if (qp_state(qp) == GN_QPS_RTR)
		engine_qp_event(qp, GN_EVENT_COMM_EST);
}

enum drop responder_receive(struct gn_qp *qp, const struct roce *r,
			    struct note *note)
{
	enum gn_qp_state state = qp_state(qp);
	enum drop word;

	if (state != GN_QPS_RTR && state != GN_QPS_RTS && state != GN_QPS_SQD &&
	    state != GN_QPS_SQE)
		return DROP_QP_STATE;
	responder_tell_established(qp);
	word = check(qp, r);
	remark(qp, note, word);
	if (word == DROP_NONE)
		word = execute(qp, r);
	if (word == DROP_NONE)
		engine_ready(qp->engine, qp);
	else
		word = act(qp, r, word);
	/* A duplicate that was answered again is no refusal. */
	return word == DROP_DUPLICATE ? DROP_NONE : word;
}

/* In ERR nothing is said any more, unless it is the NAK that led there and what
 * goes before it.
 */
static void fall_silent(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;

	if (aeth_kind(s->nak) == AETH_NAK &&
	    aeth_value(s->nak) != NAK_PSN_SEQUENCE)
		return;
	s->ack_due = false;
	s->nak = 0;
	for (uint32_t i = 0; i < s->res_used; i++)
		resource_at(qp, i)->pending = false;
}

void responder_forget_srq(struct gn_qp *qp, const struct gn_srq *srq)
{
	struct responder *s = &qp->resp;

	if (s->srq != srq)
		return;
	s->srq = NULL;
	s->have_recv = false;
}

void responder_flush(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;

	fall_silent(qp);
	s->message = MESSAGE_NONE;
	if (s->have_recv)
		complete_recv(qp, NULL, GN_WC_WR_FLUSH_ERR);
	s->offset = 0;
	while (rq_take(&qp->rq, &s->recv)) {
		s->have_recv = true;
		complete_recv(qp, NULL, GN_WC_WR_FLUSH_ERR);
	}
}
