/* The world of the engine's fuzz target: A and B, and what B does of its own
 * accord; see engine_fuzz.c.
 */
#ifndef TESTS_FUZZ_ENGINE_WORLD_H
#define TESTS_FUZZ_ENGINE_WORLD_H

#include <errno.h>

#include "tests/fuzz/arena.h"

#define PAYLOAD	  (PMTU_MAX + 8)
#define QUIET_SEC 3600

static struct duo d;
static struct arena arena;
static struct gn_xrcd *xrcd[2];
static struct gn_srq *srq, *xsrq[2]; /* srq: B's, or NULL */
static bool abrupt;		     /* B's QP goes while it is busy */
static bool deaf;		     /* A does not hear B */
static uint8_t junk[PAYLOAD];

static const enum gn_qp_type types[] = {
	GN_QPT_RC,	 GN_QPT_UC,	  GN_QPT_UD,
	GN_QPT_XRC_RECV, GN_QPT_XRC_SEND, GN_QPT_RAW_PACKET,
};

#define TYPES (sizeof(types) / sizeof(types[0]))

/* ---- the world ---------------------------------------------------------- */

static void on_flight(void *ctx, struct flight *fl)
{
	if (fl->from != B)
		return;
	arena_check_sent(fl->bytes, fl->len);
	if (deaf)
		fl->copies = 0;
}

static enum gn_qp_type other_end(enum gn_qp_type type)
{
	if (type == GN_QPT_XRC_RECV)
		return GN_QPT_XRC_SEND;
	return type == GN_QPT_XRC_SEND ? GN_QPT_XRC_RECV : type;
}

static void set_options(struct fuzz *f, struct duo_options *o)
{
	static const uint32_t psns[] = {0, 0x1000, 0xfffffe, 0x7fffff};
	unsigned bits = fuzz_u8(f);

	o->pmtu = bits & 1 ? 256 : 1024;
	o->credits = bits & 2;
	o->sig_all = bits & 4;
	o->notes = bits & 8;
	o->qp_access = bits & 16 ? ALL_REMOTE & ~GN_ACCESS_MW_BIND
				 : GN_ACCESS_REMOTE_READ;
	o->cqe = bits & 32 ? 4 : 256;
	o->psn[A] = psns[bits >> 6];
	o->psn[B] = psns[3 - (bits >> 6)];
	o->mem = PART;
	o->timeout = 8;
	o->retry_cnt = 2;
	o->rnr_retry = 2;
	o->min_rnr_timer = 1;
	o->cap.max_send_wr = o->cap.max_recv_wr = 16;
}

static void open_ends(enum gn_qp_type type)
{
	for (unsigned i = 0; i < 2; i++) {
		enum gn_qp_type t = i == B ? type : other_end(type);

		CHECK_EQ(xrcd_open(d.s[i].engine, 0, true, false, &xrcd[i]), 0);
		xsrq[i] = kind_xrc_srq(&d, i, 16, xrcd[i], d.s[i].rcq);
		d.s[i].engine->cfg.limits.raw_packet = true;
		kind_replace(&d, i,
			     kind_qp(&d, i, t, i == B ? srq : NULL,
				     t == GN_QPT_XRC_RECV ? xrcd[i] : NULL));
	}
}

static void open_world(struct fuzz *f, enum gn_qp_type type)
{
	struct duo_options o = duo_defaults();
	bool shared = fuzz_u8(f) & 1;

	set_options(f, &o);
	deaf = fuzz_u8(f) & 1;
	abrupt = fuzz_u8(f) & 1;
	duo_open(&d, &o);
	d.f.keep = false;
	d.f.filter = on_flight;
	arena_open(&arena, &d.s[B]);
	srq = NULL;
	if (shared && (type == GN_QPT_RC || type == GN_QPT_UD))
		srq = kind_srq(&d, B, 16);
	open_ends(type);
}

static void free_qp(unsigned side)
{
	if (d.s[side].qp)
		qp_free(d.s[side].qp);
	d.s[side].qp = NULL;
}

