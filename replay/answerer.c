/* glassnic as responder.  A request is played when the answers behind it have
 * told what became of it: a receive request is posted for a SEND if the
 * captured side had one, memory gets the bytes that its READ responses carried,
 * a key that it refused opens nothing here.  Then what the NIC answers waits
 * until the captured answers come, and each of these looks for the one that
 * stands for it.
 *
 * Requests go to one region whatever their key: each gets a place of its own,
 * which those that are sent again find by their PSN.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "replay/answering.h"
#include "replay/role.h"
#include "wire/aeth.h"

#define OUT_MAX 8192u

/* ---- the NIC's own answers ---- */

static uint32_t out_psn(const struct out *o)
{
	return o->roce.bth.psn;
}

static bool out_is_data(const struct out *o)
{
	return o->roce.op->flags & (IS_READ | HAS_ATOMICACK);
}

static bool out_is_ack(const struct out *o)
{
	return !out_is_data(o) && aeth_kind(o->roce.aeth.syndrome) == AETH_ACK;
}

static bool out_is_fatal(const struct out *o)
{
	return !out_is_data(o) &&
	       aeth_kind(o->roce.aeth.syndrome) == AETH_NAK &&
	       aeth_value(o->roce.aeth.syndrome) != NAK_PSN_SEQUENCE;
}

/* The last PSN that @o acknowledges: a NAK does so with those before its own.
 */
static uint32_t out_acks(const struct out *o)
{
	if (out_is_data(o) || out_is_ack(o))
		return out_psn(o);
	return psn_add(out_psn(o), PSN_MASK);
}

/* Remembers how far the NIC has acknowledged, and what was in memory then. What
 * is new stands at the end.
 */
static void note_acked(struct role *p)
{
	struct answering *a = p->answering;

	for (struct list *at = p->stage.out.prev; at != &p->stage.out;
	     at = at->prev) {
		struct out *o = list_entry(at, struct out, node);

		if (o->known)
			return;
		o->known = true;
		o->vague = out_is_data(o) && !answer_is_known(p, out_psn(o));
		if (!a->has_acked || psn_diff(out_acks(o), a->acked) > 0)
			a->acked = out_acks(o);
		a->has_acked = true;
	}
}

/* An answer of the NIC's that no captured one stands for. */
static void leave_out(struct role *p, struct out *o, uint64_t frame)
{
	if (out_is_ack(o))
		role_note(p, KIND_ACK_PACE, frame, NULL, &o->roce,
			  "not acknowledged by itself");
	else
		role_note(p, KIND_LOST_ANSWER, frame, NULL, &o->roce,
			  "not in the capture");
	stage_drop(&p->stage, o);
}

static void leave_all(struct role *p, uint64_t frame)
{
	struct out *o;

	while ((o = role_next(p, NULL)))
		leave_out(p, o, frame);
}

/* The NIC's acknowledgements before @until were passed over; its data may come
 * yet, if the network has changed their order.
 */
static void pass_over(struct role *p, const struct out *until, uint64_t frame)
{
	struct out *o = role_next(p, NULL), *next;

	for (; o && o != until; o = next) {
		next = role_next(p, o);
		if (!out_is_data(o))
			leave_out(p, o, frame);
	}
}

static bool stands_for(const struct out *o, const struct item *i)
{
	uint32_t flags = item_flags(i);

	if (out_psn(o) != item_psn(i))
		return false;
	if (flags & (IS_READ | HAS_ATOMICACK))
		return o->roce.op->flags & flags & (IS_READ | HAS_ATOMICACK);
	return !out_is_data(o) && aeth_kind(o->roce.aeth.syndrome) ==
					  aeth_kind(i->roce.aeth.syndrome);
}

/* One that stands for @i; rather one of the same opcode, since answers to a
 * READ that was asked for again begin elsewhere; and rather of the last time it
 * was asked for.
 */
static struct out *find_out(struct role *p, const struct item *i)
{
	struct out *found = NULL;

	for (struct out *o = role_next(p, NULL); o; o = role_next(p, o)) {
		if (!stands_for(o, i))
			continue;
		if (!out_is_data(o))
			return o;
		if (!found || o->roce.bth.opcode == i->roce.bth.opcode)
			found = o;
	}
	return found;
}

