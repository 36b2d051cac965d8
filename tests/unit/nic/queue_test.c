/* Send and receive queues by themselves, and the window that QPs of one peer
 * share.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include "nic/peer.h"
#include "nic/rq.h"
#include "nic/sq.h"

#define MAX_MSG (1u << 31)

TestSuite(queue, .timeout = 120);

static uint8_t data[64];

static struct gn_send_wr send_wr(const struct gn_sge *sge, unsigned n)
{
	return (struct gn_send_wr){.opcode = GN_WR_SEND, .sge = sge, .nsge = n};
}

Test(queue, sq_limits)
{
	struct gn_sge sge[5] = {{(uintptr_t)data, 8, 1}};
	struct gn_send_wr wr;
	struct sq sq;

	cr_assert_eq(sq_init(&sq, 4, 2, 24, false), 0);
	wr = send_wr(sge, 3);
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -EINVAL);
	wr.nsge = 1;
	wr.opcode = GN_WR_FETCH_ADD;
	sge[0].len = 7;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -EINVAL);
	sge[0].len = 9;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -EINVAL);
	sge[0].len = 8;
	wr.flags = GN_SEND_INLINE;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -EINVAL);
	wr.opcode = GN_WR_RDMA_READ;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -EINVAL);
	wr.opcode = GN_WR_RDMA_WRITE;
	sge[0].len = 25;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -EINVAL);
	cr_expect_eq(sq_tail(&sq), 0);
	sge[0].len = 24;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), 0);
	/* Inline data may come in more pieces than there are SGEs. */
	for (unsigned i = 0; i < 5; i++)
		sge[i] = (struct gn_sge){(uintptr_t)data + i, 1, 0};
	wr.nsge = 5;
	data[3] = 33;
	cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), 0);
	cr_expect_eq(sq_at(&sq, 1)->inline_data[3], 33);
	cr_expect_eq(sq_at(&sq, 1)->len, 5);
	sq_fini(&sq);
}

/* Full until a completion frees slots; the index wraps past 2^32. */
Test(queue, sq_full_and_wrap)
{
	struct gn_sge sge = {(uintptr_t)data, 8, 1};
	struct gn_send_wr wr = send_wr(&sge, 1);
	struct sq sq;

	cr_assert_eq(sq_init(&sq, 3, 1, 0, false), 0);
	cr_expect_eq(sq.depth, 4);
	atomic_store(&sq.tail, UINT32_MAX - 1);
	atomic_store(&sq.freed, UINT32_MAX - 1);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 4; i++) {
			wr.wr_id = i;
			cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), 0);
		}
		cr_expect_eq(sq_post(&sq, &wr, 1, MAX_MSG), -ENOMEM);
		for (uint32_t i = 0; i < 4; i++)
			cr_expect_eq(sq_at(&sq, sq_tail(&sq) - 4 + i)->wr_id,
				     i);
		atomic_fetch_add(&sq.freed, 4);
	}
	sq_fini(&sq);
}

Test(queue, rq_full_and_wrap)
{
	struct gn_sge room[2], sge[3] = {{1, 2, 3}, {4, 5, 6}};
	struct gn_recv_wr wr = {.sge = sge, .nsge = 2};
	struct rwqe out = {.sge = room};
	struct rq rq;

	cr_assert_eq(rq_init(&rq, 4, 2), 0);
	atomic_store(&rq.tail, UINT32_MAX - 1);
	atomic_store(&rq.head, UINT32_MAX - 1);
	for (unsigned round = 0; round < 3; round++) {
		cr_expect_not(rq_take(&rq, &out));
		for (unsigned i = 0; i < 4; i++) {
			wr.wr_id = i;
			cr_expect_eq(rq_post(&rq, &wr), 0);
			cr_expect_eq(rq_count(&rq), i + 1);
		}
		cr_expect_eq(rq_post(&rq, &wr), -ENOMEM);
		for (unsigned i = 0; i < 4; i++) {
			cr_expect(rq_take(&rq, &out));
			cr_expect_eq(out.wr_id, i);
			cr_expect_eq(out.len, 7);
			cr_expect_eq(out.sge[1].addr, 4);
		}
	}
	wr.nsge = 3;
	cr_expect_eq(rq_post(&rq, &wr), -EINVAL);
	wr.nsge = 2;
	sge[0].len = UINT32_MAX;
	cr_expect_eq(rq_post(&rq, &wr), -EINVAL);
	rq_fini(&rq);
}

/* Grows by an eighth of what got through, halves once a millisecond, within
 * bounds.
 */
Test(queue, peer_window)
{
	struct peer_table table = {{NULL}};
	struct ip_addr a = {{1}}, b = {{2}};
	struct peer *p = peer_get(&table, &a, 100000);
	struct peer *q = peer_get(&table, &b, 7);

	cr_assert_not_null(p);
	cr_assert_neq(p, q);
	cr_expect_eq(peer_get(&table, &a, 7), p);
	peer_grow(p, 8000);
	cr_expect_eq(p->window, 101000);
	peer_shrink(p, 5 * MSEC);
	cr_expect_eq(p->window, 50500);
	peer_shrink(p, 5 * MSEC + MSEC - 1);
	cr_expect_eq(p->window, 50500);
	for (unsigned i = 0; i < 20; i++)
		peer_shrink(p, (10 + i) * MSEC);
	cr_expect_eq(p->window, 16384);
	for (unsigned i = 0; i < 100; i++)
		peer_grow(p, UINT32_MAX);
	cr_expect_eq(p->window, 1u << 20);
	peer_put(&table, p);
	peer_put(&table, p);
	peer_put(&table, q);
	/* The last user gone, it is made anew. */
	p = peer_get(&table, &a, 7);
	cr_expect_eq(p->window, 7);
	peer_put(&table, p);
}
