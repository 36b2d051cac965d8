#include <arpa/inet.h>
#include "wire/ip.h"

#define IPV4_DF		  0x4000u
#define IPV4_FRAGMENT	  0x3fffu /* more fragments, and the offset */
#define IPPROTO_FRAGMENT_ 44u

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

bool ip_is_v4(const struct ip_addr *a)
{
	return memcmp(a->b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool ip_is_any(const struct ip_addr *a)
{
	static const struct ip_addr any;

	if (ip_is_v4(a))
		return get_be32(a->b + 12) == 0;
	return ip_equal(a, &any);
}

bool ip_is_multicast(const struct ip_addr *a)
{
	return ip_is_v4(a) ? a->b[12] >> 4 == 0xe : a->b[0] == 0xff;
}

bool ip_is_link_local(const struct ip_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

struct ip_addr ip_from_v4(const uint8_t v4[4])
{
	struct ip_addr a;

	memcpy(a.b, v4_mapped, sizeof(v4_mapped));
	memcpy(a.b + 12, v4, 4);
	return a;
}

bool ip_parse(struct ip_addr *a, const char *text)
{
	uint8_t v4[4];

	if (inet_pton(AF_INET, text, v4) == 1) {
		*a = ip_from_v4(v4);
		return true;
	}
	return inet_pton(AF_INET6, text, a->b) == 1;
}

const char *ip_format(const struct ip_addr *a, char *text)
{
	if (ip_is_v4(a))
		return inet_ntop(AF_INET, a->b + 12, text, IP_TEXT_MAX);
	return inet_ntop(AF_INET6, a->b, text, IP_TEXT_MAX);
}

/* RFC 791, 3.1. */
static enum drop ipv4_decode(struct ip_header *h, struct span *in)
{
	const uint8_t *p = in->p;
	size_t head, total;

	if (in->len < IPV4_LEN)
		return DROP_SHORT;
	head = (p[0] & 0x0fu) * 4;
	total = get_be16(p + 2);
	if (head < IPV4_LEN || total < head)
		return DROP_IP_HEADER;
	if (total > in->len)
		return DROP_SHORT;
	if (checksum_fold(checksum_add(0, p, head)) != 0)
		return DROP_IP_CHECKSUM;
	if (get_be16(p + 6) & IPV4_FRAGMENT)
		return DROP_IP_FRAGMENT;

	h->version = 4;
	h->tos = p[1];
	h->len = (uint16_t)(total - head);
	h->id = get_be16(p + 4);
	h->df = get_be16(p + 6) & IPV4_DF;
	h->ttl = p[8];
	h->protocol = p[9];
	h->flow_label = 0;
	h->src = ip_from_v4(p + 12);
	h->dst = ip_from_v4(p + 16);
	*in = (struct span){p + head, h->len};
	return DROP_NONE;
}

/* RFC 8200, 3.  An extension header other than a fragment's is the caller's
 * to refuse: it is not UDP.
 */
static enum drop ipv6_decode(struct ip_header *h, struct span *in)
{
	const uint8_t *p = in->p;
	size_t len;

	if (in->len < IPV6_LEN)
		return DROP_SHORT;
	len = get_be16(p + 4);
	if (len > in->len - IPV6_LEN)
		return DROP_SHORT;
	if (p[6] == IPPROTO_FRAGMENT_)
		return DROP_IP_FRAGMENT;

	h->version = 6;
	h->tos = (uint8_t)(get_be16(p) >> 4);
	h->flow_label = get_be24(p + 1) & 0xfffff;
	h->len = (uint16_t)len;
	h->protocol = p[6];
	h->ttl = p[7];
	h->id = 0;
	h->df = false;
	memcpy(h->src.b, p + 8, 16);
	memcpy(h->dst.b, p + 24, 16);
	*in = (struct span){p + IPV6_LEN, len};
	return DROP_NONE;
}

enum drop ip_decode(struct ip_header *h, struct span *in)
{
	if (in->len < 1)
		return DROP_SHORT;

	switch (in->p[0] >> 4) {
	case 4: return ipv4_decode(h, in);
	case 6: return ipv6_decode(h, in);
	}
	return DROP_IP_HEADER;
}

static void ipv4_encode(const struct ip_header *h, uint8_t *out)
{
	out[0] = 0x45;
	out[1] = h->tos;
	put_be16(out + 2, (uint16_t)(IPV4_LEN + h->len));
	put_be16(out + 4, h->id);
	put_be16(out + 6, h->df ? IPV4_DF : 0);
	out[8] = h->ttl;
	out[9] = h->protocol;
	put_be16(out + 10, 0);
	memcpy(out + 12, h->src.b + 12, 4);
	memcpy(out + 16, h->dst.b + 12, 4);
	put_be16(out + 10, checksum_fold(checksum_add(0, out, IPV4_LEN)));
}

static void ipv6_encode(const struct ip_header *h, uint8_t *out)
{
	put_be32(out,
		 6u << 28 | (uint32_t)h->tos << 20 | (h->flow_label & 0xfffff));
	put_be16(out + 4, h->len);
	out[6] = h->protocol;
	out[7] = h->ttl;
	memcpy(out + 8, h->src.b, 16);
	memcpy(out + 24, h->dst.b, 16);
}

size_t ip_encode(const struct ip_header *h, uint8_t *out)
{
	if (h->version == 4)
		ipv4_encode(h, out);
	else
		ipv6_encode(h, out);
	return ip_header_len(h);
}

/* Sums 32-bit words, because 2^16 is 1 modulo 2^16 - 1: a word is worth the
 * sum of its halves.  64 bits hold the sum of any packet.
 */
uint32_t checksum_add(uint32_t sum, const uint8_t *p, size_t len)
{
	uint64_t wide = sum;

	for (; len >= 4; p += 4, len -= 4)
		wide += get_be32(p);
	if (len >= 2)
		wide += get_be16(p);
	if (len & 1)
		wide += (uint32_t)p[len - 1] << 8;

	wide = (wide & 0xffffffff) + (wide >> 32);
	wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

uint16_t checksum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t checksum_pseudo(const struct ip_header *h, uint8_t protocol,
			 uint32_t len)
{
	size_t skip = h->version == 4 ? 12 : 0;
	uint32_t sum = (len >> 16) + (len & 0xffff) + protocol;

	sum = checksum_add(sum, h->src.b + skip, 16 - skip);
	return checksum_add(sum, h->dst.b + skip, 16 - skip);
}

/* The ECN field's codepoints (RFC 3168, figure 1). */
enum ecn { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3 };
#define ECN_MASK 3u
#define ECN_DROP 4

/* Row: inner; column: outer Not-ECT, ECT(1), ECT(0), CE. */
bool ecn_decapsulate(uint8_t outer_tos, uint8_t inner_tos, uint8_t *tos)
{
	static const uint8_t figure4[4][4] = {
		[NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, ECN_DROP},
		[ECT_1] = {ECT_1, ECT_1, ECT_1, CE},
		[ECT_0] = {ECT_0, ECT_1, ECT_0, CE},
		[CE] = {CE, CE, CE, CE},
	};
	uint8_t ecn = figure4[inner_tos & ECN_MASK][outer_tos & ECN_MASK];

	if (ecn == ECN_DROP)
		return false;
	*tos = (uint8_t)((inner_tos & ~ECN_MASK) | ecn);
	return true;
}
