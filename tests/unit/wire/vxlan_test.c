#include "tests/unit/wire/hex.h"
#include "wire/vxlan.h"

static enum drop decode(const char *text, uint32_t *vni)
{
	struct bytes b = hex(text);
	struct span in = span_of(&b);

	return vxlan_decode(vni, &in);
}

/* RFC 7348, 5. */
Test(vxlan, makes_a_round_trip)
{
	struct bytes want = hex("08000000 abcdef 00");
	uint8_t out[VXLAN_LEN];
	uint32_t vni;

	cr_assert_eq(decode("08000000 abcdef 00", &vni), DROP_NONE);
	cr_assert_eq(vni, 0xabcdef);
	vxlan_encode(vni, out);
	expect_bytes(out, &want);
}

Test(vxlan, wants_the_flags_exactly)
{
	uint32_t vni;

	cr_assert_eq(decode("00000000 00002a 00", &vni), DROP_VXLAN_FLAGS);
	cr_assert_eq(decode("0c000000 00002a 00", &vni), DROP_VXLAN_FLAGS);
	cr_assert_eq(decode("88000000 00002a 00", &vni), DROP_VXLAN_FLAGS);
	cr_assert_eq(decode("08000001 00002a 00", &vni), DROP_VXLAN_FLAGS);
	cr_assert_eq(decode("08800000 00002a 00", &vni), DROP_VXLAN_FLAGS);
	cr_assert_eq(decode("08000000 00002a 01", &vni), DROP_VXLAN_FLAGS);
	cr_assert_eq(decode("08000000 000000 00", &vni), DROP_NONE);
	cr_assert_eq(decode("08000000 ffffff 00", &vni), DROP_NONE);
}

Test(vxlan, refuses_truncation)
{
	struct bytes b = hex("08000000 00002a 00");
	uint32_t vni;

	EXPECT_REFUSES_TRUNCATION(b.p, VXLAN_LEN, vxlan_decode(&vni, &in),
				  DROP_SHORT);
}
