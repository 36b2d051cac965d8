#include "trace/select.h"
#include <stdlib.h>
#include "trace/by_stream.h"

struct select {
	uint32_t qpn;
	bool *is_from; /* by the stream's number */
	uint32_t n;
};

struct select *select_new(uint32_t qpn)
{
	struct select *s = calloc(1, sizeof(*s));

	if (s)
		s->qpn = qpn;
	return s;
}

void select_free(struct select *s)
{
	if (!s)
		return;
	free(s->is_from);
	free(s);
}

static bool note_from(struct select *s, const struct stream *t)
{
	uint32_t n = by_stream_room(s->n, t->number);
	bool *more;

	if (n > s->n) {
		more = by_stream_grow(s->is_from, s->n, n, sizeof(*more));
		if (!more)
			return false;
		s->is_from = more;
		s->n = n;
	}
	s->is_from[t->number] = true;
	return true;
}

bool select_learn(struct select *s, const struct stream *t)
{
	if (!t || !t->peer)
		return true;
	if (t->key.dqpn == s->qpn && !note_from(s, t->peer))
		return false;
	return t->peer->key.dqpn != s->qpn || note_from(s, t);
}

bool select_wants(const struct select *s, const struct packet *p,
		  const struct stream *t)
{
	if (packet_has_bth(p) && p->roce.bth.dqpn == s->qpn)
		return true;
	if (!t)
		return false;
	if (t->key.transport == TRANSPORT_UD)
		return t->key.sqpn == s->qpn;
	return t->number < s->n && s->is_from[t->number];
}
