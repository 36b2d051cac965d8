#include "tests/sim/plan.h"

#include <stdarg.h>
#include <string.h>

static uint64_t pick(struct random *r, uint64_t n)
{
	return random_next(r) % n;
}

static bool one_in(struct random *r, unsigned n)
{
	return !pick(r, n);
}

/* ---- connections ---- */

static enum gn_qp_type pick_type(struct random *r)
{
	static const enum gn_qp_type types[] = {
		GN_QPT_RC, GN_QPT_RC, GN_QPT_RC, GN_QPT_RC,
		GN_QPT_RC, GN_QPT_UC, GN_QPT_UD, GN_QPT_XRC_SEND,
	};

	return types[pick(r, 8)];
}

static unsigned pick_access(struct random *r)
{
	static const unsigned rights[] = {
		GN_ACCESS_REMOTE_WRITE,	    GN_ACCESS_REMOTE_READ,
		GN_ACCESS_REMOTE_ATOMIC,    GN_ACCESS_FLUSH_GLOBAL,
		GN_ACCESS_FLUSH_PERSISTENT,
	};
	unsigned all = 0;

	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		all |= rights[i];
	return one_in(r, 16) ? all & ~rights[pick(r, 3)] : all;
}

static uint32_t pick_max_len(struct random *r, unsigned pmtu)
{
	switch (pick(r, 4)) {
	case 0: return 64;
	case 1: return pmtu + 8;
	case 2: return 2 * pmtu + 16;
	}
	return 4 * pmtu < MESSAGE_MAX ? 4 * pmtu : MESSAGE_MAX;
}

static void make_conn(const struct plan *p, struct conn_plan *c,
		      struct random *r)
{
	static const unsigned pmtus[] = {256, 256,  256,  512,
					 512, 1024, 2048, 4096};
	bool loop = one_in(r, 16);

	c->type = pick_type(r);
	c->node[0] = (unsigned)pick(r, p->nnode);
	c->node[1] = loop ? c->node[0]
			  : (c->node[0] + 1 + (unsigned)pick(r, p->nnode - 1)) %
				     p->nnode;
	c->srq[0] = one_in(r, 4);
	c->srq[1] = one_in(r, 4);
	c->pmtu = pmtus[pick(r, 8)];
	c->timeout = (uint8_t)(7 + pick(r, 4)); /* 0.5 to 4 ms */
	c->retry_cnt = one_in(r, 3) ? (uint8_t)pick(r, 8) : 7;
	c->rnr_retry = one_in(r, 3) ? (uint8_t)pick(r, 7) : 7;
	c->min_rnr_timer = (uint8_t)(1 + pick(r, 14));
	c->dest_rd_atomic = (uint8_t)(1 + pick(r, 5));
	c->rd_atomic = (uint8_t)(1 + pick(r, c->dest_rd_atomic));
	if (one_in(r, 40))
		c->rd_atomic = 0;
	if (one_in(r, 20))
		c->rd_atomic = (uint8_t)(c->dest_rd_atomic + 2);
	c->access = pick_access(r);
	c->sig_all = one_in(r, 4);
	c->max_len = c->type == GN_QPT_UD ? 64 + (uint32_t)pick(r, 1000)
					  : pick_max_len(r, c->pmtu);
}

/* ---- work requests ---- */

static uint32_t pick_len(struct random *r, const struct conn_plan *c)
{
	uint32_t len;

	switch (pick(r, 4)) {
	case 0: len = (uint32_t)pick(r, 17); break;
	case 1: len = c->pmtu - 1 + (uint32_t)pick(r, 3); break;
	case 2: len = 2 * c->pmtu - 1 + (uint32_t)pick(r, 3); break;
	default: len = (uint32_t)pick(r, c->max_len + 1); break;
	}
	return len < c->max_len ? len : c->max_len;
}

/* A place for the step's pieces among the local buffers, with a guard behind.
 */
static void place(struct plan *p, struct step *s, struct random *r)
{
	uint32_t left = s->len;

	s->nsge = one_in(r, 3) ? 1 + (unsigned)pick(r, PLAN_SGES) : 1;
	if (!s->len && one_in(r, 2))
		s->nsge = 0;
	for (unsigned i = 0; i + 1 < s->nsge; i++)
		left -= s->piece[i] = (uint32_t)pick(r, left + 1);
	if (s->nsge)
		s->piece[s->nsge - 1] = left;
	s->local = p->local_len;
	p->local_len += (s->len + s->nsge * SGE_GAP + 15) & ~7u;
}

