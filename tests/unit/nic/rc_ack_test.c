/* What acknowledges what: coalescing, MSNs, end-to-end credits. */
#include "tests/support/duo.h"
#include "nic/requester.h"

static struct duo d;

TestSuite(rc_ack, .timeout = 120);

static const struct seen *ack(unsigned n)
{
	return fabric_find(&d.f, B, OP_ACKNOWLEDGE, n);
}

/* One ACK a message that travels alone: for its last PSN, with its MSN. */
Test(rc_ack, one_a_message)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 3; i++) {
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 3000);
		duo_idle(&d);
		CHECK_EQ(ack(i)->roce.bth.psn, 0x1000 + 3 * i + 2);
		CHECK_EQ(ack(i)->roce.aeth.msn, i + 1);
		CHECK_EQ(aeth_kind(ack(i)->roce.aeth.syndrome), AETH_ACK);
		CHECK_EQ(ack(i)->roce.bth.dqpn, d.s[A].qp->qpn);
		CHECK_EQ(ack(i)->roce.bth.ackreq, false);
		CHECK_EQ(ack(i)->roce.bth.migreq, true);
	}
	/* None comes along when B has something of its own to send. */
	duo_do(&d, B, 9, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	CHECK(ack(3) == NULL);
	duo_close(&d);
}

/* AckReq on the last packet only; messages that arrive together share an ACK.
 */
Test(rc_ack, coalesced)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 5; i++)
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 2048);
	duo_idle(&d);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(fabric_find(&d.f, A, OP_WRITE_FIRST, i)
				 ->roce.bth.ackreq,
			 false);
		CHECK_EQ(
			fabric_find(&d.f, A, OP_WRITE_LAST, i)->roce.bth.ackreq,
			true);
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	}
	CHECK_EQ(fabric_count(&d.f, B, OP_ACKNOWLEDGE), 1);
	CHECK_EQ(ack(0)->roce.bth.psn, 0x1000 + 9);
	CHECK_EQ(ack(0)->roce.aeth.msn, 5);
	duo_close(&d);
}

/* Inside a long message an ACK is asked for at least every 32 KiB. */
Test(rc_ack, asked_for_on_the_way)
{
	struct duo_options o = duo_defaults();
	unsigned since = 0;

	o.mem = 1u << 20;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 1u << 20);
	duo_idle(&d);
	for (size_t i = 0; i < d.f.nseen; i++) {
		const struct seen *s = &d.f.seen[i];

		if (s->from != A)
			continue;
		since += 1024;
		CHECK(since <= 32768);
		if (s->roce.bth.ackreq)
			since = 0;
	}
	duo_close(&d);
}

/* Packets of one batch: the ACK is for the last that asked for one, and not for
 * what came after it.
 */
Test(rc_ack, for_what_asked)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 4; i++) {
		struct roce r = {
			.bth = {.opcode = TRANSPORT_RC | OP_WRITE_ONLY,
				.pkey = PKEY_DEFAULT,
				.dqpn = d.s[B].qp->qpn,
				.psn = 0x1000 + i,
				.ackreq = i == 1},
			.reth = {duo_va(&d, B, 0), d.s[B].mr->h.key, 0},
		};

		CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_NONE);
	}
	fabric_settle(&d.f);
	CHECK_EQ(fabric_count(&d.f, B, OP_ACKNOWLEDGE), 1);
	CHECK_EQ(ack(0)->roce.bth.psn, 0x1001);
	CHECK_EQ(ack(0)->roce.aeth.msn, 2);
	duo_close(&d);
}

/* The MSN counts messages of all kinds; answers to READs and atomics carry it,
 * too.
 */
