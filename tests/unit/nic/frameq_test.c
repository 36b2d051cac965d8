#include "nic/base/frameq.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct frameq q;

static void start(void)
{
	cr_assert_eq(frameq_init(&q, 4096, 50), 0);
}

static void stop(void)
{
	frameq_fini(&q);
}

TestSuite(frameq, .init = start, .fini = stop);

/* A packet of @len bytes, all @fill, in pieces. */
static bool put(uint8_t fill, size_t len)
{
	static uint8_t bytes[5000];
	size_t head = len < 14 ? len : 14;
	struct pkt p;

	memset(bytes, fill, sizeof(bytes));
	pkt_reset(&p);
	memset(pkt_push(&p, head), fill, head);
	pkt_add_span(&p, bytes, len - head);
	return frameq_put(&q, &p);
}

Test(frameq, first_in_first_out_for_ever)
{
	struct {
		uint8_t fill;
		size_t len;
	} model[50];
	unsigned n = 0, refused = 0;

	srand(1);
	for (int round = 0; round < 20000; round++) {
		uint8_t fill = (uint8_t)rand();
		size_t len = (size_t)(rand() % 900);
		struct span f;

		if (rand() % 5 < 3) {
			if (put(fill, len)) {
				model[n].fill = fill;
				model[n++].len = len;
			} else {
				refused++;
			}
			continue;
		}
		cr_assert_eq(frameq_first(&q, &f), n > 0);
		if (!n)
			continue;
		cr_assert_eq(f.len, model[0].len);
		cr_assert(f.p >= q.ring && f.p + f.len <= q.ring + q.size);
		for (size_t i = 0; i < f.len; i++)
			cr_assert_eq(f.p[i], model[0].fill);
		frameq_drop(&q);
		memmove(model, model + 1, --n * sizeof(model[0]));
	}
	cr_assert_gt(refused, 100, "it was full at times");
}

Test(frameq, bounds)
{
	for (unsigned i = 0; i < 50; i++)
		cr_assert(put(1, 1));
	cr_assert_not(put(1, 1), "51 packets");
	cr_assert_eq(frameq_clear(&q), 50);
	cr_assert_not(put(1, 4089), "longer than all of it");
	cr_assert(put(1, 4088), "exactly all of it");
	cr_assert_not(put(1, 0));
	frameq_drop(&q);
	cr_assert(put(1, 0));
}
