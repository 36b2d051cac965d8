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
#include "nic/mem.h"
#include "nic/verdict.h"
#include "wire/aeth.h"
#include "wire/print.h"

void responder_reset(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;
	struct gn_sge *sge = s->recv.sge;

	free(s->res);
	*s = (struct responder){ .recv.sge = sge };
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

/* IBTA 9.7.4.1.3: what may follow what. */
static enum drop check_sequence(const struct gn_qp *qp, const struct roce *r)
{
	uint32_t f = r->op->flags;
	enum message now = qp->resp.message;

	if (!(f & (IS_MIDDLE | IS_LAST)))
		return now == MESSAGE_NONE ? DROP_NONE : DROP_OPCODE_SEQ;
	if (now == MESSAGE_SEND && (f & IS_SEND))
		return DROP_NONE;
	if (now == MESSAGE_WRITE && (f & IS_WRITE))
		return DROP_NONE;
	return DROP_OPCODE_SEQ;
}

/* IBTA 9.7.4.1.6: packet length against PMTU and DMA length. */
static enum drop check_length(const struct gn_qp *qp, const struct roce *r)
{
	uint32_t f = r->op->flags, pmtu = qp->attr.path_mtu;
	size_t n = r->payload.len;
	uint64_t left = f & IS_START ? r->reth.len
				     : qp->resp.len - qp->resp.offset;

	if (f & (IS_SEND | IS_WRITE)) {
		if (f & (IS_FIRST | IS_MIDDLE) ? n != pmtu : n > pmtu)
			return DROP_REQ_LENGTH;
		if ((f & IS_LAST) && !n)
			return DROP_REQ_LENGTH;
	}
	if (f & IS_WRITE)
		if (f & IS_END ? n != left : n >= left)
			return DROP_REQ_LENGTH;
	if ((f & HAS_RETH) && r->reth.len > 1u << 31)
		return DROP_REQ_LENGTH;
	return DROP_NONE;
}

static unsigned access_of(const struct roce *r)
{
	if (r->op->flags & IS_WRITE)
		return GN_ACCESS_REMOTE_WRITE;
	if (r->op->flags & IS_READ)
		return GN_ACCESS_REMOTE_READ;
	return r->op->flags & IS_ATOMIC ? GN_ACCESS_REMOTE_ATOMIC : 0;
}

/* FLUSH and ATOMIC WRITE are not offered; the QP grants the rest. */
static enum drop check_enabled(const struct gn_qp *qp, const struct roce *r)
{
	enum operation op = opcode_operation(r->bth.opcode);
	unsigned need = access_of(r);

	if (op == OP_FLUSH || op == OP_ATOMIC_WRITE)
		return DROP_OP_DISABLED;
	if ((qp->attr.access & need) != need)
		return DROP_OP_DISABLED;
	return DROP_NONE;
}

static bool needs_resource(const struct roce *r)
{
	return r->op->flags & (IS_READ | IS_ATOMIC);
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

static enum drop check_memory(const struct gn_qp *qp, const struct roce *r)
{
	const struct responder *s = &qp->resp;
	uint32_t f = r->op->flags;
	uint8_t *at;

	if (f & IS_ATOMIC) {
		if (r->atomic.va & 7)
			return DROP_MISALIGNED;
		return mr_check(qp->pd, r->atomic.rkey, r->atomic.va, 8,
				GN_ACCESS_REMOTE_ATOMIC, &at);
	}
	if (!(f & (IS_WRITE | IS_READ)))
		return DROP_NONE;
	if (f & HAS_RETH)
		return r->reth.len ? mr_check(qp->pd, r->reth.rkey, r->reth.va,
					      r->reth.len, access_of(r), &at)
				   : DROP_NONE;
	return mr_check(qp->pd, s->rkey, s->va + s->offset, r->payload.len,
			GN_ACCESS_REMOTE_WRITE, &at);
}

/* Is there a receive WR for it, and room in it?  The last packet of a WRITE with
 * immediate takes one without writing to it (IBTA 9.7.5.1.1, RNR).
 */
static enum drop check_recv(const struct gn_qp *qp, const struct roce *r)
{
	const struct responder *s = &qp->resp;
	bool takes = (r->op->flags & TAKES_RECV) &&
		     (r->op->flags & IS_START || r->op->flags & IS_WRITE);

	if (takes && !s->have_recv && !rq_count(&qp->rq))
		return DROP_RNR;
	return DROP_NONE;
}

static enum drop check(const struct gn_qp *qp, const struct roce *r)
{
	static enum drop (*const checks[])(const struct gn_qp *,
					   const struct roce *) = {
		check_psn,	 check_sequence, check_length, check_enabled,
		check_resources, check_memory,	 check_recv,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		enum drop v = checks[i](qp, r);

		if (v != DROP_NONE)
			return v;
	}
	return DROP_NONE;
}

/* ---- execution -------------------------------------------------------------------- */

static void complete_recv(struct gn_qp *qp, const struct roce *r,
			  enum gn_wc_status status)
{
	struct responder *s = &qp->resp;
	bool write = r && (r->op->flags & IS_WRITE);
	struct cqe c = { .wc = { .wr_id = s->recv.wr_id,
				 .status = status,
				 .opcode = write ? GN_WC_RECV_RDMA_WITH_IMM
						 : GN_WC_RECV,
				 .byte_len = s->offset,
				 .qpn = qp->qpn,
				 .src_qp = qp->attr.dest_qpn,
				 .timestamp = qp->engine->now,
				 .qp = qp } };

	if (r && (r->op->flags & HAS_IMM)) {
		c.wc.flags = GN_WC_WITH_IMM;
		c.wc.imm_or_rkey = r->imm;
	} else if (r && (r->op->flags & HAS_IETH)) {
		c.wc.flags = GN_WC_WITH_INV;
		c.wc.imm_or_rkey = r->inv_rkey;
	}
	c.wc.solicited = r && r->bth.se;
	s->have_recv = false;
	cq_push(qp->init.recv_cq, &c);
}

static enum drop take_recv(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;

	if (!s->have_recv && !rq_take(&qp->rq, &s->recv))
		return DROP_RNR;
	s->have_recv = true;
	return DROP_NONE;
}

/* Writes @data at @offset of the receive WR's buffers. */
static enum drop scatter(const struct gn_qp *qp, uint32_t offset,
			 struct span data)
{
	const struct rwqe *w = &qp->resp.recv;

	if ((uint64_t)offset + data.len > w->len)
		return DROP_RECV_LENGTH;
	for (unsigned i = 0; data.len && i < w->nsge; i++) {
		const struct gn_sge *sge = &w->sge[i];
		size_t n;
		uint8_t *at;

		if (offset >= sge->len) {
			offset -= sge->len;
			continue;
		}
		n = sge->len - offset < data.len ? sge->len - offset : data.len;
		if (mr_check(qp->pd, sge->lkey, sge->addr + offset, n,
			     GN_ACCESS_LOCAL_WRITE, &at) != DROP_NONE ||
		    mem_copy(at, span_take(&data, n), n))
			return DROP_RECV_LKEY;
		offset = 0;
	}
	return DROP_NONE;
}

static void begin(struct gn_qp *qp, const struct roce *r, enum message kind)
{
	struct responder *s = &qp->resp;

	s->message = kind;
	s->offset = 0;
	if (kind == MESSAGE_WRITE) {
		s->va = r->reth.va;
		s->rkey = r->reth.rkey;
		s->len = r->reth.len;
	}
}

static void end(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;

	s->message = MESSAGE_NONE;
	s->msn = psn_add(s->msn, 1);
	if (s->have_recv)
		complete_recv(qp, r, GN_WC_SUCCESS);
}

static enum drop execute_send(struct gn_qp *qp, const struct roce *r)
{
	enum drop v = take_recv(qp);

	if (v != DROP_NONE)
		return v;
	if (r->op->flags & IS_START)
		begin(qp, r, MESSAGE_SEND);
	v = scatter(qp, qp->resp.offset, r->payload);
	if (v == DROP_NONE && (r->op->flags & HAS_IETH))
		v = DROP_INVALIDATE; /* no memory windows yet: nothing to */
	if (v != DROP_NONE)
		return v;
	qp->resp.offset += (uint32_t)r->payload.len;
	if (r->op->flags & IS_END)
		end(qp, r);
	return DROP_NONE;
}

static enum drop execute_write(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	uint8_t *at = NULL;
	enum drop v = DROP_NONE;

	if (r->op->flags & IS_START)
		begin(qp, r, MESSAGE_WRITE);
	if (r->payload.len) {
		v = mr_check(qp->pd, s->rkey, s->va + s->offset,
			     r->payload.len, GN_ACCESS_REMOTE_WRITE, &at);
		if (v == DROP_NONE &&
		    mem_copy(at, r->payload.p, r->payload.len))
			v = DROP_RANGE;
	}
	if (v == DROP_NONE && (r->op->flags & TAKES_RECV))
		v = take_recv(qp);
	if (v != DROP_NONE)
		return v;
	s->offset += (uint32_t)r->payload.len;
	if (r->op->flags & IS_END)
		end(qp, r);
	return DROP_NONE;
}

struct resource *resource_at(const struct gn_qp *qp, uint32_t i)
{
	const struct responder *s = &qp->resp;
	uint32_t n = qp->attr.max_dest_rd_atomic;

	return &s->res[(s->res_next + n - s->res_used + i) % n];
}

/* The slot for a new READ or atomic: a fresh one, or the oldest again. */
static struct resource *resource_take(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;
	struct resource *res = &s->res[s->res_next];

	s->res_next = (s->res_next + 1) % qp->attr.max_dest_rd_atomic;
	if (s->res_used < qp->attr.max_dest_rd_atomic)
		s->res_used++;
	return res;
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

static uint32_t answer_packets(const struct gn_qp *qp, uint32_t len)
{
	uint32_t pmtu = qp->attr.path_mtu;

	return len ? (uint32_t)(((uint64_t)len + pmtu - 1) / pmtu) : 1;
}

static void execute_read(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	struct resource *res = resource_take(qp);

	s->msn = psn_add(s->msn, 1);
	*res = (struct resource){ .first_psn = r->bth.psn,
				  .npsn = answer_packets(qp, r->reth.len),
				  .op = OP_READ_REQUEST,
				  .va = r->reth.va,
				  .rkey = r->reth.rkey,
				  .len = r->reth.len,
				  .msn = s->msn,
				  .pending = true };
}

static enum drop execute_atomic(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	enum operation op = opcode_operation(r->bth.opcode);
	const uint64_t *compare =
		op == OP_COMPARE_SWAP ? &r->atomic.compare : NULL;
	struct resource *res;
	uint64_t orig;
	uint8_t *at;
	enum drop v = mr_check(qp->pd, r->atomic.rkey, r->atomic.va, 8,
			       GN_ACCESS_REMOTE_ATOMIC, &at);

	if (v != DROP_NONE)
		return v;
	if ((uintptr_t)at & 7)
		return DROP_MISALIGNED;
	if (mem_atomic((uint64_t *)(void *)at, compare, r->atomic.swap_add,
		       &orig))
		return DROP_RANGE;
	res = resource_take(qp);
	s->msn = psn_add(s->msn, 1);
	*res = (struct resource){ .first_psn = r->bth.psn,
				  .npsn = 1,
				  .op = op,
				  .orig = orig,
				  .msn = s->msn,
				  .pending = true };
	return DROP_NONE;
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
	s->nak = 0; /* one for this PSN that has not left yet */
	if (needs_resource(r))
		s->ack_due = false; /* its answer acknowledges all before it */
	else if (r->bth.ackreq)
		s->ack_due = true;
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
			s->ack_due = true;
		return DROP_DUPLICATE;
	}
	res = find_resource(qp, r->bth.psn);
	if (!res)
		return DROP_REPLAY_GONE;
	if (r->op->flags & IS_READ) {
		if (!is_suffix(qp, res, r))
			return DROP_REPLAY_GONE;
		answer_again(res, (r->bth.psn - res->first_psn) & PSN_MASK);
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

/* The first packet that arrives in RTR (IBTA 11.6.3.1, communication
 * established).
 */
static void tell_established(struct gn_qp *qp)
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
	tell_established(qp);
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
