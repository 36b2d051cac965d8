/* Answers go out in PSN order: what READs and atomics have to say, oldest first;
 * then, when nothing of that is left, the one ACK or NAK that is due.  So an ACK
 * never overtakes the answer to an earlier READ, and one ACK serves all up to the
 * last packet that asked for one.  What came after that is not acknowledged, so
 * that its requester keeps a timer: rdma_rxe's may need that to wake up.
 */
#include "nic/responder.h"

#include <stdio.h>

#include "nic/engine.h"
#include "nic/mem.h"
#include "nic/srq.h"
#include "nic/verdict.h"
#include "wire/aeth.h"
#include "wire/print.h"

#define PACE_CLEAN (4u << 20) /* bytes without loss that make it faster */
#define PACE_MIN   (1 * USEC)
#define PACE_MAX   (1 * MSEC)

static struct resource *first_pending(const struct gn_qp *qp)
{
	for (uint32_t i = 0; i < qp->resp.res_used; i++) {
		struct resource *res = resource_at(qp, i);

		if (res->pending)
			return res;
	}
	return NULL;
}

bool reply_pending(const struct gn_qp *qp)
{
	return qp->peer && (qp->resp.ack_due || first_pending(qp));
}

/* With credits: what the receive queue has room for (IBTA 9.7.7.2). */
static uint8_t ack_syndrome(const struct gn_qp *qp)
{
	unsigned code = CREDITS_UNLIMITED;

	if (qp->engine->cfg.credits && !qp->resp.srq &&
	    qp->init.type == GN_QPT_RC)
		code = credits_to_code(rq_count(&qp->rq));
	return aeth_syndrome(AETH_ACK, code);
}

static void say(struct gn_qp *qp, const char *text, struct pkt *p,
		struct slot *slot)
{
	if (!qp->engine->cfg.notes)
		return;
	snprintf(slot->note, NOTE_MAX, "%s", text);
	p->note = slot->note;
}

static void send_ack(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;
	bool nak = s->nak;
	struct roce r = {
		.bth = { .opcode = opcode_of(qp_transport(qp), OP_ACKNOWLEDGE),
			 .dqpn = qp->attr.dest_qpn,
			 .psn = nak ? s->epsn : s->ack_psn },
		.aeth = { nak ? s->nak : ack_syndrome(qp),
			  nak ? s->msn : s->ack_msn },
	};
	struct slot *slot;
	struct pkt *p = engine_packet(qp->engine, qp, &slot);
	char text[NOTE_MAX];

	if (nak)
		say(qp, aeth_print(&r.aeth, text, sizeof(text)), p, slot);
	s->ack_due = false;
	s->nak = 0;
	engine_commit(qp->engine, &r, 0);
}

static void send_atomic_ack(struct gn_qp *qp, struct resource *res)
{
	struct roce r = {
		.bth = { .opcode = opcode_of(qp_transport(qp), OP_ATOMIC_ACKNOWLEDGE),
			 .dqpn = qp->attr.dest_qpn,
			 .psn = res->first_psn },
		.aeth = { ack_syndrome(qp), res->msn },
		.orig = res->orig,
	};
	struct slot *slot;
	struct pkt *p = engine_packet(qp->engine, qp, &slot);

	if (res->replay)
		say(qp, "answer to a duplicate atomic, not executed again", p,
		    slot);
	res->pending = false;
	engine_commit(qp->engine, &r, 0);
}

/* The memory of a READ can vanish between request and answer. */
static void refuse_read(struct gn_qp *qp, struct resource *res, enum drop word)
{
	struct responder *s = &qp->resp;

	res->pending = false;
	s->epsn = psn_add(res->first_psn, res->sent);
	s->ack_due = true;
	s->nak = aeth_syndrome(AETH_NAK, rc_verdict[word].nak);
	count(&qp->engine->counters, CNT_TX_NAK);
	engine_qp_event(qp, rc_verdict[word].event);
	for (uint32_t i = 0; i < s->res_used; i++)
		resource_at(qp, i)->pending = false;
	send_ack(qp);
	qp_set_error(qp);
}

static enum operation response_op(const struct resource *res)
{
	bool first = res->sent == res->from, last = res->sent + 1 == res->npsn;

	if (first)
		return last ? OP_READ_RESPONSE_ONLY : OP_READ_RESPONSE_FIRST;
	return last ? OP_READ_RESPONSE_LAST : OP_READ_RESPONSE_MIDDLE;
}

static enum drop fetch(const struct gn_qp *qp, const struct resource *res,
		       uint32_t offset, uint32_t len, uint8_t *out)
{
	const struct gn_pd *pd = qp->pd;
	uint8_t *at;
	enum drop v;

	if (!len)
		return DROP_NONE;
	if (qp->init.xrcd) {
		const struct gn_srq *srq = srq_find(qp->init.xrcd, res->srqn);

		if (!srq)
			return DROP_RKEY;
		pd = srq->pd;
	}
	v = mr_check_remote(pd, qp->qpn, res->rkey, res->va + offset, len,
			    GN_ACCESS_REMOTE_READ, &at);
	if (v == DROP_NONE && mem_copy(out, at, len))
		v = DROP_RANGE;
	return v;
}

/* @len more bytes of READ data have left. */
static void pace(struct gn_qp *qp, uint32_t len)
{
	struct responder *s = &qp->resp;

	if (!pace_charge(&s->pace, len, qp->engine->now))
		return;
	s->clean += PACE_BURST;
	if (s->clean < PACE_CLEAN)
		return;
	s->clean = 0;
	if (s->pace.gap > PACE_MIN)
		s->pace.gap -= s->pace.gap / 8;
}

static void send_read_response(struct gn_qp *qp, struct resource *res)
{
	uint32_t pmtu = qp->attr.path_mtu, offset = res->sent * pmtu;
	uint32_t len = res->len - offset < pmtu ? res->len - offset : pmtu;
	struct roce r = {
		.bth = { .opcode = opcode_of(qp_transport(qp),
					   response_op(res)),
			 .dqpn = qp->attr.dest_qpn,
			 .psn = psn_add(res->first_psn, res->sent) },
		.aeth = { ack_syndrome(qp), res->msn },
	};
	struct slot *slot;
	struct pkt *p = engine_packet(qp->engine, qp, &slot);
	enum drop v = fetch(qp, res, offset, len, slot->payload);

	if (v != DROP_NONE) {
		refuse_read(qp, res, v);
		return;
	}
	if (res->replay && res->sent == res->from)
		say(qp, "answer to a duplicate READ", p, slot);
	if (++res->sent == res->npsn)
		res->pending = false;
	engine_commit(qp->engine, &r, len);
	pace(qp, len);
}

void reply_slow_down(struct gn_qp *qp)
{
	struct pace *p = &qp->resp.pace;

	p->gap = p->gap * 2 < PACE_MAX ? p->gap * 2 : PACE_MAX;
	qp->resp.clean = 0;
}

bool reply_send(struct gn_qp *qp, unsigned quota)
{
	struct resource *res;

	while ((res = first_pending(qp))) {
		if (qp->resp.pace.until > qp->engine->now) {
			qp_arm(qp);
			return false;
		}
		if (!quota--)
			return true;
		/* ATOMIC WRITE and FLUSH are answered as READs of nothing. */
		if (res->op == OP_COMPARE_SWAP || res->op == OP_FETCH_ADD)
			send_atomic_ack(qp, res);
		else
			send_read_response(qp, res);
	}
	if (qp->resp.ack_due)
		send_ack(qp);
	return false;
}
