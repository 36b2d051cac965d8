/* A binary heap of slot numbers, by time and then by order of arrival. */
#include "nic/impair/held.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "nic/base/lazy.h"

struct held_slot {
	struct parcel parcel; /* first: parcels are given back as slots */
	nsec_t until;
	uint64_t seq;
	unsigned overtake;
};

int held_init(struct held *h)
{
	memset(h, 0, sizeof(*h));
	h->slot = malloc(HELD_MAX * sizeof(*h->slot));
	h->bytes = lazy_alloc((size_t)HELD_MAX * HELD_LEN_MAX);
	h->heap = malloc(HELD_MAX * sizeof(*h->heap));
	h->unused = malloc(HELD_MAX * sizeof(*h->unused));
	if (h->slot && h->bytes && h->heap && h->unused)
		return 0;
	held_fini(h);
	return -ENOMEM;
}

void held_fini(struct held *h)
{
	free(h->slot);
	lazy_free(h->bytes, (size_t)HELD_MAX * HELD_LEN_MAX);
	free(h->heap);
	free(h->unused);
	memset(h, 0, sizeof(*h));
}

static bool is_before(const struct held *h, uint32_t a, uint32_t b)
{
	const struct held_slot *x = &h->slot[h->heap[a]];
	const struct held_slot *y = &h->slot[h->heap[b]];

	return x->until != y->until ? x->until < y->until : x->seq < y->seq;
}

static void swap(struct held *h, uint32_t a, uint32_t b)
{
	uint32_t slot = h->heap[a];

	h->heap[a] = h->heap[b];
	h->heap[b] = slot;
}

static void sift_up(struct held *h, uint32_t i)
{
	for (; i && is_before(h, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(h, i, (i - 1) / 2);
}

static void sift_down(struct held *h, uint32_t i)
{
	for (uint32_t child = 2 * i + 1; child < h->n; child = 2 * i + 1) {
		if (child + 1 < h->n && is_before(h, child + 1, child))
			child++;
		if (!is_before(h, child, i))
			return;
		swap(h, i, child);
		i = child;
	}
}

bool held_put(struct held *h, const struct parcel *p, nsec_t until,
	      unsigned overtake)
{
	struct held_slot *s;
	uint32_t slot;

	if (p->len > HELD_LEN_MAX || (!h->nunused && h->touched == HELD_MAX))
		return false;
	slot = h->nunused ? h->unused[--h->nunused] : h->touched++;
	s = &h->slot[slot];
	s->parcel = *p;
	s->parcel.bytes = h->bytes + (size_t)slot * HELD_LEN_MAX;
	memcpy(s->parcel.bytes, p->bytes, p->len);
	s->until = until;
	s->seq = h->seq++;
	s->overtake = overtake;
	h->waiting += overtake > 0;
	h->heap[h->n] = slot;
	sift_up(h, h->n++);
	return true;
}

struct parcel *held_take(struct held *h, nsec_t now)
{
	struct held_slot *s;

	if (!h->n)
		return NULL;
	s = &h->slot[h->heap[0]];
	if (s->until > now)
		return NULL;
	h->waiting -= s->overtake > 0;
	h->heap[0] = h->heap[--h->n];
	sift_down(h, 0);
	return &s->parcel;
}

void held_give_back(struct held *h, struct parcel *p)
{
	const struct held_slot *s = (const struct held_slot *)p;

	h->unused[h->nunused++] = (uint32_t)(s - h->slot);
}

nsec_t held_deadline(const struct held *h)
{
	return h->n ? h->slot[h->heap[0]].until : NSEC_NEVER;
}

/* Who has been passed often enough is due at once.  A place further up the heap
 * may be taken by one that was looked at already, never by one that was not.
 */
void held_passed(struct held *h)
{
	for (uint32_t i = 0; h->waiting && i < h->n; i++) {
		struct held_slot *s = &h->slot[h->heap[i]];

		if (!s->overtake || --s->overtake)
			continue;
		h->waiting--;
		s->until = 0;
		sift_up(h, i);
	}
}
