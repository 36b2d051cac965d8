#include "tests/unit/wire/hex.h"
#include "wire/udp.h"

Test(udp, decodes_and_cuts_to_its_length)
{
	struct bytes b = hex("c000 12b7 000a abcd 1122 ffff");
	struct span in = span_of(&b);
	struct udp h;

	cr_assert_eq(udp_decode(&h, &in), DROP_NONE);
	cr_assert_eq(h.sport, 0xc000);
	cr_assert_eq(h.dport, 4791);
	cr_assert_eq(h.len, 10);
	cr_assert_eq(h.checksum, 0xabcd);
	cr_assert_eq(in.p, b.p + UDP_LEN);
	cr_assert_eq(in.len, 2);
}

Test(udp, encodes)
{
	struct udp h = {0xc000, 4791, 10, 0xabcd};
	struct bytes want = hex("c000 12b7 000a abcd");
	uint8_t out[UDP_LEN];

	udp_encode(&h, out);
	expect_bytes(out, &want);
}

static enum drop decode(const char *text)
{
	struct bytes b = hex(text);
	struct span in = span_of(&b);
	struct udp h;

	return udp_decode(&h, &in);
}

Test(udp, judges_its_length)
{
	cr_assert_eq(decode("0001 0002 0007 0000"), DROP_UDP_LENGTH);
	cr_assert_eq(decode("0001 0002 0000 0000"), DROP_UDP_LENGTH);
	cr_assert_eq(decode("0001 0002 0008 0000"), DROP_NONE);
	cr_assert_eq(decode("0001 0002 0009 0000"), DROP_UDP_LENGTH);
	cr_assert_eq(decode("0001 0002 0009 0000 11"), DROP_NONE);
	cr_assert_eq(decode("0001 0002 ffff 0000 11"), DROP_UDP_LENGTH);
}

Test(udp, refuses_truncation)
{
	struct bytes b = hex("c000 12b7 0008 abcd");
	struct udp h;

	EXPECT_REFUSES_TRUNCATION(b.p, UDP_LEN, udp_decode(&h, &in),
				  DROP_SHORT);
}
