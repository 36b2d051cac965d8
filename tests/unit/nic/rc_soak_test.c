/* Random work both ways over a network that loses, doubles, holds up and so
 * reorders packets, against a model that knows what must come out: every
 * request completes once, in order, with success, and the bytes are right.
 *
 * Request number i of a side uses slot i % SLOTS of three areas: its own memory
 * (what it sends, or reads into), the peer's (what it writes or reads), and the
 * peer's receive buffers.  What is in them follows from side and number.
 *
 * SOAK_SEEDS=first-last in the environment runs others, and says which.
 */
#include "tests/support/duo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	 16u
#define SLOT	 8192u
#define OWN	 0u		/* requester's slots */
#define REMOTE	 (SLOTS * SLOT) /* responder's slots */
#define RECEIVE	 (2 * SLOTS * SLOT)
#define WORD	 (3 * SLOTS * SLOT) /* what the peer's atomics work on */
#define MEM	 (WORD + 4096u)
#define REQUESTS 120u

TestSuite(rc_soak, .timeout = 600);

/* A request that is under way, as the model sees it. */
struct planned {
	enum gn_wr_opcode op;
	uint32_t len;
	bool signaled;
	uint64_t orig; /* atomics: what must come back */
};

struct model {
	unsigned posted, done; /* requests of this side */
	unsigned recv_posted, recv_done;
	unsigned takers;	  /* requests so far that take a receive WR */
	unsigned taker[REQUESTS]; /* their numbers */
	struct planned plan[REQUESTS];
	uint64_t word; /* the peer's word after all posted ones */
};

static struct duo d;
static struct model m[2];
static struct random rnd;

static uint64_t pick(uint64_t n)
{
	return random_next(&rnd) % n;
}

static void pattern(unsigned side, unsigned i, uint8_t *out, size_t len)
{
	struct random r = {(uint64_t)side << 32 | i};
	uint64_t v = 0;

	for (size_t at = 0; at < len; at++, v >>= 8) {
		if (!(at & 7))
			v = random_next(&r);
		out[at] = (uint8_t)v;
	}
}

static bool has_pattern(unsigned side, unsigned i, const uint8_t *p, size_t len)
{
	static uint8_t want[SLOT];

	pattern(side, i, want, len);
	return !memcmp(p, want, len);
}

static bool takes_recv(enum gn_wr_opcode op)
{
	return op == GN_WR_SEND || op == GN_WR_SEND_IMM ||
	       op == GN_WR_RDMA_WRITE_IMM;
}

static bool is_atomic(enum gn_wr_opcode op)
{
	return op == GN_WR_FETCH_ADD || op == GN_WR_CMP_SWAP;
}

static bool writes(enum gn_wr_opcode op)
{
	return op == GN_WR_RDMA_WRITE || op == GN_WR_RDMA_WRITE_IMM;
}

/* ---- posting ------------------------------------------------------------- */

static uint32_t random_len(void)
{
	switch (pick(4)) {
	case 0: return (uint32_t)pick(5);
	case 1: return d.o.pmtu - 1 + (uint32_t)pick(3);
	case 2: return (uint32_t)pick(2 * d.o.pmtu);
	}
	return (uint32_t)pick(SLOT + 1);
}

static struct planned plan(unsigned s, unsigned i)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_SEND,	      GN_WR_SEND_IMM,  GN_WR_RDMA_WRITE,
		GN_WR_RDMA_WRITE_IMM, GN_WR_RDMA_READ, GN_WR_RDMA_READ,
		GN_WR_CMP_SWAP,	      GN_WR_FETCH_ADD,
	};
	struct planned p = {.op = ops[pick(8)], .len = random_len()};

	if (p.len > SLOT)
		p.len = SLOT;
	if (is_atomic(p.op)) {
		p.len = 8;
		p.orig = m[s].word;
	}
	p.signaled = pick(3) || i % 8 == 7 || i + 1 == REQUESTS;
	return p;
}

/* Two SGEs, cut anywhere. */
static void set_sges(unsigned s, unsigned i, struct gn_send_wr *wr,
		     struct gn_sge sge[2], uint32_t len)
{
	uint32_t cut = (uint32_t)pick(len + 1);
	size_t at = OWN + i % SLOTS * SLOT;

	sge[0] = duo_sge(&d, s, at, cut);
	sge[1] = duo_sge(&d, s, at + cut, len - cut);
	wr->sge = sge;
	wr->nsge = 2;
}

static void set_atomic(unsigned s, struct gn_send_wr *wr)
{
	uint64_t v = random_next(&rnd);

	wr->remote_addr = duo_va(&d, !s, WORD);
	wr->compare_add = v;
	if (wr->opcode == GN_WR_FETCH_ADD) {
		m[s].word += v;
		return;
	}
	wr->swap = random_next(&rnd);
	if (pick(2))
		wr->compare_add = m[s].word;
	if (wr->compare_add == m[s].word)
		m[s].word = wr->swap;
}

static void post_one(unsigned s)
{
	unsigned i = m[s].posted;
	struct planned *p = &m[s].plan[i];
	struct gn_send_wr wr;
	struct gn_sge sge[2];
	size_t slot = i % SLOTS * SLOT;

	*p = plan(s, i);
	wr = duo_wr(&d, s, i, p->op, p->len);
	wr.flags = (p->signaled ? GN_SEND_SIGNALED : 0) |
		   (pick(6) ? 0 : GN_SEND_FENCE);
	wr.imm = i;
	set_sges(s, i, &wr, sge, p->len);
	wr.remote_addr = duo_va(&d, !s, REMOTE + slot);
	if (is_atomic(p->op))
		set_atomic(s, &wr);
	else if (p->op == GN_WR_RDMA_READ)
		pattern(s, i, d.s[!s].mem + REMOTE + slot, p->len);
	else
		pattern(s, i, d.s[s].mem + OWN + slot, p->len);
	if (takes_recv(p->op))
		m[s].taker[m[s].takers++] = i;
	CHECK_EQ(duo_post(&d, s, wr), 0);
	m[s].posted++;
}