static void close_world(void)
{
	deaf = false;
	if (abrupt)
		free_qp(B);
	CHECK(fabric_idle(&d.f, QUIET_SEC * SEC));
	duo_check_quiet(&d);
	for (unsigned i = 0; i < 2; i++) {
		free_qp(i);
		CHECK_EQ(srq_free(xsrq[i]), 0);
		CHECK_EQ(xrcd_close(xrcd[i]), 0);
	}
	if (srq)
		CHECK_EQ(srq_free(srq), 0);
	arena_close(&arena);
	duo_close(&d);
}

/* Windows on parts of the open region, unless the input leaves them unbound. */
static void bind_windows(struct fuzz *f)
{
	uint64_t at = (uintptr_t)arena_at(&arena, OPEN);
	unsigned access = fuzz_u8(f);

	for (unsigned i = 0; i < 2; i++) {
		struct bind b = {.mw = arena.mw[i]->h.index,
				 .lkey = arena.mr[OPEN]->h.key,
				 .va = at + fuzz_u8(f) * 8u,
				 .len = access & 1 ? 0 : 1024,
				 .access = access & 0xe,
				 .rkey = arena.mw[i]->h.key + 1};

		mw_bind(d.s[B].pd, d.s[B].qp->qpn, &b);
	}
}

/* ---- B's own requests --------------------------------------------------- */

/* Mostly within the open region. */
static struct gn_sge pick_sge(struct fuzz *f)
{
	enum part part = fuzz_rarely(f, 16) ? READ_ONLY : OPEN;
	uint32_t len = fuzz_u16(f) % (PART + 1);

	return (struct gn_sge){(uintptr_t)arena_at(&arena, part) +
				       fuzz_u8(f) * 16u -
				       (fuzz_rarely(f, 32) ? 64 : 0),
			       len, arena.mr[part]->h.key + fuzz_rarely(f, 32)};
}

static void post_recv(struct fuzz *f)
{
	struct gn_sge sge[2] = {pick_sge(f), pick_sge(f)};
	struct gn_recv_wr wr = {
		.wr_id = 5, .sge = sge, .nsge = fuzz_below(f, 3)};
	enum gn_qp_type type = d.s[B].qp->init.type;

	if (type == GN_QPT_XRC_RECV)
		rq_post(&xsrq[B]->rq, &wr);
	else if (srq)
		rq_post(&srq->rq, &wr);
	else if (type != GN_QPT_XRC_SEND)
		qp_post_recv(d.s[B].qp, &wr);
	qp_ring(d.s[B].qp);
}

static void fill_bind(struct fuzz *f, struct gn_send_wr *wr)
{
	enum part part = fuzz_rarely(f, 4) ? READ_ONLY : OPEN;
	unsigned type = fuzz_u8(f) & 1;

	wr->mw = arena.mw[type];
	wr->bind_mr = arena.mr[part];
	wr->remote_addr = (uintptr_t)arena_at(&arena, part) + fuzz_u8(f) * 32u;
	wr->bind_len = fuzz_u16(f) % (PART + 64);
	wr->bind_access = fuzz_u8(f) & 0x3e;
	wr->imm = (wr->mw->h.key & ~0xffu) | fuzz_u8(f);
}

