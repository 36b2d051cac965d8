#include "tests/unit/wire/hex.h"
#include "wire/roce.h"

/* A packet of opcode @code with distinct values in every header. */
static struct roce sample(uint8_t code)
{
	return (struct roce){
		.bth = {.opcode = code,
			.migreq = true,
			.pkey = 0xffff,
			.dqpn = 0x123456,
			.ackreq = true,
			.psn = 0xabcdef},
		.srqn = 0x5c0001,
		.deth = {.qkey = 0x11111111, .sqpn = 0x222222},
		.feth = {.type = FETH_GLOBAL, .selectivity = FETH_MR},
		.reth = {.va = 0x0102030405060708,
			 .rkey = 0x0a0b0c0d,
			 .len = 0x40000000},
		.atomic = {.va = 0x1112131415161718,
			   .rkey = 0x1a1b1c1d,
			   .swap_add = 0x2122232425262728,
			   .compare = 0x3132333435363738},
		.aeth = {.syndrome = 0x1f, .msn = 0x414243},
		.orig = 0x5152535455565758,
		.imm = 0x61626364,
		.inv_rkey = 0x71727374,
	};
}

static size_t payload_len(uint8_t code)
{
	return code == OPCODE_CNP			? CNP_PAD_LEN
	       : opcode_find(code)->flags & HAS_PAYLOAD ? 8
							: 0;
}

/* Writes the whole packet; returns its length. */
static size_t build(uint8_t code, uint8_t *out)
{
	struct roce r = sample(code);
	size_t head = roce_encode_head(&r, out);

	memset(out + head, 0xdd, payload_len(code));
	return head + payload_len(code);
}

