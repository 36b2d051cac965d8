#include "nic/impair/passage.h"

#include "nic/base/note.h"
#include "nic/impair/damage.h"

int passage_init(struct passage *p, struct impair *im, passage_go go, void *ctx,
		 struct counters *counters)
{
	p->im = im;
	p->go = go;
	p->ctx = ctx;
	p->counters = counters;
	return held_init(&p->held);
}

/* Nobody asks for its verdict any more. */
static void go_alone(struct passage *p, const struct parcel *c, nsec_t now)
{
	enum drop v = p->go(p->ctx, c, NULL, now);

	if (v != DROP_NONE)
		p->counters->drop[v]++;
}

/* What is due by @due. */
static void let_go(struct passage *p, nsec_t due, nsec_t now)
{
	struct parcel *c;

	while ((c = held_take(&p->held, due))) {
		go_alone(p, c, now);
		held_give_back(&p->held, c);
	}
}

void passage_release(struct passage *p, nsec_t now)
{
	let_go(p, now, now);
}

void passage_drain(struct passage *p, nsec_t now)
{
	let_go(p, NSEC_NEVER, now);
}

void passage_passed(struct passage *p, nsec_t now)
{
	if (!p->held.waiting)
		return;
	held_passed(&p->held);
	passage_release(p, now);
}

/* False: there is no room, and it is lost. */
static bool hold(struct passage *p, const struct parcel *c,
		 const struct fate *f)
{
	if (held_put(&p->held, c, f->until, f->overtake))
		return true;
	count(p->im->counters, CNT_IMPAIR_LOST);
	return false;
}

static void hold_copies(struct passage *p, const struct parcel *c,
			const struct fate *f)
{
	for (unsigned n = 0; n < f->copies; n++)
		hold(p, c, f);
}

bool passage_out(struct passage *p, const struct parcel *c,
		 const struct fate *f, nsec_t now)
{
	if (f->until) {
		bool room = hold(p, c, f);

		hold_copies(p, c, f);
		return room;
	}
	for (unsigned n = 0; n <= f->copies; n++) {
		go_alone(p, c, now);
		passage_passed(p, now);
	}
	return true;
}

/* The first copy's verdict; the capture shows it beside what was done. */
static enum drop deliver(struct passage *p, const struct parcel *c,
			 const struct fate *f, struct note *note, nsec_t now)
{
	struct note above = {""};
	enum drop v = p->go(p->ctx, c, note ? &above : NULL, now);

	if (note)
		join_notes(note->text, sizeof(note->text), f->note,
			   note_text(&above, v));
	for (unsigned n = 0; n < f->copies; n++)
		go_alone(p, c, now);
	passage_passed(p, now);
	return v;
}

enum drop passage_in(struct passage *p, const struct parcel *c,
		     const struct fate *f, struct note *note, nsec_t now)
{
	if (!f->until)
		return deliver(p, c, f, note, now);
	if (hold(p, c, f)) {
		hold_copies(p, c, f);
		return DROP_NONE;
	}
	if (note)
		join_notes(note->text, sizeof(note->text), IMPAIR_FULL, NULL);
	return DROP_IMPAIRED;
}
