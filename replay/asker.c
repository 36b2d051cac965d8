/* glassnic as requester.  Messages are posted when their first packet was
 * captured (message.c); then captured requests and the NIC's look for each
 * other (meeting.c).  Answers go to the NIC when they were captured; local ACK
 * timeouts are off, since what a timer sends is never the same.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "replay/asking.h"
#include "wire/aeth.h"

#define OWED_MAX 4096u

/* ---- requests ---- */

/* With a new QP, from the next message on. */
static void begin_anew(struct role *p, uint64_t frame)
{
	meeting_leave_all(p, frame);
	p->asking->has_qp = false;
}

static bool start(struct role *p, uint32_t psn)
{
	struct asking *a = p->asking;
	char attrs[160];

	switch (p->flow->key.transport) {
	case TRANSPORT_UD:
		snprintf(attrs, sizeof(attrs), "sq_psn=%u qkey=0x%x", psn,
			 p->flow->qkey);
		break;
	case TRANSPORT_UC:
		snprintf(attrs, sizeof(attrs),
			 "pmtu=%u sq_psn=%u max_send_wr=1024", p->flow->pmtu,
			 psn);
		break;
	case TRANSPORT_RC:
	case TRANSPORT_CNP:
	case TRANSPORT_XRC:
		snprintf(attrs, sizeof(attrs),
			 "pmtu=%u sq_psn=%u timeout=0 max_rd_atomic=128 "
			 "max_send_wr=8192",
			 p->flow->pmtu, psn);
		break;
	}
	a->has_qp = stage_qp(&p->stage, role_qp_type(p), attrs);
	a->sent = a->seen = a->fed = a->take = psn;
	a->nasked = 0;
	a->over = a->owes_back = a->has_back = a->doubt = false;
	return a->has_qp;
}

/* The NIC would give @m another PSN than it has: something before it is
 * missing. */
static bool is_out_of_step(const struct role *p, const struct message *m)
{
	return p->asking->has_qp && !role_is_datagram(p) &&
	       m->psn != p->asking->take;
}

/* All that come before @last in the sequence, and itself. */
static bool post_up_to(struct role *p, const struct message *last)
{
	struct asking *a = p->asking;
	bool ok = true, done;

	do {
		struct message *m =
			list_entry(a->messages.next, struct message, node);

		done = m == last;
		if (!m->whole)
			message_close(p, m);
		if (is_out_of_step(p, m))
			begin_anew(p, p->stage.frame);
		if (!a->has_qp)
			ok = start(p, m->psn);
		if (ok && !a->over)
			ok = message_post(p, m);
		a->take = psn_add(a->take, message_span(p, m));
		a->posted = m->end;
		message_free(m);
	} while (ok && !done);
	if (!ok)
		return false;
	stage_wait(&p->stage, 0);
	meeting_note(p);
	return true;
}

/* Has the NIC not gone back where a NAK has asked for it, though it had time?
 */
static bool is_deaf(struct role *p, const struct item *i)
{
	const struct asking *a = p->asking;
	nsec_t deadline = stage_deadline(&p->stage);

	if (item_psn(i) != a->back || i->nsec < a->back_at)
		return false;
	while (a->owes_back && stage_step(&p->stage, deadline))
		meeting_note(p);
	return a->owes_back;
}

/* The captured side sends again. */
static void judge_again(struct role *p, const struct item *i)
{
	if (p->asking->over)
		role_note(p, DIFF_CUT_OFF, i->frame, &i->roce, NULL,
			  "after the NAK glassnic sends nothing");
	else if (!p->asking->doubt && is_deaf(p, i))
		role_blame(p, DIFF_MISSING, i->frame, 0, &i->roce, NULL,
			   "glassnic does not go back, though a NAK asked "
			   "for it");
	else
		role_blame(p, DIFF_TIMING, i->frame, 0, &i->roce, NULL,
			   "sent again, by the captured side only");
}

