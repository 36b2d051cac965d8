/* Captured answers meet the NIC's.  Each looks among these for the one that
 * stands for it: of the same PSN and kind.  Those that nothing stands for are
 * told apart by how far the NIC has acknowledged, and by what has been played.
 */
#include "replay/answering.h"
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

/* A sequence NAK without a gap, or an RNR NAK though a receive was posted. */
static bool is_unfair(const struct answering *a, const struct out *o)
{
	uint8_t syndrome = o->roce.aeth.syndrome;

	if (out_is_data(o))
		return false;
	if (aeth_kind(syndrome) == AETH_RNR)
		return a->ready;
	return aeth_kind(syndrome) == AETH_NAK &&
	       aeth_value(syndrome) == NAK_PSN_SEQUENCE && !a->gap;
}

/* Remembers how far the NIC has acknowledged, and what was in memory then. What
 * is new stands at the end.
 */
void answered_note(struct role *p)
{
	struct answering *a = p->answering;

	for (struct list *at = p->stage.out.prev; at != &p->stage.out;
	     at = at->prev) {
		struct out *o = list_entry(at, struct out, node);

		if (o->known)
			return;
		o->known = true;
		o->vague = out_is_data(o) && !answer_is_known(p, out_psn(o));
		o->unfair = is_unfair(a, o);
		o->msn = a->msn;
		if (!a->has_acked || psn_diff(out_acks(o), a->acked) > 0)
			a->acked = out_acks(o);
		a->has_acked = true;
	}
}

/* An answer of the NIC's that no captured one stands for. */
static void leave_out(struct role *p, struct out *o, uint64_t frame)
{
	if (out_is_ack(o))
		role_note(p, DIFF_ACK_PACE, frame, NULL, &o->roce,
			  "not acknowledged by itself");
	else if (o->unfair)
		role_blame(p, DIFF_REFUSES, frame, o->frame, NULL, &o->roce,
			   "there is no reason for it");
	else
		role_note(p, DIFF_LOST_ANSWER, frame, NULL, &o->roce,
			  "not in the capture");
	stage_drop(&p->stage, o);
}

void answered_leave_all(struct role *p, uint64_t frame)
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

void answered_out_of_step(struct role *p, uint64_t frame)
{
	p->answering->in_step = false;
	answered_leave_all(p, frame);
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
		role_note(p, DIFF_ACK_PACE, i->frame, &i->roce, NULL,
			  "glassnic does not acknowledge this one by itself");
	else if (a->has_asked && psn_diff(a->asked, psn) >= 0)
		role_blame(p, DIFF_MISSING, i->frame, 0, &i->roce, NULL,
			   "no acknowledgement, though psn %u asked for one",
			   a->asked);
	else
		role_note(p, DIFF_ACK_PACE, i->frame, &i->roce, NULL,
			  "nobody has asked for it");
}

static void nak_alone(struct role *p, const struct item *i, int code)
{
	const struct answering *a = p->answering;
	bool had = a->in_step && psn_diff(item_psn(i), a->epsn) < 0;

	if (code == NAK_PSN_SEQUENCE && !had && a->gap && !a->said_gap &&
	    !a->rnr)
		role_blame(p, DIFF_MISSING, i->frame, 0, &i->roce, NULL,
			   "no sequence NAK");
	else if (code == NAK_PSN_SEQUENCE || (code < 0 && had))
		role_blame(p, DIFF_LOST_BEHIND, i->frame, 0, &i->roce, NULL,
			   "the captured side had not got that");
	else
		role_blame(p, DIFF_NOT_TOLD, i->frame, 0, &i->roce, NULL,
			   "glassnic has no reason to refuse it");
}

/* The NIC did not take what @i accepts. */
static bool has_refused(const struct role *p, const struct item *i)
{
	const struct answering *a = p->answering;

	return a->in_step && a->refused && psn_diff(item_psn(i), a->epsn) >= 0;
}

static void answer_alone(struct role *p, const struct item *i)
{
	const struct answering *a = p->answering;
	struct out *refusal = find_fatal(p);
	int code;

	if (item_refuses(i, &code)) {
		nak_alone(p, i, code);
		return;
	}
	if (has_refused(p, i)) {
		role_blame(p, DIFF_REFUSES, i->frame, a->refused_frame,
			   &i->roce, refusal ? &refusal->roce : NULL,
			   "psn %u was accepted; glassnic: %s", a->epsn,
			   drop_word(a->word));
		answered_out_of_step(p, i->frame);
	} else if (refusal) {
		role_blame(p, DIFF_REFUSES, i->frame, refusal->frame, &i->roce,
			   &refusal->roce, "captured: accepted");
		answered_out_of_step(p, i->frame);
	} else if (!was_played(p, item_psn(i))) {
		role_blame(p, DIFF_LOST_REQUEST, i->frame, 0, &i->roce, NULL,
			   "what it answers was not played");
		if (psn_diff(item_psn(i), p->answering->epsn) >= 0)
			answered_out_of_step(p, i->frame);
	} else if (item_flags(i) & (IS_READ | HAS_ATOMICACK) &&
		   p->answering->has_acked &&
		   psn_diff(p->answering->acked, item_psn(i)) >= 0) {
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "answered again, but not asked for again");
	} else if (item_flags(i) & (IS_READ | HAS_ATOMICACK)) {
		role_blame(p, DIFF_MISSING, i->frame, 0, &i->roce, NULL,
			   "no such answer");
	} else {
		ack_alone(p, i);
	}
}

static bool is_settled(const struct answering *a, const struct item *i)
{
	return a->has_settled && psn_diff(item_psn(i), a->settled) <= 0;
}

/* What the captured side has said to be done. */
static void note_settled(struct answering *a, const struct item *i)
{
	if (!item_accepts(i) || is_settled(a, i))
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
		answered_note(p);
	} while (!o && may_come(p, i) && stage_step(&p->stage, deadline));
	return o;
}

/* The captured answer begins anew at its PSN, and was there before: that it was
 * asked for again was not seen.
 */
static bool begins_anew(const struct role *p, const struct item *i,
			const struct out *o)
{
	return out_is_data(o) && o->roce.bth.opcode != i->roce.bth.opcode &&
	       is_settled(p->answering, i);
}

void answered_judge(struct role *p, struct item *i)
{
	struct out *o;
	bool anew;

	stage_clock(&p->stage, i->nsec);
	o = await_out(p, i);
	anew = o && begins_anew(p, i, o);
	i->again = is_settled(p->answering, i);
	note_settled(p->answering, i);
	if (!o) {
		answer_alone(p, i);
		return;
	}
	pass_over(p, o, i->frame);
	i->cut |= o->vague;
	if (anew)
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, &o->roce,
			  "answered again, but not asked for again");
	else
		role_compare(p, i, o);
	stage_drop(&p->stage, o);
}

bool answered_has_new(const struct role *p, uint32_t psn)
{
	for (struct out *o = role_next(p, NULL); o; o = role_next(p, o))
		if (!o->known && out_psn(o) == psn)
			return true;
	return false;
}

void answered_bound(struct role *p, uint64_t frame)
{
	while (p->stage.nout > OUT_MAX)
		leave_out(p, role_next(p, NULL), frame);
}
