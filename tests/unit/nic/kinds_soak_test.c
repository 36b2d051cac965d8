/* All types of QPs at once on a network that loses, doubles and delays.
 *
 * A stream is a QP of A that sends numbered messages to B.  Number and stream say
 * what is in a message; a receive WR belongs to a pool (a QP's queue, or an SRQ).
 * What arrives must be whole; on reliable QPs all must arrive, once, in order.
 * Meanwhile B binds a window again and again, A writes through it and has it
 * invalidated (window_* below).
 *
 * SOAK_SEEDS=first-last in the environment runs others, and says which.
 */
#include "tests/support/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nic/datagram.h"

#define SLOT	 8192u
#define SLOTS	 8u
#define MESSAGES 60u
#define ROUNDS	 20u

enum { S_RC, S_SRQ1, S_SRQ2, S_XRC, S_UC, S_UD, STREAMS };
enum { P_RC, P_SRQ, P_XRC1, P_XRC2, P_UC, P_UD, P_WINDOW, POOLS };

TestSuite(kinds_soak, .timeout = 600);

struct stream {
	struct gn_qp *tx, *rx;
	bool reliable;
	uint32_t max_len;
	unsigned posted, done, arrived;
	uint32_t len[MESSAGES];
};

static struct duo d;
static struct random rnd;
static struct stream s[STREAMS];
static struct gn_xrcd *xrcd;
static struct gn_srq *srq[POOLS]; /* those that are SRQs */

static uint64_t pick(uint64_t n)
{
	return random_next(&rnd) % n;
}

static void pattern(unsigned stream, unsigned i, uint8_t *out, size_t len)
{
	struct random r = { (uint64_t)stream << 32 | i };
	uint64_t v = 0;

	for (size_t at = 0; at < len; at++, v >>= 8) {
		if (!(at & 7))
			v = random_next(&r);
		out[at] = (uint8_t)v;
	}
}

static bool has_pattern(unsigned stream, unsigned i, const uint8_t *p,
			size_t len)
{
	static uint8_t want[SLOT];

	pattern(stream, i, want, len);
	return !memcmp(p, want, len);
}

/* ---- receiving ---------------------------------------------------------------------- */

static struct gn_qp *window_qp[2];

static size_t buffer(unsigned pool, unsigned slot)
{
	return (pool * SLOTS + slot) * SLOT;
}

static void post_recv(unsigned pool, unsigned slot)
{
	struct gn_sge sge = duo_sge(&d, B, buffer(pool, slot), SLOT);
	struct gn_recv_wr wr = { .wr_id = pool << 8 | slot,
				 .sge = &sge,
				 .nsge = 1 };
	struct gn_qp *qp = pool == P_RC	  ? s[S_RC].rx
			   : pool == P_UC ? s[S_UC].rx
			   : pool == P_UD ? s[S_UD].rx
					  : window_qp[B];

	CHECK_EQ(srq[pool] ? rq_post(&srq[pool]->rq, &wr)
			   : qp_post_recv(qp, &wr),
		 0);
}

static unsigned stream_of(const struct gn_qp *qp)
{
	unsigned i = 0;

	while (i < STREAMS && s[i].rx != qp)
		i++;
	return i;
}

static void check_arrival(const struct gn_wc *wc)
{
	unsigned k = stream_of(wc->qp), i = wc->imm_or_rkey;
	uint32_t skip = k == S_UD ? GRH_LEN : 0;
	size_t at = buffer((unsigned)wc->wr_id >> 8, wc->wr_id & 0xff);

	CHECK(k < STREAMS);
	CHECK_EQ(wc->flags & GN_WC_WITH_IMM, GN_WC_WITH_IMM);
	CHECK(i < s[k].posted);
	if (s[k].reliable)
		CHECK_EQ(i, s[k].arrived);
	CHECK_EQ(wc->byte_len, s[k].len[i] + skip);
	CHECK(has_pattern(k, i, d.s[B].mem + at + skip, s[k].len[i]));
	s[k].arrived++;
}

/* ---- sending ------------------------------------------------------------------------ */

#define WINDOW_AT (POOLS * SLOTS * SLOT) /* and a slot for UC's WRITEs */

static size_t source(unsigned k, unsigned i)
{
	return (k * SLOTS + i % SLOTS) * SLOT;
}