static void expect_headers(const struct roce *a, const struct roce *b)
{
	uint32_t has = a->op->flags;

#define EXPECT(flag, field) \
	if (has & (flag))   \
	cr_assert_eq(a->field, b->field, "%s: " #field, a->op->name)
	EXPECT(HAS_XRCETH, srqn);
	EXPECT(HAS_DETH, deth.qkey);
	EXPECT(HAS_DETH, deth.sqpn);
	EXPECT(HAS_FETH, feth.type);
	EXPECT(HAS_FETH, feth.selectivity);
	EXPECT(HAS_RETH, reth.va);
	EXPECT(HAS_RETH, reth.rkey);
	EXPECT(HAS_RETH, reth.len);
	EXPECT(HAS_ATOMICETH, atomic.va);
	EXPECT(HAS_ATOMICETH, atomic.rkey);
	EXPECT(HAS_ATOMICETH, atomic.swap_add);
	EXPECT(HAS_ATOMICETH, atomic.compare);
	EXPECT(HAS_AETH, aeth.syndrome);
	EXPECT(HAS_AETH, aeth.msn);
	EXPECT(HAS_ATOMICACK, orig);
	EXPECT(HAS_IMM, imm);
	EXPECT(HAS_IETH, inv_rkey);
#undef EXPECT
}

Test(roce, each_opcode_makes_a_round_trip)
{
	for (unsigned code = 0; code < 256; code++) {
		struct roce want = sample((uint8_t)code), got = {0};
		uint8_t out[256];
		size_t len;

		if (!opcode_find((uint8_t)code))
			continue;
		len = build((uint8_t)code, out);
		cr_assert_eq(roce_decode(&got, (struct span){out, len}),
			     DROP_NONE, "opcode 0x%02x", code);
		cr_assert_eq(got.op, opcode_find((uint8_t)code));
		cr_assert_eq(got.bth.psn, want.bth.psn);
		cr_assert_eq(got.payload.len, payload_len((uint8_t)code));
		cr_assert_eq(got.payload.p, out + got.op->len);
		expect_headers(&got, &want);
	}
}

/* A cut in the headers is seen; one in the payload is for the ICRC to see. */
Test(roce, each_opcode_refuses_truncation)
{
	for (unsigned code = 0; code < 256; code++) {
		const struct opcode *op = opcode_find((uint8_t)code);
		uint8_t out[256];
		struct roce r;

		if (!op)
			continue;
		build((uint8_t)code, out);
		EXPECT_REFUSES_TRUNCATION(out, op->len, roce_decode(&r, in),
					  DROP_SHORT);
	}
}

Test(roce, refuses_unknown_opcodes)
{
	uint8_t out[64] = {0};
	struct roce r;

	for (unsigned code = 0; code < 256; code++) {
		out[0] = (uint8_t)code;
		if (!opcode_find((uint8_t)code))
			cr_assert_eq(roce_decode(&r, (struct span){out, 64}),
				     DROP_OPCODE, "opcode 0x%02x", code);
	}
}

static enum drop decode(const char *text, struct roce *r)
{
	static struct bytes b;

	b = hex(text);
	return roce_decode(r, span_of(&b));
}

Test(roce, refuses_other_transport_versions)
{
	struct roce r;

	cr_assert_eq(decode("04 01 ffff 00 000001 00 000000", &r), DROP_TVER);
	cr_assert_eq(decode("04 0f ffff 00 000001 00 000000", &r), DROP_TVER);
	cr_assert_eq(decode("ff 01 ffff 00 000001 00 000000", &r), DROP_TVER);
}

Test(roce, takes_the_pad_off)
{
	struct roce r;

	cr_assert_eq(decode("04 30 ffff 00 000001 00 000000 aa 000000", &r),
		     DROP_NONE);
	cr_assert_eq(r.payload.len, 1);
	cr_assert_eq(r.payload.p[0], 0xaa);
}

Test(roce, refuses_more_pad_than_payload)
{
	struct roce r;

	cr_assert_eq(decode("04 10 ffff 00 000001 00 000000", &r), DROP_PAD);
	cr_assert_eq(decode("04 30 ffff 00 000001 00 000000 aabb", &r),
		     DROP_PAD);
	cr_assert_eq(decode("04 30 ffff 00 000001 00 000000 aabbcc", &r),
		     DROP_NONE);
	cr_assert_eq(decode("11 10 ffff 00 000001 00 000000 1f000001", &r),
		     DROP_PAD);
}

Test(roce, refuses_payload_where_there_is_none)
{
	struct roce r;

	cr_assert_eq(decode("11 00 ffff 00 000001 00 000000 1f000001", &r),
		     DROP_NONE);
	cr_assert_eq(decode("11 00 ffff 00 000001 00 000000 1f000001 aa", &r),
		     DROP_LENGTH);
	cr_assert_eq(decode("0c 00 ffff 00 000001 00 000000 0000000000000000"
			    "00000000 00000000 aabbccdd",
			    &r),
		     DROP_LENGTH);
}

/* A17.9.3: 16 reserved bytes. */
Test(roce, wants_the_sixteen_bytes_of_a_cnp)
{
	uint8_t cnp[BTH_LEN + CNP_PAD_LEN + 4] = {0x81};
	struct roce r;

	for (size_t len = BTH_LEN; len <= sizeof(cnp); len++)
		cr_assert_eq(roce_decode(&r, (struct span){cnp, len}),
			     len == BTH_LEN + CNP_PAD_LEN ? DROP_NONE
							  : DROP_LENGTH);
}

/* XRCETH first, then the operation's own header (IBTA Annex A14). */
Test(roce, xrc_header_order)
{
	struct bytes want = hex("aa 40 ffff 00 123456 80 abcdef  00 5c0001"
				"0102030405060708 0a0b0c0d 40000000");
	struct roce r = sample(0xaa);
	uint8_t out[ROCE_HEAD_MAX];

	cr_assert_eq(roce_encode_head(&r, out), want.len);
	expect_bytes(out, &want);
}

/* FETH, then RETH (IBTA Annex A19). */
Test(roce, flush_header_order)
{
	struct bytes want = hex("1c 40 ffff 00 123456 80 abcdef  000000 11"
				"0102030405060708 0a0b0c0d 40000000");
	struct roce r = sample(0x1c);
	uint8_t out[ROCE_HEAD_MAX];

	cr_assert_eq(roce_encode_head(&r, out), want.len);
	expect_bytes(out, &want);
}
