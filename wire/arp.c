/* ARP is one fixed layout (RFC 826; IPv4 over Ethernet: 1, 0x0800, 6, 4).
 *
 * The two neighbour messages share theirs, too (RFC 4861, 4.3 and 4.4):
 *
 *	0	ICMPv6 type, code 0, checksum
 *	4	flags (advertisement: router, solicited, override), reserved
 *	8	target address
 *	24	options: type, length in units of 8 bytes, value
 */
#include "wire/arp.h"

static const uint8_t arp_ipv4_ethernet[6] = {0, 1, 8, 0, 6, 4};

enum drop arp_decode(struct arp *h, struct span *in)
{
	const uint8_t *p = span_take(in, ARP_LEN);

	if (!p)
		return DROP_SHORT;
	if (memcmp(p, arp_ipv4_ethernet, sizeof(arp_ipv4_ethernet)) != 0)
		return DROP_ETHERTYPE;

	h->op = get_be16(p + 6);
	memcpy(h->sender_mac.b, p + 8, 6);
	h->sender_ip = ip_from_v4(p + 14);
	memcpy(h->target_mac.b, p + 18, 6);
	h->target_ip = ip_from_v4(p + 24);
	return DROP_NONE;
}

void arp_encode(const struct arp *h, uint8_t *out)
{
	memcpy(out, arp_ipv4_ethernet, sizeof(arp_ipv4_ethernet));
	put_be16(out + 6, h->op);
	memcpy(out + 8, h->sender_mac.b, 6);
	memcpy(out + 14, h->sender_ip.b + 12, 4);
	memcpy(out + 18, h->target_mac.b, 6);
	memcpy(out + 24, h->target_ip.b + 12, 4);
}

#define ND_FIXED_LEN	  24u /* without options */
#define ND_HOP_LIMIT	  255
#define ND_SOLICITED	  0x40u
#define ND_OVERRIDE	  0x20u
#define ND_OPT_UNIT	  8u
#define ND_OPT_SOURCE_MAC 1u
#define ND_OPT_TARGET_MAC 2u

static uint8_t nd_mac_option(uint8_t type)
{
	return type == ND_SOLICIT ? ND_OPT_SOURCE_MAC : ND_OPT_TARGET_MAC;
}

/* 4.6: unknown options are skipped, one of length zero condemns the packet. */
static enum drop nd_decode_options(struct nd *h, struct span *in)
{
	h->has_mac = false;
	while (in->len > 0) {
		size_t len = in->len < 2 ? 0 : in->p[1] * ND_OPT_UNIT;
		const uint8_t *opt = span_take(in, len);

		if (!opt || len == 0)
			return DROP_SHORT;
		if (opt[0] != nd_mac_option(h->type) || len != ND_OPT_UNIT)
			continue;
		memcpy(h->mac.b, opt + 2, 6);
		h->has_mac = true;
	}
	return DROP_NONE;
}

/* The validity rules of 7.1.1 and 7.1.2 that need no state. */
static enum drop nd_check(const struct ip_header *ip, const struct span *in)
{
	uint32_t sum = checksum_pseudo(ip, IPPROTO_ICMPV6_, (uint32_t)in->len);

	if (in->len < 4)
		return DROP_SHORT;
	if ((in->p[0] != ND_SOLICIT && in->p[0] != ND_ADVERTISE) || in->p[1])
		return DROP_IP_PROTOCOL;
	if (ip->ttl != ND_HOP_LIMIT)
		return DROP_IP_HEADER;
	if (checksum_fold(checksum_add(sum, in->p, in->len)) != 0)
		return DROP_UDP_CHECKSUM;
	return DROP_NONE;
}

enum drop nd_decode(struct nd *h, const struct ip_header *ip, struct span *in)
{
	enum drop why = nd_check(ip, in);
	const uint8_t *p;

	if (why)
		return why;
	p = span_take(in, ND_FIXED_LEN);
	if (!p)
		return DROP_SHORT;

	h->type = p[0];
	h->solicited = h->type == ND_ADVERTISE && p[4] & ND_SOLICITED;
	h->override = h->type == ND_ADVERTISE && p[4] & ND_OVERRIDE;
	memcpy(h->target.b, p + 8, 16);
	return nd_decode_options(h, in);
}

void nd_encode(const struct nd *h, const struct ip_header *ip, uint8_t *out)
{
	uint32_t len = h->has_mac ? ND_LEN : ND_BARE_LEN;
	uint32_t sum = checksum_pseudo(ip, IPPROTO_ICMPV6_, len);

	memset(out, 0, len);
	out[0] = h->type;
	if (h->type == ND_ADVERTISE)
		out[4] = (uint8_t)((h->solicited ? ND_SOLICITED : 0) |
				   (h->override ? ND_OVERRIDE : 0));
	memcpy(out + 8, h->target.b, 16);
	if (h->has_mac) {
		out[24] = nd_mac_option(h->type);
		out[25] = 1;
		memcpy(out + 26, h->mac.b, 6);
	}
	put_be16(out + 2, checksum_fold(checksum_add(sum, out, len)));
}

struct ip_addr nd_solicited_node(const struct ip_addr *target)
{
	struct ip_addr a = {{0xff, 0x02, [11] = 0x01, [12] = 0xff}};

	memcpy(a.b + 13, target->b + 13, 3);
	return a;
}
