/* Packets that no rule hits stay in the batch and go down with it.  One that is
 * hit becomes a parcel: a copy in one piece, damaged as its fate says, which is
 * then held or sent, once or more often.
 */
#include "nic/impair/impair_link.h"

#include <errno.h>
#include <stdlib.h>
#include "nic/base/note.h"
#include "nic/impair/damage.h"
#include "nic/impair/passage.h"
#include "wire/icrc.h"

#define PARCEL_MAX 65536u

struct impair_link {
	struct link link;
	struct link_ops
		ops; /* those of the link below decide which there are */
	struct link *below;
	struct impair *im;
	struct passage out, in;
	uint8_t sending[PARCEL_MAX]; /* bytes of the parcel at work */
	uint8_t arriving[PARCEL_MAX];
};

static struct impair_link *of(const struct link *l)
{
	return (struct impair_link *)(uintptr_t)l;
}

/* Bytes of the IP packet around @len bytes of BTH to pad. */
static uint32_t wire_len(const struct ip_addr *dst, size_t len)
{
	return (uint32_t)((ip_is_v4(dst) ? IPV4_LEN : IPV6_LEN) + UDP_LEN +
			  len + ICRC_LEN);
}

/* ---- out ---- */

static enum drop send_parcel(void *ctx, const struct parcel *c,
			     struct note *note, nsec_t now)
{
	struct impair_link *i = ctx;
	uint32_t head = c->len < BTH_LEN ? c->len : BTH_LEN;
	struct pkt p;

	pkt_reset(&p);
	p.src = c->src;
	p.dst = c->dst;
	p.sport = c->sport;
	p.tos = c->tos;
	p.ttl = c->ttl;
	p.icrc_flip = c->icrc_flip;
	p.note = c->note[0] ? c->note : NULL;
	memcpy(pkt_push(&p, head), c->bytes, head);
	pkt_add_span(&p, c->bytes + head, c->len - head);
	link_send(i->below, &p, 1, now);
	return DROP_NONE;
}

static void lose_out(struct impair_link *i, struct pkt *p, const char *why,
		     nsec_t now)
{
	char note[HELD_NOTE_MAX];

	join_notes(note, sizeof(note), why, p->note);
	p->note = note;
	p->lost = true;
	link_send(i->below, p, 1, now);
}

static void pack_out(struct impair_link *i, const struct pkt *p,
		     const struct fate *f, struct parcel *c)
{
	c->src = p->src;
	c->dst = p->dst;
	c->sport = p->sport;
	c->tos = p->tos | (f->mark ? ECN_CE : 0);
	c->ttl = p->ttl;
	c->bytes = i->sending;
	pkt_flatten(p, c->bytes);
	c->len = damage_body(f, c->bytes, p->len);
	c->icrc_flip = p->icrc_flip ^ damage_icrc(f, c->len);
	join_notes(c->note, sizeof(c->note), f->note, p->note);
}

static void meet_fate_out(struct impair_link *i, struct pkt *p,
			  const struct fate *f, nsec_t now)
{
	struct parcel c;

	if (f->lost || p->lost) {
		lose_out(i, p, f->note, now);
		return;
	}
	pack_out(i, p, f, &c);
	if (!passage_out(&i->out, &c, f, now))
		lose_out(i, p, IMPAIR_FULL, now);
}

static bool judge_out(struct impair_link *i, const struct pkt *p, nsec_t now,
		      struct fate *f)
{
	struct impair_view v = {.src = p->src, .dst = p->dst};
	uint8_t peek[VIEW_PEEK];
	struct span start = {peek, pkt_peek(p, peek, sizeof(peek))};

	if (p->len > PARCEL_MAX || !view_roce(&v, start, p->len))
		return false;
	v.len = wire_len(&p->dst, p->len);
	return impair_judge(i->im, IMPAIR_OUT, &v, now, f);
}

static void ilink_send(struct link *l, struct pkt *batch, unsigned n,
		       nsec_t now)
{
	struct impair_link *i = of(l);
	unsigned start = 0;
	struct fate f;

	for (unsigned k = 0; k < n && impair_concerns(i->im, IMPAIR_OUT); k++) {
		bool hit = judge_out(i, &batch[k], now, &f);

		if (!hit && !i->out.held.waiting)
			continue;
		if (k + !hit > start)
			link_send(i->below, batch + start, k + !hit - start,
				  now);
		start = k + 1;
		if (hit)
			meet_fate_out(i, &batch[k], &f, now);
		else
			passage_passed(&i->out, now);
	}
	if (n > start)
		link_send(i->below, batch + start, n - start, now);
}

/* ---- in ---- */

static enum drop deliver_parcel(void *ctx, const struct parcel *c,
				struct note *note, nsec_t now)
{
	struct impair_link *i = ctx;
	struct dgram d = {
		.src = c->src,
		.dst = c->dst,
		.sport = c->sport,
		.tos = c->tos,
		.ttl = c->ttl,
		.has_mac = c->has_mac,
		.src_mac = c->src_mac,
		.data = {c->bytes, c->len},
		.note = note,
	};

	return i->link.deliver(i->link.ctx, &d, now);
}

static void pack_in(struct impair_link *i, const struct dgram *d,
		    const struct fate *f, struct parcel *c)
{
	c->src = d->src;
	c->dst = d->dst;
	c->sport = d->sport;
	c->tos = d->tos | (f->mark ? ECN_CE : 0);
	c->ttl = d->ttl;
	c->has_mac = d->has_mac;
	c->src_mac = d->src_mac;
	c->bytes = i->arriving;
	memcpy(c->bytes, d->data.p, d->data.len);
	c->len = damage_body(f, c->bytes, (uint32_t)d->data.len);
	c->note[0] = '\0';
}

