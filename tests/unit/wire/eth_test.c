#include "tests/unit/wire/hex.h"
#include "wire/eth.h"

static const char plain[] = "020000000002 020000000001 86dd";
static const char tagged[] = "020000000002 020000000001 8100 a064 0800";

Test(eth, plain_makes_a_round_trip)
{
	struct bytes b = hex(plain);
	struct span in = span_of(&b);
	uint8_t out[ETH_LEN];
	struct eth h;

	cr_assert_eq(eth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_not(h.tagged);
	cr_assert_eq(h.type, ETHERTYPE_IPV6);
	cr_assert_eq(h.dst.b[5], 2);
	cr_assert_eq(h.src.b[5], 1);
	cr_assert_eq(eth_encode(&h, out), ETH_LEN);
	expect_bytes(out, &b);
}

Test(eth, tagged_makes_a_round_trip)
{
	struct bytes b = hex(tagged);
	struct span in = span_of(&b);
	uint8_t out[ETH_LEN + VLAN_LEN];
	struct eth h;

	cr_assert_eq(eth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert(h.tagged);
	cr_assert_eq(h.vlan, 0xa064);
	cr_assert_eq(h.type, ETHERTYPE_IPV4);
	cr_assert_eq(eth_encode(&h, out), ETH_LEN + VLAN_LEN);
	expect_bytes(out, &b);
}

/* A second tag is the payload's type: whoever reads on refuses it. */
Test(eth, takes_one_tag)
{
	struct bytes b = hex("020000000002 020000000001 8100 0001 8100 0002");
	struct span in = span_of(&b);
	struct eth h;

	cr_assert_eq(eth_decode(&h, &in), DROP_NONE);
	cr_assert_eq(h.type, ETHERTYPE_VLAN);
	cr_assert_eq(in.len, 2);
}

static enum drop decode_cut(const struct bytes *b, size_t len)
{
	uint8_t *cut = exactly(b->p, len);
	struct span in = {cut, len};
	struct eth h;
	enum drop why = eth_decode(&h, &in);

	free(cut);
	return why;
}

Test(eth, refuses_truncation)
{
	struct bytes b = hex(tagged);

	for (size_t len = 0; len < b.len; len++)
		cr_assert_eq(decode_cut(&b, len), DROP_SHORT, "%zu bytes", len);
}

Test(eth, mac_text_makes_a_round_trip)
{
	char text[MAC_TEXT_MAX];
	struct mac m;

	cr_assert(mac_parse(&m, "02:aB:cd:EF:00:01"));
	cr_assert_str_eq(mac_format(&m, text), "02:ab:cd:ef:00:01");
}

Test(eth, mac_parse_is_strict)
{
	static const char *const wrong[] = {
		"",
		"02",
		"02:00:00:00:00",
		"02:00:00:00:00:",
		"02:00:00:00:00:0",
		"02:00:00:00:00:01:",
		"02:00:00:00:00:01 ",
		"2:00:00:00:00:01",
		"02-00-00-00-00-01",
		"0g:00:00:00:00:01",
		" 02:00:00:00:00:01",
		"02:00:00:00:00:001",
	};
	struct mac m;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_assert_not(mac_parse(&m, wrong[i]), "\"%s\"", wrong[i]);
}

Test(eth, groups)
{
	struct mac one = {{0x02, 0, 0, 0, 0, 1}};
	struct mac many = {{0x33, 0x33, 0, 0, 0, 1}};

	cr_assert_not(mac_is_group(&one));
	cr_assert(mac_is_group(&many));
	cr_assert(mac_is_group(&mac_broadcast));
	cr_assert(mac_equal(&one, &one));
	cr_assert_not(mac_equal(&one, &many));
}

/* RFC 1112, 6.4 (23 bits: 224.128.1.2 and 224.0.1.2 share a MAC); RFC 2464, 7.
 */
Test(eth, mac_of_multicast)
{
	static const char *const rows[][2] = {
		{"224.0.0.251", "01:00:5e:00:00:fb"},
		{"239.129.2.3", "01:00:5e:01:02:03"},
		{"ff02::1:ff00:2", "33:33:ff:00:00:02"},
		{"ff0e::1234:5678", "33:33:12:34:56:78"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[MAC_TEXT_MAX];
		struct ip_addr group;
		struct mac m;

		cr_assert(ip_parse(&group, rows[i][0]));
		m = mac_of_multicast(&group);
		cr_assert_str_eq(mac_format(&m, text), rows[i][1]);
	}
}
