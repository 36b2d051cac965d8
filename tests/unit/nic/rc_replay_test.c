/* Requests that come again, and answers that come late or twice. */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(rc_replay, .timeout = 120);

static uint64_t counter(unsigned side, enum counter c)
{
	return d.s[side].engine->counters.n[c];
}

static void all_twice(void *ctx, struct flight *fl)
{
	fl->copies = 2;
}

/* Everything arrives twice: nothing is executed or completed twice. */
Test(rc_replay, everything_doubled)
{
	struct gn_send_wr wr;
	uint64_t v;

	duo_open_default(&d);
	d.f.filter = all_twice;
	for (unsigned i = 0; i < 20; i++) {
		duo_recv(&d, B, i, 0, 3000);
		duo_do(&d, A, 4 * i, GN_WR_SEND, 3000);
		duo_do(&d, A, 4 * i + 1, GN_WR_RDMA_READ, 3000);
		wr = duo_wr(&d, A, 4 * i + 2, GN_WR_FETCH_ADD, 8);
		wr.remote_addr += 8192;
		wr.compare_add = 1;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_do(&d, A, 4 * i + 3, GN_WR_RDMA_WRITE, 3000);
		duo_idle(&d);
		for (unsigned k = 0; k < 4; k++)
			duo_sent(&d, A, 4 * i + k, GN_WC_SUCCESS);
		duo_received(&d, B, i, GN_WC_SUCCESS);
		duo_no_more(&d);
	}
	memcpy(&v, d.s[B].mem + 8192, 8);
	CHECK_EQ(v, 20);
	CHECK_EQ(counter(A, CNT_TIMEOUT), 0);
	CHECK_EQ(counter(A, CNT_RX_SEQ_NAK), 0);
	duo_close(&d);
}

/* A duplicate of a READ that is about to be answered adds nothing. */
Test(rc_replay, doubled_read)
{
	duo_open_default(&d);
	d.f.filter = all_twice;
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 5000);
	fabric_settle(&d.f);
	d.f.filter = NULL;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 1);
	CHECK_EQ(d.f.nseen, 1 + 5);
	duo_close(&d);
}

/* A packet like A's @nth, once more. */
static enum drop again(unsigned nth, uint32_t va_skip, uint32_t psn_skip,
		       uint32_t len, uint32_t rkey_flip)
{
	const struct seen *s = fabric_find(&d.f, A, OP_READ_REQUEST, nth);
	struct roce r = s->roce;

	r.bth.psn = psn_add(r.bth.psn, psn_skip);
	r.reth.va += va_skip;
	r.reth.len = len;
	r.reth.rkey ^= rkey_flip;
	return fabric_inject_roce(&d.f, A, B, &r);
}

/* A duplicate READ may ask for all or for the end of what it asked before. */
Test(rc_replay, read_suffixes)
{
	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 4000);
	duo_idle(&d);
	fabric_find(&d.f, A, OP_READ_REQUEST, 0);
	for (unsigned from = 0; from < 4; from++) {
		unsigned n = (unsigned)d.f.nseen;

		CHECK_EQ(again(0, from * 1024, from, 4000 - from * 1024, 0),
			 DROP_NONE);
		fabric_settle(&d.f);
		CHECK_EQ(d.f.nseen - n, 4 - from);
		CHECK_EQ(d.f.seen[n].roce.bth.psn, 0x1000 + from);
		CHECK_EQ(d.f.seen[n].roce.bth.opcode,
			 from == 3 ? OP_READ_RESPONSE_ONLY
				   : OP_READ_RESPONSE_FIRST);
		CHECK_EQ(d.f.seen[n].roce.aeth.msn, 1);
	}
	/* Anything else is dropped in silence. */
	{
		unsigned n = (unsigned)d.f.nseen;

		CHECK_EQ(again(0, 0, 0, 4000, 0x100), DROP_REPLAY_GONE);
		CHECK_EQ(again(0, 8, 0, 4000, 0), DROP_REPLAY_GONE);
		CHECK_EQ(again(0, 0, 0, 4001, 0), DROP_REPLAY_GONE);
		CHECK_EQ(again(0, 0, 0, 3999, 0), DROP_REPLAY_GONE);
		CHECK_EQ(again(0, 0, 1, 4000, 0), DROP_REPLAY_GONE);
		CHECK_EQ(again(0, 1024, 1, 2975, 0), DROP_REPLAY_GONE);
		CHECK_EQ(again(0, (uint32_t)-1024, PSN_MASK, 5024, 0),
			 DROP_REPLAY_GONE);
		fabric_settle(&d.f);
		CHECK_EQ(d.f.nseen, n);
		CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
	}
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_no_more(&d);
	duo_close(&d);
}

