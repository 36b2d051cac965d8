#include "tests/unit/wire/hex.h"
#include "wire/arp.h"

/* Vectors made by scapy: who has 10.0.0.2; NS for fe80::2 and its answer. */
static const char request[] =
	"0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002";
static const char solicit[] =
	"6000000000203aff fe800000000000000000000000000001"
	"ff0200000000000000000001ff000002"
	"87007a9700000000 fe800000000000000000000000000002 0101020000000001";
static const char advertise[] =
	"6000000000203aff fe800000000000000000000000000002"
	"fe800000000000000000000000000001"
	"8800181a60000000 fe800000000000000000000000000002 0201020000000002";

Test(arp, makes_a_round_trip)
{
	struct bytes b = hex(request);
	struct span in = span_of(&b);
	uint8_t out[ARP_LEN];
	char text[IP_TEXT_MAX];
	struct arp h;

	cr_assert_eq(arp_decode(&h, &in), DROP_NONE);
	cr_assert_eq(in.len, 0);
	cr_assert_eq(h.op, ARP_REQUEST);
	cr_assert_eq(h.sender_mac.b[5], 1);
	cr_assert_eq(h.target_mac.b[0], 0);
	cr_assert_str_eq(ip_format(&h.sender_ip, text), "10.0.0.1");
	cr_assert_str_eq(ip_format(&h.target_ip, text), "10.0.0.2");
	arp_encode(&h, out);
	expect_bytes(out, &b);
}

/* Hardware type, protocol type and the two address lengths. */
Test(arp, refuses_other_networks)
{
	for (size_t i = 0; i < 6; i++) {
		struct bytes b = hex(request);
		struct span in = span_of(&b);
		struct arp h;

		b.p[i] ^= 2;
		cr_assert_eq(arp_decode(&h, &in), DROP_ETHERTYPE, "byte %zu",
			     i);
	}
}

Test(arp, refuses_truncation)
{
	struct bytes b = hex(request);
	struct arp h;

	EXPECT_REFUSES_TRUNCATION(b.p, ARP_LEN, arp_decode(&h, &in),
				  DROP_SHORT);
}

/* Decodes the IPv6 header of @b and then the message. */
static enum drop decode(const struct bytes *b, struct nd *h,
			struct ip_header *ip)
{
	struct span in = span_of(b);

	cr_assert_eq(ip_decode(ip, &in), DROP_NONE);
	cr_assert_eq(ip->protocol, IPPROTO_ICMPV6_);
	return nd_decode(h, ip, &in);
}

Test(nd, solicitation_makes_a_round_trip)
{
	struct bytes b = hex(solicit), message = {.len = ND_LEN};
	char text[IP_TEXT_MAX];
	uint8_t out[ND_LEN];
	struct ip_header ip;
	struct nd h;

	cr_assert_eq(decode(&b, &h, &ip), DROP_NONE);
	cr_assert_eq(h.type, ND_SOLICIT);
	cr_assert_str_eq(ip_format(&h.target, text), "fe80::2");
	cr_assert(h.has_mac);
	cr_assert_eq(h.mac.b[5], 1);
	cr_assert_not(h.solicited || h.override);
	nd_encode(&h, &ip, out);
	memcpy(message.p, b.p + IPV6_LEN, ND_LEN);
	expect_bytes(out, &message);
}

Test(nd, advertisement_makes_a_round_trip)
{
	struct bytes b = hex(advertise), message = {.len = ND_LEN};
	uint8_t out[ND_LEN];
	struct ip_header ip;
	struct nd h;

	cr_assert_eq(decode(&b, &h, &ip), DROP_NONE);
	cr_assert_eq(h.type, ND_ADVERTISE);
	cr_assert(h.has_mac);
	cr_assert_eq(h.mac.b[5], 2);
	cr_assert(h.solicited && h.override);
	nd_encode(&h, &ip, out);
	memcpy(message.p, b.p + IPV6_LEN, ND_LEN);
	expect_bytes(out, &message);
}

/* Puts the right checksum into the message behind the IPv6 header. */
static void repair_checksum(struct bytes *b)
{
	struct span in = span_of(b);
	struct ip_header ip;
	uint32_t sum;

	cr_assert_eq(ip_decode(&ip, &in), DROP_NONE);
	put_be16(b->p + IPV6_LEN + 2, 0);
	sum = checksum_pseudo(&ip, IPPROTO_ICMPV6_, (uint32_t)in.len);
	put_be16(b->p + IPV6_LEN + 2,
		 checksum_fold(checksum_add(sum, in.p, in.len)));
}

static enum drop decode_with(size_t at, uint8_t value, bool repair)
{
	struct bytes b = hex(solicit);
	struct ip_header ip;
	struct nd h;

	b.p[at] = value;
	if (repair)
		repair_checksum(&b);
	return decode(&b, &h, &ip);
}

/* RFC 4861, 7.1.1: hop limit 255, checksum, code 0, no option of length 0. */
Test(nd, validity_rules)
{
	cr_assert_eq(decode_with(7, 254, false), DROP_IP_HEADER);
	cr_assert_eq(decode_with(IPV6_LEN + 20, 1, false), DROP_UDP_CHECKSUM);
	cr_assert_eq(decode_with(IPV6_LEN, 128, true), DROP_IP_PROTOCOL);
	cr_assert_eq(decode_with(IPV6_LEN + 1, 1, true), DROP_IP_PROTOCOL);
	cr_assert_eq(decode_with(IPV6_LEN + 25, 0, true), DROP_SHORT);
	cr_assert_eq(decode_with(IPV6_LEN + 25, 2, true), DROP_SHORT);
}

Test(nd, ignores_unknown_options)
{
	struct bytes b = hex(solicit);
	struct ip_header ip;
	struct nd h;

	b.p[IPV6_LEN + 24] = 14; /* nonce, RFC 3971 */
	repair_checksum(&b);
	cr_assert_eq(decode(&b, &h, &ip), DROP_NONE);
	cr_assert_not(h.has_mac);
}

/* A duplicate address probe has no option at all. */
Test(nd, needs_no_option)
{
	struct bytes b = hex(solicit);
	struct ip_header ip;
	struct nd h;

	put_be16(b.p + 4, 24);
	b.len -= 8;
	repair_checksum(&b);
	cr_assert_eq(decode(&b, &h, &ip), DROP_NONE);
	cr_assert_not(h.has_mac);
}

/* At every length with the checksum made right for it. */
Test(nd, refuses_truncation)
{
	for (size_t len = 0; len < ND_LEN; len++) {
		struct bytes b = hex(solicit);
		struct ip_header ip;
		struct nd h;

		if (len == 24)
			continue; /* needs_no_option */
		put_be16(b.p + 4, (uint16_t)len);
		b.len = IPV6_LEN + len;
		if (len >= 4)
			repair_checksum(&b);
		cr_assert_eq(decode(&b, &h, &ip), DROP_SHORT, "%zu bytes", len);
	}
}

Test(nd, solicited_node_address)
{
	struct ip_addr target, group;
	char text[IP_TEXT_MAX];

	/* RFC 4291, 2.7.1: its example. */
	cr_assert(ip_parse(&target, "4037::1:800:200e:8c6c"));
	group = nd_solicited_node(&target);
	cr_assert_str_eq(ip_format(&group, text), "ff02::1:ff0e:8c6c");
}
