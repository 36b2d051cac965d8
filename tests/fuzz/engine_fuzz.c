/* The engine's receive path, for every type of QP in every state.
 *
 * B is attacked: it has one QP of the type under test, in the state under test,
 * and an arena of regions.  A, another engine, has the other end; the input
 * says whether A hears B at all.  The input is a series of steps: packets,
 * whose fields are mostly what B expects and sometimes anything, requests of
 * B's own, receives, time, moves to other states.  Whatever it was: nothing but
 * the open region changed, no secret left, both engines fall silent, all can be
 * freed.
 */
#include "tests/fuzz/engine_world.h"

#define STEPS 200u
#define KEYS  7u /* see pick_target */

/* ---- packets ------------------------------------------------------------ */

static uint32_t pick_psn(struct fuzz *f)
{
	const struct gn_qp *qp = d.s[B].qp;
	const uint32_t bases[] = {qp->resp.epsn, qp->req.una, qp->req.nxt,
				  qp->resp.epsn};
	unsigned how = fuzz_u8(f);

	if (how == 255)
		return fuzz_u32(f) & PSN_MASK;
	return psn_add(bases[how & 3],
		       how & 64 ? (uint32_t)(int8_t)fuzz_u8(f) : 0);
}

static uint8_t pick_opcode(struct fuzz *f)
{
	uint8_t op = fuzz_u8(f);

	if (!fuzz_rarely(f, 16))
		op = (uint8_t)((op & 0x1f) | qp_transport(d.s[B].qp));
	while (!opcode_find(op))
		op++;
	return op;
}

/* Mostly the open region: a part, a window, or KEYS - 1: none of them. */
static unsigned pick_target(struct fuzz *f)
{
	return fuzz_below(f, 3) ? OPEN : fuzz_below(f, KEYS);
}

static uint32_t key_of(struct fuzz *f, unsigned target)
{
	if (target < PARTS)
		return arena.mr[target]->h.key;
	if (target < PARTS + 2)
		return arena.mw[target - PARTS]->h.key;
	return fuzz_u32(f);
}

/* Mostly within @target, and aligned. */
static uint64_t pick_va(struct fuzz *f, unsigned target)
{
	unsigned how = fuzz_u8(f);
	enum part part = target < PARTS ? (enum part)target : OPEN;

	if (how == 255)
		return fuzz_u64(f);
	if (how < 200)
		return (uintptr_t)arena_at(&arena, part) + fuzz_u8(f) * 8u;
	return (uintptr_t)arena.mem + fuzz_u32(f) % ARENA_LEN;
}

static uint32_t pick_len(struct fuzz *f)
{
	const uint32_t pmtu = d.o.pmtu;
	const uint32_t lens[] = {0,    8,	 1,	   pmtu,    pmtu + 1,
				 PART, pmtu * 2, pmtu - 1, 1u << 31};
	unsigned how = fuzz_u8(f);

	return how < 9 ? lens[how] : how < 240 ? fuzz_u16(f) : fuzz_u32(f);
}

/* Mostly what the opcode allows. */
static uint32_t pick_payload(struct fuzz *f, const struct roce *r)
{
	uint32_t flags = r->op->flags, len;

	if (fuzz_rarely(f, 32)) /* even where none belongs */
		return fuzz_u8(f);
	if (!(flags & HAS_PAYLOAD))
		return 0;
	if (fuzz_rarely(f, 8)) {
		len = pick_len(f);
		return len <= PMTU_MAX ? len : d.o.pmtu + 1;
	}
	if (flags & (IS_FIRST | IS_MIDDLE))
		return d.o.pmtu;
	return flags & IS_ATOMIC ? 8 : fuzz_u8(f);
}

/* And the length that a WRITE announces mostly is that of what follows. */
static void pick_lengths(struct fuzz *f, struct roce *r)
{
	uint32_t len = pick_payload(f, r);

	r->payload = (struct span){junk, len};
	r->bth.pad = -len & 3;
	if (fuzz_rarely(f, 32))
		r->bth.pad = fuzz_u8(f) & 3;
	r->reth.len = r->op->flags & IS_FIRST ? len + fuzz_u8(f) : len;
	if (!(r->op->flags & HAS_PAYLOAD) || fuzz_rarely(f, 8))
		r->reth.len = pick_len(f);
}

static void pick_headers(struct fuzz *f, struct roce *r)
{
	unsigned target = pick_target(f);

	r->srqn = fuzz_rarely(f, 16) ? fuzz_u32(f) & QPN_MASK : xsrq[B]->srqn;
	r->deth = (struct deth){fuzz_rarely(f, 16) ? 0 : KIND_QKEY,
				d.s[A].qp->qpn};
	r->feth = (struct feth){fuzz_below(f, 4), fuzz_below(f, 4)};
	r->reth = (struct reth){.va = pick_va(f, target),
				.rkey = key_of(f, target)};
	r->atomic = (struct atomiceth){r->reth.va, r->reth.rkey, fuzz_u8(f),
				       fuzz_u8(f)};
	r->aeth.syndrome = fuzz_rarely(f, 2) ? fuzz_u8(f) : CREDITS_UNLIMITED;
	r->aeth.msn = fuzz_u8(f);
	r->orig = fuzz_u8(f);
	r->imm = fuzz_u8(f);
	r->inv_rkey = key_of(f, pick_target(f));
	pick_lengths(f, r);
}