static void post_recv(unsigned s)
{
	unsigned i = m[s].recv_posted++;

	CHECK_EQ(duo_recv(&d, s, i, RECEIVE + i % SLOTS * SLOT, SLOT), 0);
}

/* ---- checking ------------------------------------------------------------ */

static void check_done(unsigned s, unsigned i)
{
	const struct planned *p = &m[s].plan[i];
	size_t slot = i % SLOTS * SLOT;

	if (is_atomic(p->op))
		CHECK(!memcmp(d.s[s].mem + OWN + slot, &p->orig, 8));
	else if (p->op == GN_WR_RDMA_READ)
		CHECK(has_pattern(s, i, d.s[s].mem + OWN + slot, p->len));
	else if (writes(p->op))
		CHECK(has_pattern(s, i, d.s[!s].mem + REMOTE + slot, p->len));
}

static void poll_sends(unsigned s)
{
	struct gn_wc wc;

	while (cq_take(d.s[s].scq, 1, &wc) == 1) {
		CHECK_EQ(wc.status, GN_WC_SUCCESS);
		for (; m[s].done < wc.wr_id; m[s].done++) {
			CHECK(!m[s].plan[m[s].done].signaled);
			check_done(s, m[s].done);
		}
		CHECK_EQ(wc.wr_id, m[s].done);
		CHECK(m[s].plan[m[s].done].signaled);
		check_done(s, m[s].done++);
	}
}

static void poll_recvs(unsigned s)
{
	struct gn_wc wc;

	while (cq_take(d.s[s].rcq, 1, &wc) == 1) {
		unsigned i = m[!s].taker[m[s].recv_done];
		const struct planned *p = &m[!s].plan[i];
		size_t slot = m[s].recv_done % SLOTS * SLOT;

		CHECK_EQ(wc.status, GN_WC_SUCCESS);
		CHECK_EQ(wc.wr_id, m[s].recv_done);
		CHECK(m[s].recv_done < m[!s].takers);
		CHECK_EQ(wc.byte_len, p->len);
		CHECK_EQ(wc.flags & GN_WC_WITH_IMM,
			 p->op == GN_WR_SEND ? 0 : GN_WC_WITH_IMM);
		if (p->op != GN_WR_SEND)
			CHECK_EQ(wc.imm_or_rkey, i);
		if (!writes(p->op))
			CHECK(has_pattern(!s, i, d.s[s].mem + RECEIVE + slot,
					  p->len));
		m[s].recv_done++;
	}
}

static void turn(unsigned s)
{
	poll_sends(s);
	poll_recvs(s);
	while (m[s].posted < REQUESTS && m[s].posted - m[s].done < SLOTS &&
	       pick(3))
		post_one(s);
	while (m[s].recv_posted - m[s].recv_done < SLOTS && pick(3))
		post_recv(s);
}

static bool finished(void)
{
	return m[A].done == REQUESTS && m[B].done == REQUESTS &&
	       m[A].recv_done == m[B].takers && m[B].recv_done == m[A].takers;
}

static struct duo_options random_options(uint64_t seed)
{
	struct duo_options o = duo_defaults();

	o.seed = seed;
	o.pmtu = 256u << pick(5);
	o.timeout = 8; /* 1 ms */
	o.min_rnr_timer = 1;
	o.rd_atomic = o.dest_rd_atomic = (uint8_t)(1 + pick(5));
	o.psn[A] = pick(2) ? psn_add(0, PSN_MASK - pick(300)) : pick(PSN_MASK);
	o.psn[B] = pick(2) ? psn_add(0, PSN_MASK - pick(300)) : pick(PSN_MASK);
	o.credits = pick(2);
	o.notes = pick(2);
	o.window = pick(2) ? 128 * 1024 : 16 * 1024;
	o.mem = MEM;
	o.cap.max_send_sge = 2;
	return o;
}

static void soak(uint64_t seed)
{
	struct duo_options o;

	rnd = (struct random){seed};
	memset(m, 0, sizeof(m));
	o = random_options(seed);
	duo_open(&d, &o);
	d.f.faults = (struct faults){.lost = (unsigned)pick(60),
				     .twice = (unsigned)pick(60),
				     .late = (unsigned)pick(100),
				     .max_delay = (1 + pick(300)) * USEC};
	for (unsigned steps = 0; !finished(); steps++) {
		turn(A);
		turn(B);
		fabric_step(&d.f, d.f.now + 5 * USEC);
		if (!pick(4))
			d.f.now += pick(20) * USEC;
		if (steps > 300000)
			fprintf(stderr, "seed %llu stalls\n",
				(unsigned long long)seed);
		CHECK(steps <= 300000);
	}
	duo_idle(&d);
	CHECK_EQ(memcmp(d.s[A].mem + WORD, &m[B].word, 8), 0);
	CHECK_EQ(memcmp(d.s[B].mem + WORD, &m[A].word, 8), 0);
	duo_close(&d);
}

Test(rc_soak, random_work)
{
	const char *range = getenv("SOAK_SEEDS");
	unsigned long first = 1, last = 2000;

	if (range)
		sscanf(range, "%lu-%lu", &first, &last);
	for (unsigned long seed = first; seed <= last; seed++) {
		if (range)
			fprintf(stderr, "seed %lu\n", seed);
		soak(seed);
	}
}
