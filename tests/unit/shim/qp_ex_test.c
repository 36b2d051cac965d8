/* Posting by calls: everything between start and complete, or nothing. */
#include "verbs_shim/qp_ex.h"

#include <criterion/criterion.h>
#include <endian.h>
#include "tests/unit/shim/fake_nic.h"
#include "verbs_shim/ah.h"

static struct shim_qp qp = {.ex.qp_base.qp_type = IBV_QPT_RC};
static struct ibv_qp_ex *ex = &qp.ex;

static void set_up(void)
{
	qp_ex_init(&qp, qp_ex_ops(IBV_QPT_RC));
}

TestSuite(qp_ex, .init = set_up, .timeout = 120);

Test(qp_ex, is_found_only_where_it_was_asked_for)
{
	struct shim_qp plain = {.qp = NULL};

	cr_assert_eq(ibv_qp_to_qp_ex(&qp.ex.qp_base), ex);
	cr_assert_null(ibv_qp_to_qp_ex(&plain.ex.qp_base));
}

Test(qp_ex, batch_is_posted_by_complete)
{
	ibv_wr_start(ex);
	ex->wr_id = 1;
	ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_send_imm(ex, htobe32(0x01020304));
	ibv_wr_set_sge(ex, 5, 0x1000, 10);
	ex->wr_id = 2;
	ex->wr_flags = 0;
	ibv_wr_rdma_write(ex, 9, 0x2000);
	cr_assert_eq(fake_post_count, 0);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_post_count, 2);
	cr_assert_eq(fake_ring_count, 1);
	cr_assert_eq(fake_posted[0].wr_id, 1);
	cr_assert_eq(fake_posted[0].opcode, GN_WR_SEND_IMM);
	cr_assert_eq(fake_posted[0].flags, GN_SEND_SIGNALED);
	cr_assert_eq(fake_posted[0].imm, 0x01020304);
	cr_assert_eq(fake_posted[0].nsge, 1);
	cr_assert_eq(fake_posted[0].sge[0].addr, 0x1000);
	cr_assert_eq(fake_posted[0].sge[0].len, 10);
	cr_assert_eq(fake_posted[0].sge[0].lkey, 5);
	cr_assert_eq(fake_posted[1].wr_id, 2);
	cr_assert_eq(fake_posted[1].rkey, 9);
	cr_assert_eq(fake_posted[1].remote_addr, 0x2000);
	cr_assert_eq(fake_posted[1].nsge, 0);
}

Test(qp_ex, abort_forgets)
{
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_abort(ex);
	ibv_wr_start(ex);
	ibv_wr_rdma_read(ex, 1, 2);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_post_count, 1);
	cr_assert_eq(fake_posted[0].opcode, GN_WR_RDMA_READ);
}

Test(qp_ex, nothing_built_posts_nothing)
{
	ibv_wr_start(ex);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_ring_count, 0);
}

Test(qp_ex, failure_of_the_queue_is_told_by_complete)
{
	fake_post_rc = -ENOMEM;
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	cr_assert_eq(ibv_wr_complete(ex), ENOMEM);
	cr_assert_eq(fake_ring_count, 0);
	fake_post_rc = 0;
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_post_count, 1);
}

Test(qp_ex, inline_data_is_copied_by_the_setter)
{
	char a[] = "abc", b[] = "defg";
	struct ibv_data_buf list[] = {{a, 3}, {b, 4}};

	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_inline_data_list(ex, 2, list);
	/* Later requests move the room that the first one's data is in. */
	for (int i = 0; i < 7; i++) {
		ibv_wr_rdma_write(ex, 9, 0x2000);
		for (int n = 0; n < 100; n++)
			ibv_wr_set_sge(ex, 5, 0x1000, 10);
	}
	memset(a, 'x', sizeof(a));
	memset(b, 'x', sizeof(b));
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_posted[0].flags, GN_SEND_INLINE);
	cr_assert_eq(fake_posted[0].nsge, 1);
	cr_assert_eq(fake_posted[0].sge[0].len, 7);
	cr_assert_eq(memcmp((void *)(uintptr_t)fake_posted[0].sge[0].addr,
			    "abcdefg", 7),
		     0);
	cr_assert_eq(fake_posted[7].sge[0].addr, 0x1000);
}

