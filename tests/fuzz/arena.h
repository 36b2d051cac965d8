/* Memory that a peer may reach in different ways, between guards.  All but the
 * open region holds a secret: it must never change, and never leave.
 */
#ifndef TESTS_FUZZ_ARENA_H
#define TESTS_FUZZ_ARENA_H

#include "nic/mw.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/kinds.h"

#define PART	 8192u
#define SECRET	 0xee
#define READABLE 0x33
#define SECRETS	 12u /* so many in a row are no accident */

/* Between any two of them lies a guard. */
enum part { OPEN, READ_ONLY, PRIVATE, FOREIGN, PARTS };

struct arena {
	uint8_t *mem; /* guard, part, guard, part, ..., guard */
	struct gn_pd *other;
	struct gn_mr *mr[PARTS];
	struct gn_mw *mw[2]; /* type 1, type 2 */
};

#define ARENA_LEN ((2 * PARTS + 1) * PART)
#define ALL_REMOTE                                                             \
	(GN_ACCESS_LOCAL_WRITE | GN_ACCESS_REMOTE_WRITE |                      \
	 GN_ACCESS_REMOTE_READ | GN_ACCESS_REMOTE_ATOMIC | GN_ACCESS_MW_BIND | \
	 GN_ACCESS_FLUSH_GLOBAL)

static inline uint8_t *arena_at(const struct arena *a, enum part part)
{
	return a->mem + (2u * part + 1) * PART;
}

static inline void arena_open(struct arena *a, const struct side *s)
{
	static const unsigned access[PARTS] = {
		[OPEN] = ALL_REMOTE,
		[READ_ONLY] = GN_ACCESS_REMOTE_READ | GN_ACCESS_MW_BIND,
		[PRIVATE] = GN_ACCESS_LOCAL_WRITE,
		[FOREIGN] = ALL_REMOTE,
	};

	a->mem = malloc(ARENA_LEN);
	FUZZ_CHECK(a->mem);
	memset(a->mem, SECRET, ARENA_LEN);
	memset(arena_at(a, OPEN), 0x11, PART);
	memset(arena_at(a, READ_ONLY), READABLE, PART);
	CHECK_EQ(pd_new(s->engine, &a->other), 0);
	for (unsigned i = 0; i < PARTS; i++)
		CHECK_EQ(mr_new(i == FOREIGN ? a->other : s->pd, arena_at(a, i),
				PART, (uintptr_t)arena_at(a, i), access[i],
				&a->mr[i]),
			 0);
	CHECK_EQ(mw_new(s->pd, 1, &a->mw[0]), 0);
	CHECK_EQ(mw_new(s->pd, 2, &a->mw[1]), 0);
}

static inline bool arena_all(const uint8_t *p, uint8_t value)
{
	return *p == value && !memcmp(p, p + 1, PART - 1);
}

static inline void arena_check(const struct arena *a)
{
	for (unsigned i = 0; i < 2 * PARTS + 1; i++) {
		uint8_t value = i == 2 * READ_ONLY + 1 ? READABLE : SECRET;

		if (i != 2 * OPEN + 1)
			FUZZ_CHECK(arena_all(a->mem + i * PART, value));
	}
}

/* What leaves holds nothing secret. */
static inline void arena_check_sent(const uint8_t *p, size_t len)
{
	unsigned run = 0;

	for (size_t i = 0; i < len; i++) {
		run = p[i] == SECRET ? run + 1 : 0;
		FUZZ_CHECK(run < SECRETS);
	}
}

static inline void arena_close(struct arena *a)
{
	arena_check(a);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(mw_free(a->mw[i]), 0);
	for (unsigned i = 0; i < PARTS; i++)
		CHECK_EQ(mr_free(a->mr[i]), 0);
	CHECK_EQ(pd_free(a->other), 0);
	free(a->mem);
}

#endif
