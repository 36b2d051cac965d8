#include "nic/base/timer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void timers_init(struct timers *ts)
{
	*ts = (struct timers){ 0 };
}

void timers_fini(struct timers *ts)
{
	free(ts->heap);
	timers_init(ts);
}

int timers_reserve(struct timers *ts, size_t n)
{
	size_t room = ts->room ? ts->room : 64;
	struct timer **heap;

	if (n <= ts->room)
		return 0;
	while (room < n)
		room *= 2;
	heap = realloc(ts->heap, (room + 1) * sizeof(struct timer *));
	if (!heap)
		return -ENOMEM;
	ts->heap = heap;
	ts->room = room;
	return 0;
}

static void put(struct timers *ts, size_t place, struct timer *t)
{
	ts->heap[place] = t;
	t->place = place;
}

static void sift_up(struct timers *ts, struct timer *t)
{
	size_t i = t->place;

	for (; i > 1 && ts->heap[i / 2]->at > t->at; i /= 2)
		put(ts, i, ts->heap[i / 2]);
	put(ts, i, t);
}

static void sift_down(struct timers *ts, struct timer *t)
{
	size_t i = t->place;

	for (size_t c; (c = 2 * i) <= ts->n; i = c) {
		if (c < ts->n && ts->heap[c + 1]->at < ts->heap[c]->at)
			c++;
		if (ts->heap[c]->at >= t->at)
			break;
		put(ts, i, ts->heap[c]);
	}
	put(ts, i, t);
}

void timer_arm(struct timers *ts, struct timer *t, nsec_t at)
{
	if (!t->place) {
		assert(ts->n < ts->room);
		t->at = at;
		put(ts, ++ts->n, t);
		sift_up(ts, t);
	} else if (at < t->at) {
		t->at = at;
		sift_up(ts, t);
	}
}

void timer_cancel(struct timers *ts, struct timer *t)
{
	size_t place = t->place;
	struct timer *last;

	if (!place)
		return;
	t->place = 0;
	last = ts->heap[ts->n--];
	if (last == t)
		return;
	put(ts, place, last);
	sift_up(ts, last);
	sift_down(ts, last);
}

struct timer *timers_expired(struct timers *ts, nsec_t now)
{
	struct timer *t;

	if (!ts->n || ts->heap[1]->at > now)
		return NULL;
	t = ts->heap[1];
	timer_cancel(ts, t);
	return t;
}

nsec_t timers_next(const struct timers *ts)
{
	return ts->n ? ts->heap[1]->at : NSEC_NEVER;
}