static enum gn_wr_opcode pick_op(struct random *r, enum gn_qp_type type)
{
	static const enum gn_wr_opcode ops[] = {
		/* UD */
		GN_WR_SEND,
		GN_WR_SEND_IMM,
		/* UC */
		GN_WR_RDMA_WRITE,
		GN_WR_RDMA_WRITE_IMM,
		/* XRC */
		GN_WR_RDMA_READ,
		GN_WR_RDMA_READ,
		GN_WR_CMP_SWAP,
		GN_WR_FETCH_ADD,
		GN_WR_FETCH_ADD,
		GN_WR_ATOMIC_WRITE,
		GN_WR_FLUSH,
		/* RC */
		GN_WR_BIND_MW,
		GN_WR_BIND_MW,
		GN_WR_LOCAL_INV,
		GN_WR_SEND_INV,
	};
	unsigned n = type == GN_QPT_UD	       ? 2
		     : type == GN_QPT_UC       ? 4
		     : type == GN_QPT_XRC_SEND ? 11
					       : 15;
	enum gn_wr_opcode op = ops[pick(r, n)];

	/* Most windows are bound, most are not taken away. */
	return op == GN_WR_LOCAL_INV && one_in(r, 2) ? GN_WR_RDMA_WRITE : op;
}

static enum key_choice pick_key(struct random *r, const struct plan *p,
				enum gn_qp_type type)
{
	switch (pick(r, 24)) {
	case 0: return KEY_READ;
	case 1:
		return one_in(r, 4)   ? KEY_NONSENSE
		       : one_in(r, 2) ? KEY_FOREIGN
				      : KEY_CELLS;
	case 2:
	case 3: return type == GN_QPT_RC ? KEY_WINDOW1 : KEY_CELLS;
	case 4:
	case 5: return type == GN_QPT_RC ? KEY_WINDOW2 : KEY_CELLS;
	case 6:
	case 7:
	case 8: return KEY_COMING;
	}
	return KEY_CELLS;
}

static void make_send(struct plan *p, struct step *s, struct random *r,
		      bool calm)
{
	const struct conn_plan *c = &p->conn[s->conn];

	if (c->type == GN_QPT_XRC_SEND)
		s->side = 0;
	s->op = pick_op(r, c->type);
	s->key = calm ? KEY_CELLS : pick_key(r, p, c->type);
	if (s->key == KEY_READ && s->op != GN_WR_RDMA_READ && !one_in(r, 8))
		s->key = KEY_CELLS;
	if (calm && (wr_is_local(s->op) || s->op == GN_WR_SEND_INV))
		s->op = GN_WR_RDMA_WRITE;
	if (!calm && one_in(r, 50))
		s->spoil = (enum spoil)(1 + pick(r, SPOIL_N - 1));
	s->len = wr_is_atomic(s->op) || s->op == GN_WR_ATOMIC_WRITE ? 8
		 : wr_is_local(s->op)				    ? 0
		 : s->op == GN_WR_FLUSH				    ? 0
					: pick_len(r, c);
	if (s->spoil == SPOIL_QKEY && c->type != GN_QPT_UD)
		s->spoil = SPOIL_NOTHING;
	if (s->spoil == SPOIL_LENGTH && c->type == GN_QPT_UD)
		s->len = 4097;
	s->flags = one_in(r, 3) ? 0 : GN_SEND_SIGNALED;
	if (one_in(r, 6))
		s->flags |= GN_SEND_FENCE;
	if (one_in(r, 4))
		s->flags |= GN_SEND_SOLICITED;
	if (one_in(r, 4) && s->len <= INLINE_MAX &&
	    (wr_takes_recv(s->op) || wr_is_write(s->op)))
		s->flags |= GN_SEND_INLINE;
	place(p, s, r);
	if (wr_is_atomic(s->op) || s->op == GN_WR_ATOMIC_WRITE)
		s->target = 8 * (uint32_t)pick(r, 4);
	else if (s->len < c->max_len)
		s->target = (uint32_t)pick(
			r, one_in(r, 2) ? c->max_len - s->len + 1
					: 9 % (c->max_len - s->len + 1) + 1);
	s->value[0] = random_next(r);
	s->value[1] = random_next(r);
	s->type2 = one_in(r, 2) || s->op != GN_WR_BIND_MW;
}

