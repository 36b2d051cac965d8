/* READs and atomics of which the request or the answer gets lost. */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(rc_loss_read, .timeout = 120);

static uint64_t counter(unsigned side, enum counter c)
{
	return d.s[side].engine->counters.n[c];
}

/* @opcode's @nth packet is lost; the READ asks again for what is missing, at
 * PSN and offset of packet @from.
 */
static void read_loses(unsigned opcode, unsigned nth, unsigned from,
		       enum counter how)
{
	const struct seen *again;
	struct gn_send_wr wr;

	duo_open_default(&d);
	duo_fill(&d, B, 0, 5000, 4);
	duo_lose(&d, B, opcode, nth);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_READ, 5000);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_no_more(&d);
	CHECK(duo_same(&d, 0, 0, 5000));
	CHECK_EQ(counter(A, how), 1);
	again = fabric_find(&d.f, A, OP_READ_REQUEST, 1);
	CHECK_EQ(again->roce.bth.psn, 0x1000 + from);
	CHECK_EQ(again->roce.reth.va, duo_va(&d, B, from * 1024));
	CHECK_EQ(again->roce.reth.len, 5000 - from * 1024);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), 2);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 1);
	duo_close(&d);
}

Test(rc_loss_read, read_response_lost)
{
	read_loses(OP_READ_RESPONSE_FIRST, 0, 0, CNT_IMPLIED_NAK);
	read_loses(OP_READ_RESPONSE_MIDDLE, 0, 1, CNT_IMPLIED_NAK);
	read_loses(OP_READ_RESPONSE_MIDDLE, 2, 3, CNT_IMPLIED_NAK);
	read_loses(OP_READ_RESPONSE_LAST, 0, 4, CNT_TIMEOUT);
}

/* The READ request lost: nothing was executed, so this is no duplicate. */
Test(rc_loss_read, read_request_lost)
{
	duo_open_default(&d);
	duo_lose(&d, A, OP_READ_REQUEST, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 5000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 0);
	CHECK_EQ(counter(A, CNT_RX_SEQ_NAK), 1);
	duo_close(&d);
}

/* The whole answer lost, and only a later WRITE's ACK arrives: an implied NAK.
 * The WRITE completes after the READ, once.
 */
Test(rc_loss_read, read_lost_before_ack)
{
	duo_open_default(&d);
	duo_fill(&d, B, 8, 1000, 1);
	duo_lose(&d, B, OP_READ_RESPONSE_ONLY, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 1000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	for (unsigned i = 1; i <= 3; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_no_more(&d);
	CHECK_EQ(counter(A, CNT_IMPLIED_NAK), 1);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
	duo_close(&d);
}

static void lose_three_answers(void *ctx, struct flight *fl)
{
	unsigned *left = ctx;

	if (fl->roce.bth.opcode == OP_READ_RESPONSE_ONLY && *left) {
		--*left;
		fl->copies = 0;
	}
}

/* Lost three times: the ACK behind it tells the first time, is taken for an
 * echo the second time, and tells again after the timeout.
 */
Test(rc_loss_read, read_lost_again_and_again)
{
	unsigned left = 3;

	duo_open_default(&d);
	d.f.filter = lose_three_answers;
	d.f.filter_ctx = &left;
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 1000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 1);
	CHECK_EQ(counter(A, CNT_IMPLIED_NAK), 2);
	duo_close(&d);
}

/* ---- atomics ------------------------------------------------------------- */

static uint64_t word_of(unsigned side)
{
	uint64_t v;

	memcpy(&v, d.s[side].mem, 8);
	return v;
}

static void atomic_loses(unsigned from, unsigned opcode)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	d.s[B].mem[0] = 40;
	duo_lose(&d, from, opcode, 0);
	wr = duo_wr(&d, A, 1, GN_WR_FETCH_ADD, 8);
	wr.compare_add = 2;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_no_more(&d);
	CHECK_EQ(word_of(A), 40);
	CHECK_EQ(word_of(B), 42);
	duo_close(&d);
}

/* Executed once, whatever is lost. */
Test(rc_loss_read, atomic_executed_once)
{
	atomic_loses(A, OP_FETCH_ADD);
	atomic_loses(B, OP_ATOMIC_ACKNOWLEDGE);
}

/* Several lost together: each gets its own result back. */
Test(rc_loss_read, atomics_lost_together)
{
	struct gn_send_wr wr;
	struct gn_sge sge;

	duo_open_default(&d);
	d.f.faults.lost = 1000;
	for (unsigned i = 0; i < 4; i++) {
		wr = duo_wr(&d, A, i, GN_WR_FETCH_ADD, 8);
		sge = duo_sge(&d, A, 8 * i, 8);
		wr.sge = &sge;
		wr.compare_add = 1;
		CHECK_EQ(duo_post(&d, A, wr), 0);
	}
	fabric_settle(&d.f);
	d.f.faults.lost = 0;
	duo_lose(&d, B, OP_ATOMIC_ACKNOWLEDGE, 1);
	duo_idle(&d);
	for (unsigned i = 0; i < 4; i++) {
		duo_sent(&d, A, i, GN_WC_SUCCESS);
		CHECK_EQ(d.s[A].mem[8 * i], i);
	}
	CHECK_EQ(word_of(B), 4);
	duo_close(&d);
}