/* True if @i was taken over, to wait for the NIC. */
static bool judge_request(struct role *p, struct item *i)
{
	struct asking *a = p->asking;
	uint32_t end = psn_add(item_psn(i), item_span(i, p->flow->pmtu));
	bool again = !role_is_datagram(p) && psn_diff(end, a->seen) <= 0;
	struct out *o = meeting_find(p, i);

	if (!again)
		a->seen = end;
	if (o) {
		role_compare(p, i, o);
		stage_drop(&p->stage, o);
	} else if (again) {
		judge_again(p, i);
	} else if (!role_is_datagram(p) && psn_diff(item_psn(i), a->sent) < 0) {
		role_note(p, DIFF_TIMING, i->frame, &i->roce, NULL,
			  "glassnic has sent it before");
	} else {
		queue_take(&p->queue, i);
		list_add_tail(&a->owed, &i->node);
		if (++a->nowed > OWED_MAX)
			begin_anew(p, i->frame);
		return true;
	}
	return false;
}

/* The sequence has a hole for good: false: it may yet be filled. */
static bool begin_again(struct role *p, struct item *i, bool forced)
{
	struct asking *a = p->asking;

	if (!forced && role_is_answered(p) &&
	    !queue_hole(&p->queue, i, a->next, p->flow->pmtu))
		return false;
	role_note(p, DIFF_LOST_REQUEST, i->frame, NULL, NULL,
		  "psn %u to %u were not seen", a->next,
		  psn_add(item_psn(i), PSN_MASK));
	begin_anew(p, i->frame);
	message_restart(p, i);
	return true;
}

/* 1: done; 0: not yet; -1: done, and @i waits elsewhere. */
static int play_request(struct role *p, struct item *i, bool forced)
{
	const struct asking *a = p->asking;
	const struct message *m;

	if (i->ahead && !begin_again(p, i, forced))
		return 0;
	m = message_of(p, i);
	if (m && !m->whole && !forced)
		return 0;
	if (!m && (!a->has_qp || psn_diff(item_psn(i), a->posted) >= 0)) {
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "its message's beginning was not seen");
		return 1;
	}
	stage_clock(&p->stage, i->nsec);
	meeting_note(p);
	if (m && !post_up_to(p, m))
		return 1;
	p->tally.played++;
	return judge_request(p, i) ? -1 : 1;
}

/* ---- answers ---- */

/* The NIC may have less in flight than the captured side had: an answer to what
 * it has not sent yet is told in two, the first for what it has.
 */
static void catch_up(struct role *p, const struct item *i)
{
	struct asking *a = p->asking;
	nsec_t deadline = stage_deadline(&p->stage);
	enum transport t = p->flow->key.transport;
	uint8_t opcode = opcode_of(t, OP_ACKNOWLEDGE);
	uint32_t psn;

	while (p->stage.bench->live && psn_diff(item_psn(i), a->sent) >= 0 &&
	       stage_step(&p->stage, deadline))
		meeting_note(p);
	while (psn_diff(item_psn(i), a->sent) >= 0) {
		uint32_t before = a->sent;
		struct roce r = {
			.bth = {.opcode = opcode,
				.psn = psn_add(before, PSN_MASK)},
			.op = opcode_find(opcode),
			.aeth = {aeth_syndrome(AETH_ACK, CREDITS_UNLIMITED),
				 i->roce.aeth.msn},
		};

		if (missing_before(p, i, &psn))
			return; /* a READ waits for its answer */
		stage_send(&p->stage, &r, i->frame);
		stage_wait(&p->stage, 0);
		meeting_note(p);
		if (a->sent == before)
			return;
		role_note(p, DIFF_WINDOW, i->frame, NULL, NULL,
			  "glassnic has less in flight: it needs an "
			  "acknowledgement of psn %u",
			  r.bth.psn);
	}
}

/* The NIC has not sent what is answered already: it will not any more. */
static void give_up_owed(struct role *p, uint64_t frame)
{
	const struct asking *a = p->asking;
	const struct item *first;

	meeting_await(p);
	if (list_empty(&a->owed) || role_is_datagram(p))
		return;
	first = list_entry(a->owed.next, struct item, node);
	if (psn_diff(a->fed, item_psn(first)) <= 0)
		return;
	begin_anew(p, frame);
}

