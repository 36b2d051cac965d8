#include "tests/unit/wire/hex.h"
#include "wire/ext.h"

/* Vectors by hand from the layouts of IBTA vol. 1, 9.3 and 9.5, A14, A19. */
static const char reth[] = "0102030405060708 a1a2a3a4 80000000";
static const char aeth[] = "6b fedcba";
static const char atomiceth[] =
	"0102030405060708 a1a2a3a4 1112131415161718 2122232425262728";
static const char atomicack[] = "fedcba9876543210";
static const char deth[] = "80010000 00 123456";
static const char immdt[] = "deadbeef";
static const char ieth[] = "c001d00d";
static const char xrceth[] = "00 abcdef";
static const char feth[] = "000000 12";

Test(ext, reth)
{
	struct bytes b = hex(reth);
	struct span in = span_of(&b);
	uint8_t out[RETH_LEN];
	struct reth h;

	cr_assert_eq(reth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(h.va, 0x0102030405060708);
	cr_assert_eq(h.rkey, 0xa1a2a3a4);
	cr_assert_eq(h.len, 0x80000000);
	reth_encode(&h, out);
	expect_bytes(out, &b);
}

Test(ext, aeth)
{
	struct bytes b = hex(aeth);
	struct span in = span_of(&b);
	uint8_t out[AETH_LEN];
	struct aeth h;

	cr_assert_eq(aeth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(h.syndrome, 0x6b);
	cr_assert_eq(h.msn, 0xfedcba);
	aeth_encode(&h, out);
	expect_bytes(out, &b);
}

Test(ext, atomiceth)
{
	struct bytes b = hex(atomiceth);
	struct span in = span_of(&b);
	uint8_t out[ATOMICETH_LEN];
	struct atomiceth h;

	cr_assert_eq(atomiceth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(h.va, 0x0102030405060708);
	cr_assert_eq(h.rkey, 0xa1a2a3a4);
	cr_assert_eq(h.swap_add, 0x1112131415161718);
	cr_assert_eq(h.compare, 0x2122232425262728);
	atomiceth_encode(&h, out);
	expect_bytes(out, &b);
}

Test(ext, atomicack)
{
	struct bytes b = hex(atomicack);
	struct span in = span_of(&b);
	uint8_t out[ATOMICACK_LEN];
	uint64_t orig;

	cr_assert_eq(atomicack_decode(&orig, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(orig, 0xfedcba9876543210);
	atomicack_encode(orig, out);
	expect_bytes(out, &b);
}

Test(ext, deth)
{
	struct bytes b = hex(deth);
	struct span in = span_of(&b);
	uint8_t out[DETH_LEN];
	struct deth h;

	cr_assert_eq(deth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(h.qkey, 0x80010000);
	cr_assert_eq(h.sqpn, 0x123456);
	deth_encode(&h, out);
	expect_bytes(out, &b);
}

Test(ext, feth)
{
	struct bytes b = hex(feth);
	struct span in = span_of(&b);
	uint8_t out[FETH_LEN];
	struct feth h;

	cr_assert_eq(feth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(h.type, FETH_PERSISTENT);
	cr_assert_eq(h.selectivity, FETH_MR);
	feth_encode(&h, out);
	expect_bytes(out, &b);
}

/* The three headers that are one number. */
static void expect_number(const char *text, uint32_t want,
			  enum drop (*decode)(uint32_t *, struct span *),
			  void (*encode)(uint32_t, uint8_t *))
{
	struct bytes b = hex(text);
	struct span in = span_of(&b);
	uint8_t out[4];
	uint32_t got;

	cr_assert_eq(decode(&got, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(got, want);
	encode(got, out);
	expect_bytes(out, &b);
}

Test(ext, immdt)
{
	expect_number(immdt, 0xdeadbeef, immdt_decode, immdt_encode);
}

Test(ext, ieth)
{
	expect_number(ieth, 0xc001d00d, ieth_decode, ieth_encode);
}

Test(ext, xrceth)
{
	expect_number(xrceth, 0xabcdef, xrceth_decode, xrceth_encode);
}

/* Reserved bits: sent as zero, ignored on receipt. */
Test(ext, ignores_reserved_bits)
{
	struct bytes b = hex("ffffffff ff 123456 ff abcdef ffffff d2");
	struct span in = span_of(&b);
	struct deth d;
	struct feth f;
	uint32_t srqn;

	cr_assert_eq(deth_decode(&d, &in), DROP_NONE);
	cr_assert_eq(d.sqpn, 0x123456);
	cr_assert_eq(xrceth_decode(&srqn, &in), DROP_NONE);
	cr_assert_eq(srqn, 0xabcdef);
	cr_assert_eq(feth_decode(&f, &in), DROP_NONE);
	cr_assert_eq(f.type, 2);
	cr_assert_eq(f.selectivity, 1);
}

Test(ext, each_refuses_truncation)
{
	static const uint8_t zeros[ATOMICETH_LEN];
	struct atomiceth a;
	struct reth r;
	struct aeth e;
	struct deth d;
	struct feth f;
	uint64_t orig;
	uint32_t word;

#define EXPECT(len, call) \
	EXPECT_REFUSES_TRUNCATION(zeros, len, call, DROP_SHORT)
	EXPECT(RETH_LEN, reth_decode(&r, &in));
	EXPECT(AETH_LEN, aeth_decode(&e, &in));
	EXPECT(ATOMICETH_LEN, atomiceth_decode(&a, &in));
	EXPECT(ATOMICACK_LEN, atomicack_decode(&orig, &in));
	EXPECT(DETH_LEN, deth_decode(&d, &in));
	EXPECT(IMMDT_LEN, immdt_decode(&word, &in));
	EXPECT(IETH_LEN, ieth_decode(&word, &in));
	EXPECT(XRCETH_LEN, xrceth_decode(&word, &in));
	EXPECT(FETH_LEN, feth_decode(&f, &in));
#undef EXPECT
}