static struct out *find_fatal(struct role *p)
{
	for (struct out *o = role_next(p, NULL); o; o = role_next(p, o))
		if (out_is_fatal(o))
			return o;
	return NULL;
}

/* ---- a captured answer without one of the NIC's ---- */

/* The two are not in step any more: they start again with the next message. */
static void out_of_step(struct role *p, uint64_t frame)
{
	p->answering->in_step = false;
	leave_all(p, frame);
}

static bool was_played(const struct role *p, uint32_t psn)
{
	const struct answering *a = p->answering;

	return a->in_step && psn_diff(psn, a->epsn) < 0 &&
	       psn_diff(psn, a->first) >= 0;
}

static void ack_alone(struct role *p, const struct item *i)
{
	const struct answering *a = p->answering;
	uint32_t psn = item_psn(i);

	if (a->has_acked && psn_diff(a->acked, psn) >= 0)
		role_note(p, KIND_ACK_PACE, i->frame, &i->roce, NULL,
			  "glassnic does not acknowledge this one by itself");
	else if (a->has_asked && psn_diff(a->asked, psn) >= 0)
		role_blame(p, KIND_MISSING, i->frame, 0, &i->roce, NULL,
			   "no acknowledgement, though psn %u asked for one",
			   a->asked);
	else
		role_note(p, KIND_ACK_PACE, i->frame, &i->roce, NULL,
			  "nobody has asked for it");
}

static void nak_alone(struct role *p, const struct item *i, int code)
{
	const struct answering *a = p->answering;
	bool had = a->in_step && psn_diff(item_psn(i), a->epsn) < 0;

	if (code == NAK_PSN_SEQUENCE && !had && a->gap && !a->said_gap &&
	    !a->rnr)
		role_blame(p, KIND_MISSING, i->frame, 0, &i->roce, NULL,
			   "no sequence NAK");
	else if (code == NAK_PSN_SEQUENCE || (code < 0 && had))
		role_blame(p, KIND_LOST_BEHIND, i->frame, 0, &i->roce, NULL,
			   "the captured side had not got that");
	else
		role_blame(p, KIND_NOT_TOLD, i->frame, 0, &i->roce, NULL,
			   "glassnic has no reason to refuse it");
}

static void answer_alone(struct role *p, const struct item *i)
{
	struct out *refusal = find_fatal(p);
	int code;

	if (item_refuses(i, &code)) {
		nak_alone(p, i, code);
		return;
	}
	if (refusal) {
		role_blame(p, KIND_REFUSES, i->frame, refusal->frame, &i->roce,
			   &refusal->roce, "captured: accepted");
		out_of_step(p, i->frame);
	} else if (!was_played(p, item_psn(i))) {
		role_note(p, KIND_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "what it answers was not played");
		if (psn_diff(item_psn(i), p->answering->epsn) >= 0)
			out_of_step(p, i->frame);
	} else if (item_flags(i) & (IS_READ | HAS_ATOMICACK) &&
		   p->answering->has_acked &&
		   psn_diff(p->answering->acked, item_psn(i)) >= 0) {
		role_note(p, KIND_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "answered again, but not asked for again");
	} else if (item_flags(i) & (IS_READ | HAS_ATOMICACK)) {
		role_blame(p, KIND_MISSING, i->frame, 0, &i->roce, NULL,
			   "no such answer");
	} else {
		ack_alone(p, i);
	}
}

/* What the captured side has said to be done. */
static void note_settled(struct answering *a, const struct item *i)
{
	if (!item_accepts(i) ||
	    (a->has_settled && psn_diff(item_psn(i), a->settled) <= 0))
		return;
	a->has_settled = true;
	a->settled = item_psn(i);
}

/* Does the NIC owe something for the PSN of @i that it has not sent yet? */
static bool may_come(const struct role *p, const struct item *i)
{
	const struct answering *a = p->answering;
	int code;

	if (role_is_blamed(p, i->frame))
		return false;
	if (item_refuses(i, &code))
		return a->in_step;
	if (!was_played(p, item_psn(i)) ||
	    (a->has_acked && psn_diff(a->acked, item_psn(i)) >= 0))
		return false;
	return item_flags(i) & (IS_READ | HAS_ATOMICACK) ||
	       (a->has_asked && psn_diff(a->asked, item_psn(i)) >= 0);
}