static void make_recv(struct plan *p, struct step *s, struct random *r,
		      bool calm)
{
	const struct conn_plan *c = &p->conn[s->conn];
	uint32_t longest = 0;

	if (c->type == GN_QPT_XRC_SEND)
		s->side = 1;
	/* An SRQ's requests are for all of its QPs. */
	for (unsigned i = 0; i < p->nconn; i++)
		if (p->conn[i].max_len > longest)
			longest = p->conn[i].max_len;
	s->len = c->srq[s->side] || c->type == GN_QPT_XRC_SEND ? longest
							       : c->max_len;
	if (!calm && one_in(r, 50))
		s->spoil = one_in(r, 2) ? SPOIL_LKEY : SPOIL_LENGTH;
	if (c->srq[s->side] || c->type == GN_QPT_XRC_SEND)
		s->spoil = SPOIL_NOTHING;
	if (s->spoil == SPOIL_LENGTH)
		s->len = (uint32_t)pick(r, 16);
	s->len += UD_GRH;
	place(p, s, r);
}

/* ---- steps ---- */

static enum what pick_what(struct random *r, bool calm)
{
	unsigned k = (unsigned)pick(r, calm ? 84 : 100);

	if (k < 48)
		return DO_SEND;
	if (k < 72)
		return DO_RECV;
	if (k < 84)
		return DO_POLL;
	switch (k) {
	case 84:
	case 85: return DO_RESET;
	case 86: return DO_DESTROY;
	case 87: return DO_ERROR;
	case 88:
	case 89: return DO_DRAIN;
	case 90:
	case 91: return DO_RESUME;
	case 92:
	case 93: return DO_DEREG;
	case 94:
	case 95: return DO_REG;
	case 96: return DO_DOWN;
	case 97:
	case 98: return DO_UP;
	}
	return DO_CONNECT;
}

/* Each connection of a QP pair begins far from where the last one was, so that
 * its stray packets are strangers in the next; many begin near the wrap.
 */
static uint32_t pick_psn(struct random *r, unsigned nth)
{
	if (!nth && one_in(r, 2))
		return (uint32_t)(0xffffffu - pick(r, 30));
	return (uint32_t)(nth * 0x300000u + pick(r, 0x100000)) & 0xffffffu;
}

static void make_step(struct plan *p, struct step *s, struct random *r,
		      bool calm)
{
	s->what = pick_what(r, calm);
	s->conn = (unsigned)pick(r, p->nconn);
	s->side = (unsigned)pick(r, 2);
	s->node = (unsigned)pick(r, p->nnode);
	s->quiet = one_in(r, 3);
	if (s->what == DO_SEND)
		make_send(p, s, r, calm);
	if (s->what == DO_RECV)
		make_recv(p, s, r, calm);
	if (s->what == DO_POLL)
		s->len = one_in(r, 3) ? 1 + (uint32_t)pick(r, 4) : UINT32_MAX;
}

static nsec_t pick_wait(struct random *r)
{
	switch (pick(r, 8)) {
	case 0: return 0;
	case 1:
	case 2: return pick(r, 1000 * USEC);
	case 3: return one_in(r, 6) ? pick(r, 30 * MSEC) : 0;
	}
	return pick(r, 40 * USEC);
}

static void make_steps(struct plan *p, struct random *r, bool calm)
{
	unsigned connects[PLAN_CONNS] = {0}, digits[PLAN_NODES] = {0};
	nsec_t at = 0;

	p->nstep = p->nconn + 10 + (unsigned)pick(r, PLAN_STEPS - 15);
	if (one_in(r, 3))
		p->nstep = p->nconn + 5 + (unsigned)pick(r, 30);
	for (unsigned i = 0; i < p->nstep; i++) {
		struct step *s = &p->step[i];

		if (i < p->nconn)
			*s = (struct step){.what = DO_CONNECT, .conn = i};
		else
			make_step(p, s, r, calm);
		s->at = at += i < p->nconn ? 0 : pick_wait(r);
		if (s->what == DO_CONNECT) {
			unsigned nth = connects[s->conn]++;

			s->psn[0] = pick_psn(r, nth);
			s->psn[1] = pick_psn(r, nth);
		}
		if (s->what == DO_SEND && s->op == GN_WR_FETCH_ADD &&
		    one_in(r, 2)) {
			unsigned to = p->conn[s->conn].node[!s->side];

			s->shared = digits[to] < COUNTER_DIGITS;
			s->digit = digits[to]++;
		}
	}
}