static void note_answer(struct role *p, const struct item *i, unsigned failed)
{
	struct asking *a = p->asking;
	uint32_t end = item_psn(i), hole;
	int code;

	if (item_refuses(i, &code)) {
		a->over |= code > NAK_PSN_SEQUENCE;
	} else if (p->stage.failed != failed && !a->over) {
		role_blame(p, DIFF_FAILS, i->frame, 0, &i->roce, NULL, "wc %s",
			   p->stage.failure);
		a->over = true;
	}
	if (item_accepts(i))
		end = psn_add(end, 1);
	if (missing_before(p, i, &hole))
		end = hole;
	if (psn_diff(end, a->fed) > 0)
		a->fed = end;
	if (psn_diff(a->fed, a->back) > 0)
		a->owes_back = false;
	meeting_leave_below(p, a->fed, i->frame);
	give_up_owed(p, i->frame);
}

/* NAK @i asks to go back.  For the second of one gap the NIC has gone back
 * already; an RNR NAK asks anew each time, after a while.
 */
static void owe_back(struct asking *a, const struct item *i, int code)
{
	uint32_t psn = item_psn(i);
	unsigned value = aeth_value(i->roce.aeth.syndrome);

	if (code == NAK_PSN_SEQUENCE && a->has_back && a->back == psn)
		return;
	a->has_back = true;
	a->back = psn;
	a->back_at = i->nsec;
	if (code != NAK_PSN_SEQUENCE)
		a->back_at += (int64_t)rnr_usec(value) * 1000;
	a->owes_back = psn_diff(psn, a->sent) < 0;
}

/* False: not yet. */
static bool play_answer(struct role *p, struct item *i, bool forced)
{
	struct asking *a = p->asking;
	struct roce r = i->roce;
	unsigned failed;
	int code;

	if (!a->has_qp) {
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "what it answers was not played");
		return true;
	}
	stage_clock(&p->stage, i->nsec);
	meeting_note(p);
	if (!missing_fill(p, i, forced))
		return false;
	catch_up(p, i);
	/* What credits stand for is not in the capture. */
	if (item_flags(i) & HAS_AETH && aeth_kind(r.aeth.syndrome) == AETH_ACK)
		r.aeth.syndrome = aeth_syndrome(AETH_ACK, CREDITS_UNLIMITED);
	if (item_refuses(i, &code) && code <= NAK_PSN_SEQUENCE && !a->over &&
	    psn_diff(item_psn(i), a->fed) >= 0)
		owe_back(a, i, code);
	failed = p->stage.failed;
	if (stage_send(&p->stage, &r, i->frame) == DROP_IMPLIED_NAK)
		a->doubt = true;
	p->tally.played++;
	stage_wait(&p->stage, 0);
	meeting_note(p);
	note_answer(p, i, failed);
	return true;
}

static void go_on(struct role *p, bool all)
{
	struct item *i;

	while ((i = queue_head(&p->queue)) && !p->stage.trouble[0]) {
		bool forced = all || queue_is_full(&p->queue);
		int done = 1;

		if (i->answer)
			done = play_answer(p, i, forced);
		else
			done = play_request(p, i, forced);
		if (!done)
			return;
		if (done < 0)
			continue;
		queue_take(&p->queue, i);
		free(i);
	}
	if (!all)
		return;
	stage_wait(&p->stage, STAGE_SETTLE);
	meeting_note(p);
	meeting_leave_all(p, p->flow->last_frame);
}

static void enter(struct role *p, struct item *i)
{
	int code;

	if (!i->answer)
		message_join(p, i);
	else if (!p->asking->in_step && item_refuses(i, &code) &&
		 code <= NAK_PSN_SEQUENCE)
		message_expect(p, item_psn(i));
}

static bool begin(struct role *p)
{
	p->asking = calloc(1, sizeof(*p->asking));
	if (!p->asking)
		return false;
	list_init(&p->asking->messages);
	list_init(&p->asking->owed);
	if (role_is_answered(p) && !p->flow->answers) {
		snprintf(p->stage.trouble, sizeof(p->stage.trouble),
			 "its requests have no answers in the capture");
		return false;
	}
	return stage_region(&p->stage, "buf", role_room(p->flow));
}

static void end(struct role *p)
{
	struct asking *a = p->asking;

	if (!a)
		return;
	while (!list_empty(&a->messages))
		message_free(
			list_entry(a->messages.next, struct message, node));
	while (!list_empty(&a->owed)) {
		struct item *i = list_entry(a->owed.next, struct item, node);

		list_del(&i->node);
		free(i);
	}
	free(a);
}

const struct role_ops asker_ops = {
	.begin = begin,
	.go_on = go_on,
	.enter = enter,
	.end = end,
};
