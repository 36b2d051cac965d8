/* Work requests, translated. */
#include "verbs_shim/post.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include "tests/unit/shim/fake_mw.h"
#include "verbs_shim/ah.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/mw.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/srq.h"

static struct gn_send_wr posted[8];
static struct gn_recv_wr received[8];
static unsigned post_count, ring_count;
static unsigned fail_at = 8; /* which post fails */

int gn_post_send(struct gn_qp *qp, const struct gn_send_wr *wr)
{
	if (post_count == fail_at)
		return -ENOMEM;
	posted[post_count++] = *wr;
	return 0;
}

int gn_post_recv(struct gn_qp *qp, const struct gn_recv_wr *wr)
{
	if (post_count == fail_at)
		return -ENOMEM;
	received[post_count++] = *wr;
	return 0;
}

static struct gn_srq *received_by;

int gn_post_srq(struct gn_srq *srq, const struct gn_recv_wr *wr)
{
	received_by = srq;
	received[post_count++] = *wr;
	return 0;
}

void gn_qp_ring(struct gn_qp *qp)
{
	ring_count++;
}

static struct shim_qp rc = {.ex.qp_base.qp_type = IBV_QPT_RC};
static struct shim_qp ud = {.ex.qp_base.qp_type = IBV_QPT_UD};

static int send_wr(struct shim_qp *qp, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad;

	return post_send(&qp->ex.qp_base, wr, &bad);
}

Test(post, write_with_immediate)
{
	struct ibv_sge sge = {.addr = 0x1000, .length = 10, .lkey = 5};
	struct ibv_send_wr wr = {
		.wr_id = 77,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
		.send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE,
		.imm_data = htobe32(0x01020304),
		.wr.rdma = {.remote_addr = 0x2000, .rkey = 9},
	};

	cr_assert_eq(send_wr(&rc, &wr), 0);
	cr_assert_eq(posted[0].wr_id, 77);
	cr_assert_eq(posted[0].opcode, GN_WR_RDMA_WRITE_IMM);
	cr_assert_eq(posted[0].flags, GN_SEND_SIGNALED | GN_SEND_INLINE);
	cr_assert_eq(posted[0].imm, 0x01020304);
	cr_assert_eq(posted[0].remote_addr, 0x2000);
	cr_assert_eq(posted[0].rkey, 9);
	cr_assert_eq(posted[0].nsge, 1);
	cr_assert_eq(posted[0].sge[0].addr, 0x1000);
	cr_assert_eq(posted[0].sge[0].len, 10);
	cr_assert_eq(posted[0].sge[0].lkey, 5);
}

Test(post, key_to_invalidate_is_in_host_order)
{
	struct ibv_send_wr wr = {.opcode = IBV_WR_SEND_WITH_INV,
				 .invalidate_rkey = 0x01020304};

	send_wr(&rc, &wr);
	cr_assert_eq(posted[0].imm, 0x01020304);
}

Test(post, atomic)
{
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_ATOMIC_CMP_AND_SWP,
		.wr.atomic = {.remote_addr = 0x3000,
			      .compare_add = 1,
			      .swap = 2,
			      .rkey = 9},
	};

	send_wr(&rc, &wr);
	cr_assert_eq(posted[0].opcode, GN_WR_CMP_SWAP);
	cr_assert_eq(posted[0].remote_addr, 0x3000);
	cr_assert_eq(posted[0].compare_add, 1);
	cr_assert_eq(posted[0].swap, 2);
	cr_assert_eq(posted[0].rkey, 9);
}

Test(post, datagram)
{
	struct shim_ah ah;
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND,
		.wr.ud = {.ah = &ah.ibv, .remote_qpn = 3, .remote_qkey = 4},
	};

	send_wr(&ud, &wr);
	cr_assert_eq(posted[0].ah, &ah.ah);
	cr_assert_eq(posted[0].remote_qpn, 3);
	cr_assert_eq(posted[0].remote_qkey, 4);
}

Test(post, list_rings_once)
{
	struct ibv_send_wr wr[3] = {
		{.wr_id = 0, .next = &wr[1]},
		{.wr_id = 1, .next = &wr[2]},
		{.wr_id = 2},
	};

	cr_assert_eq(send_wr(&rc, wr), 0);
	cr_assert_eq(post_count, 3);
	cr_assert_eq(ring_count, 1);
}

Test(post, what_precedes_the_bad_request_is_sent)
{
	struct ibv_send_wr wr[3] = {{.next = &wr[1]}, {.next = &wr[2]}};
	struct ibv_send_wr *bad = NULL;

	fail_at = 2;
	cr_assert_eq(post_send(&rc.ex.qp_base, wr, &bad), ENOMEM);
	cr_assert_eq(bad, &wr[2]);
	cr_assert_eq(post_count, 2);
	cr_assert_eq(ring_count, 1);
}

