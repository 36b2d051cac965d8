/* How it works.
 *
 * PSNs run una <= nxt <= max.  [una, nxt) is in flight, [nxt, max) was in flight
 * before the last go-back.  A work request gets its PSNs when its first packet
 * leaves for the first time; going back is then only a matter of setting nxt and
 * the cursor (cur, cur_pkt) to an older packet.  The same code sends first
 * transmissions and retransmissions.
 *
 * A READ is one packet out, but owns the PSNs of its whole answer.  Going back
 * into a READ asks for what is still missing.
 */
#include "nic/requester.h"

#include <stdio.h>
#include <string.h>

#include "nic/datagram.h"
#include "nic/engine.h"
#include "nic/mem.h"
#include "nic/raw.h"
#include "wire/aeth.h"

#define ASK_EVERY   (32u * 1024) /* bytes between AckReqs */
#define PSN_WINDOW  (1u << 23)

/* ---- accounts of what is in flight ------------------------------------------ */

/* The charge for everything before packet @pkt of @w. */
static uint64_t charge_before(const struct gn_qp *qp, const struct swqe *w,
			      uint32_t pkt)
{
	uint64_t bytes = (uint64_t)pkt * qp->attr.path_mtu;

	if (bytes > w->len)
		bytes = w->len;
	return w->charge + bytes + (uint64_t)pkt * PEER_PACKET_COST;
}

/* Nobody acknowledges what unreliable QPs send: it is charged to nobody. */
static void set_charged(struct gn_qp *qp, uint64_t charged)
{
	if (!qp_is_reliable(qp))
		return;
	qp->peer->in_flight += charged - qp->req.charged;
	qp->req.charged = charged;
}

static void set_paid(struct gn_qp *qp, uint64_t paid)
{
	if (!qp_is_reliable(qp))
		return;
	qp->peer->in_flight -= paid - qp->req.paid;
	qp->req.paid = paid;
	engine_window_opened(qp->engine, qp->peer);
}

/* ---- position ----------------------------------------------------------------- */

void requester_reset(struct gn_qp *qp)
{
	uint32_t tail = sq_tail(&qp->sq);

	qp->req = (struct requester){ .head = tail,
				      .cur = tail,
				      .ssn = 1,
				      .ack_by = NSEC_NEVER };
}

/* Sets the cursor to @psn: a packet of a started work request, or the first PSN
 * behind the last of them.
 */
static void seek(struct gn_qp *qp, uint32_t psn)
{
	struct requester *q = &qp->req;
	uint32_t tail = sq_tail(&qp->sq), i;
	uint64_t charge = q->paid;
	uint32_t pkt = 0;
	unsigned rd_out = 0;

	for (i = q->head; i != tail && sq_at(&qp->sq, i)->started; i++) {
		const struct swqe *w = sq_at(&qp->sq, i);
		uint32_t at = (psn - w->first_psn) & PSN_MASK;

		if (at < w->npsn) {
			pkt = at;
			charge = charge_before(qp, w, at);
			break;
		}
		rd_out += swqe_reads(w);
		charge = charge_before(qp, w, w->npsn);
	}
	q->cur = i;
	q->cur_pkt = pkt;
	q->fault = GN_WC_SUCCESS;
	q->nxt = psn;
	q->rd_out = rd_out;
	set_charged(qp, charge);
}

void requester_go_back(struct gn_qp *qp, uint32_t psn)
{
	seek(qp, psn);
	qp->req.unasked = 0;
	engine_ready(qp->engine, qp);
}

void requester_advance(struct gn_qp *qp, uint32_t psn)
{
	struct requester *q = &qp->req;
	const struct swqe *w = sq_at(&qp->sq, q->head);
	uint64_t paid;

	if (psn_diff(psn, q->nxt) > 0)
		seek(qp, psn);
	q->una = psn;
	if (psn == q->nxt || q->head == sq_tail(&qp->sq) || !w->started)
		paid = q->charged;
	else
		paid = charge_before(qp, w, (psn - w->first_psn) & PSN_MASK);
	peer_grow(qp->peer, (uint32_t)(paid - q->paid));
	set_paid(qp, paid);
}