Test(rc_ack, msn_counts_messages)
{
	duo_open_default(&d);
	duo_recv(&d, B, 0, 0, 100);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 3000);
	duo_do(&d, A, 2, GN_WR_FETCH_ADD, 8);
	duo_do(&d, A, 3, GN_WR_SEND, 100);
	duo_do(&d, A, 4, GN_WR_RDMA_READ, 0);
	duo_idle(&d);
	CHECK_EQ(fabric_find(&d.f, B, OP_READ_RESPONSE_FIRST, 0)->roce.aeth.msn,
		 1);
	CHECK_EQ(fabric_find(&d.f, B, OP_READ_RESPONSE_LAST, 0)->roce.aeth.msn,
		 1);
	CHECK_EQ(fabric_find(&d.f, B, OP_ATOMIC_ACKNOWLEDGE, 0)->roce.aeth.msn,
		 2);
	CHECK_EQ(fabric_find(&d.f, B, OP_READ_RESPONSE_ONLY, 0)->roce.aeth.msn,
		 4);
	for (unsigned i = 1; i <= 4; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* The ACK of a later request never overtakes the answer of an earlier READ. */
Test(rc_ack, after_read_responses)
{
	uint32_t psn = 0;

	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 60000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 3, GN_WR_RDMA_READ, 30000);
	duo_do(&d, A, 4, GN_WR_FETCH_ADD, 8);
	duo_do(&d, A, 5, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	for (size_t i = 0; i < d.f.nseen; i++) {
		const struct seen *s = &d.f.seen[i];

		if (s->from != B)
			continue;
		CHECK(s->roce.bth.psn > psn);
		psn = s->roce.bth.psn;
	}
	CHECK_EQ(d.s[A].engine->counters.drop[DROP_GHOST], 0);
	CHECK_EQ(d.s[A].engine->counters.n[CNT_IMPLIED_NAK], 0);
	for (unsigned i = 1; i <= 5; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* ---- end-to-end credits -------------------------------------------------- */

static unsigned sends(void)
{
	return fabric_count(&d.f, A, OP_SEND_ONLY);
}

/* The first ACK tells of 2 receive WRs: two SENDs may go, and one beyond. */
Test(rc_ack, credits_limit_sends)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 3; i++)
		duo_recv(&d, B, i, 0, 10);
	duo_do(&d, A, 0, GN_WR_SEND, 10);
	duo_idle(&d);
	CHECK_EQ(aeth_value(ack(0)->roce.aeth.syndrome), 2);
	for (unsigned i = 1; i < 10; i++)
		duo_do(&d, A, i, GN_WR_SEND, 10);
	fabric_settle(&d.f);
	CHECK_EQ(sends(), 1 + 3);
	CHECK_EQ(requester_hold(d.s[A].qp, d.f.now), HOLD_CREDITS);
	/* The one beyond draws the RNR NAK; WRs posted meanwhile let it in. */
	fabric_run(&d.f, d.f.now + 10 * USEC);
	CHECK_EQ(d.s[B].engine->counters.n[CNT_TX_RNR], 1);
	CHECK_EQ(sends(), 4);
	for (unsigned i = 3; i < 10; i++)
		duo_recv(&d, B, i, 0, 10);
	duo_idle(&d);
	for (unsigned i = 0; i < 10; i++) {
		duo_sent(&d, A, i, GN_WC_SUCCESS);
		duo_received(&d, B, i, GN_WC_SUCCESS);
	}
	duo_close(&d);
}

/* WRITEs, READs and atomics need no credits; a WRITE with immediate does. */
Test(rc_ack, credits_only_for_receives)
{
	struct duo_options o = duo_defaults();

	duo_open(&d, &o);
	duo_do(&d, A, 0, GN_WR_RDMA_WRITE, 10);
	duo_idle(&d);
	CHECK_EQ(aeth_value(ack(0)->roce.aeth.syndrome), 0);
	for (unsigned i = 1; i < 8; i++)
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 10);
	duo_do(&d, A, 8, GN_WR_RDMA_READ, 10);
	duo_do(&d, A, 9, GN_WR_FETCH_ADD, 8);
	duo_do(&d, A, 10, GN_WR_RDMA_WRITE_IMM, 10);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_ONLY), 8);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), 1);
	CHECK_EQ(fabric_count(&d.f, A, OP_FETCH_ADD), 1);
	CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_ONLY_IMM), 0);
	duo_recv(&d, B, 0, 0, 0);
	duo_idle(&d);
	for (unsigned i = 0; i <= 10; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

Test(rc_ack, unlimited_credits)
{
	struct duo_options o = duo_defaults();

	o.credits = false;
	duo_open(&d, &o);
	duo_recv(&d, B, 0, 0, 10);
	duo_do(&d, A, 0, GN_WR_SEND, 10);
	duo_idle(&d);
	CHECK_EQ(aeth_value(ack(0)->roce.aeth.syndrome), CREDITS_UNLIMITED);
	for (unsigned i = 1; i < 6; i++)
		duo_do(&d, A, i, GN_WR_SEND, 10);
	fabric_settle(&d.f);
	CHECK_EQ(sends(), 6);
	for (unsigned i = 1; i < 6; i++)
		duo_recv(&d, B, i, 0, 10);
	duo_idle(&d);
	duo_close(&d);
}

/* The answer to a READ brings them, too. */
Test(rc_ack, credits_with_a_read)
{
	duo_open_default(&d);
	duo_recv(&d, B, 0, 0, 10);
	duo_do(&d, A, 0, GN_WR_RDMA_READ, 10);
	duo_idle(&d);
	for (unsigned i = 1; i < 6; i++)
		duo_do(&d, A, i, GN_WR_SEND, 10);
	fabric_settle(&d.f);
	CHECK_EQ(sends(), 2);
	for (unsigned i = 1; i < 6; i++)
		duo_recv(&d, B, i, 0, 10);
	duo_idle(&d);
	for (unsigned i = 0; i < 6; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* Before anything was heard of the peer, nothing limits. */
Test(rc_ack, credits_unknown_at_first)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 5; i++)
		duo_do(&d, A, i, GN_WR_SEND, 10);
	fabric_settle(&d.f);
	CHECK_EQ(sends(), 5);
	for (unsigned i = 0; i < 5; i++)
		duo_recv(&d, B, i, 0, 10);
	duo_idle(&d);
	duo_close(&d);
}

/* A peer that miscounts its MSN cannot stop us for good. */
Test(rc_ack, credits_of_a_confused_peer)
{
	struct roce r = {.bth = {.opcode = OP_ACKNOWLEDGE,
				 .pkey = PKEY_DEFAULT,
				 .psn = 0x1000},
			 .aeth = {.syndrome = 0x00, .msn = 0x800001}};

	duo_open_default(&d);
	r.bth.dqpn = d.s[A].qp->qpn;
	for (unsigned i = 0; i < 4; i++)
		duo_recv(&d, B, i, 0, 10);
	duo_do(&d, A, 0, GN_WR_SEND, 10);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_inject_roce(&d.f, B, A, &r), DROP_NONE);
	for (unsigned i = 1; i < 4; i++)
		duo_do(&d, A, i, GN_WR_SEND, 10);
	duo_idle(&d);
	for (unsigned i = 0; i < 4; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* ---- the peer's window --------------------------------------------------- */

/* No more than the window is in flight; READs count with their answers. */
Test(rc_ack, window_is_kept)
{
	struct duo_options o = duo_defaults();
	struct peer *p;

	o.mem = 1u << 20;
	o.window = 16384;
	o.rd_atomic = o.dest_rd_atomic = 16;
	duo_open(&d, &o);
	p = d.s[A].qp->peer;
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 1u << 20);
	fabric_settle(&d.f);
	CHECK(p->in_flight >= 16384 && p->in_flight < 16384 + 1024 + 512);
	CHECK_EQ(requester_hold(d.s[A].qp, d.f.now), HOLD_WINDOW);
	duo_idle(&d);
	CHECK(p->window > 16384);
	duo_do(&d, A, 2, GN_WR_RDMA_READ, 1u << 20);
	duo_do(&d, A, 3, GN_WR_RDMA_READ, 8);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), 1);
	duo_idle(&d);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), 2);
	for (unsigned i = 1; i <= 3; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* A loss halves it. */
Test(rc_ack, window_halves)
{
	duo_open_default(&d);
	duo_lose(&d, A, OP_WRITE_MIDDLE, 5);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 60000);
	fabric_run(&d.f, d.f.now + 2 * USEC);
	CHECK(d.s[A].qp->peer->window < 80000);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_close(&d);
}

/* A window that shrinks while packets are out that nobody asked an ACK for:
 * even without an ACK timeout the message gets through.
 */
Test(rc_ack, window_shrinks_over_unasked_packets)
{
	struct duo_options o = duo_defaults();

	o.mem = 1u << 20;
	o.timeout = 0;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 1u << 20);
	CHECK(engine_run(d.s[A].engine, 1, d.f.now));
	d.s[A].qp->peer->window = 4096;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_close(&d);
}