static struct ip_addr pick_source(struct fuzz *f)
{
	static const uint8_t stranger[4] = {10, 0, 0, 99};

	return fuzz_rarely(f, 32) ? ip_from_v4(stranger)
				  : d.s[A].node->link.addr[0];
}

static void put_packet(struct fuzz *f, struct roce *r)
{
	static uint8_t bytes[ROCE_HEAD_MAX + PAYLOAD];
	struct ip_addr src = pick_source(f);
	size_t n = roce_encode_head(r, bytes);

	memcpy(bytes + n, junk, r->payload.len + r->bth.pad);
	n += r->payload.len + r->bth.pad;
	if (fuzz_rarely(f, 64))
		n = fuzz_u8(f) % (n + 1);
	fabric_inject(&d.f, B, &src, bytes, n);
}

static void packet(struct fuzz *f)
{
	struct roce r = {.bth = {.opcode = pick_opcode(f),
				 .pkey = PKEY_DEFAULT,
				 .migreq = !fuzz_rarely(f, 16),
				 .dqpn = d.s[B].qp->qpn,
				 .ackreq = fuzz_u8(f) & 1,
				 .psn = pick_psn(f)}};

	if (fuzz_rarely(f, 64))
		r.bth.dqpn = fuzz_rarely(f, 2) ? QPN_MASK : fuzz_u8(f);
	if (fuzz_rarely(f, 64))
		r.bth.pkey = fuzz_u16(f);
	r.bth.se = fuzz_rarely(f, 4);
	r.op = opcode_find(r.bth.opcode);
	pick_headers(f, &r);
	put_packet(f, &r);
}

/* Bytes, of which only the QP is B's. */
static void raw_bytes(struct fuzz *f)
{
	size_t len;
	uint8_t *bytes = fuzz_bytes(f, fuzz_u8(f) * 4u, &len);

	if (len >= 8 && !fuzz_rarely(f, 8))
		put_be24(bytes + 5, d.s[B].qp->qpn);
	for (size_t i = 0; i < len; i++)
		bytes[i] ^= bytes[i] == SECRET;
	fabric_inject(&d.f, B, &d.s[A].node->link.addr[0], bytes, len);
	free(bytes);
}

/* ---- steps -------------------------------------------------------------- */

static void wait_for(struct fuzz *f)
{
	fabric_run(&d.f,
		   d.f.now + (fuzz_u8(f) + 1) *
				     (fuzz_rarely(f, 4) ? 100 * USEC : USEC));
}

/* XRC's shared receive queue goes, and another comes. */
static void new_srq(void)
{
	CHECK_EQ(srq_free(xsrq[B]), 0);
	xsrq[B] = kind_xrc_srq(&d, B, 16, xrcd[B], d.s[B].rcq);
}

/* The open region's key is another from now on. */
static void new_region(void)
{
	if (mr_free(arena.mr[OPEN]) == -EBUSY)
		return;
	CHECK_EQ(mr_new(d.s[B].pd, arena_at(&arena, OPEN), PART,
			(uintptr_t)arena_at(&arena, OPEN), ALL_REMOTE,
			&arena.mr[OPEN]),
		 0);
}

static void step(struct fuzz *f)
{
	switch (fuzz_u8(f) & 31) {
	case 15: new_srq(); break;
	case 16: raw_bytes(f); break;
	case 17: move_to(f, (enum gn_qp_state)fuzz_below(f, GN_QPS_N)); break;
	case 18: new_region(); break;
	case 19: deaf = !deaf; break;
	case 20: drain(); break;
	case 21: fabric_settle(&d.f); break;
	case 22:
	case 23:
	case 24: wait_for(f); break;
	case 25:
	case 26:
	case 27:
	case 28: post_recv(f); break;
	case 29:
	case 30:
	case 31: post_send(f); break;
	default: packet(f); break;
	}
}

__attribute__((constructor)) static void hush(void)
{
	setenv("GLASSNIC_LOG", "error", 0);
	memset(junk, 0x5a, sizeof(junk));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	enum gn_qp_type type = types[fuzz_u8(&f) % TYPES];
	enum gn_qp_state state = (enum gn_qp_state)fuzz_below(&f, GN_QPS_N);

	open_world(&f, type);
	bind_windows(&f);
	raise_all(state);
	if (state == GN_QPS_SQE)
		fail_a_send();
	for (unsigned i = 0; i < STEPS && f.len; i++)
		step(&f);
	close_world();
	return 0;
}