/* It asks for what the answer under way has not come to yet: that goes on as if
 * nothing had been said.  What is out already comes again.
 */
Test(rc_replay, read_suffix_of_an_answer_under_way)
{
	static const unsigned from[] = {20, 16, 5};

	for (unsigned i = 0; i < 3; i++) {
		unsigned first;

		duo_open_default(&d);
		duo_do(&d, A, 1, GN_WR_RDMA_READ, 44 * 1024);
		fabric_settle(&d.f);
		fabric_land_next(&d.f);
		CHECK(engine_run(d.s[B].engine, 16, d.f.now));
		CHECK_EQ(d.f.nseen, 1 + 16);
		CHECK_EQ(again(0, from[i] * 1024, from[i],
			       (44 - from[i]) * 1024, 0),
			 DROP_NONE);
		first = from[i] < 16 ? from[i] : 16;
		fabric_settle(&d.f);
		CHECK_EQ(d.f.nseen, 1 + 16 + 44 - first);
		for (unsigned k = first; k < 44; k++)
			CHECK_EQ(d.f.seen[1 + 16 + k - first].roce.bth.psn,
				 0x1000 + k);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
		duo_close(&d);
	}
}

/* The record holds the last max_dest_rd_atomic; older ones are gone. */
Test(rc_replay, ring_overrun)
{
	const struct seen *s;
	struct roce r;
	uint64_t v;

	duo_open_default(&d);
	for (unsigned i = 0; i < 6; i++) {
		struct gn_send_wr wr = duo_wr(&d, A, i, GN_WR_FETCH_ADD, 8);

		wr.compare_add = 1;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_idle(&d);
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	}
	for (unsigned i = 0; i < 6; i++) {
		s = fabric_find(&d.f, A, OP_FETCH_ADD, i);
		r = s->roce;
		CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r),
			 i < 2 ? DROP_REPLAY_GONE : DROP_NONE);
		fabric_settle(&d.f);
		if (i < 2)
			continue;
		s = fabric_last(&d.f, B);
		CHECK_EQ(s->roce.bth.opcode, OP_ATOMIC_ACKNOWLEDGE);
		CHECK_EQ(s->roce.orig, i);
		CHECK_EQ(s->roce.bth.psn, r.bth.psn);
		CHECK_EQ(s->roce.aeth.msn, i + 1);
	}
	/* A duplicate of another kind than what was executed. */
	r.bth.opcode = OP_COMPARE_SWAP;
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_REPLAY_GONE);
	memcpy(&v, d.s[B].mem, 8);
	CHECK_EQ(v, 6);
	duo_idle(&d);
	duo_close(&d);
}

/* A duplicate SEND or WRITE draws an ACK for the latest PSN, asked for or not.
 */
Test(rc_replay, duplicate_write)
{
	struct roce r;

	duo_open_default(&d);
	for (unsigned i = 0; i < 3; i++)
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 3000);
	duo_idle(&d);
	r = fabric_find(&d.f, A, OP_WRITE_MIDDLE, 0)->roce;
	r.payload.p = d.s[A].mem;
	d.s[A].mem[0] = 99;
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_NONE);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_last(&d.f, B)->roce.bth.psn, 0x1008);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.msn, 3);
	CHECK_EQ(d.s[B].mem[1024], 0);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 1);
	duo_idle(&d);
	duo_close(&d);
}

/* Half the PSN space is duplicates, half is beyond. */
Test(rc_replay, where_duplicates_end)
{
	struct roce r;

	duo_open_default(&d);
	duo_do(&d, A, 0, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	r = fabric_find(&d.f, A, OP_WRITE_ONLY, 0)->roce;
	r.payload.p = d.s[A].mem;
	r.bth.psn = psn_add(0x1001, 1u << 23);
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_NONE);
	CHECK_EQ(counter(B, CNT_DUPLICATE), 1);
	r.bth.psn = psn_add(r.bth.psn, PSN_MASK);
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_SEQ_GAP);
	duo_idle(&d);
	duo_close(&d);
}

static void hold_first_response(void *ctx, struct flight *fl)
{
	bool *done = ctx;

	if (!*done && fl->roce.bth.opcode == OP_READ_RESPONSE_FIRST) {
		fl->at += 20 * USEC;
		*done = true;
	}
}

/* An old response that arrives after the READ went back counts, and the new
 * ones are ghosts then.
 */
