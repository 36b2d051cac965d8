/* What no program should do, all at once and at random: several QPs on one
 * window, bad keys, receive WRs that are missing or too short, regions that go
 * away, QPs that are reset, stopped and connected again, packets lost, doubled,
 * reordered, and changed on the way with nobody noticing.  Nothing is said
 * about success; but each request completes once, in order, unless its QP was
 * reset, and in the end all is quiet.
 *
 * CHAOS_SEEDS=first-last in the environment runs others, and says which.
 */
#include "tests/support/duo.h"

#include <stdio.h>
#include <stdlib.h>

#define PAIRS 5u

TestSuite(rc_chaos, .timeout = 600);

/* What was posted to a QP since its last reset, and what has come back. */
struct account {
	struct gn_qp *qp;
	uint32_t life;
	uint32_t sends, sent, recvs, received;
};

static struct duo d;
static struct account acc[2][PAIRS];
static struct random rnd;
static unsigned corrupt; /* of 1000 packets */

static uint64_t pick(uint64_t n)
{
	return random_next(&rnd) % n;
}

static void flip_bits(void *ctx, struct flight *fl)
{
	if (!corrupt || pick(1000) >= corrupt)
		return;
	for (uint64_t n = 1 + pick(3); n--;)
		fl->bytes[pick(fl->len < 40 ? fl->len : 40)] ^=
			(uint8_t)(1 << pick(8));
	if (!pick(4))
		fl->len = pick(fl->len + 1);
}

/* wr_id: pair, life and number. */
static uint64_t id_of(unsigned pair, uint32_t life, uint32_t n)
{
	return (uint64_t)pair << 56 | (uint64_t)(life & 0xffffff) << 32 | n;
}

static void connect(unsigned side, unsigned pair)
{
	struct account *a = &acc[side][pair];

	d.o.psn[side] = (uint32_t)pick(PSN_MASK);
	d.o.psn[!side] = acc[!side][pair].qp->attr.sq_psn;
	duo_raise(&d, side, a->qp, acc[!side][pair].qp->qpn, GN_QPS_RTS);
}

static void post_send(unsigned s, unsigned pair)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_SEND,	      GN_WR_SEND_IMM,  GN_WR_RDMA_WRITE,
		GN_WR_RDMA_WRITE_IMM, GN_WR_RDMA_READ, GN_WR_FETCH_ADD,
		GN_WR_CMP_SWAP,	      GN_WR_SEND_INV,
	};
	struct account *a = &acc[s][pair];
	enum gn_wr_opcode op = ops[pick(pick(100) ? 7 : 8)];
	uint32_t len = (uint32_t)pick(pick(3) ? 3000 : 30000);
	struct gn_send_wr wr;

	if (op == GN_WR_FETCH_ADD || op == GN_WR_CMP_SWAP)
		len = 8;
	d.s[s].qp = a->qp;
	wr = duo_wr(&d, s, id_of(pair, a->life, a->sends), op, len);
	wr.flags |= pick(5) ? 0 : GN_SEND_FENCE;
	if (!pick(300))
		wr.rkey ^= 0x100;
	if (!pick(300))
		wr.remote_addr += pick(70000);
	if (!duo_post(&d, s, wr))
		a->sends++;
}

static void post_recv(unsigned s, unsigned pair)
{
	struct account *a = &acc[s][pair];

	d.s[s].qp = a->qp;
	if (!duo_recv(&d, s, id_of(pair, a->life, a->recvs), 0,
		      (uint32_t)pick(20) ? 30000 : 100))
		a->recvs++;
}

static void reset(unsigned s, unsigned pair)
{
	struct account *a = &acc[s][pair];

	CHECK_EQ(duo_move(a->qp, (struct gn_qp_attr){0}, GN_QPS_RESET,
			  GN_QP_STATE),
		 0);
	*a = (struct account){.qp = a->qp, .life = a->life + 1};
	if (!pick(10)) {
		qp_free(a->qp);
		a->qp = duo_qp(&d, s);
	}
}

static void swap_region(unsigned s)
{
	CHECK_EQ(mr_free(d.s[s].mr), 0);
	CHECK_EQ(mr_new(d.s[s].pd, d.s[s].mem, d.o.mem, (uintptr_t)d.s[s].mem,
			d.o.mr_access, &d.s[s].mr),
		 0);
}

static void change_state(unsigned s, unsigned pair)
{
	struct gn_qp *qp = acc[s][pair].qp;
	enum gn_qp_state now = qp_state(qp);

	if (now == GN_QPS_RTS)
		duo_move(qp, qp->attr, pick(2) ? GN_QPS_SQD : GN_QPS_ERR,
			 GN_QP_STATE);
	else if (now == GN_QPS_SQD)
		duo_move(qp, qp->attr, GN_QPS_RTS, GN_QP_STATE);
}

