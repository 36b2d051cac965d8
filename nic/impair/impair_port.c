/* As impair_link.c, for whole frames.  While there is a rule for a direction,
 * every frame of it is looked at in one piece.
 */
#include "nic/impair/impair_port.h"

#include <errno.h>
#include <stdlib.h>
#include "nic/base/note.h"
#include "nic/impair/damage.h"
#include "nic/impair/frame.h"
#include "nic/impair/passage.h"

#define FRAME_MAX 65600u /* an IP packet of any length, and its headers */

struct impair_port {
	struct port port;
	struct port *below;
	struct impair *im;
	struct passage out, in;
	uint8_t sending[FRAME_MAX]; /* the frame at work */
	uint8_t arriving[FRAME_MAX];
};

/* A frame that is judged. */
struct subject {
	struct impair_view view;
	struct frame_map map;
	struct fate fate;
};

static struct impair_port *of(const struct port *p)
{
	return (struct impair_port *)(uintptr_t)p;
}

/* Whether any rule hits it. */
static bool judge(struct impair_port *i, enum impair_dir dir, struct span frame,
		  nsec_t now, struct subject *s)
{
	frame_view(frame, &s->view, &s->map);
	return impair_judge(i->im, dir, &s->view, now, &s->fate);
}

/* @bytes, of @len, as they become. */
static struct parcel damaged(const struct subject *s, uint8_t *bytes,
			     uint32_t len)
{
	return (struct parcel){
		.bytes = bytes,
		.len = frame_damage(&s->fate, &s->view, &s->map, bytes, len),
	};
}

/* ---- out ---- */

static enum drop send_parcel(void *ctx, const struct parcel *c,
			     struct note *note, nsec_t now)
{
	struct impair_port *i = ctx;
	struct pkt p;

	pkt_reset(&p);
	p.note = c->note[0] ? c->note : NULL;
	pkt_add_span(&p, c->bytes, c->len);
	port_send(i->below, &p, 1, now);
	return DROP_NONE;
}

static void lose_out(struct impair_port *i, struct pkt *p, const char *why,
		     nsec_t now)
{
	char note[HELD_NOTE_MAX];

	join_notes(note, sizeof(note), why, p->note);
	p->note = note;
	p->lost = true;
	port_send(i->below, p, 1, now);
}

/* i->sending holds the frame. */
static void meet_fate_out(struct impair_port *i, struct pkt *p,
			  const struct subject *s, nsec_t now)
{
	const struct fate *f = &s->fate;
	struct parcel c;

	if (f->lost || p->lost) {
		lose_out(i, p, f->note, now);
		return;
	}
	c = damaged(s, i->sending, p->len);
	join_notes(c.note, sizeof(c.note), f->note, p->note);
	if (!passage_out(&i->out, &c, f, now))
		lose_out(i, p, IMPAIR_FULL, now);
}

static bool judge_out(struct impair_port *i, const struct pkt *p, nsec_t now,
		      struct subject *s)
{
	struct span frame = {i->sending, p->len};

	if (p->len > FRAME_MAX)
		return false;
	pkt_flatten(p, i->sending);
	return judge(i, IMPAIR_OUT, frame, now, s);
}

static void iport_send(struct port *port, struct pkt *batch, unsigned n,
		       nsec_t now)
{
	struct impair_port *i = of(port);
	unsigned start = 0;
	struct subject s;

	for (unsigned k = 0; k < n && impair_concerns(i->im, IMPAIR_OUT); k++) {
		bool hit = judge_out(i, &batch[k], now, &s);

		if (!hit && !i->out.held.waiting)
			continue;
		if (k + !hit > start)
			port_send(i->below, batch + start, k + !hit - start,
				  now);
		start = k + 1;
		if (hit)
			meet_fate_out(i, &batch[k], &s, now);
		else
			passage_passed(&i->out, now);
	}
	if (n > start)
		port_send(i->below, batch + start, n - start, now);
}