Test(rc_replay, late_response)
{
	bool done = false;

	duo_open_default(&d);
	duo_fill(&d, B, 0, 5000, 1);
	d.f.filter = hold_first_response;
	d.f.filter_ctx = &done;
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 5000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_no_more(&d);
	CHECK(d.s[A].engine->counters.drop[DROP_GHOST] > 0);
	duo_close(&d);
}

static void swap_neighbours(void *ctx, struct flight *fl)
{
	if (fl->from == A && fl->nth % 2 == 0)
		fl->at += 1;
}

/* Reordered requests: a NAK each, and no harm. */
Test(rc_replay, reordered)
{
	duo_open_default(&d);
	duo_fill(&d, A, 0, 60000, 1);
	d.f.filter = swap_neighbours;
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 60000);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 0, 0, 60000));
	duo_close(&d);
}

/* Went back, and the ACK of the first transmission arrives: the requester moves
 * forward again past what it was about to repeat.
 */
Test(rc_replay, ack_after_going_back)
{
	struct roce ack = {.bth = {.opcode = OP_ACKNOWLEDGE,
				   .pkey = PKEY_DEFAULT,
				   .psn = 0x1003},
			   .aeth = {.syndrome = 0x1f, .msn = 2}};

	duo_open_default(&d);
	ack.bth.dqpn = d.s[A].qp->qpn;
	d.f.faults.lost = 1000;
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 2048);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 2048);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 2048);
	fabric_settle(&d.f);
	d.f.now += (nsec_t)4096 << 14;
	CHECK(engine_run(d.s[A].engine, 1, d.f.now) || true);
	fabric_forget(&d.f);
	CHECK_EQ(fabric_inject_roce(&d.f, B, A, &ack), DROP_NONE);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_no_more(&d);
	d.f.faults.lost = 0;
	fabric_settle(&d.f);
	for (size_t i = 0; i < d.f.nseen; i++)
		CHECK(psn_diff(d.f.seen[i].roce.bth.psn, 0x1004) >= 0);
	/* B has seen nothing of all that; what it expects never comes. */
	duo_do(&d, A, 4, GN_WR_RDMA_WRITE, 8);
	CHECK(fabric_idle(&d.f, 100 * SEC));
	duo_sent(&d, A, 3, GN_WC_RETRY_EXC_ERR);
	duo_sent(&d, A, 4, GN_WC_WR_FLUSH_ERR);
	duo_check_quiet(&d);
	duo_close(&d);
}

/* A NAK that leaves after the gap was filled would send the requester back for
 * nothing.
 */
Test(rc_replay, nak_overtaken_by_its_cause)
{
	struct roce first = {
		.bth = {.opcode = OP_WRITE_ONLY, .pkey = PKEY_DEFAULT},
		.payload = {(const uint8_t *)"12345678", 8}};
	struct roce second;

	duo_open_default(&d);
	first.bth.dqpn = d.s[B].qp->qpn;
	first.bth.psn = 0x1000;
	first.reth = (struct reth){duo_va(&d, B, 0), d.s[B].mr->h.key, 8};
	second = first;
	second.bth.psn = 0x1001;
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &second), DROP_SEQ_GAP);
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &first), DROP_NONE);
	fabric_settle(&d.f);
	CHECK_EQ(aeth_kind(fabric_last(&d.f, B)->roce.aeth.syndrome), AETH_ACK);
	duo_idle(&d);
	duo_close(&d);
}

#define BIG (256 * 1024)

/* Answers leave in bursts; one that was asked for again makes the gaps longer, a
 * while without loss makes them shorter again.
 */
Test(rc_replay, answers_are_paced)
{
	const struct pace *p;
	struct duo_options o = duo_defaults();
	nsec_t gap;

	o.mem = BIG;
	duo_open(&d, &o);
	p = &d.s[B].qp->resp.pace;
	gap = p->gap;
	duo_do(&d, A, 1, GN_WR_RDMA_READ, BIG);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(d.f.now >= 3 * gap);
	CHECK_EQ(p->gap, gap);
	CHECK_EQ(again(0, 0, 0, BIG, 0), DROP_NONE);
	CHECK_EQ(p->gap, 2 * gap);
	for (unsigned i = 0; i < 80; i++) {
		duo_do(&d, A, 2 + i, GN_WR_RDMA_READ, BIG);
		duo_idle(&d);
		duo_sent(&d, A, 2 + i, GN_WC_SUCCESS);
	}
	CHECK(p->gap < 2 * gap);
	duo_close(&d);
}
