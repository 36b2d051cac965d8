/* Packets that get lost, and how the two sides find together again. */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(rc_loss, .timeout = 30);

static uint64_t counter(unsigned side, enum counter c)
{
	return d.s[side].engine->counters.n[c];
}

/* A lost packet in the middle: one sequence NAK, for the PSN that is missing,
 * however many packets follow; the requester sends again from there.
 */
Test(rc_loss, one_nak_a_gap)
{
	const struct seen *nak;

	duo_open_default(&d);
	duo_fill(&d, A, 0, 10240, 3);
	duo_lose(&d, A, OP_WRITE_MIDDLE, 2);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 10240);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 0, 0, 10240));
	CHECK_EQ(fabric_count(&d.f, B, OP_ACKNOWLEDGE), 2);
	nak = fabric_find(&d.f, B, OP_ACKNOWLEDGE, 0);
	CHECK_EQ(nak->roce.aeth.syndrome, 0x60);
	CHECK_EQ(nak->roce.bth.psn, 0x1003);
	CHECK_EQ(nak->roce.aeth.msn, 0);
	CHECK_EQ(counter(B, CNT_OUT_OF_SEQ), 1);
	CHECK_EQ(counter(A, CNT_RX_SEQ_NAK), 1);
	CHECK_EQ(counter(A, CNT_RETRANSMIT), 7);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 0);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_SEQ_GAP_NAKED], 5);
	duo_close(&d);
}

/* A NAK acknowledges what came before it. */
Test(rc_loss, nak_acknowledges)
{
	duo_open_default(&d);
	duo_lose(&d, A, OP_SEND_ONLY, 0);
	duo_recv(&d, B, 9, 0, 10);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 2, GN_WR_SEND, 8);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	CHECK(fabric_step(&d.f, NSEC_NEVER - 1)); /* requests arrive */
	CHECK(fabric_step(&d.f, NSEC_NEVER - 1)); /* the NAK arrives */
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_no_more(&d);
	duo_idle(&d);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_sent(&d, A, 3, GN_WC_SUCCESS);
	CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_ONLY), 3);
	duo_close(&d);
}

/* The NAK itself lost: the ACK timeout comes to help. */
Test(rc_loss, nak_lost)
{
	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 4096);
	fabric_settle(&d.f);
	d.f.first->copies = 0; /* the WRITE First */
	duo_lose(&d, B, OP_ACKNOWLEDGE, 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 1);
	duo_close(&d);
}

/* Local ACK timeout: 4.096 us * 2^timeout after the packet left, to the
 * nanosecond of the virtual clock.
 */
Test(rc_loss, timeout_when_promised)
{
	for (unsigned t = 1; t < 30; t += 3) {
		struct duo_options o = duo_defaults();
		const struct seen *first, *again;

		o.timeout = (uint8_t)t;
		duo_open(&d, &o);
		duo_lose(&d, A, OP_WRITE_ONLY, 0);
		duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
		first = fabric_find(&d.f, A, OP_WRITE_ONLY, 0);
		again = fabric_find(&d.f, A, OP_WRITE_ONLY, 1);
		CHECK_EQ(again->at - first->at, (nsec_t)4096 << t);
		duo_close(&d);
	}
}

static void lose_all(void *ctx, struct flight *fl)
{
	const unsigned *from = ctx;

	if (fl->from == *from)
		fl->copies = 0;
}

static void exhaust(unsigned retries, unsigned from)
{
	struct duo_options o = duo_defaults();

	o.retry_cnt = (uint8_t)retries;
	duo_open(&d, &o);
	d.f.filter = lose_all;
	d.f.filter_ctx = &from;
	duo_recv(&d, A, 5, 0, 10);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 2, GN_WR_RDMA_READ, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_RETRY_EXC_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, A, 5, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
	CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_ONLY), retries + 1);
	CHECK_EQ(d.f.now - SEC, (retries + 1) * ((nsec_t)4096 << 14));
	CHECK_EQ(counter(A, CNT_RETRY_EXC), 1);
	duo_close(&d);
}

/* retry_cnt + 1 tries; 7 is a number. */
Test(rc_loss, retries_exhausted)
{
	for (unsigned retries = 0; retries < 8; retries++) {
		exhaust(retries, A);
		exhaust(retries, B);
	}
}

static void lose_two_of_three(void *ctx, struct flight *fl)
{
	if (fl->from == A && fl->nth % 3 != 2)
		fl->copies = 0;
}

/* Progress gives all retries back. */
Test(rc_loss, retries_reload)
{
	struct duo_options o = duo_defaults();

	o.retry_cnt = 2;
	duo_open(&d, &o);
	d.f.filter = lose_two_of_three;
	for (unsigned i = 0; i < 10; i++) {
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 8);
		duo_idle(&d);
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	}
	duo_close(&d);
}

/* timeout 0: no timer at all. */
Test(rc_loss, no_timeout)
{
	struct duo_options o = duo_defaults();

	o.timeout = 0;
	duo_open(&d, &o);
	duo_lose(&d, A, OP_WRITE_ONLY, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	CHECK(fabric_idle(&d.f, 3600 * SEC));
	duo_no_more(&d);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8); /* makes the gap visible */
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_close(&d);
}

/* A lost ACK: the duplicate is not executed, and acknowledged with the latest
 * PSN.
 */
Test(rc_loss, ack_lost)
{
	const struct seen *a;

	duo_open_default(&d);
	duo_lose(&d, B, OP_ACKNOWLEDGE, 0);
	duo_recv(&d, B, 7, 0, 4000);
	duo_do(&d, A, 1, GN_WR_SEND, 3000);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	duo_no_more(&d);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 3);
	a = fabric_last(&d.f, B);
	CHECK_EQ(a->roce.bth.psn, 0x1002);
	CHECK_EQ(a->roce.aeth.msn, 1);
	duo_close(&d);
}

/* A lost ACK is made up for by the next. */
Test(rc_loss, ack_lost_but_followed)
{
	duo_open_default(&d);
	duo_lose(&d, B, OP_ACKNOWLEDGE, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
	duo_close(&d);
}

/* ---- READs ------------------------------------------------------------------------- */

/* @opcode's @nth packet is lost; the READ asks again for what is missing, at PSN
 * and offset of packet @from.
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

Test(rc_loss, read_response_lost)
{
	read_loses(OP_READ_RESPONSE_FIRST, 0, 0, CNT_IMPLIED_NAK);
	read_loses(OP_READ_RESPONSE_MIDDLE, 0, 1, CNT_IMPLIED_NAK);
	read_loses(OP_READ_RESPONSE_MIDDLE, 2, 3, CNT_IMPLIED_NAK);
	read_loses(OP_READ_RESPONSE_LAST, 0, 4, CNT_TIMEOUT);
}

/* The READ request lost: nothing was executed, so this is no duplicate. */
Test(rc_loss, read_request_lost)
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
Test(rc_loss, read_lost_before_ack)
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

/* ---- atomics --------------------------------------------------------------------------- */

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
Test(rc_loss, atomic_executed_once)
{
	atomic_loses(A, OP_FETCH_ADD);
	atomic_loses(B, OP_ATOMIC_ACKNOWLEDGE);
}

/* Several lost together: each gets its own result back. */
Test(rc_loss, atomics_lost_together)
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