/* ---- completions ---------------------------------------------------------------- */

static void push_cqe(struct gn_qp *qp, const struct swqe *w,
		     enum gn_wc_status status)
{
	struct cqe c = { .send = true, .sq_next = qp->req.head };

	c.wc = (struct gn_wc){ .wr_id = w->wr_id,
			       .status = status,
			       .opcode = wr_kinds[w->opcode].wc,
			       .byte_len = w->len,
			       .qpn = qp->qpn,
			       .src_qp = qp->attr.dest_qpn,
			       .timestamp = qp->engine->now,
			       .qp = qp };
	cq_push(qp->init.send_cq, &c);
}

static void complete(struct gn_qp *qp, enum gn_wc_status status)
{
	const struct swqe *w = sq_at(&qp->sq, qp->req.head);

	/* Off the queue first: a full CQ flushes the rest of it. */
	qp->req.head++;
	if (status != GN_WC_SUCCESS || qp->init.sq_sig_all ||
	    (w->flags & GN_SEND_SIGNALED))
		push_cqe(qp, w, status);
}

void requester_complete(struct gn_qp *qp)
{
	if (swqe_reads(sq_at(&qp->sq, qp->req.head)) &&
	    qp->req.head != qp->req.cur)
		qp->req.rd_out--;
	complete(qp, GN_WC_SUCCESS);
}

void requester_fail(struct gn_qp *qp, enum gn_wc_status status)
{
	if (status == GN_WC_RETRY_EXC_ERR)
		count(&qp->engine->counters, CNT_RETRY_EXC);
	if (status == GN_WC_RNR_RETRY_EXC_ERR)
		count(&qp->engine->counters, CNT_RNR_EXC);
	complete(qp, status);
	if (qp_is_reliable(qp))
		qp_set_error(qp);
	else
		qp_set_sqe(qp);
}

/* Local operations at the head of the queue are done already: they complete when
 * all before them have.
 */
void requester_settle(struct gn_qp *qp)
{
	struct requester *q = &qp->req;

	while (q->head != q->cur && wr_is(sq_at(&qp->sq, q->head), K_LOCAL))
		requester_complete(qp);
}

void requester_flush(struct gn_qp *qp)
{
	struct requester *q = &qp->req;
	uint32_t tail = sq_tail(&qp->sq);

	while (q->head != tail)
		complete(qp, GN_WC_WR_FLUSH_ERR);
	q->cur = q->head;
	q->cur_pkt = 0;
	q->fault = GN_WC_SUCCESS;
	q->ack_by = NSEC_NEVER;
	q->rnr_until = 0;
	q->room_by = 0;
	if (qp->peer) {
		set_paid(qp, q->charged);
		q->una = q->nxt;
		list_del(&qp->waiting);
	}
}

/* ---- progress -------------------------------------------------------------------- */

bool requester_drained(const struct gn_qp *qp)
{
	uint32_t head = qp->req.head;

	return head == sq_tail(&qp->sq) || !sq_at(&qp->sq, head)->started;
}

/* SQD is reached when nothing is in flight any more (IBTA 10.3.1.5). */
void requester_drain(struct gn_qp *qp)
{
	if (qp_state(qp) == GN_QPS_SQD && qp->attr.en_sqd_async_notify &&
	    requester_drained(qp)) {
		qp->attr.en_sqd_async_notify = false;
		engine_qp_event(qp, GN_EVENT_SQ_DRAINED);
	}
}

void requester_progress(struct gn_qp *qp)
{
	struct requester *q = &qp->req;

	q->retry_left = qp->attr.retry_cnt;
	q->rnr_left = qp->attr.rnr_retry;
	q->naked = false;
	requester_settle(qp);
	requester_wait(qp);
	requester_drain(qp);
	engine_ready(qp->engine, qp);
}

