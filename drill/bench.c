#include "drill/bench.h"

#include <stdlib.h>
#include <string.h>

struct seen *bench_see(struct bench *b, enum seen_kind kind, nsec_t at,
		       const void *bytes, size_t len)
{
	struct seen *s = calloc(1, sizeof(*s) + len + 1);

	if (!s)
		return NULL;
	s->kind = kind;
	s->at = s->since = at;
	s->len = len;
	if (len)
		memcpy(s->bytes, bytes, len);
	list_add_tail(&b->seen, &s->node);
	b->nseen++;
	return s;
}

struct seen *bench_see_packet(struct bench *b, nsec_t at, const struct dgram *d)
{
	struct seen *s = bench_see(b, SEEN_PACKET, at, d->data.p, d->data.len);

	if (!s)
		return NULL;
	s->src = d->src;
	s->dst = d->dst;
	s->sport = d->sport;
	s->tos = d->tos;
	s->ttl = d->ttl;
	return s;
}

static struct seen *find(const struct bench *b, enum seen_kind kind)
{
	for (struct list *n = b->seen.next; n != &b->seen; n = n->next) {
		struct seen *s = list_entry(n, struct seen, node);

		if (s->kind == kind)
			return s;
	}
	return NULL;
}

struct seen *bench_take(struct bench *b, enum seen_kind kind)
{
	struct seen *s = find(b, kind);

	if (s)
		list_del(&s->node);
	return s;
}

bool bench_has(const struct bench *b, enum seen_kind kind)
{
	return find(b, kind);
}

void bench_forget(struct bench *b)
{
	while (!list_empty(&b->seen)) {
		struct seen *s = list_entry(b->seen.next, struct seen, node);

		list_del(&s->node);
		free(s);
	}
}