static void poll(struct gn_cq *cq, unsigned s, bool send)
{
	struct gn_wc wc;

	while (cq_take(cq, 1, &wc) == 1) {
		unsigned pair = (unsigned)(wc.wr_id >> 56);
		struct account *a = &acc[s][pair];
		uint32_t *n = send ? &a->sent : &a->received;

		CHECK(wc.qp == a->qp);
		CHECK_EQ(wc.wr_id, id_of(pair, a->life, *n));
		++*n;
		CHECK(*n <= (send ? a->sends : a->recvs));
	}
}

static void poll_all(void)
{
	for (unsigned s = 0; s < 2; s++) {
		poll(d.s[s].scq, s, true);
		poll(d.s[s].rcq, s, false);
	}
}

static void turn(void)
{
	unsigned s = (unsigned)pick(2), pair = (unsigned)pick(PAIRS);

	for (uint64_t n = pick(4); n--;)
		post_send(s, pair);
	for (uint64_t n = pick(4); n--;)
		post_recv(!s, pair);
	if (!pick(200))
		swap_region(s);
	if (!pick(200))
		change_state(s, pair);
	if (!pick(4) && qp_state(acc[s][pair].qp) == GN_QPS_ERR) {
		reset(s, pair);
		if (pick(2))
			reset(!s, pair);
		connect(s, pair);
		if (qp_state(acc[!s][pair].qp) == GN_QPS_RESET)
			connect(!s, pair);
	}
}

static void open_pairs(uint64_t seed)
{
	struct duo_options o = duo_defaults();

	o.seed = seed;
	o.pmtu = 256u << pick(5);
	o.timeout = 6;
	o.retry_cnt = (uint8_t)pick(8);
	o.rnr_retry = (uint8_t)pick(7);
	o.min_rnr_timer = 1;
	o.window = 16384;
	o.credits = pick(2);
	o.cqe = 1024;
	o.notes = pick(2);
	o.cap.max_send_wr = o.cap.max_recv_wr = 16;
	duo_open(&d, &o);
	for (unsigned s = 0; s < 2; s++)
		qp_free(d.s[s].qp);
	for (unsigned i = 0; i < PAIRS; i++)
		for (unsigned s = 0; s < 2; s++)
			acc[s][i] = (struct account){.qp = duo_qp(&d, s)};
	for (unsigned i = 0; i < PAIRS; i++)
		for (unsigned s = 0; s < 2; s++)
			connect(s, i);
}

static void check_accounts(bool recvs)
{
	poll_all();
	for (unsigned s = 0; s < 2; s++)
		for (unsigned i = 0; i < PAIRS; i++) {
			const struct account *a = &acc[s][i];

			if (qp_state(a->qp) != GN_QPS_SQD)
				CHECK_EQ(a->sent, a->sends);
			if (recvs)
				CHECK_EQ(a->received, a->recvs);
		}
}

static void chaos(uint64_t seed)
{
	rnd = (struct random){seed};
	open_pairs(seed);
	corrupt = pick(2) ? (unsigned)pick(30) : 0;
	d.f.filter = flip_bits;
	d.f.faults = (struct faults){.lost = (unsigned)pick(40),
				     .twice = (unsigned)pick(40),
				     .late = (unsigned)pick(40),
				     .max_delay = (1 + pick(500)) * USEC};
	for (unsigned i = 0; i < 1500; i++) {
		turn();
		fabric_step(&d.f, d.f.now + 3 * USEC);
		if (!pick(3))
			d.f.now += pick(10) * USEC;
		poll_all();
	}
	duo_idle(&d);
	check_accounts(false);
	for (unsigned i = 0; i < PAIRS; i++)
		for (unsigned s = 0; s < 2; s++)
			duo_raise(&d, s, acc[s][i].qp, 0, GN_QPS_ERR);
	duo_idle(&d);
	check_accounts(true);
	for (unsigned s = 0; s < 2; s++) {
		for (unsigned i = 0; i < PAIRS; i++)
			qp_free(acc[s][i].qp);
		d.s[s].qp = NULL;
	}
	duo_close(&d);
}

Test(rc_chaos, everything_at_once)
{
	const char *range = getenv("CHAOS_SEEDS");
	unsigned long first = 1, last = 300;

	if (range)
		sscanf(range, "%lu-%lu", &first, &last);
	for (unsigned long seed = first; seed <= last; seed++) {
		if (range)
			fprintf(stderr, "seed %lu\n", seed);
		chaos(seed);
	}
}
