/* Captured requests meet the NIC's, by PSN: who comes first waits, the NIC's in
 * stage.out, the captured ones in owed.
 */
#include <stdlib.h>
#include "replay/asking.h"

static bool wants_data(const struct roce *r)
{
	return !(r->op->flags & (IS_SEND | IS_WRITE));
}

/* A datagram's PSN is no sign: they come in their order. */
struct out *meeting_find(struct role *p, const struct item *i)
{
	struct out *o = role_next(p, NULL);

	while (o && !role_is_datagram(p) && o->roce.bth.psn != item_psn(i))
		o = role_next(p, o);
	return o;
}

static struct item *find_owed(struct role *p, const struct out *o)
{
	struct list *owed = &p->asking->owed;

	for (struct list *at = owed->next; at != owed; at = at->next) {
		struct item *i = list_entry(at, struct item, node);

		if (role_is_datagram(p) || item_psn(i) == o->roce.bth.psn)
			return i;
	}
	return NULL;
}

static void note_sent(struct role *p, struct out *o)
{
	struct asking *a = p->asking;
	uint32_t psn = o->roce.bth.psn;
	uint32_t end = psn_add(psn, request_span(&o->roce, p->flow->pmtu));

	o->known = true;
	o->again = psn_diff(psn, a->sent) < 0;
	if (a->owes_back && psn == a->back)
		a->owes_back = false;
	if (psn_diff(end, a->sent) > 0)
		a->sent = end;
	if (wants_data(&o->roce) && !o->again)
		missing_note(p, &o->roce);
}

/* What the NIC has sent since meets those that waited for it. */
void meeting_note(struct role *p)
{
	struct out *o = role_next(p, NULL), *next;

	for (; o; o = next) {
		struct item *i;

		next = role_next(p, o);
		if (o->known)
			continue;
		note_sent(p, o);
		i = find_owed(p, o);
		if (!i)
			continue;
		role_compare(p, i, o);
		list_del(&i->node);
		p->asking->nowed--;
		free(i);
		stage_drop(&p->stage, o);
	}
}

static void leave_out(struct role *p, struct out *o, uint64_t frame)
{
	const struct asking *a = p->asking;

	if (!role_is_datagram(p) && psn_diff(o->roce.bth.psn, a->take) >= 0)
		role_blame(p, DIFF_DIFFERS, frame, 0, NULL, &o->roce,
			   "no work request asks for it");
	else if (o->again)
		role_note(p, DIFF_TIMING, frame, NULL, &o->roce,
			  "sent again, by glassnic only");
	else if (psn_diff(o->roce.bth.psn, a->seen) < 0)
		role_note(p, DIFF_LOST_REQUEST, frame, NULL, &o->roce,
			  "not in the capture");
	else
		role_note(p, DIFF_CUT_OFF, frame, NULL, &o->roce,
			  "the captured side did not get so far");
	stage_drop(&p->stage, o);
}

/* What is acknowledged is not waited for. */
void meeting_leave_below(struct role *p, uint32_t psn, uint64_t frame)
{
	struct out *o = role_next(p, NULL), *next;

	for (; o; o = next) {
		next = role_next(p, o);
		if (psn_diff(o->roce.bth.psn, psn) < 0)
			leave_out(p, o, frame);
	}
}

static void leave_owed(struct role *p, struct item *i)
{
	struct asking *a = p->asking;
	bool answered =
		!role_is_answered(p) || psn_diff(a->fed, item_psn(i)) > 0;

	if (a->over)
		role_blame(p, DIFF_CUT_OFF, i->frame, 0, &i->roce, NULL,
			   "after the NAK glassnic sends nothing");
	else if (answered && a->doubt)
		role_note(p, DIFF_LOST_ANSWER, i->frame, &i->roce, NULL,
			  "glassnic waits for answers that were not seen");
	else if (answered)
		role_blame(p, DIFF_MISSING, i->frame, 0, &i->roce, NULL,
			   "not sent");
	else
		role_note(p, DIFF_WINDOW, i->frame, &i->roce, NULL,
			  "glassnic was not there yet");
	list_del(&i->node);
	a->nowed--;
	free(i);
}

/* What the NIC owes may yet come. */
void meeting_await(struct role *p)
{
	nsec_t deadline = stage_deadline(&p->stage);

	while (!list_empty(&p->asking->owed) && !p->asking->over &&
	       stage_step(&p->stage, deadline))
		meeting_note(p);
}

void meeting_leave_all(struct role *p, uint64_t frame)
{
	struct list *owed = &p->asking->owed;
	struct out *o;

	meeting_await(p);
	while ((o = role_next(p, NULL)))
		leave_out(p, o, frame);
	while (!list_empty(owed))
		leave_owed(p, list_entry(owed->next, struct item, node));
}
