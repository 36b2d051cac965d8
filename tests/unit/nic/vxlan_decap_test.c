/* The VXLAN port: what comes out of the tunnel. */
#include "tests/unit/nic/vxlan_world.h"

TestSuite(decap, .init = start, .fini = stop, .timeout = 120);

/* RFC 6040, figure 4, row by row: inner Not-ECT, ECT(0), ECT(1), CE. */
Test(decap, ecn_at_the_end_of_the_tunnel)
{
	enum { not, ect1, ect0, ce, drop };
	static const struct {
		uint8_t inner, by_outer[4]; /* outer: not, ect1, ect0, ce */
	} rows[] = {
		{not, {not, not, not, drop}},
		{ect0, {ect0, ect1, ect0, ce}},
		{ect1, {ect1, ect1, ect1, ce}},
		{ce, {ce, ce, ce, ce}},
	};

	for (unsigned i = 0; i < 32; i++) {
		unsigned row = i / 4 % 4, outer = i % 4;
		uint8_t want = rows[row].by_outer[outer], frame[100];
		bool v6 = i >= 16;
		size_t len = make(frame, &mac_own, &mac_far,
				  0xb8 | rows[row].inner, 1, v6);
		struct span in = {up.bytes + ETH_LEN, len - ETH_LEN};
		struct ip_header h;

		nup = 0;
		cr_assert_eq(
			arrive("192.0.2.2", VNI, (uint8_t)outer, frame, len, 0),
			want == drop ? DROP_ECN_TUNNEL : DROP_NONE);
		cr_assert_eq(nup, want != drop);
		if (want == drop)
			continue;
		cr_assert_eq(ip_decode(&h, &in), DROP_NONE, "checksum");
		cr_assert_eq(h.tos, 0xb8 | want, "row %u outer %u", row, outer);
		cr_assert_arr_eq(up.bytes, frame, ETH_LEN);
	}
}

Test(decap, inner_vlan_tag_is_passed_on)
{
	uint8_t frame[100], plain[100];
	size_t len = make(plain, &mac_own, &mac_far, 2, 1, false);
	struct span in;
	struct ip_header h;

	memcpy(frame, plain, 12);
	put_be32(frame + 12, 0x81000005);
	memcpy(frame + 16, plain + 12, len - 12);
	cr_assert_eq(arrive("192.0.2.2", VNI, 3, frame, len + 4, 0), DROP_NONE);
	cr_assert_eq(up.len, len + 4);
	cr_assert_arr_eq(up.bytes, frame, ETH_LEN + VLAN_LEN);
	in = (struct span){up.bytes + ETH_LEN + VLAN_LEN,
			   up.len - ETH_LEN - VLAN_LEN};
	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(h.tos, 3, "CE found its way through the tag");
}

Test(decap, refusals)
{
	uint8_t frame[100];
	size_t len = make(frame, &mac_own, &mac_far, 0, 1, false);
	struct dgram d = {.src = ip("192.0.2.2"), .data = {frame, 7}};
	uint8_t spoilt[108];

	cr_assert_eq(arrive("192.0.2.2", VNI + 1, 0, frame, len, 0),
		     DROP_VXLAN_VNI);
	cr_assert_eq(arrive("192.0.2.1", VNI, 0, frame, len, 0), DROP_SOURCE);
	cr_assert_eq(arrive("192.0.2.2", VNI, 0, frame, 13, 0), DROP_SHORT);
	cr_assert_eq(fake->deliver(fake->ctx, &d, 0), DROP_SHORT);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (bit >= 32 && bit < 56)
			continue; /* the VNI */
		vxlan_encode(VNI, spoilt);
		memcpy(spoilt + 8, frame, len);
		spoilt[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		d.data = (struct span){spoilt, 8 + len};
		cr_assert_eq(fake->deliver(fake->ctx, &d, 0), DROP_VXLAN_FLAGS,
			     "bit %u", bit);
	}
	frame[6] |= 1;
	cr_assert_eq(arrive("192.0.2.2", VNI, 0, frame, len, 0), DROP_SOURCE);
	cr_assert_eq(nup, 0);
	frame[6] &= 0xfe;
	verdict = DROP_QPN;
	cr_assert_eq(arrive("192.0.2.2", VNI, 0, frame, len, 0), DROP_QPN,
		     "the verdict from above comes back");
	send_to(&mac_far, 0, 1, 0);
	cr_assert_eq(nsent, 1, "what was refused above was learned still");
}

/* Frames cut anywhere neither crash nor change length. */
Test(decap, short_inner_frames)
{
	uint8_t frame[100];

	for (unsigned v6 = 0; v6 < 2; v6++) {
		size_t len = make(frame, &mac_own, &mac_far, 2, 1, v6);

		for (size_t i = ETH_LEN; i <= len; i++) {
			cr_assert_eq(arrive("192.0.2.2", VNI, 3, frame, i, 0),
				     DROP_NONE);
			cr_assert_eq(up.len, i);
		}
	}
}
