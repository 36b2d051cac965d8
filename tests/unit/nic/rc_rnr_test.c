/* Receiver not ready. */
#include "tests/support/duo.h"

static struct duo d;

TestSuite(rc_rnr, .timeout = 120);

static uint64_t counter(unsigned side, enum counter c)
{
	return d.s[side].engine->counters.n[c];
}

static const struct seen *nak(unsigned n)
{
	return fabric_find(&d.f, B, OP_ACKNOWLEDGE, n);
}

static void open_with(uint8_t rnr_retry, uint8_t timer)
{
	struct duo_options o = duo_defaults();

	o.rnr_retry = rnr_retry;
	o.min_rnr_timer = timer;
	duo_open(&d, &o);
}

/* For every timer code: the SEND comes again after exactly the time that the
 * NAK asked for.
 */
Test(rc_rnr, wait_is_exact)
{
	for (unsigned code = 0; code < 32; code++) {
		const struct seen *first, *again;

		open_with(7, (uint8_t)code);
		duo_do(&d, A, 1, GN_WR_SEND, 100);
		fabric_run(&d.f, d.f.now + 5 * USEC);
		CHECK_EQ(nak(0)->roce.aeth.syndrome, 0x20 | code);
		CHECK_EQ(nak(0)->roce.bth.psn, 0x1000);
		CHECK_EQ(nak(0)->roce.aeth.msn, 0);
		duo_recv(&d, B, 2, 0, 100);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
		duo_received(&d, B, 2, GN_WC_SUCCESS);
		first = fabric_find(&d.f, A, OP_SEND_ONLY, 0);
		again = fabric_find(&d.f, A, OP_SEND_ONLY, 1);
		CHECK_EQ(again->at - first->at,
			 2 * USEC + rnr_usec(code) * USEC);
		duo_close(&d);
	}
}

/* The engine's clock was read before the NAK came, and its thread lost the CPU
 * in between: the wait is none the shorter.
 */
Test(rc_rnr, wait_begins_when_the_nak_is_there)
{
	const struct seen *again;
	nsec_t there;

	open_with(7, 12);
	duo_do(&d, A, 1, GN_WR_SEND, 100);
	fabric_run(&d.f, d.f.now + USEC);
	CHECK(nak(0));
	d.f.stall = 50 * USEC;
	fabric_land_next(&d.f);
	fabric_settle(&d.f);
	d.f.stall = 0;
	there = d.f.now;
	duo_recv(&d, B, 2, 0, 100);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	again = fabric_find(&d.f, A, OP_SEND_ONLY, 1);
	CHECK_EQ(again->at - there, rnr_usec(12) * USEC);
	duo_close(&d);
}

/* Packets behind it are dropped without a word, and sent again after it. */
Test(rc_rnr, followers_dropped_silently)
{
	open_with(7, 12);
	duo_do(&d, A, 1, GN_WR_SEND, 5000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 3, GN_WR_RDMA_READ, 8);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(fabric_count(&d.f, B, OP_ACKNOWLEDGE), 1);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_RNR], 1);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_RNR_WAIT], 6);
	CHECK_EQ(counter(B, CNT_OUT_OF_SEQ), 0);
	duo_recv(&d, B, 9, 0, 5000);
	duo_idle(&d);
	for (unsigned i = 1; i <= 3; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_received(&d, B, 9, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_RETRANSMIT), 7);
	duo_close(&d);
}

/* The NAK acknowledges what came before. */
Test(rc_rnr, acknowledges)
{
	open_with(7, 12);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 3000);
	duo_do(&d, A, 2, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(nak(0)->roce.aeth.msn, 1);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_close(&d);
}

/* A WRITE with immediate draws it for its last packet; the bytes are there. */
Test(rc_rnr, last_packet_of_write_imm)
{
	open_with(7, 12);
	duo_fill(&d, A, 0, 3000, 4);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE_IMM, 3000);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(nak(0)->roce.bth.psn, 0x1002);
	CHECK_EQ(nak(0)->roce.aeth.syndrome, 0x20 | 12);
	CHECK(duo_same(&d, 0, 0, 2048));
	duo_recv(&d, B, 9, 0, 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(duo_received(&d, B, 9, GN_WC_SUCCESS).byte_len, 3000);
	CHECK(duo_same(&d, 0, 0, 3000));
	CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_FIRST), 1);
	CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_LAST_IMM), 2);
	duo_close(&d);
}