static void add_rule(struct plan *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add_rule(struct plan *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->rule[p->nrule++], RULE_TEXT, fmt, ap);
	va_end(ap);
}

/* Up to @max percent. */
static double pick_percent(struct random *r, unsigned max)
{
	return (double)(1 + pick(r, max * 10)) / 1000;
}

static void pick_faults(struct plan *p, struct random *r)
{
	unsigned long hold = 1 + pick(r, 300);

	if (one_in(r, 2))
		add_rule(p, "loss %.3f",
			 pick_percent(r, one_in(r, 8) ? 40 : 8));
	if (one_in(r, 2))
		add_rule(p, "dup chance %.3f copies %u", pick_percent(r, 8),
			 1 + (unsigned)pick(r, 2));
	if (one_in(r, 2))
		add_rule(p, "hold for %luus chance %.3f", hold,
			 pick_percent(r, 8));
	if (one_in(r, 3))
		add_rule(p, "reorder within %luus chance %.3f", hold,
			 pick_percent(r, 5));
	if (one_in(r, 5))
		add_rule(p, "delay %luus jitter %luus", pick(r, 20),
			 1 + pick(r, 50));
	if (one_in(r, 8))
		add_rule(p, "rate %luGbit limit 64KiB", 1 + pick(r, 10));
	if (one_in(r, 5))
		add_rule(p, "corrupt chance %.3f", pick_percent(r, 4));
	if (one_in(r, 6))
		add_rule(p, "%s chance %.3f",
			 one_in(r, 2) ? "truncate" : "mark",
			 pick_percent(r, 4));
	if (!p->wild)
		return;
	p->nrule = p->nrule < PLAN_RULES - 2 ? p->nrule : PLAN_RULES - 2;
	add_rule(p, "corrupt icrc fixed bits %u chance %.3f",
		 1 + (unsigned)pick(r, 3), pick_percent(r, 4));
	if (one_in(r, 2))
		add_rule(p, "truncate icrc fixed chance %.3f",
			 pick_percent(r, 2));
}

static uint32_t lay_out(uint32_t *at, uint32_t len)
{
	uint32_t here = (*at + GUARD + 15) & ~15u;

	*at = here + len;
	return here;
}

void plan_make(struct plan *p, uint64_t seed)
{
	struct random r = {seed};
	uint32_t longest = 0, at;
	bool calm;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->wild = one_in(&r, 8);
	calm = one_in(&r, 3);
	p->nnode = 2 + one_in(&r, 3);
	p->nconn = 1 + (unsigned)pick(&r, one_in(&r, 2) ? 2 : PLAN_CONNS);
	p->credits = one_in(&r, 2);
	p->notes = one_in(&r, 4);
	p->window = one_in(&r, 2) ? 128 * 1024 : 16 * 1024;
	p->latency = (1 + pick(&r, 20)) * USEC;
	if (p->wild || !one_in(&r, 5))
		pick_faults(p, &r);
	for (unsigned i = 0; i < p->nconn; i++) {
		make_conn(p, &p->conn[i], &r);
		if (p->conn[i].max_len > longest)
			longest = p->conn[i].max_len;
	}
	p->local_len = GUARD;
	make_steps(p, &r, calm);
	p->cell_len = (CELL_BYTES + longest + 31 + SGE_GAP) & ~7u;
	p->spare = p->local_len;
	at = p->local_len += p->cell_len + UD_GRH;
	p->counter = lay_out(&at, 8);
	for (unsigned i = 0; i < REGION_CELLS_N; i++)
		p->cells[i] = lay_out(&at, p->cell_len * 2 * p->nconn);
	p->size = at + GUARD;
}
