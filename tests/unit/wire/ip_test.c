#include "tests/unit/wire/hex.h"
#include "wire/ip.h"

/* The IPv4 header of scapy's UC packet (its test/contrib/roce.uts), shortened
 * to four bytes of payload, and an IPv6 header by hand from RFC 8200, 3.
 */
static const char v4[] =
	"4501 0018 0478 4000 4011 b4fd c0a80007 c0a80007 11223344";
static const char v6[] = "6e21face 0004 11 fe 20220000000000000000000000001023"
			 "20230000000000000000000000001024 11223344";

static enum drop decode(const char *text, struct ip_header *h)
{
	struct bytes b = hex(text);
	struct span in = span_of(&b);

	return ip_decode(h, &in);
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	cr_assert(ip_parse(&a, text), "%s", text);
	return a;
}

Test(ip, v4_makes_a_round_trip)
{
	struct bytes b = hex(v4);
	struct span in = span_of(&b);
	struct ip_addr want = addr("192.168.0.7");
	uint8_t out[IPV4_LEN];
	struct ip_header h;

	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.p, b.p + IPV4_LEN);
	cr_assert_eq(in.len, 4);
	cr_assert_eq(h.version, 4);
	cr_assert_eq(h.tos, 1);
	cr_assert_eq(h.ttl, 64);
	cr_assert_eq(h.protocol, IPPROTO_UDP_);
	cr_assert_eq(h.len, 4);
	cr_assert_eq(h.id, 1144);
	cr_assert(h.df);
	cr_assert_eq(h.flow_label, 0);
	cr_assert(ip_equal(&h.src, &want));
	cr_assert(ip_equal(&h.dst, &want));
	cr_assert_eq(ip_encode(&h, out), IPV4_LEN);
	b.len = IPV4_LEN;
	expect_bytes(out, &b);
}

Test(ip, v6_makes_a_round_trip)
{
	struct bytes b = hex(v6);
	struct span in = span_of(&b);
	struct ip_addr src = addr("2022::1023"), dst = addr("2023::1024");
	uint8_t out[IPV6_LEN];
	struct ip_header h;

	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.p, b.p + IPV6_LEN);
	cr_assert_eq(in.len, 4);
	cr_assert_eq(h.version, 6);
	cr_assert_eq(h.tos, 0xe2);
	cr_assert_eq(h.flow_label, 0x1face);
	cr_assert_eq(h.ttl, 0xfe);
	cr_assert_eq(h.protocol, IPPROTO_UDP_);
	cr_assert_eq(h.len, 4);
	cr_assert_eq(h.id, 0);
	cr_assert_not(h.df);
	cr_assert(ip_equal(&h.src, &src));
	cr_assert(ip_equal(&h.dst, &dst));
	cr_assert_eq(ip_encode(&h, out), IPV6_LEN);
	b.len = IPV6_LEN;
	expect_bytes(out, &b);
}

/* Ethernet pads short frames: what is behind the header's length goes away. */
Test(ip, cuts_to_its_length)
{
	static const char *const texts[] = {v4, v6};

	for (int i = 0; i < 2; i++) {
		struct bytes b = hex(texts[i]);
		struct span in = {b.p, b.len + 9};
		struct ip_header h;

		cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
		cr_assert_eq(in.len, 4);
	}
}

Test(ip, skips_v4_options)
{
	struct bytes b = hex("4600 001a 0000 4000 4011 23d0 0a000001 0a000002"
			     "01010100 1122");
	struct span in = span_of(&b);
	struct ip_header h;

	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(h.len, 2);
	cr_assert_eq(in.len, 2);
	cr_assert_eq(in.p[0], 0x11);
}

