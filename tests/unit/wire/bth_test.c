#include "tests/unit/wire/hex.h"
#include "wire/bth.h"

/* Every field different from its neighbours (IBTA vol. 1, 9.2). */
static const char all_fields[] = "64 a0 8001 95 123456 85 fedcba";

static const struct bth fields = {
	.opcode = 0x64,
	.se = true,
	.pad = 2,
	.pkey = 0x8001,
	.fecn = true,
	.resv6 = 0x15,
	.dqpn = 0x123456,
	.ackreq = true,
	.resv7 = 5,
	.psn = 0xfedcba,
};

static void expect_equal(const struct bth *a, const struct bth *b)
{
	cr_assert_eq(a->opcode, b->opcode);
	cr_assert_eq(a->se, b->se);
	cr_assert_eq(a->migreq, b->migreq);
	cr_assert_eq(a->pad, b->pad);
	cr_assert_eq(a->tver, b->tver);
	cr_assert_eq(a->pkey, b->pkey);
	cr_assert_eq(a->fecn, b->fecn);
	cr_assert_eq(a->becn, b->becn);
	cr_assert_eq(a->resv6, b->resv6);
	cr_assert_eq(a->dqpn, b->dqpn);
	cr_assert_eq(a->ackreq, b->ackreq);
	cr_assert_eq(a->resv7, b->resv7);
	cr_assert_eq(a->psn, b->psn);
}

Test(bth, decodes_each_field)
{
	struct bytes b = hex(all_fields);
	struct span in = span_of(&b);
	struct bth h;

	cr_assert_eq(bth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	expect_equal(&h, &fields);
}

Test(bth, encodes_each_field)
{
	struct bytes b = hex(all_fields);
	uint8_t out[BTH_LEN];

	bth_encode(&fields, out);
	expect_bytes(out, &b);
}

/* A single bit of the header changes a single field, and comes back. */
Test(bth, each_bit_makes_a_round_trip)
{
	for (unsigned bit = 0; bit < BTH_LEN * 8; bit++) {
		uint8_t raw[BTH_LEN] = {0}, out[BTH_LEN];
		struct span in = {raw, sizeof(raw)};
		struct bth h;

		raw[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		cr_assert_eq(bth_decode(&h, &in), DROP_NONE);
		bth_encode(&h, out);
		cr_assert_arr_eq(out, raw, BTH_LEN, "bit %u", bit);
	}
}

Test(bth, cuts_fields_wider_than_the_wire)
{
	struct bth h = {.pad = 5,
			.tver = 0x1f,
			.resv6 = 0xff,
			.resv7 = 0xff,
			.dqpn = 0x7fabcdef,
			.psn = 0xff000001};
	struct bytes want = hex("00 1f 0000 3f abcdef 7f 000001");
	uint8_t out[BTH_LEN];

	bth_encode(&h, out);
	expect_bytes(out, &want);
}

Test(bth, refuses_truncation)
{
	struct bytes b = hex(all_fields);
	struct bth h;

	EXPECT_REFUSES_TRUNCATION(b.p, BTH_LEN, bth_decode(&h, &in),
				  DROP_SHORT);
}

/* 9.7.2: half of the PSN space is behind, half ahead. */
Test(bth, psn_diff_wraps)
{
	static const struct {
		uint32_t a, b;
		int32_t diff;
	} rows[] = {
		{0, 0, 0},
		{1, 0, 1},
		{0, 1, -1},
		{0, 0xffffff, 1},
		{0xffffff, 0, -1},
		{5, 0xfffffb, 10},
		{0x7fffff, 0, 0x7fffff},
		{0x800000, 0, -0x800000},
		{0x800001, 0, -0x7fffff},
		{0, 0x7fffff, -0x7fffff},
		{0, 0x800000, -0x800000},
		{0x123456, 0x923456, -0x800000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_assert_eq(psn_diff(rows[i].a, rows[i].b), rows[i].diff,
			     "%06x - %06x", rows[i].a, rows[i].b);
}

Test(bth, psn_add_wraps)
{
	cr_assert_eq(psn_add(0xffffff, 1), 0);
	cr_assert_eq(psn_add(0xfffffe, 3), 1);
	cr_assert_eq(psn_add(7, 0), 7);
	cr_assert_eq(psn_add(0, (uint32_t)-1), 0xffffff);
}