Test(post, nothing_queued_rings_nothing)
{
	struct ibv_send_wr wr = {0}, *bad = NULL;

	fail_at = 0;
	cr_assert_eq(post_send(&rc.ex.qp_base, &wr, &bad), ENOMEM);
	cr_assert_eq(bad, &wr);
	cr_assert_eq(ring_count, 0);
}

Test(post, receives)
{
	struct ibv_sge sge = {.addr = 0x1000, .length = 10, .lkey = 5};
	struct ibv_recv_wr wr[2] = {
		{.wr_id = 1, .next = &wr[1], .sg_list = &sge, .num_sge = 1},
		{.wr_id = 2},
	};
	struct ibv_recv_wr *bad = NULL;

	fail_at = 1;
	cr_assert_eq(post_recv(&rc.ex.qp_base, wr, &bad), ENOMEM);
	cr_assert_eq(bad, &wr[1]);
	cr_assert_eq(received[0].wr_id, 1);
	cr_assert_eq(received[0].nsge, 1);
	cr_assert_eq(received[0].sge[0].lkey, 5);
}

Test(post, receives_of_a_shared_queue)
{
	struct shim_srq srq = {.srq = (struct gn_srq *)&srq};
	struct ibv_recv_wr wr[2] = {{.wr_id = 1, .next = &wr[1]}, {.wr_id = 2}};
	struct ibv_recv_wr *bad = NULL;

	cr_assert_eq(post_srq_recv(&srq.ibv, wr, &bad), 0);
	cr_assert_eq(received_by, srq.srq);
	cr_assert_eq(post_count, 2);
	cr_assert_eq(received[1].wr_id, 2);
}

Test(post, xrc_carries_the_remote_srq)
{
	struct shim_qp xrc = {.ex.qp_base.qp_type = IBV_QPT_XRC_SEND};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_RDMA_WRITE,
		.wr.rdma = {.remote_addr = 0x2000, .rkey = 9},
		.qp_type.xrc.remote_srqn = 77,
	};

	cr_assert_eq(send_wr(&xrc, &wr), 0);
	cr_assert_eq(posted[0].remote_srqn, 77);
	cr_assert_eq(posted[0].remote_addr, 0x2000);
	cr_assert_eq(posted[0].rkey, 9);
}

Test(post, bind_of_a_window)
{
	struct shim_mr mr = {.mr = (struct gn_mr *)&mr};
	struct shim_mw mw = {.ibv.type = IBV_MW_TYPE_2,
			     .mw = (struct gn_mw *)&mw};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_BIND_MW,
		.bind_mw = {.mw = &mw.ibv,
			    .rkey = 0x101,
			    .bind_info = {.mr = &mr.ibv,
					  .addr = 0x1000,
					  .length = 64,
					  .mw_access_flags =
						  IBV_ACCESS_REMOTE_READ}},
	};

	cr_assert_eq(send_wr(&rc, &wr), 0);
	cr_assert_eq(posted[0].mw, mw.mw);
	cr_assert_eq(posted[0].bind_mr, mr.mr);
	cr_assert_eq(posted[0].imm, 0x101);
	cr_assert_eq(posted[0].remote_addr, 0x1000);
	cr_assert_eq(posted[0].bind_len, 64);
	cr_assert_eq(posted[0].bind_access, GN_ACCESS_REMOTE_READ);
	mw.ibv.type = IBV_MW_TYPE_1;
	cr_assert_eq(send_wr(&rc, &wr), EINVAL);
}

Test(post, type_1_window_has_its_next_key_at_once)
{
	struct shim_mw mw = {.ibv = {.type = IBV_MW_TYPE_1, .rkey = 0x1ff}};
	struct ibv_mw_bind bind = {.wr_id = 3, .send_flags = IBV_SEND_SIGNALED};

	cr_assert_eq(mw_bind_type1(&rc.ex.qp_base, &mw.ibv, &bind), 0);
	cr_assert_eq(posted[0].opcode, GN_WR_BIND_MW);
	cr_assert_eq(posted[0].imm, 0x100);
	cr_assert_eq(posted[0].flags, GN_SEND_SIGNALED);
	cr_assert_eq(mw.ibv.rkey, 0x100);
	cr_assert_eq(ring_count, 1);
	fail_at = 1;
	cr_assert_eq(mw_bind_type1(&rc.ex.qp_base, &mw.ibv, &bind), ENOMEM);
	cr_assert_eq(mw.ibv.rkey, 0x100);
}

Test(post, negative_counts_are_refused)
{
	struct ibv_send_wr send = {.num_sge = -1}, *bad_send;
	struct ibv_recv_wr recv = {.num_sge = -1}, *bad_recv;

	cr_assert_eq(post_send(&rc.ex.qp_base, &send, &bad_send), EINVAL);
	cr_assert_eq(post_recv(&rc.ex.qp_base, &recv, &bad_recv), EINVAL);
	cr_assert_eq(post_count, 0);
}