/* ---- sending ------------------------------------------------------------------------ */

static enum hold hold_by_queue(const struct gn_qp *qp, const struct swqe *w)
{
	const struct requester *q = &qp->req;
	bool fresh = !w->started;

	if (fresh && qp_state(qp) == GN_QPS_SQD)
		return HOLD_STATE;
	if ((w->flags & GN_SEND_FENCE) && q->rd_out && !q->cur_pkt)
		return HOLD_FENCE;
	if (swqe_reads(w) && q->rd_out >= qp->attr.max_rd_atomic &&
	    qp->attr.max_rd_atomic)
		return HOLD_RDATOMIC;
	/* With nothing in flight no answer could ever bring more credits. */
	if (fresh && q->limited && wr_is(w, K_RECV) &&
	    psn_diff(q->ssn, q->lsn) > 1 && q->una != q->nxt)
		return HOLD_CREDITS;
	return HOLD_GO;
}

/* The peer's window (see nic/peer.h), for @psns more. */
static enum hold hold_by_window(const struct gn_qp *qp, uint32_t psns,
				nsec_t now)
{
	const struct requester *q = &qp->req;

	/* What was sent without asking for an ACK needs one more that asks, or
	 * no answer would ever open the window.
	 */
	if (peer_has_room(qp->peer) || q->unasked)
		return HOLD_GO;
	if (q->una != q->nxt)
		return HOLD_WINDOW;
	return psns == 1 || (q->room_by && q->room_by <= now) ? HOLD_GO
							      : HOLD_WINDOW;
}

enum hold requester_hold(const struct gn_qp *qp, nsec_t now)
{
	const struct requester *q = &qp->req;
	enum gn_qp_state s = qp_state(qp);
	const struct swqe *w;
	uint32_t psns;
	enum hold h;

	if (s != GN_QPS_RTS && s != GN_QPS_SQD)
		return HOLD_STATE;
	if (q->cur == sq_tail(&qp->sq))
		return HOLD_EMPTY;
	if (q->fault != GN_WC_SUCCESS)
		return HOLD_FAULT;
	if (q->rnr_until > now)
		return HOLD_RNR;
	w = sq_at(&qp->sq, q->cur);
	if (!qp_is_reliable(qp) && qp->engine->pace.until > now)
		return HOLD_PACE;
	h = hold_by_queue(qp, w);
	if (h != HOLD_GO || !qp_is_reliable(qp) || wr_is(w, K_LOCAL))
		return h;
	psns = swqe_reads(w) ? wr_packets(qp, w) - q->cur_pkt : 1;
	if (q->una != q->nxt &&
	    (uint32_t)psn_diff(q->nxt, q->una) + psns >= PSN_WINDOW)
		return HOLD_PSN;
	return hold_by_window(qp, psns, now);
}

/* Local rights of all SGEs, once a message: what an answer will be written to
 * must be writable.
 */
static bool sges_ok(const struct gn_qp *qp, const struct swqe *w)
{
	unsigned access = wr_is(w, K_WRITES) ? GN_ACCESS_LOCAL_WRITE : 0;
	uint8_t *at;

	if (w->flags & GN_SEND_INLINE)
		return true;
	for (unsigned i = 0; i < w->nsge; i++)
		if (w->sge[i].len &&
		    mr_check(qp->pd, w->sge[i].lkey, w->sge[i].addr,
			     w->sge[i].len, access, &at) != DROP_NONE)
			return false;
	return true;
}

static enum gn_wc_status start(struct gn_qp *qp, struct swqe *w)
{
	struct requester *q = &qp->req;

