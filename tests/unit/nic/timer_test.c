/* The heap of deadlines. */
#include <criterion/criterion.h>
#include "nic/base/random.h"
#include "nic/base/timer.h"

#define N 200u

TestSuite(timer, .timeout = 120);

static struct timers ts;
static struct timer t[N];

static void open_it(void)
{
	timers_init(&ts);
	cr_assert_eq(timers_reserve(&ts, N), 0);
}

Test(timer, in_order)
{
	struct random r = {7};
	struct timer *due;
	nsec_t last = 0;
	unsigned n = 0;

	open_it();
	cr_assert_eq(timers_next(&ts), NSEC_NEVER);
	for (unsigned i = 0; i < N; i++)
		timer_arm(&ts, &t[i], random_next(&r) % 1000);
	for (unsigned i = 0; i < N; i += 3)
		timer_cancel(&ts, &t[i]);
	cr_assert(timers_next(&ts) < 1000);
	for (nsec_t now = 0; now <= 1000; now += 10)
		while ((due = timers_expired(&ts, now))) {
			cr_assert(due->at <= now && due->at >= last);
			cr_assert((due - t) % 3);
			cr_assert_eq(due->place, 0);
			last = due->at;
			n++;
		}
	cr_assert_eq(n, N - (N + 2) / 3);
	cr_assert_eq(timers_next(&ts), NSEC_NEVER);
	timers_fini(&ts);
}

/* Earlier takes effect, later does not: it fires early, and is armed again. */
Test(timer, moved)
{
	open_it();
	timer_arm(&ts, &t[0], 100);
	timer_arm(&ts, &t[0], 200);
	cr_assert_eq(timers_next(&ts), 100);
	timer_arm(&ts, &t[0], 50);
	cr_assert_eq(timers_next(&ts), 50);
	cr_assert_null(timers_expired(&ts, 49));
	cr_assert_eq(timers_expired(&ts, 50), &t[0]);
	timer_cancel(&ts, &t[0]); /* not armed: nothing */
	timer_arm(&ts, &t[0], 300);
	cr_assert_eq(timers_next(&ts), 300);
	timer_cancel(&ts, &t[0]);
	cr_assert_eq(timers_next(&ts), NSEC_NEVER);
	timers_fini(&ts);
}

/* Against the plainest model there is. */
Test(timer, random_use)
{
	struct random r = {3};
	nsec_t model[N];

	open_it();
	for (unsigned i = 0; i < N; i++)
		model[i] = NSEC_NEVER;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)(random_next(&r) % N);
		nsec_t at = random_next(&r) % 10000, min = NSEC_NEVER;

		if (random_next(&r) % 3) {
			timer_arm(&ts, &t[i], at);
			if (at < model[i])
				model[i] = at;
		} else {
			timer_cancel(&ts, &t[i]);
			model[i] = NSEC_NEVER;
		}
		for (unsigned k = 0; k < N; k++)
			if (model[k] < min)
				min = model[k];
		cr_assert_eq(timers_next(&ts), min);
	}
	timers_fini(&ts);
}
