/* What the verbs of memory answer when they are asked for nonsense: the values
 * that their man pages promise, and where those are silent, what rdma-core and
 * the kernel do.
 */
#include "tests/unit/shim/world.h"

#include <sys/mman.h>

TestSuite(errno_memory, .init = world_open, .timeout = 120);

Test(errno_memory, reg_mr)
{
	void *gap =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const char constant[4096] __attribute__((aligned(4096))) = {1};

	NULL_IS(ibv_reg_mr(pd, memory, 64, IBV_ACCESS_REMOTE_WRITE), EINVAL);
	NULL_IS(ibv_reg_mr(pd, memory, 64, IBV_ACCESS_REMOTE_ATOMIC), EINVAL);
	NULL_IS(ibv_reg_mr(pd, memory, 64, 1 << 19), EINVAL);
	NULL_IS(ibv_reg_mr(pd, memory, SIZE_MAX, IBV_ACCESS_LOCAL_WRITE),
		EINVAL);
	NULL_IS(ibv_reg_mr(pd, gap, 4096, IBV_ACCESS_LOCAL_WRITE), EFAULT);
	NULL_IS(ibv_reg_mr(pd, gap, 4096, 0), EFAULT);
	NULL_IS(ibv_reg_mr(pd, (void *)constant, 4096, IBV_ACCESS_LOCAL_WRITE),
		EFAULT);
	cr_expect(ibv_reg_mr(pd, (void *)constant, 4096, 0));
}

Test(errno_memory, optional_rights_are_never_refused)
{
	cr_expect(ibv_reg_mr_iova2(pd, memory, 64, 0,
				   IBV_ACCESS_RELAXED_ORDERING));
	cr_expect(ibv_reg_mr_iova2(pd, memory, 64, 0, 1u << 29));
}

Test(errno_memory, dmabuf)
{
	NULL_IS(ibv_reg_dmabuf_mr(pd, 0, 4096, 0, -1, 0), EOPNOTSUPP);
}

Test(errno_memory, rereg_mr_keeps_the_region_when_it_fails)
{
	uint32_t lkey = mr->lkey;

	cr_expect_eq(ibv_rereg_mr(mr, 0, NULL, NULL, 0, 0),
		     IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(ibv_rereg_mr(mr, 1 << 3, NULL, NULL, 0, 0),
		     IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(errno, EINVAL);
	cr_expect_eq(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, NULL,
				  NULL, 64, 0),
		     IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, NULL,
				  memory, 0, 0),
		     IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, NULL, NULL, 0, 0),
		     IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, other_pd, NULL, 0,
				  IBV_ACCESS_LOCAL_WRITE),
		     IBV_REREG_MR_ERR_INPUT, "rights without their flag");
	cr_expect_eq(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
				  IBV_ACCESS_REMOTE_WRITE),
		     IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(mr->lkey, lkey);
	cr_expect_eq(mr->pd, pd);
	cr_expect_eq(mr->length, sizeof(memory));
	cr_expect_eq(ibv_rereg_mr(mr,
				  IBV_REREG_MR_CHANGE_TRANSLATION |
					  IBV_REREG_MR_CHANGE_PD |
					  IBV_REREG_MR_CHANGE_ACCESS,
				  other_pd, memory, 64, 0),
		     0);
	cr_expect_eq(mr->pd, other_pd);
	cr_expect_eq(mr->length, 64);
}

static int advise(struct ibv_pd *of, unsigned advice, uint32_t flags,
		  uint64_t addr, uint32_t len, uint32_t lkey)
{
	struct ibv_sge sge = {.addr = addr, .length = len, .lkey = lkey};

	return ibv_advise_mr(of, advice, flags, &sge, 1);
}

Test(errno_memory, advise_mr)
{
	uint64_t at = (uintptr_t)memory;
	struct ibv_mr *read_only = ibv_reg_mr(pd, memory, 64, 0);
	struct ibv_sge sge = sge_at(0, 64);
	uint32_t key = mr->lkey;

	ERRNO_IS(advise(pd, IBV_ADVISE_MR_ADVICE_PREFETCH, 0, at, 64, key), 0);
	ERRNO_IS(advise(pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
			IBV_ADVISE_MR_FLAG_FLUSH, at, 64, key),
		 0);
	ERRNO_IS(advise(pd, IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT, 0, at, 64,
			key),
		 0);
	ERRNO_IS(advise(pd, 77, 0, at, 64, key), ENOTSUP);
	ERRNO_IS(advise(pd, 0, 1 << 5, at, 64, key), EINVAL);
	ERRNO_IS(ibv_advise_mr(pd, 0, 0, &sge, 0), EINVAL);
	ERRNO_IS(ibv_advise_mr(pd, 0, 0, NULL, 1), EINVAL);
	ERRNO_IS(advise(pd, 0, 0, at + sizeof(memory), 64, key), EFAULT);
	ERRNO_IS(advise(pd, 0, 0, at, 64, 0xdead01), ENOENT);
	ERRNO_IS(advise(other_pd, 0, 0, at, 64, key), EPERM);
	ERRNO_IS(advise(pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, 0, at, 64,
			read_only->lkey),
		 EPERM);
}