Test(ip, refuses)
{
	static const struct {
		enum drop why;
		const char *text;
	} rows[] = {
		/* version 5; header length 4; total length 19 */
		{DROP_IP_HEADER,
		 "5500 0014 0000 4000 4011 0000 0a000001 0a000002"},
		{DROP_IP_HEADER,
		 "4400 0014 0000 4000 4011 0000 0a000001 0a000002"},
		{DROP_IP_HEADER,
		 "4500 0013 0000 4000 4011 0000 0a000001 0a000002"},
		/* header of 60 bytes in a packet of 20 */
		{DROP_IP_HEADER,
		 "4f00 0014 0000 4000 4011 0000 0a000001 0a000002"},
		/* a bit of the source address flipped */
		{DROP_IP_CHECKSUM,
		 "4500 0014 0000 4000 4011 26d7 0b000001 0a000002"},
		/* more fragments; offset 1 */
		{DROP_IP_FRAGMENT,
		 "4500 0014 0000 2000 4011 46d7 0a000001 0a000002"},
		{DROP_IP_FRAGMENT,
		 "4500 0014 0000 0001 4011 66d6 0a000001 0a000002"},
		/* IPv6 fragment header */
		{DROP_IP_FRAGMENT,
		 "60000000 0008 2c 40 20010000000000000000000000000001"
		 "20010000000000000000000000000002 1100000000000000"},
		{DROP_NONE, "4500 0014 0000 4000 4011 26d7 0a000001 0a000002"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_header h;

		cr_assert_eq(decode(rows[i].text, &h), rows[i].why, "row %zu",
			     i);
	}
}

Test(ip, refuses_truncation)
{
	struct bytes b4 = hex(v4), b6 = hex(v6);
	struct ip_header h;

	EXPECT_REFUSES_TRUNCATION(b4.p, b4.len, ip_decode(&h, &in), DROP_SHORT);
	EXPECT_REFUSES_TRUNCATION(b6.p, b6.len, ip_decode(&h, &in), DROP_SHORT);
}

Test(ip, text_makes_a_round_trip)
{
	static const char *const same[] = {"10.0.0.1",	 "255.255.255.255",
					   "0.0.0.0",	 "fe80::1",
					   "::",	 "::1",
					   "2001:db8::1"};
	static const char *const wrong[] = {
		"", "10.0.0", "10.0.0.256", "fe80:::1", "10.0.0.1/8", "host"};
	char text[IP_TEXT_MAX];
	struct ip_addr a;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		cr_assert(ip_parse(&a, same[i]), "%s", same[i]);
		cr_assert_str_eq(ip_format(&a, text), same[i]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		cr_assert_not(ip_parse(&a, wrong[i]), "%s", wrong[i]);
}

Test(ip, an_ipv4_address_is_its_mapped_form)
{
	struct ip_addr plain = addr("10.1.2.3"),
		       mapped = addr("::ffff:10.1.2.3");
	uint8_t bytes[4] = {10, 1, 2, 3};
	struct ip_addr made = ip_from_v4(bytes);

	cr_assert(ip_equal(&plain, &mapped));
	cr_assert(ip_equal(&plain, &made));
}

Test(ip, classes)
{
	static const struct {
		const char *text;
		bool v4, any, multicast, link_local;
	} rows[] = {
		{"0.0.0.0", true, true, false, false},
		{"::", false, true, false, false},
		{"::1", false, false, false, false},
		{"10.0.0.1", true, false, false, false},
		{"223.255.255.255", true, false, false, false},
		{"224.0.0.1", true, false, true, false},
		{"239.255.255.255", true, false, true, false},
		{"240.0.0.1", true, false, false, false},
		{"fe80::1", false, false, false, true},
		{"febf::1", false, false, false, true},
		{"fec0::1", false, false, false, false},
		{"ff02::1", false, false, true, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ip_addr a = addr(rows[i].text);

		cr_assert_eq(ip_is_v4(&a), rows[i].v4, "%s", rows[i].text);
		cr_assert_eq(ip_is_any(&a), rows[i].any, "%s", rows[i].text);
		cr_assert_eq(ip_is_multicast(&a), rows[i].multicast, "%s",
			     rows[i].text);
		cr_assert_eq(ip_is_link_local(&a), rows[i].link_local, "%s",
			     rows[i].text);
	}
}

/* RFC 1071, 3: the example's sum is ddf2. */
Test(checksum, rfc_1071_example)
{
	struct bytes b = hex("0001 f203 f4f5 f6f7");

	cr_assert_eq(checksum_fold(checksum_add(0, b.p, b.len)),
		     (uint16_t)~0xddf2);
}

Test(checksum, an_odd_byte_counts_as_the_high_one)
{
	struct bytes odd = hex("01 02 03"), even = hex("01 02 03 00");

	cr_assert_eq(checksum_fold(checksum_add(0, odd.p, 3)),
		     checksum_fold(checksum_add(0, even.p, 4)));
}

/* As plain as RFC 1071 says it, for comparison. */
static uint16_t slow_checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

Test(checksum, agrees_with_the_plain_sum_at_every_length_and_cut)
{
	static uint8_t p[65535];

	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 151 >> 3 | 0xc0);
	for (size_t len = 0; len < 70; len++)
		for (size_t cut = 0; cut <= len; cut += 2)
			cr_assert_eq(checksum_fold(checksum_add(
					     checksum_add(0, p, cut), p + cut,
					     len - cut)),
				     slow_checksum(p, len), "%zu+%zu", cut,
				     len);
	memset(p, 0xff, sizeof(p));
	cr_assert_eq(checksum_fold(checksum_add(0, p, sizeof(p))),
		     slow_checksum(p, sizeof(p)));
}

/* UDP checksum of scapy's UC packet: aca2 (test/contrib/roce.uts). */
Test(checksum, pseudo_header)
{
	struct bytes b = hex("c00012b7002c 0000 2460ffff000000d300cf1710"
			     "4630818be28935d90e9a95505401be885e500000"
			     "78f353f3");
	struct ip_header h = {.version = 4,
			      .src = addr("192.168.0.7"),
			      .dst = addr("192.168.0.7")};
	uint32_t sum = checksum_pseudo(&h, IPPROTO_UDP_, 44);

	cr_assert_eq(b.len, 44);
	cr_assert_eq(checksum_fold(checksum_add(sum, b.p, b.len)), 0xaca2);
}

/* RFC 6040, figure 4; columns: outer Not-ECT, ECT(0), ECT(1), CE; x: drop. */
Test(ecn, rfc_6040_figure_4)
{
	enum { NOT = 0, ECT1 = 1, ECT0 = 2, CE = 3, X = 4 };
	static const uint8_t outer[4] = {NOT, ECT0, ECT1, CE};
	static const struct {
		uint8_t inner, result[4];
	} rows[] = {
		{NOT, {NOT, NOT, NOT, X}},
		{ECT0, {ECT0, ECT0, ECT1, CE}},
		{ECT1, {ECT1, ECT1, ECT1, CE}},
		{CE, {CE, CE, CE, CE}},
	};

	for (int i = 0; i < 4; i++)
		for (int o = 0; o < 4; o++) {
			uint8_t want = rows[i].result[o], tos = 0xee;
			bool ok = ecn_decapsulate(0x50 | outer[o],
						  0x28 | rows[i].inner, &tos);

			cr_assert_eq(ok, want != X);
			cr_assert_eq(tos, ok ? 0x28 | want : 0xee);
		}
}
