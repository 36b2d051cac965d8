#include "verbs_shim/handle.h"

#include <criterion/criterion.h>
#include <stddef.h>

Test(handle, leads_to_its_object)
{
	int a, b;
	uint32_t ha, hb;

	cr_assert_eq(handle_new(HANDLE_PD, &a, &ha), 0);
	cr_assert_eq(handle_new(HANDLE_MR, &b, &hb), 0);
	cr_assert_neq(ha, 0);
	cr_assert_neq(ha, hb);
	cr_assert_eq(handle_lock(HANDLE_PD, ha), &a);
	handle_unlock();
	cr_assert_eq(handle_lock(HANDLE_MR, hb), &b);
	handle_unlock();
}

Test(handle, of_another_kind_or_freed_or_never_made_is_none)
{
	int a;
	uint32_t h;

	handle_new(HANDLE_PD, &a, &h);
	cr_assert_null(handle_lock(HANDLE_MR, h));
	cr_assert_null(handle_lock(HANDLE_PD, 0));
	cr_assert_null(handle_lock(HANDLE_PD, 1u << 30));
	handle_free(h);
	cr_assert_null(handle_lock(HANDLE_PD, h));
}

Test(handle, freed_rests_before_it_is_used_again)
{
	uint32_t first, h;
	int a;

	handle_new(HANDLE_PD, &a, &first);
	handle_free(first);
	for (int i = 0; i < 200; i++) {
		handle_new(HANDLE_PD, &a, &h);
		cr_assert_neq(h, first);
		handle_free(h);
	}
}

Test(handle, table_grows)
{
	enum { N = 5000 };
	static int objects[N];
	static uint32_t h[N];

	for (int i = 0; i < N; i++)
		cr_assert_eq(handle_new(HANDLE_QP, &objects[i], &h[i]), 0);
	for (int i = 0; i < N; i++) {
		cr_assert_eq(handle_lock(HANDLE_QP, h[i]), &objects[i]);
		handle_unlock();
	}
}