/* ---- in ---- */

static enum drop deliver_parcel(void *ctx, const struct parcel *c,
				struct note *note, nsec_t now)
{
	struct impair_port *i = ctx;
	struct span frame = {c->bytes, c->len};

	return i->port.deliver(i->port.ctx, frame, note, now);
}

static enum drop meet_fate_in(struct impair_port *i, struct span frame,
			      const struct subject *s, struct note *note,
			      nsec_t now)
{
	const struct fate *f = &s->fate;
	struct parcel c;

	if (note)
		join_notes(note->text, sizeof(note->text), f->note, NULL);
	if (f->lost)
		return DROP_IMPAIRED;
	memcpy(i->arriving, frame.p, frame.len);
	c = damaged(s, i->arriving, (uint32_t)frame.len);
	return passage_in(&i->in, &c, f, note, now);
}

static enum drop iport_frame(void *ctx, struct span frame, struct note *note,
			     nsec_t now)
{
	struct impair_port *i = ctx;
	struct subject s;
	enum drop v;

	if (impair_concerns(i->im, IMPAIR_IN) && frame.len <= FRAME_MAX &&
	    judge(i, IMPAIR_IN, frame, now, &s))
		return meet_fate_in(i, frame, &s, note, now);
	v = i->port.deliver(i->port.ctx, frame, note, now);
	passage_passed(&i->in, now);
	return v;
}

/* ---- the port ---- */

static unsigned iport_receive(struct port *port, unsigned budget, nsec_t now)
{
	return port_receive(of(port)->below, budget, now);
}

static nsec_t iport_deadline(const struct port *port)
{
	const struct impair_port *i = of(port);
	nsec_t due = i->below->ops->deadline(i->below);
	nsec_t in = held_deadline(&i->in.held);
	nsec_t out = held_deadline(&i->out.held);

	due = in < due ? in : due;
	return out < due ? out : due;
}

static void iport_tick(struct port *port, nsec_t now)
{
	struct impair_port *i = of(port);

	i->below->ops->tick(i->below, now);
	passage_release(&i->in, now);
	passage_release(&i->out, now);
}

static unsigned iport_fds(const struct port *port, int fd[PORT_FDS])
{
	const struct port *below = of(port)->below;

	return below->ops->fds(below, fd);
}

static void iport_free(struct port *port)
{
	struct impair_port *i = of(port);

	port_free(i->below);
	passage_fini(&i->in);
	passage_fini(&i->out);
	free(i);
}

static void iport_drain(struct port *port, nsec_t now)
{
	passage_drain(&of(port)->out, now);
}

static void iport_want(struct port *port, const struct port_wants *w)
{
	port_want(of(port)->below, w);
}

static bool iport_doze(struct port *p)
{
	return port_doze(of(p)->below);
}

static void iport_wake(struct port *p, bool readable)
{
	port_wake(of(p)->below, readable);
}

static const struct port_ops impair_port_ops = {
	.send = iport_send,
	.receive = iport_receive,
	.deadline = iport_deadline,
	.tick = iport_tick,
	.fds = iport_fds,
	.want = iport_want,
	.drain = iport_drain,
	.doze = iport_doze,
	.wake = iport_wake,
	.free = iport_free,
};

int impair_port_new(struct port *below, struct impair *im,
		    struct port **wrapped)
{
	struct impair_port *i = calloc(1, sizeof(*i));

	if (!i)
		goto err_below;
	if (passage_init(&i->in, im, deliver_parcel, i, below->counters) ||
	    passage_init(&i->out, im, send_parcel, i, below->counters))
		goto err_free;
	i->port = *below;
	i->port.ops = &impair_port_ops;
	i->below = below;
	i->im = im;
	port_set_up(below, iport_frame, i);
	*wrapped = &i->port;
	return 0;
err_free:
	passage_fini(&i->in);
	passage_fini(&i->out);
	free(i);
err_below:
	port_free(below);
	return -ENOMEM;
}