Test(qp_ex, atomic_write_takes_its_eight_bytes)
{
	uint64_t data = 0x0102030405060708;

	ibv_wr_start(ex);
	ibv_wr_atomic_write(ex, 9, 0x2000, &data);
	data = 0;
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_posted[0].opcode, GN_WR_ATOMIC_WRITE);
	cr_assert_eq(fake_posted[0].sge[0].len, 8);
	cr_assert_eq(*(uint64_t *)(uintptr_t)fake_posted[0].sge[0].addr,
		     0x0102030405060708);
	cr_assert_eq(qp_ex_inline(IBV_QP_EX_WITH_ATOMIC_WRITE, 0), 8);
	cr_assert_eq(qp_ex_inline(IBV_QP_EX_WITH_ATOMIC_WRITE, 64), 64);
	cr_assert_eq(qp_ex_inline(IBV_QP_EX_WITH_SEND, 0), 0);
}

Test(qp_ex, flush_is_where_version_56_has_it)
{
	cr_assert_eq(offsetof(struct qp_ex_v56, wr_flush),
		     offsetof(struct ibv_qp_ex, wr_atomic_write) + 8);
	ibv_wr_start(ex);
	qp.v56.wr_flush(ex, 9, 0x2000, 64, 1, 1);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_posted[0].opcode, GN_WR_FLUSH);
	cr_assert_eq(fake_posted[0].flush_len, 64);
	cr_assert_eq(fake_posted[0].flush_type, 1);
	cr_assert_eq(fake_posted[0].flush_level, 1);
}

Test(qp_ex, setter_without_a_request_fails)
{
	ibv_wr_start(ex);
	ibv_wr_set_sge(ex, 5, 0x1000, 10);
	cr_assert_eq(ibv_wr_complete(ex), EINVAL);
	cr_assert_eq(fake_post_count, 0);
}

Test(qp_ex, operation_that_was_not_asked_for_fails_all)
{
	struct shim_qp sends = {.ex.qp_base.qp_type = IBV_QPT_RC};

	qp_ex_init(&sends, IBV_QP_EX_WITH_SEND);
	ibv_wr_start(&sends.ex);
	ibv_wr_send(&sends.ex);
	ibv_wr_rdma_read(&sends.ex, 1, 2);
	ibv_wr_set_sge(&sends.ex, 5, 0x1000, 10);
	cr_assert_eq(ibv_wr_complete(&sends.ex), EOPNOTSUPP);
	cr_assert_eq(fake_post_count, 0);
	qp_ex_fini(&sends);
}

Test(qp_ex, addresses_of_datagrams_and_xrc)
{
	struct shim_ah ah;

	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_ud_addr(ex, &ah.ibv, 3, 4);
	ibv_wr_set_xrc_srqn(ex, 5);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(fake_posted[0].ah, &ah.ah);
	cr_assert_eq(fake_posted[0].remote_qpn, 3);
	cr_assert_eq(fake_posted[0].remote_qkey, 4);
	cr_assert_eq(fake_posted[0].remote_srqn, 5);
}

Test(qp_ex, operations_of_each_type)
{
	cr_assert(qp_ex_ops(IBV_QPT_RC) & IBV_QP_EX_WITH_ATOMIC_WRITE);
	cr_assert_eq(qp_ex_ops(IBV_QPT_UD),
		     IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM);
	cr_assert_not(qp_ex_ops(IBV_QPT_UC) & IBV_QP_EX_WITH_RDMA_READ);
	cr_assert_not(qp_ex_ops(IBV_QPT_UC) & IBV_QP_EX_WITH_SEND_WITH_INV);
	cr_assert_eq(qp_ex_ops(IBV_QPT_XRC_RECV), 0);
}
