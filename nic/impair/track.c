#include "nic/impair/track.h"

#include "wire/opcode.h"

#define FLOWS_MAX (TRACK_FLOWS / 4 * 3)
#define QPN_CM	  1u /* connection management, and what is below it */

static bool is_of(const struct track_flow *f, enum impair_dir dir,
		  const struct ip_addr *dst, uint32_t dqpn)
{
	return f->dqpn == dqpn && f->dir == dir && ip_equal(&f->dst, dst);
}

static struct track_flow *add_flow(struct track *t, struct track_flow *f,
				   enum impair_dir dir,
				   const struct ip_addr *dst, uint32_t dqpn)
{
	if (t->nflow == FLOWS_MAX)
		return NULL;
	t->nflow++;
	f->used = true;
	f->dir = dir;
	f->dst = *dst;
	f->dqpn = dqpn;
	if (dqpn > QPN_CM && dqpn != QPN_MASK)
		f->nth = ++t->qps[dir];
	return f;
}

static struct track_flow *find_flow(struct track *t, enum impair_dir dir,
				    const struct ip_addr *dst, uint32_t dqpn)
{
	uint32_t hash =
		(dqpn ^ get_be32(dst->b + 12) ^ (uint32_t)dir) * 0x9e3779b1u;
	uint32_t i = hash >> 16 & (TRACK_FLOWS - 1);

	while (t->flow[i].used && !is_of(&t->flow[i], dir, dst, dqpn))
		i = (i + 1) & (TRACK_FLOWS - 1);
	if (t->flow[i].used)
		return &t->flow[i];
	return add_flow(t, &t->flow[i], dir, dst, dqpn);
}

static void note_psn(struct track_stream *s, uint32_t psn)
{
	if (!s->seen) {
		s->seen = true;
		s->first = psn;
		s->round = 1;
	} else if (psn_diff(psn, s->last) <= 0) {
		s->round++;
	}
	s->last = psn;
}

struct track_flow *track_packet(struct track *t, enum impair_dir dir,
				const struct ip_addr *dst,
				const struct bth *bth,
				struct track_stream **stream)
{
	const struct opcode *op = opcode_find(bth->opcode);
	struct track_flow *f = find_flow(t, dir, dst, bth->dqpn);

	if (!f)
		return NULL;
	*stream = &f->stream[op && op->flags & IS_RESPONSE];
	note_psn(*stream, bth->psn);
	return f;
}
