/* Timers: a binary heap of deadlines.  A timer is embedded in what it times;
 * moving it later is free (it fires early, and its owner looks again), so a hot
 * path that only ever pushes its deadline away touches no heap.
 */
#ifndef NIC_BASE_TIMER_H
#define NIC_BASE_TIMER_H

#include <stddef.h>
#include "nic/base/time.h"

struct timer {
	void (*fire)(struct timer *t, nsec_t now); /* set by the owner */
	nsec_t at;
	size_t place; /* in the heap, from 1; 0: not in it */
};

struct timers {
	struct timer **heap; /* [1 .. n] */
	size_t n, room;
};

void timers_init(struct timers *ts);
void timers_fini(struct timers *ts);
/* Makes room for @n timers in all; arming them cannot fail then.  -ENOMEM. */
int timers_reserve(struct timers *ts, size_t n);
/* Arms @t for @at, unless it is armed for an earlier time already. */
void timer_arm(struct timers *ts, struct timer *t, nsec_t at);
void timer_cancel(struct timers *ts, struct timer *t);
/* Takes the earliest timer that is due at @now out of the heap, or NULL. */
struct timer *timers_expired(struct timers *ts, nsec_t now);
/* When the earliest is due, or NSEC_NEVER. */
nsec_t timers_next(const struct timers *ts);

#endif