static struct out *await_out(struct role *p, const struct item *i)
{
	nsec_t deadline = stage_deadline(&p->stage);
	struct out *o;

	do {
		o = find_out(p, i);
		note_acked(p);
	} while (!o && may_come(p, i) && stage_step(&p->stage, deadline));
	return o;
}

/* The captured answer begins anew at its PSN, and was there before: that it was
 * asked for again was not seen.
 */
static bool begins_anew(const struct role *p, const struct item *i,
			const struct out *o)
{
	const struct answering *a = p->answering;

	return out_is_data(o) && o->roce.bth.opcode != i->roce.bth.opcode &&
	       a->has_settled && psn_diff(item_psn(i), a->settled) <= 0;
}

static void play_answer(struct role *p, struct item *i)
{
	struct out *o;
	bool anew;

	stage_clock(&p->stage, i->nsec);
	o = await_out(p, i);
	anew = o && begins_anew(p, i, o);
	note_settled(p->answering, i);
	if (!o) {
		answer_alone(p, i);
		return;
	}
	pass_over(p, o, i->frame);
	i->cut |= o->vague;
	if (anew)
		role_note(p, KIND_LOST_REQUEST, i->frame, &i->roce, &o->roce,
			  "answered again, but not asked for again");
	else
		role_compare(p, i, o);
	stage_drop(&p->stage, o);
}

/* ---- requests ---- */

static bool start(struct role *p, uint32_t psn)
{
	struct answering *a = p->answering;
	const struct flow *f = p->flow;
	char attrs[256];

	snprintf(attrs, sizeof(attrs),
		 "pmtu=%u rq_psn=%u max_dest_rd_atomic=128 max_recv_sge=%u "
		 "access=%s",
		 f->pmtu, psn, ANSWER_SGES, stage_access(&p->stage));
	if (!stage_qp(&p->stage, "RC", attrs) ||
	    (!p->stage.rkey && !stage_region(&p->stage, "buf", p->stage.bytes)))
		return false;
	a->in_step = true;
	a->first = a->epsn = psn;
	a->has_acked = a->has_asked = a->gap = a->said_gap = false;
	a->refused = a->rnr = false;
	a->rnr_timer = 12; /* the preset */
	a->nplaces = 0;
	a->has_spare = false;
	p->has_msn = f->has_start && f->start_psn == psn;
	p->msn_ahead = 0;
	return true;
}

/* Will a message that begins at @psn be played? */
static bool is_beginning(const struct role *p, uint32_t psn)
{
	for (const struct item *i = queue_head(&p->queue); i;
	     i = queue_next(&p->queue, i))
		if (!i->answer && item_psn(i) == psn)
			return item_begins(i);
	return false;
}

/* Where the captured side was when it got @i: there, unless the answer @by asks
 * for an earlier PSN.  False: within a message.
 */
static bool find_start(const struct role *p, const struct item *i,
		       const struct item *by, uint32_t *psn)
{
	int code;

	*psn = item_psn(i);
	if (by && item_refuses(by, &code) && code == NAK_PSN_SEQUENCE &&
	    psn_diff(item_psn(by), item_psn(i)) < 0) {
		*psn = item_psn(by);
		return is_beginning(p, *psn);
	}
	return item_begins(i);
}

/* The first answer behind @i. */
static const struct item *next_answer(const struct role *p,
				      const struct item *i)
{
	while (i && !i->answer)
		i = queue_next(&p->queue, i);
	return i;
}

/* False: it cannot be played, but what follows perhaps. */
static bool get_in_step(struct role *p, const struct item *i)
{
	struct answering *a = p->answering;
	uint32_t psn;
	bool hole = a->in_step && !a->refused &&
		    psn_diff(item_psn(i), a->epsn) > 0 &&
		    queue_hole(&p->queue, i, a->epsn, p->flow->pmtu);

	if (hole) {
		role_note(p, KIND_LOST_REQUEST, i->frame, NULL, NULL,
			  "psn %u to %u were answered, but not seen", a->epsn,
			  psn_add(item_psn(i), PSN_MASK));
		out_of_step(p, i->frame);
	}
	if (a->in_step)
		return psn_diff(item_psn(i), a->first) >= 0;
	if (a->has_settled && psn_diff(item_psn(i), a->settled) <= 0)
		return false; /* sent again */
	if (!find_start(p, i, next_answer(p, i), &psn)) {
		role_note(p, KIND_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "its message's beginning was not seen");
		return false;
	}
	return start(p, psn);
}