static void post_send(struct fuzz *f)
{
	struct gn_sge sge[2] = {pick_sge(f), pick_sge(f)};
	struct gn_ah ah = kind_ah(&d, B);
	struct gn_send_wr wr = {
		.wr_id = 7,
		.opcode = (enum gn_wr_opcode)(fuzz_u8(f) & 15),
		.flags = fuzz_u8(f) & 15,
		.sge = sge,
		.nsge = fuzz_below(f, 3),
		.imm = arena.mw[1]->h.key,
		.remote_addr = duo_va(&d, A, fuzz_u8(f) * 8u),
		.rkey = d.s[A].mr->h.key + fuzz_rarely(f, 16),
		.compare_add = fuzz_u8(f),
		.swap = fuzz_u8(f),
		.ah = &ah,
		.remote_qpn = d.s[A].qp->qpn,
		.remote_qkey = KIND_QKEY,
		.remote_srqn = xsrq[A]->srqn,
		.flush_len = 8,
		.flush_type = FETH_GLOBAL,
	};

	if (d.s[B].qp->init.type == GN_QPT_RAW_PACKET)
		return; /* the fabric carries no frames */
	for (unsigned i = 0; wr.flags & GN_SEND_INLINE && i < 2; i++) {
		/* Copied by the program, so to say: no key forbids it. */
		sge[i].addr = (uintptr_t)arena_at(&arena, OPEN);
		sge[i].len %= 300;
	}
	if (wr.opcode == GN_WR_BIND_MW)
		fill_bind(f, &wr);
	qp_post_send(d.s[B].qp, &wr);
	if (!fuzz_rarely(f, 8))
		qp_ring(d.s[B].qp);
}

static void drain(void)
{
	struct gn_wc wc[16];

	for (unsigned i = 0; i < 2; i++) {
		while (cq_take(d.s[i].scq, 16, wc) > 0)
			;
		while (cq_take(d.s[i].rcq, 16, wc) > 0)
			;
	}
}

/* The other end comes along as far as it can. */
static void raise_all(enum gn_qp_state to)
{
	struct gn_qp *qp = d.s[B].qp;
	bool is_raw = qp->init.type == GN_QPT_RAW_PACKET;

	if (qp_state(d.s[A].qp) != GN_QPS_RTS) {
		kind_raise(&d, A, d.s[A].qp, 0, GN_QPS_RESET);
		kind_raise(&d, A, d.s[A].qp, qp->qpn, GN_QPS_RTS);
	}
	if (to == GN_QPS_SQE || (is_raw && to == GN_QPS_SQD))
		to = GN_QPS_RTS;
	if (qp_state(qp) > to || qp_state(qp) > GN_QPS_RTS)
		kind_raise(&d, B, qp, 0, GN_QPS_RESET);
	kind_raise(&d, B, qp, d.s[A].qp->qpn, to);
}

/* Send Queue Error is where a failed request leaves an unreliable QP. */
static void fail_a_send(void)
{
	struct gn_sge sge = {(uintptr_t)arena.mem, 64, 0};
	struct gn_ah ah = kind_ah(&d, B);
	struct gn_send_wr wr = {.opcode = GN_WR_SEND,
				.flags = GN_SEND_SIGNALED,
				.sge = &sge,
				.nsge = 1,
				.ah = &ah,
				.remote_qpn = d.s[A].qp->qpn};
	enum gn_qp_type type = d.s[B].qp->init.type;

	if (type == GN_QPT_RAW_PACKET || type == GN_QPT_XRC_RECV)
		return;
	qp_post_send(d.s[B].qp, &wr);
	qp_ring(d.s[B].qp);
	fabric_settle(&d.f);
}

/* By whatever attributes; many are refused. */
static bool modify(struct fuzz *f, enum gn_qp_state to)
{
	struct gn_qp *qp = d.s[B].qp;
	struct gn_qp_attr attr = duo_attr(&d, B, d.s[A].qp->qpn);
	enum gn_qp_state from = qp_state(qp);
	unsigned mask = 0;

	attr.qkey = KIND_QKEY;
	attr.en_sqd_async_notify = true;
	attr.max_dest_rd_atomic = fuzz_u8(f) & 7;
	if (from < GN_QPS_RTS && to == from + 1)
		mask = kind_mask(qp->init.type, from);
	if (fuzz_rarely(f, 4))
		mask ^= 1u << fuzz_below(f, 26);
	return !duo_move(qp, attr, to, GN_QP_STATE | (mask & ~GN_QP_CAP));
}

static void move_to(struct fuzz *f, enum gn_qp_state state)
{
	if (!modify(f, state))
		raise_all(state);
	if (state == GN_QPS_SQE)
		fail_a_send();
}

#endif