static void post_one(unsigned k)
{
	unsigned i = s[k].posted++;
	uint32_t len = (uint32_t)pick(pick(2) ? s[k].max_len + 1 : 2049);
	struct gn_send_wr wr = kind_datagram(&d, A, k << 8 | i, len,
					     s[k].rx->qpn);
	struct gn_sge sge;

	s[k].len[i] = len = len < s[k].max_len ? len : s[k].max_len;
	pattern(k, i, d.s[A].mem + source(k, i), len);
	sge = duo_sge(&d, A, source(k, i), len);
	wr.sge = &sge;
	wr.opcode = GN_WR_SEND_IMM;
	wr.imm = i;
	if (k == S_UC && !pick(4)) { /* among SENDs that break off */
		wr.opcode = GN_WR_RDMA_WRITE;
		wr.remote_addr = duo_va(&d, B, WINDOW_AT + SLOT);
	}
	if (k == S_XRC)
		wr.remote_srqn = srq[pick(2) ? P_XRC1 : P_XRC2]->srqn;
	CHECK_EQ(qp_post_send(s[k].tx, &wr), 0);
	qp_ring(s[k].tx);
}

/* ---- the window ------------------------------------------------------------------------ */

static struct {
	struct gn_mw *mw;
	unsigned round;
	unsigned waits; /* completions until the round's next step */
	bool bound;
	uint32_t key;
} win;

#define W_BIND	  0x1001u
#define W_OTHER	  0x1002u
#define W_USE	  0x1003u

static void post_window(unsigned side, struct gn_send_wr wr, uint64_t wr_id)
{
	wr.wr_id = wr_id;
	wr.flags |= GN_SEND_SIGNALED;
	win.waits++;
	CHECK_EQ(qp_post_send(window_qp[side], &wr), 0);
	qp_ring(window_qp[side]);
}

/* B binds, among WRITEs of its own that may have to be sent again. */
static void window_bind(void)
{
	unsigned before = (unsigned)pick(3), after = (unsigned)pick(3);
	struct gn_send_wr wr = { .opcode = GN_WR_BIND_MW,
				 .mw = win.mw,
				 .bind_mr = d.s[B].mr,
				 .bind_len = SLOT,
				 .bind_access = GN_ACCESS_REMOTE_WRITE };

	win.key = (win.mw->h.key & ~0xffu) | ((win.mw->h.key + 1) & 0xff);
	wr.imm = win.key;
	wr.remote_addr = duo_va(&d, B, WINDOW_AT);
	while (before--)
		post_window(B, duo_wr(&d, B, 0, GN_WR_RDMA_WRITE, 0), W_OTHER);
	post_window(B, wr, W_BIND);
	while (after--)
		post_window(B, duo_wr(&d, B, 0, GN_WR_RDMA_WRITE, 0), W_OTHER);
	win.bound = true;
}

/* A writes through it, and takes it away. */
static void window_use(void)
{
	size_t at = STREAMS * SLOTS * SLOT;
	struct gn_send_wr wr = duo_wr(&d, A, 0, GN_WR_RDMA_WRITE, 0);
	struct gn_sge sge = duo_sge(&d, A, at, SLOT);

	pattern(99, win.round, d.s[A].mem + at, SLOT);
	wr.sge = &sge;
	wr.rkey = win.key;
	wr.remote_addr = duo_va(&d, B, WINDOW_AT);
	post_window(A, wr, W_USE);
	post_recv(P_WINDOW, 0);
	win.waits++;
	wr = duo_wr(&d, A, 0, GN_WR_SEND_INV, 0);
	wr.imm = win.key;
	post_window(A, wr, W_USE);
	win.bound = false;
}

static void window_step(void)
{
	if (win.waits || win.round == ROUNDS)
		return;
	if (win.bound) {
		window_use();
		return;
	}
	if (win.key) {
		CHECK(!win.mw->mr);
		CHECK(has_pattern(99, win.round, d.s[B].mem + WINDOW_AT, SLOT));
		if (++win.round == ROUNDS)
			return;
	}
	window_bind();
}

/* ---- polling ----------------------------------------------------------------------------- */

static void poll_sends(unsigned side)
{
	struct gn_wc wc;

	while (cq_take(d.s[side].scq, 1, &wc) == 1) {
		unsigned k = (unsigned)wc.wr_id >> 8;

		CHECK_EQ(wc.status, GN_WC_SUCCESS);
		if (wc.wr_id >= W_BIND) {
			win.waits--;
			continue;
		}
		CHECK_EQ(wc.wr_id & 0xff, s[k].done);
		s[k].done++;
	}
}

static void poll_recvs(void)
{
	struct gn_wc wc;

	while (cq_take(d.s[B].rcq, 1, &wc) == 1) {
		CHECK_EQ(wc.status, GN_WC_SUCCESS);
		if (wc.wr_id >> 8 == P_WINDOW) {
			CHECK_EQ(wc.flags, GN_WC_WITH_INV);
			CHECK_EQ(wc.imm_or_rkey, win.key);
			win.waits--;
			continue;
		}
		check_arrival(&wc);
		post_recv((unsigned)wc.wr_id >> 8, wc.wr_id & 0xff);
	}
}

static bool finished(void)
{
	for (unsigned k = 0; k < STREAMS; k++)
		if (s[k].done < MESSAGES ||
		    (s[k].reliable && s[k].arrived < MESSAGES))
			return false;
	return win.round == ROUNDS;
}

