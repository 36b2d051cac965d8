#include "overlay/fdb.h"

#include <criterion/criterion.h>
#include <errno.h>

#define AGEING (300 * SEC)

static struct fdb f;
static struct ip_addr vtep1, vtep2;

static void start(void)
{
	ip_parse(&vtep1, "192.0.2.1");
	ip_parse(&vtep2, "192.0.2.2");
	fdb_init(&f, AGEING);
}

TestSuite(fdb, .init = start);

static struct mac mac_of(uint32_t i)
{
	struct mac m = {{2, 0}};

	put_be32(m.b + 2, i);
	return m;
}

/* How many of the MACs from @first up to @end are in the table. */
static unsigned found(uint32_t first, uint32_t end, nsec_t now)
{
	unsigned k = 0;

	for (uint32_t i = first; i < end; i++) {
		struct mac m = mac_of(i);

		k += fdb_find(&f, &m, now) != NULL;
	}
	return k;
}

Test(fdb, learned_entry_ages)
{
	struct mac m = mac_of(1), other = mac_of(2);

	cr_assert_null(fdb_find(&f, &m, 0));
	fdb_learn(&f, &m, &vtep1, 10);
	cr_assert_null(fdb_find(&f, &other, 10));
	cr_assert(ip_equal(&fdb_find(&f, &m, 9 + AGEING)->vtep, &vtep1));
	cr_assert_null(fdb_find(&f, &m, 10 + AGEING));
}

Test(fdb, seen_again_lives_longer_and_may_move)
{
	struct mac m = mac_of(1);

	fdb_learn(&f, &m, &vtep1, 0);
	fdb_learn(&f, &m, &vtep2, SEC);
	cr_assert(ip_equal(&fdb_find(&f, &m, AGEING)->vtep, &vtep2));
	cr_assert_null(fdb_find(&f, &m, AGEING + SEC));
}

Test(fdb, static_entry_stays)
{
	struct mac m = mac_of(1);

	fdb_learn(&f, &m, &vtep2, 0);
	cr_assert_eq(fdb_static(&f, &m, &vtep1), 0);
	fdb_learn(&f, &m, &vtep2, 1);
	fdb_local(&f, &m, 2);
	cr_assert_eq(fdb_find(&f, &m, NSEC_NEVER - 1)->kind, FDB_STATIC);
	cr_assert(ip_equal(&fdb_find(&f, &m, 1)->vtep, &vtep1));
	cr_assert_eq(fdb_static(&f, &m, &vtep2), 0, "can be told anew");
	cr_assert(ip_equal(&fdb_find(&f, &m, 1)->vtep, &vtep2));
}

/* Nobody outside takes over a MAC of our side while it is alive. */
Test(fdb, local_entry_is_not_learned_away)
{
	struct mac m = mac_of(1);

	fdb_learn(&f, &m, &vtep1, 0);
	fdb_local(&f, &m, 1);
	fdb_learn(&f, &m, &vtep2, 2);
	cr_assert_eq(fdb_find(&f, &m, 2)->kind, FDB_LOCAL);
	fdb_learn(&f, &m, &vtep2, 1 + AGEING);
	cr_assert_eq(fdb_find(&f, &m, 1 + AGEING)->kind, FDB_LEARNED);
}

Test(fdb, holds_half_its_size_nearly_always)
{
	for (uint32_t i = 0; i < FDB_MAX / 2; i++) {
		struct mac m = mac_of(i);

		fdb_learn(&f, &m, &vtep1, i);
	}
	cr_assert_geq(found(0, FDB_MAX / 2, FDB_MAX), FDB_MAX / 2 * 95 / 100);
}

/* A flood of MACs displaces neither static nor local entries, and the newest
 * entry is always there.
 */
Test(fdb, flood_of_macs)
{
	struct mac fixed = mac_of(1000000), local = mac_of(1000001);

	fdb_static(&f, &fixed, &vtep1);
	fdb_local(&f, &local, 0);
	for (uint32_t i = 0; i < 10 * FDB_MAX; i++) {
		struct mac m = mac_of(i);

		fdb_learn(&f, &m, &vtep2, i);
		cr_assert_not_null(fdb_find(&f, &m, i));
	}
	cr_assert_not_null(fdb_find(&f, &fixed, SEC));
	cr_assert_not_null(fdb_find(&f, &local, SEC));
	cr_assert_leq(found(0, 10 * FDB_MAX, SEC), FDB_MAX);
	cr_assert_geq(found(10 * FDB_MAX - FDB_MAX / 2, 10 * FDB_MAX, SEC),
		      FDB_MAX / 2 * 95 / 100, "the oldest make room");
}

Test(fdb, full_of_static_entries)
{
	int error = 0;
	uint32_t i;

	for (i = 0; i <= FDB_MAX && !error; i++) {
		struct mac m = mac_of(i);

		error = fdb_static(&f, &m, &vtep1);
	}
	cr_assert_eq(error, -ENOSPC);
	cr_assert_eq(found(0, i - 1, 0), i - 1, "none of the others was lost");
}
