/* What the verbs of the device itself answer to nonsense. */
#include "tests/unit/shim/world.h"

#include <endian.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(errno_device, .init = world_open, .timeout = 120);

Test(errno_device, port_that_is_not_there)
{
	struct ibv_gid_entry entry;
	struct ibv_port_attr a;
	union ibv_gid gid;
	__be16 pkey;

	ERRNO_IS(ibv_query_port(ctx, 0, &a), EINVAL);
	ERRNO_IS(ibv_query_port(ctx, 2, &a), EINVAL);
	MINUS1_IS(ibv_query_gid(ctx, 2, 0, &gid), EINVAL);
	MINUS1_IS(ibv_query_pkey(ctx, 2, 0, &pkey), EINVAL);
	ERRNO_IS(ibv_query_gid_ex(ctx, 2, 0, &entry, 0), EINVAL);
}

Test(errno_device, tables)
{
	struct ibv_gid_entry entry;
	struct ibv_port_attr a;
	union ibv_gid gid;
	__be16 pkey;

	cr_assert_eq(ibv_query_port(ctx, 1, &a), 0);
	MINUS1_IS(ibv_query_gid(ctx, 1, a.gid_tbl_len, &gid), EINVAL);
	MINUS1_IS(ibv_query_pkey(ctx, 1, a.pkey_tbl_len, &pkey), EINVAL);
	ERRNO_IS(ibv_query_gid_ex(ctx, 1, (uint32_t)a.gid_tbl_len, &entry, 0),
		 EINVAL);
	ERRNO_IS(ibv_query_gid_ex(ctx, 1, (uint32_t)a.gid_tbl_len - 1, &entry,
				  0),
		 ENODATA);
	ERRNO_IS(ibv_query_gid_ex(ctx, 1, 0, &entry, 1), EOPNOTSUPP);
	ERRNO_IS((int)ibv_query_gid_table(ctx, &entry, 0, 0), -EINVAL);
	cr_expect_eq(ibv_get_pkey_index(ctx, 1, htobe16(0x1234)), -1);
}

Test(errno_device, queries)
{
	struct ibv_query_device_ex_input input = {.comp_mask = 1};
	struct ibv_values_ex values = {.comp_mask = 1 << 5};
	struct ibv_device_attr_ex ex;

	ERRNO_IS(ibv_query_device_ex(ctx, &input, &ex), EINVAL);
	ERRNO_IS(ibv_query_rt_values_ex(ctx, &values), EINVAL);
	values.comp_mask = IBV_VALUES_MASK_RAW_CLOCK;
	ERRNO_IS(ibv_query_rt_values_ex(ctx, &values), 0);
}

Test(errno_device, import)
{
	struct ibv_context *again;
	struct ibv_pd *shared;
	struct ibv_mr *region;
	int fds[2];

	NULL_IS(ibv_import_device(-1), EBADF);
	cr_assert_eq(pipe(fds), 0);
	NULL_IS(ibv_import_device(fds[0]), ESPIPE);
	NULL_IS(ibv_import_device(fileno(tmpfile())), EINVAL);
	again = ibv_import_device(dup(ctx->cmd_fd));
	cr_assert(again);
	NULL_IS(ibv_import_pd(again, 0), EINVAL);
	NULL_IS(ibv_import_pd(again, mr->handle), EINVAL);
	shared = ibv_import_pd(again, pd->handle);
	cr_assert(shared);
	region = ibv_import_mr(shared, mr->handle);
	cr_assert(region);
	ibv_unimport_mr(region);
	ibv_unimport_pd(shared);
	ERRNO_IS(ibv_close_device(again), 0);
	ERRNO_IS(ibv_dereg_mr(mr), 0); /* the original lives on */
}

Test(errno_device, fork)
{
	ERRNO_IS(ibv_fork_init(), 0);
	cr_expect_eq(ibv_is_fork_initialized(), IBV_FORK_UNNEEDED);
}