/* ---- a run ---------------------------------------------------------------------------------- */

static void open_stream(unsigned k, enum gn_qp_type type, unsigned pool)
{
	bool xrc = type == GN_QPT_XRC_SEND;

	s[k].tx = kind_qp(&d, A, type, NULL, NULL);
	s[k].rx = kind_qp(&d, B, xrc ? GN_QPT_XRC_RECV : type,
			  xrc ? NULL : srq[pool], xrc ? xrcd : NULL);
	kind_raise(&d, A, s[k].tx, s[k].rx->qpn, GN_QPS_RTS);
	kind_raise(&d, B, s[k].rx, s[k].tx->qpn, GN_QPS_RTS);
	s[k].reliable = qp_is_reliable(s[k].tx);
	s[k].max_len = k == S_UD ? 4096 : SLOT;
}

static void open_it(uint64_t seed)
{
	struct duo_options o = duo_defaults();

	o.seed = seed;
	o.pmtu = 256u << pick(5);
	o.timeout = 8;
	o.min_rnr_timer = 1;
	o.psn[A] = (uint32_t)pick(PSN_MASK);
	o.psn[B] = psn_add(0, PSN_MASK - (uint32_t)pick(50));
	o.credits = pick(2);
	o.cqe = 1024;
	o.mem = WINDOW_AT + 2 * SLOT;
	o.mr_access |= GN_ACCESS_MW_BIND;
	duo_open(&d, &o);
	memset(s, 0, sizeof(s));
	memset(srq, 0, sizeof(srq));
	memset(&win, 0, sizeof(win));
	CHECK_EQ(xrcd_open(d.s[B].engine, 0, true, false, &xrcd), 0);
	srq[P_SRQ] = kind_srq(&d, B, 16);
	srq[P_XRC1] = kind_xrc_srq(&d, B, 16, xrcd, d.s[B].rcq);
	srq[P_XRC2] = kind_xrc_srq(&d, B, 16, xrcd, d.s[B].rcq);
	open_stream(S_RC, GN_QPT_RC, P_RC);
	open_stream(S_SRQ1, GN_QPT_RC, P_SRQ);
	open_stream(S_SRQ2, GN_QPT_RC, P_SRQ);
	open_stream(S_XRC, GN_QPT_XRC_SEND, P_XRC1);
	open_stream(S_UC, GN_QPT_UC, P_UC);
	open_stream(S_UD, GN_QPT_UD, P_UD);
	window_qp[A] = d.s[A].qp;
	window_qp[B] = d.s[B].qp;
	CHECK_EQ(mw_new(d.s[B].pd, 2, &win.mw), 0);
	for (unsigned p = 0; p < P_WINDOW; p++)
		for (unsigned i = 0; i < SLOTS; i++)
			post_recv(p, i);
}

static void close_it(void)
{
	CHECK_EQ(mw_free(win.mw), 0);
	for (unsigned k = 0; k < STREAMS; k++) {
		qp_free(s[k].tx);
		qp_free(s[k].rx);
	}
	for (unsigned p = 0; p < POOLS; p++)
		if (srq[p])
			CHECK_EQ(srq_free(srq[p]), 0);
	CHECK_EQ(xrcd_close(xrcd), 0);
	duo_close(&d);
}

static void turn(void)
{
	unsigned k = (unsigned)pick(STREAMS);

	poll_sends(A);
	poll_sends(B);
	poll_recvs();
	window_step();
	while (s[k].posted < MESSAGES && s[k].posted - s[k].done < SLOTS &&
	       pick(4))
		post_one(k);
}

static void soak(uint64_t seed)
{
	rnd = (struct random){ seed };
	open_it(seed);
	d.f.faults = (struct faults){ .lost = (unsigned)pick(60),
				      .twice = (unsigned)pick(60),
				      .late = (unsigned)pick(60),
				      .max_delay = (1 + pick(200)) * USEC };
	for (unsigned steps = 0; !finished(); steps++) {
		turn();
		fabric_step(&d.f, d.f.now + 5 * USEC);
		if (!pick(4))
			d.f.now += pick(20) * USEC;
		if (steps > 300000)
			fprintf(stderr, "seed %llu stalls\n",
				(unsigned long long)seed);
		CHECK(steps <= 300000);
	}
	duo_idle(&d);
	poll_recvs();
	close_it();
}

Test(kinds_soak, random_work)
{
	const char *range = getenv("SOAK_SEEDS");
	unsigned long first = 1, last = 600;

	if (range)
		sscanf(range, "%lu-%lu", &first, &last);
	for (unsigned long seed = first; seed <= last; seed++) {
		if (range)
			fprintf(stderr, "seed %lu\n", seed);
		soak(seed);
	}
}