/* rnr_retry + 1 tries, then the end; 7 is endless. */
Test(rc_rnr, exhausted)
{
	for (unsigned n = 0; n < 7; n++) {
		open_with((uint8_t)n, 1);
		duo_do(&d, A, 1, GN_WR_SEND, 10);
		duo_do(&d, A, 2, GN_WR_SEND, 10);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_RNR_RETRY_EXC_ERR);
		duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
		duo_no_more(&d);
		CHECK_EQ(counter(B, CNT_TX_RNR), n + 1);
		CHECK_EQ(counter(A, CNT_RNR_EXC), 1);
		CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
		CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
		duo_close(&d);
	}
}

Test(rc_rnr, endless)
{
	open_with(7, 1);
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 20 * MSEC);
	CHECK(counter(A, CNT_RX_RNR) > 1000);
	duo_no_more(&d);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
	duo_close(&d);
}

/* Each message has the whole count for itself. */
Test(rc_rnr, count_reloads)
{
	open_with(1, 1);
	for (unsigned i = 0; i < 5; i++) {
		duo_do(&d, A, i, GN_WR_SEND, 10);
		fabric_run(&d.f, d.f.now + 5 * USEC);
		duo_recv(&d, B, i, 0, 10);
		duo_idle(&d);
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	}
	CHECK_EQ(counter(A, CNT_RX_RNR), 5);
	duo_close(&d);
}

static void double_naks(void *ctx, struct flight *fl)
{
	if (fl->from == B && aeth_kind(fl->roce.aeth.syndrome) == AETH_RNR)
		fl->copies = 3;
}

/* A NAK that the network doubled is one. */
Test(rc_rnr, doubled_nak)
{
	const struct seen *first, *again;

	open_with(1, 12);
	d.f.filter = double_naks;
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	first = fabric_find(&d.f, A, OP_SEND_ONLY, 0);
	again = fabric_find(&d.f, A, OP_SEND_ONLY, 1);
	CHECK_EQ(again->at - first->at, 642 * USEC);
	duo_close(&d);
}

/* The NAK lost: the ACK timeout brings the SEND again. */
Test(rc_rnr, nak_lost)
{
	open_with(0, 1);
	duo_lose(&d, B, OP_ACKNOWLEDGE, 0);
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + MSEC);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 1);
	duo_close(&d);
}

static void lose_every_fifth(void *ctx, struct flight *fl)
{
	if (fl->nth % 5 == 4)
		fl->copies = 0;
}

/* Endless means endless, on a network that loses now and then. */
Test(rc_rnr, endless_with_loss)
{
	struct duo_options o = duo_defaults();

	o.timeout = 1;
	o.retry_cnt = 2;
	o.min_rnr_timer = 1;
	duo_open(&d, &o);
	d.f.filter = lose_every_fifth;
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 20 * MSEC);
	CHECK(counter(A, CNT_TIMEOUT) > 100);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_close(&d);
}

/* rxe sends a sequence NAK for what follows; it must not cost a retry while the
 * requester waits with nothing on the way.
 */
Test(rc_rnr, sequence_nak_while_waiting)
{
	struct duo_options o = duo_defaults();
	struct roce r = {.bth = {.opcode = OP_ACKNOWLEDGE,
				 .pkey = PKEY_DEFAULT,
				 .psn = 0x1000},
			 .aeth = {.syndrome = 0x60}};

	o.retry_cnt = 0;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	r.bth.dqpn = d.s[A].qp->qpn;
	CHECK_EQ(fabric_inject_roce(&d.f, B, A, &r), DROP_NONE);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(fabric_count(&d.f, A, OP_SEND_ONLY), 1);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_close(&d);
}

/* Once the SEND got in, gaps are told again. */
Test(rc_rnr, gap_afterwards)
{
	open_with(7, 1);
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_lose(&d, A, OP_WRITE_MIDDLE, 0);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 5000);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_RX_SEQ_NAK), 1);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
	duo_close(&d);
}

/* A READ before the SEND whose answer was lost, too: the NAK is an implied one
 * for the READ first.
 */
Test(rc_rnr, behind_a_lost_read)
{
	open_with(7, 1);
	duo_lose(&d, B, OP_READ_RESPONSE_ONLY, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 8);
	duo_do(&d, A, 2, GN_WR_SEND, 8);
	fabric_run(&d.f, d.f.now + 10 * USEC);
	CHECK_EQ(counter(A, CNT_IMPLIED_NAK), 1);
	duo_recv(&d, B, 9, 0, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_close(&d);
}