static enum drop meet_fate_in(struct impair_link *i, const struct dgram *d,
			      const struct fate *f, nsec_t now)
{
	enum drop v = f->lost	      ? DROP_IMPAIRED
		      : f->icrc_wrong ? DROP_ICRC
				      : DROP_NONE;
	struct note none = {""};
	struct parcel c;

	if (d->note)
		join_notes(d->note->text, sizeof(d->note->text), f->note,
			   f->lost ? NULL : note_text(&none, v));
	if (v != DROP_NONE)
		return v;
	pack_in(i, d, f, &c);
	return passage_in(&i->in, &c, f, d->note, now);
}

static bool judge_in(struct impair_link *i, const struct dgram *d, nsec_t now,
		     struct fate *f)
{
	struct impair_view v = {.src = d->src, .dst = d->dst};

	if (!impair_concerns(i->im, IMPAIR_IN) || d->data.len > PARCEL_MAX ||
	    !view_roce(&v, d->data, d->data.len))
		return false;
	v.len = wire_len(&d->dst, d->data.len);
	return impair_judge(i->im, IMPAIR_IN, &v, now, f);
}

static enum drop ilink_deliver(void *ctx, const struct dgram *d, nsec_t now)
{
	struct impair_link *i = ctx;
	struct fate f;
	enum drop v;

	if (judge_in(i, d, now, &f))
		return meet_fate_in(i, d, &f, now);
	v = i->link.deliver(i->link.ctx, d, now);
	passage_passed(&i->in, now);
	return v;
}

static bool ilink_raw(void *ctx, struct span frame, nsec_t now)
{
	struct impair_link *i = ctx;

	return i->link.raw && i->link.raw(i->link.ctx, frame, now);
}

/* ---- the link ---- */

static unsigned ilink_receive(struct link *l, unsigned budget, nsec_t now)
{
	return link_receive(of(l)->below, budget, now);
}

static nsec_t ilink_deadline(const struct link *l)
{
	const struct impair_link *i = of(l);
	nsec_t due = link_deadline(i->below);
	nsec_t in = held_deadline(&i->in.held);
	nsec_t out = held_deadline(&i->out.held);

	due = in < due ? in : due;
	return out < due ? out : due;
}

static void ilink_tick(struct link *l, nsec_t now)
{
	struct impair_link *i = of(l);

	if (link_deadline(i->below) <= now)
		link_tick(i->below, now);
	passage_release(&i->in, now);
	passage_release(&i->out, now);
}

static unsigned ilink_fds(const struct link *l, int fd[LINK_FDS])
{
	return link_fds(of(l)->below, fd);
}

static int ilink_reaches(const struct link *l, const struct ip_addr *dst)
{
	const struct link *below = of(l)->below;

	return below->ops->reaches(below, dst);
}

static void ilink_prepare(struct link *l, const struct ip_addr *dst, nsec_t now)
{
	link_prepare(of(l)->below, dst, now);
}

static int ilink_join(struct link *l, const struct ip_addr *group, bool member)
{
	struct link *below = of(l)->below;

	return below->ops->join(below, group, member);
}

static void ilink_send_frames(struct link *l, struct pkt *batch, unsigned n,
			      nsec_t now)
{
	struct link *below = of(l)->below;

	below->ops->send_frames(below, batch, n, now);
}

static void ilink_free(struct link *l)
{
	struct impair_link *i = of(l);

	link_free(i->below);
	passage_fini(&i->in);
	passage_fini(&i->out);
	free(i);
}

static void ilink_drain(struct link *l, nsec_t now)
{
	passage_drain(&of(l)->out, now);
}

static bool ilink_doze(struct link *l)
{
	return link_doze(of(l)->below);
}

static void ilink_wake(struct link *l, bool readable)
{
	link_wake(of(l)->below, readable);
}

static const struct link_ops impair_link_ops = {
	.send = ilink_send,
	.receive = ilink_receive,
	.deadline = ilink_deadline,
	.tick = ilink_tick,
	.fds = ilink_fds,
	.reaches = ilink_reaches,
	.prepare = ilink_prepare,
	.join = ilink_join,
	.send_frames = ilink_send_frames,
	.drain = ilink_drain,
	.doze = ilink_doze,
	.wake = ilink_wake,
	.free = ilink_free,
};

static void put_around(struct impair_link *i, struct link *below,
		       struct impair *im)
{
	i->link = *below;
	i->link.deliver = NULL;
	i->link.raw = NULL;
	i->ops = impair_link_ops;
	if (!below->ops->send_frames)
		i->ops.send_frames = NULL;
	i->link.ops = &i->ops;
	i->below = below;
	i->im = im;
	link_set_up(below, ilink_deliver, i);
	below->raw = ilink_raw;
}

int impair_link_new(struct link *below, struct impair *im,
		    struct link **wrapped)
{
	struct impair_link *i = calloc(1, sizeof(*i));

	if (!i)
		goto err_below;
	if (passage_init(&i->in, im, deliver_parcel, i, below->counters) ||
	    passage_init(&i->out, im, send_parcel, i, below->counters))
		goto err_free;
	put_around(i, below, im);
	*wrapped = &i->link;
	return 0;
err_free:
	passage_fini(&i->in);
	passage_fini(&i->out);
	free(i);
err_below:
	link_free(below);
	return -ENOMEM;
}