	w->npsn = wr_packets(qp, w);
	w->first_psn = q->nxt;
	w->ssn = q->ssn;
	w->charge = q->charged;
	w->answered = 0;
	if (swqe_reads(w) && !qp->attr.max_rd_atomic)
		return GN_WC_LOC_QP_OP_ERR;
	/* Its answer alone would fill the PSN window (2^31 bytes, PMTU 256). */
	if (swqe_reads(w) && w->npsn >= PSN_WINDOW)
		return GN_WC_LOC_LEN_ERR;
	if (!sges_ok(qp, w))
		return GN_WC_LOC_PROT_ERR;
	w->started = true;
	if (!wr_is(w, K_LOCAL))
		q->ssn = psn_add(q->ssn, 1);
	return GN_WC_SUCCESS;
}

bool requester_gather(const struct gn_qp *qp, const struct swqe *w,
		      uint32_t offset, uint32_t len, uint8_t *out)
{
	if (w->flags & GN_SEND_INLINE) {
		memcpy(out, w->inline_data + offset, len);
		return true;
	}
	for (unsigned i = 0; len; i++) {
		const struct gn_sge *s = &w->sge[i];
		uint32_t n;
		uint8_t *at;

		if (offset >= s->len) {
			offset -= s->len;
			continue;
		}
		n = s->len - offset < len ? s->len - offset : len;
		if (mr_check(qp->pd, s->lkey, s->addr + offset, n, 0, &at) !=
			    DROP_NONE ||
		    mem_copy(out, at, n))
			return false;
		out += n;
		len -= n;
		offset = 0;
	}
	return true;
}

static void remark(struct gn_qp *qp, struct pkt *p, struct slot *slot)
{
	if (psn_diff(qp->req.nxt, qp->req.max) >= 0)
		return;
	count(&qp->engine->counters, CNT_RETRANSMIT);
	if (!qp->engine->cfg.notes)
		return;
	snprintf(slot->note, NOTE_MAX, "retransmission (oldest unacknowledged PSN %u, %u retries left)",
		 qp->req.una, qp->req.retry_left);
	p->note = slot->note;
}

/* Sent is done: the bytes were copied, and nobody will answer. */
static void step_unreliable(struct gn_qp *qp, uint32_t payload)
{
	struct requester *q = &qp->req;

	pace_charge(&qp->engine->pace, payload + PEER_PACKET_COST,
		    qp->engine->now);
	q->una = q->nxt;
	if (q->head != q->cur)
		requester_complete(qp);
	requester_drain(qp);
}

/* The cursor moves past what was just sent. */
static void step(struct gn_qp *qp, const struct swqe *w, uint32_t payload)
{
	struct requester *q = &qp->req;
	bool whole = swqe_reads(w);

	q->room_by = 0;
	q->nxt = psn_add(q->nxt, whole ? w->npsn - q->cur_pkt : 1);
	q->cur_pkt = whole ? w->npsn : q->cur_pkt + 1;
	q->rd_out += whole;
	set_charged(qp, charge_before(qp, w, q->cur_pkt));
	if (psn_diff(q->nxt, q->max) > 0)
		q->max = q->nxt;
	if (q->cur_pkt == w->npsn) {
		q->cur++;
		q->cur_pkt = 0;
	}
	if (!qp_is_reliable(qp))
		step_unreliable(qp, payload);
	else if (q->ack_by == NSEC_NEVER)
		requester_wait(qp);
}

/* Asks for an ACK at a message's end, every ASK_EVERY bytes, and when this
 * packet fills the window.
 */
static bool must_ask(struct gn_qp *qp, const struct swqe *w, uint32_t payload)
{
	struct requester *q = &qp->req;

	q->unasked += payload;
	if (!qp_is_reliable(qp))
		return false;
	if (swqe_reads(w) || q->cur_pkt + 1 == w->npsn ||
	    q->unasked >= ASK_EVERY ||
	    qp->peer->in_flight + payload + PEER_PACKET_COST >=
		    qp->peer->window) {
		q->unasked = 0;
		return true;
	}
	return false;
}

