/* Packets that get lost, and how the two sides find together again. */
#include "tests/support/duo.h"

static struct duo d;

TestSuite(rc_loss, .timeout = 120);

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

/* The same NAK again, when what it asked for is already on the way: an echo,
 * which costs neither packets nor a retry.
 */
Test(rc_loss, nak_twice)
{
	struct duo_options o = duo_defaults();
	struct roce nak = {.bth = {.opcode = OP_ACKNOWLEDGE,
				   .pkey = PKEY_DEFAULT,
				   .psn = 0x1001},
			   .aeth = {.syndrome = 0x60}};
	uint64_t again;

	o.retry_cnt = 1;
	duo_open(&d, &o);
	nak.bth.dqpn = d.s[A].qp->qpn;
	duo_lose(&d, A, OP_WRITE_MIDDLE, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 5000);
	fabric_run(&d.f, d.f.now + 2 * USEC);
	again = counter(A, CNT_RETRANSMIT);
	CHECK_EQ(again, 4);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(fabric_inject_roce(&d.f, B, A, &nak), DROP_NONE);
		fabric_settle(&d.f);
	}
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_RETRANSMIT), again);
	duo_close(&d);
}

/* PSN 3 the first time, PSN 9 the second time. */
static void lose_third_then_ninth(void *ctx, struct flight *fl)
{
	unsigned *times = ctx; /* by PSN */
	uint32_t at = fl->roce.bth.psn - 0x1000;

	if (fl->from != A)
		return;
	times[at]++;
	if ((at == 3 && times[at] == 1) || (at == 9 && times[at] == 2))
		fl->copies = 0;
}

/* Each gap has its NAK, and no timer is needed. */
Test(rc_loss, two_gaps)
{
	unsigned times[12] = {0};

	duo_open_default(&d);
	d.f.filter = lose_third_then_ninth;
	d.f.filter_ctx = times;
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 12 * 1024);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(counter(A, CNT_RX_SEQ_NAK), 2);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
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

/* Nor does it begin before the packet is out, if the thread that sends it loses
 * the CPU on the way.
 */
Test(rc_loss, timeout_begins_when_it_is_out)
{
	nsec_t out;

	duo_open_default(&d);
	duo_lose(&d, A, OP_WRITE_ONLY, 0);
	d.f.stall = 2 * MSEC;
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	d.f.stall = 0;
	out = d.f.now;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(fabric_find(&d.f, A, OP_WRITE_ONLY, 1)->at - out,
		 (nsec_t)4096 << 14);
	duo_close(&d);
}

/* By this a link knows a packet again that still waits for an address. */
Test(rc_loss, sent_again_has_the_same_id)
{
	const struct seen *first[2], *again[2];

	duo_open_default(&d);
	d.f.faults.lost = 1000;
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	fabric_run(&d.f, d.f.now + USEC);
	d.f.faults.lost = 0;
	duo_idle(&d);
	for (unsigned i = 0; i < 2; i++) {
		duo_sent(&d, A, 1 + i, GN_WC_SUCCESS);
		first[i] = fabric_find(&d.f, A, OP_WRITE_ONLY, i);
		again[i] = fabric_find(&d.f, A, OP_WRITE_ONLY, 2 + i);
		CHECK(first[i]->id);
		CHECK_EQ(again[i]->id, first[i]->id);
	}
	CHECK(first[0]->id != first[1]->id);
	duo_close(&d);
}

/* The time counts from the oldest packet, however many follow. */
Test(rc_loss, timeout_of_the_oldest)
{
	const nsec_t t = (nsec_t)4096 << 14;

	duo_open_default(&d);
	d.f.faults.lost = 1000;
	for (unsigned i = 0; i < 10; i++) {
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 8);
		fabric_run(&d.f, d.f.now + t / 8);
	}
	CHECK_EQ(fabric_find(&d.f, A, OP_WRITE_ONLY, 8)->at, SEC + t);
	CHECK_EQ(fabric_find(&d.f, A, OP_WRITE_ONLY, 8)->roce.bth.psn, 0x1000);
	d.f.faults.lost = 0;
	duo_idle(&d);
	for (unsigned i = 0; i < 10; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
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