/* What the NIC has made of @i. */
static void note_verdict(struct role *p, const struct item *i, enum fate fate,
			 enum drop word)
{
	struct answering *a = p->answering;
	int32_t ahead = psn_diff(item_psn(i), a->epsn);

	p->tally.played++;
	if (ahead > 0) {
		a->gap = true;
		a->said_gap |= word == DROP_SEQ_GAP;
	}
	a->rnr |= !ahead && word == DROP_RNR;
	a->refused |= !ahead && word != DROP_NONE && word != DROP_N &&
		      (fate == FATE_ACCEPTED || fate == FATE_OPEN);
	if (ahead || (word != DROP_NONE && word != DROP_N) ||
	    (word == DROP_N && (fate == FATE_RNR || fate == FATE_REFUSED)))
		return;
	if (item_flags(i) & IS_END && item_flags(i) & TAKES_RECV)
		a->has_spare = false;
	a->epsn = psn_add(item_psn(i), item_span(i, p->flow->pmtu));
	a->gap = a->said_gap = a->rnr = false;
	if (i->roce.bth.ackreq) {
		a->has_asked = true;
		a->asked = item_psn(i);
	}
}

static bool has_new(const struct role *p, uint32_t psn)
{
	for (struct out *o = role_next(p, NULL); o; o = role_next(p, o))
		if (!o->known && out_psn(o) == psn)
			return true;
	return false;
}

/* A real NIC takes its time to answer a READ, and what is in memory by then
 * counts.
 */
static void await_data(struct role *p, const struct item *i)
{
	uint32_t last =
		psn_add(item_psn(i), item_span(i, p->flow->pmtu) + PSN_MASK);
	nsec_t deadline = stage_deadline(&p->stage);

	if (!p->stage.bench->live || item_flags(i) & (IS_SEND | IS_WRITE) ||
	    psn_diff(last, p->answering->epsn) >= 0)
		return;
	while (!has_new(p, last) && stage_step(&p->stage, deadline))
		;
}

/* False: not yet. */
static bool play_request(struct role *p, const struct item *i, bool forced)
{
	const struct item *by = NULL;
	enum fate fate = p->flow->answers
				 ? queue_fate(&p->queue, i, p->flow->pmtu, &by)
				 : FATE_ACCEPTED;
	struct roce r = i->roce;

	if (fate == FATE_OPEN && !forced)
		return false;
	if (!get_in_step(p, i))
		return true;
	/* Beyond a gap it is discarded, lost or not. */
	if (fate == FATE_LOST && item_psn(i) == p->answering->epsn) {
		role_note(p, KIND_LOST_BEHIND, i->frame, &i->roce, NULL,
			  "frame %" PRIu64 " asks for it again", by->frame);
		return true;
	}
	stage_clock(&p->stage, i->nsec);
	note_acked(p);
	if (!answer_prepare(p, i, fate, by, &r))
		return true;
	note_verdict(p, i, fate, stage_send(&p->stage, &r, i->frame));
	await_data(p, i);
	note_acked(p);
	return true;
}

static void go_on(struct role *p, bool all)
{
	struct item *i;

	while ((i = queue_head(&p->queue)) && !p->stage.trouble[0]) {
		if (i->answer)
			play_answer(p, i);
		else if (!play_request(p, i, all || queue_is_full(&p->queue)))
			return;
		while (p->stage.nout > OUT_MAX)
			leave_out(p, role_next(p, NULL), i->frame);
		queue_take(&p->queue, i);
		free(i);
	}
	if (!all)
		return;
	stage_wait(&p->stage, STAGE_SETTLE);
	leave_all(p, p->flow->last_frame);
}

static bool begin(struct role *p)
{
	p->answering = calloc(1, sizeof(*p->answering));
	return p->answering && answer_make_room(p);
}

static void end(struct role *p)
{
	free(p->answering);
}

const struct role_ops answerer_ops = {
	.begin = begin,
	.go_on = go_on,
	.end = end,
};
