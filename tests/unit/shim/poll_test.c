/* Completions, all at once and field by field. */
#include "verbs_shim/cq.h"

#include <criterion/criterion.h>
#include <endian.h>
#include "tests/unit/shim/fake_nic.h"

static void queue(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fake_wc[fake_wc_count++] = (struct gn_wc){
			.wr_id = i,
			.opcode = GN_WC_RECV,
			.byte_len = 100 + i,
			.qpn = 17,
			.src_qp = 18,
			.flags = GN_WC_WITH_IMM,
			.imm_or_rkey = 0x01020304,
		};
}

Test(poll, more_than_a_batch_comes_in_order)
{
	struct ibv_cq *cq = ibv_create_cq(fake_open(), 64, NULL, NULL, 0);
	struct ibv_wc wc[64];

	queue(40);
	cr_assert_eq(cq_poll(cq, 35, wc), 35);
	for (unsigned i = 0; i < 35; i++)
		cr_assert_eq(wc[i].wr_id, i);
	cr_assert_eq(cq_poll(cq, 35, wc), 5);
	cr_assert_eq(cq_poll(cq, 35, wc), 0);
}

Test(poll, translates_fields)
{
	struct ibv_cq *cq = ibv_create_cq(fake_open(), 64, NULL, NULL, 0);
	struct ibv_wc wc;

	queue(1);
	cr_assert_eq(cq_poll(cq, 1, &wc), 1);
	cr_assert_eq(wc.status, IBV_WC_SUCCESS);
	cr_assert_eq(wc.opcode, IBV_WC_RECV);
	cr_assert_eq(wc.byte_len, 100);
	cr_assert_eq(wc.qp_num, 17);
	cr_assert_eq(wc.src_qp, 18);
	cr_assert_eq(wc.wc_flags, IBV_WC_WITH_IMM);
	cr_assert_eq(be32toh(wc.imm_data), 0x01020304);
}

Test(poll, invalidated_key_is_in_host_order)
{
	struct ibv_cq *cq = ibv_create_cq(fake_open(), 64, NULL, NULL, 0);
	struct ibv_wc wc;

	queue(1);
	fake_wc[0].flags = GN_WC_WITH_INV;
	cr_assert_eq(cq_poll(cq, 1, &wc), 1);
	cr_assert_eq(wc.wc_flags, IBV_WC_WITH_INV);
	cr_assert_eq(wc.invalidated_rkey, 0x01020304);
}

static struct ibv_cq_ex *make_ex(uint64_t wc_flags)
{
	struct ibv_cq_init_attr_ex attr = {.cqe = 64, .wc_flags = wc_flags};

	return cq_create_ex(fake_open(), &attr);
}

Test(poll, ex_takes_one_at_a_time)
{
	struct ibv_cq_ex *cq = make_ex(IBV_WC_STANDARD_FLAGS);
	struct ibv_poll_cq_attr attr = {0};

	queue(3);
	cr_assert_eq(ibv_start_poll(cq, &attr), 0);
	cr_assert_eq(cq->wr_id, 0);
	cr_assert_eq(fake_wc_count, 2);
	cr_assert_eq(ibv_next_poll(cq), 0);
	cr_assert_eq(cq->wr_id, 1);
	cr_assert_eq(ibv_wc_read_byte_len(cq), 101);
	cr_assert_eq(ibv_wc_read_qp_num(cq), 17);
	cr_assert_eq(be32toh(ibv_wc_read_imm_data(cq)), 0x01020304);
	ibv_end_poll(cq);
	cr_assert_eq(fake_wc_count, 1);
}

Test(poll, ex_of_an_empty_cq_leaves_it_unlocked, .timeout = 120)
{
	struct ibv_cq_ex *cq = make_ex(0);
	struct ibv_poll_cq_attr attr = {0};

	cr_assert_eq(ibv_start_poll(cq, &attr), ENOENT);
	queue(1);
	cr_assert_eq(ibv_start_poll(cq, &attr), 0);
	cr_assert_eq(ibv_next_poll(cq), ENOENT);
	ibv_end_poll(cq);
	cr_assert_eq(ibv_start_poll(cq, &attr), ENOENT);
}

Test(poll, ex_refuses_what_it_cannot_read)
{
	cr_assert_null(make_ex(IBV_WC_EX_WITH_TM_INFO));
	cr_assert_eq(errno, EOPNOTSUPP);
}

Test(poll, cq_needs_an_entry_and_an_existing_vector)
{
	struct ibv_context *context = fake_open();

	cr_assert_null(ibv_create_cq(context, 0, NULL, NULL, 0));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ibv_create_cq(context, -1, NULL, NULL, 0));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ibv_create_cq(context, 1, NULL, NULL, 1));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(ibv_create_cq(context, 1, NULL, NULL, -1));
	cr_assert_eq(errno, EINVAL);
}