/* Sends the packet at the cursor. */
static enum gn_wc_status send_packet(struct gn_qp *qp, const struct swqe *w)
{
	struct requester *q = &qp->req;
	uint32_t pmtu = qp->attr.path_mtu, offset = q->cur_pkt * pmtu;
	uint32_t payload = 0;
	struct slot *slot;
	struct pkt *p = engine_packet(qp->engine, qp, &slot);
	struct roce r;

	if (wr_is(w, K_SENDS))
		payload = w->len - offset < pmtu ? w->len - offset : pmtu;
	if (!requester_gather(qp, w, offset, payload, slot->payload))
		return GN_WC_LOC_PROT_ERR;
	wr_headers(qp, w, q->cur_pkt, &r);
	r.bth.ackreq = must_ask(qp, w, payload);
	remark(qp, p, slot);
	if (qp_is_reliable(qp))
		p->id = (uint64_t)qp->qpn << 24 | q->nxt;
	engine_commit(qp->engine, &r, payload);
	step(qp, w, payload);
	return GN_WC_SUCCESS;
}

/* Does a local operation, once: going back passes over it again.  One that
 * failed was not started, so that an answer does not complete it.
 */
static enum gn_wc_status do_local(struct gn_qp *qp, struct swqe *w, bool fresh)
{
	enum gn_wc_status status = GN_WC_SUCCESS;

	if (fresh && w->opcode == GN_WR_BIND_MW)
		status = mw_bind(qp->pd, qp->qpn, &w->bind);
	else if (fresh && !mw_invalidate(qp->pd, qp->qpn, w->imm))
		status = GN_WC_LOC_PROT_ERR;
	if (status != GN_WC_SUCCESS) {
		w->started = false;
		return status;
	}
	qp->req.cur++;
	requester_settle(qp);
	return GN_WC_SUCCESS;
}

static enum gn_wc_status send_unconnected(struct gn_qp *qp, struct swqe *w)
{
	enum gn_wc_status status = qp->init.type == GN_QPT_UD
					   ? datagram_send(qp, w)
					   : raw_send(qp, w);

	if (status != GN_WC_SUCCESS)
		return status;
	/* It came back at once, and overran the CQ: all is flushed. */
	if (qp_state(qp) == GN_QPS_ERR)
		return GN_WC_SUCCESS;
	qp->req.cur++;
	step_unreliable(qp, w->len);
	return GN_WC_SUCCESS;
}

static bool send_one(struct gn_qp *qp)
{
	struct requester *q = &qp->req;
	struct swqe *w = sq_at(&qp->sq, q->cur);
	bool fresh = !w->started;

	if (fresh)
		q->fault = start(qp, w);
	if (q->fault != GN_WC_SUCCESS)
		return false;
	if (wr_is(w, K_LOCAL))
		q->fault = do_local(qp, w, fresh);
	else if (!qp_is_connected(qp))
		q->fault = send_unconnected(qp, w);
	else
		q->fault = send_packet(qp, w);
	return q->fault == GN_WC_SUCCESS;
}

bool requester_send(struct gn_qp *qp, unsigned quota)
{
	struct requester *q = &qp->req;
	enum hold h = HOLD_GO;

	while (quota-- && h == HOLD_GO) {
		h = requester_hold(qp, qp->engine->now);
		if (h == HOLD_GO && !send_one(qp))
			h = HOLD_FAULT;
	}
	if (h == HOLD_WINDOW && !q->room_by)
		q->room_by = qp->engine->now + PEER_PATIENCE;
	if (h == HOLD_WINDOW && list_empty(&qp->waiting))
		list_add_tail(&qp->peer->waiting, &qp->waiting);
	if (h == HOLD_PACE)
		engine_pace(qp->engine, qp);
	if (h == HOLD_FAULT && q->head == q->cur)
		requester_fail(qp, q->fault);
	qp_arm(qp);
	return h == HOLD_GO;
}