Test(errno_memory, mw)
{
	struct ibv_mw *mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
	struct ibv_mw *type2 = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
	struct ibv_mr *foreign = ibv_reg_mr(other_pd, memory, 64, ALL_RIGHTS);
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_mw_bind bind = {.bind_info = {.mr = mr,
						 .addr = (uintptr_t)memory,
						 .length = 64}};

	cr_assert(mw && type2);
	NULL_IS(ibv_alloc_mw(pd, 0), EINVAL);
	NULL_IS(ibv_alloc_mw(pd, 3), EINVAL);
	ERRNO_IS(ibv_bind_mw(qp, type2, &bind), EINVAL);
	ERRNO_IS(ibv_bind_mw(qp, mw, &bind), EINVAL); /* QP in RESET */
	bind.bind_info.mr = foreign;
	ERRNO_IS(ibv_bind_mw(qp, mw, &bind), EPERM);
	bind.bind_info.mr = NULL;
	ERRNO_IS(ibv_bind_mw(qp, mw, &bind), EINVAL);
	ERRNO_IS(ibv_dealloc_mw(mw), 0);
	ERRNO_IS(ibv_dealloc_mw(type2), 0);
}

Test(errno_memory, region_with_a_window_is_busy)
{
	struct ibv_mw *mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_mw_bind bind = {
		.send_flags = IBV_SEND_SIGNALED,
		.bind_info = {.mr = mr,
			      .addr = (uintptr_t)memory,
			      .length = 64,
			      .mw_access_flags = IBV_ACCESS_REMOTE_READ}};
	struct ibv_wc wc = {.status = IBV_WC_GENERAL_ERR};

	to_rts(qp);
	cr_assert_eq(ibv_bind_mw(qp, mw, &bind), 0);
	while (!ibv_poll_cq(cq, 1, &wc))
		;
	cr_assert_eq(wc.status, IBV_WC_SUCCESS);
	cr_assert_eq(wc.opcode, IBV_WC_BIND_MW);
	ERRNO_IS(ibv_dereg_mr(mr), EBUSY);
	cr_expect_eq(
		ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0, 0),
		IBV_REREG_MR_ERR_INPUT);
	cr_expect_eq(errno, EBUSY);
	ERRNO_IS(ibv_dealloc_mw(mw), 0);
	ERRNO_IS(ibv_dereg_mr(mr), 0);
}

static struct ibv_dm *alloc_dm(size_t len, uint32_t align, uint32_t comp_mask)
{
	struct ibv_alloc_dm_attr a = {len, align, comp_mask};

	return ibv_alloc_dm(ctx, &a);
}

Test(errno_memory, dm)
{
	struct ibv_device_attr_ex ex;
	struct ibv_dm *dm = alloc_dm(64, 6, 0);
	unsigned rights = IBV_ACCESS_ZERO_BASED | IBV_ACCESS_LOCAL_WRITE;
	struct ibv_mr *region;
	char data[64];

	cr_assert(dm);
	ibv_query_device_ex(ctx, NULL, &ex);
	NULL_IS(alloc_dm(ex.max_dm_size + 1, 0, 0), ENOMEM);
	NULL_IS(alloc_dm(64, 0, 2), EINVAL);
	NULL_IS(alloc_dm(64, 40, 0), EINVAL);
	ERRNO_IS(ibv_memcpy_to_dm(dm, 2, data, 4), EINVAL);
	ERRNO_IS(ibv_memcpy_to_dm(dm, 0, data, 3), EINVAL);
	ERRNO_IS(ibv_memcpy_to_dm(dm, 64, data, 4), EFAULT);
	ERRNO_IS(ibv_memcpy_from_dm(data, dm, 60, 8), EFAULT);
	NULL_IS(ibv_reg_dm_mr(pd, dm, 0, 64, IBV_ACCESS_LOCAL_WRITE), EINVAL);
	NULL_IS(ibv_reg_dm_mr(pd, dm, 60, 8, rights), EINVAL);
	region = ibv_reg_dm_mr(pd, dm, 0, 64, rights);
	cr_assert(region);
	ERRNO_IS(ibv_free_dm(dm), EBUSY);
	ERRNO_IS(ibv_dereg_mr(region), 0);
	ERRNO_IS(ibv_free_dm(dm), 0);
}

Test(errno_memory, import)
{
	struct ibv_dm *dm = alloc_dm(64, 0, 0), *again;

	NULL_IS(ibv_import_mr(pd, 0), EINVAL);
	NULL_IS(ibv_import_mr(pd, pd->handle), EINVAL);
	NULL_IS(ibv_import_mr(other_pd, mr->handle), EINVAL);
	NULL_IS(ibv_import_dm(ctx, mr->handle), EINVAL);
	again = ibv_import_dm(ctx, dm->handle);
	cr_assert(again);
	ibv_unimport_dm(again);
}

Test(errno_memory, pd_in_use_is_busy)
{
	ERRNO_IS(ibv_dealloc_pd(pd), EBUSY);
	ERRNO_IS(ibv_dereg_mr(mr), 0);
	ERRNO_IS(ibv_dealloc_pd(pd), 0);
	ERRNO_IS(ibv_dealloc_pd(other_pd), 0);
}
