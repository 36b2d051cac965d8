/* What the ICRC covers (IBTA Annex A17.3.3): eight bytes of ones in place of
 * the LRH that RoCEv2 has not, then the packet from the IP header to the pad.
 * Routers and NICs change some fields on the way; those are read as ones:
 *
 *	IPv4	TOS, TTL, header checksum
 *	IPv6	traffic class, flow label, hop limit
 *	UDP	checksum
 *	BTH	the byte with FECN and BECN
 */
#include <assert.h>
#include "wire/bth.h"
#include "wire/crc32.h"
#include "wire/icrc.h"

#define AFTER_EIGHT_ONES 0xdebb20e3u /* register: all ones, then the LRH */

static void mask_ipv4(const struct ip_header *ip, uint8_t *out)
{
	out[0] = 0x45;
	out[1] = 0xff;
	put_be16(out + 2, (uint16_t)(IPV4_LEN + ip->len));
	put_be16(out + 4, ip->id);
	put_be16(out + 6, ip->df ? 0x4000 : 0);
	out[8] = 0xff;
	out[9] = ip->protocol;
	put_be16(out + 10, 0xffff);
	memcpy(out + 12, ip->src.b + 12, 4);
	memcpy(out + 16, ip->dst.b + 12, 4);
}

static void mask_ipv6(const struct ip_header *ip, uint8_t *out)
{
	put_be32(out, 0x6fffffff);
	put_be16(out + 4, ip->len);
	out[6] = ip->protocol;
	out[7] = 0xff;
	memcpy(out + 8, ip->src.b, 16);
	memcpy(out + 24, ip->dst.b, 16);
}

icrc_t icrc_begin(const struct ip_header *ip, const struct udp *udp,
		  const uint8_t *bth)
{
	uint8_t head[IPV6_LEN + UDP_LEN + BTH_LEN];
	uint8_t *p = head;

	if (ip->version == 4)
		mask_ipv4(ip, p);
	else
		mask_ipv6(ip, p);
	p += ip_header_len(ip);
	put_be16(p, udp->sport);
	put_be16(p + 2, udp->dport);
	put_be16(p + 4, udp->len);
	put_be16(p + 6, 0xffff);
	p += UDP_LEN;
	memcpy(p, bth, BTH_LEN);
	p[4] = 0xff;
	p += BTH_LEN;
	return crc32_add(AFTER_EIGHT_ONES, head, (size_t)(p - head));
}

icrc_t icrc_add(icrc_t crc, const uint8_t *p, size_t len)
{
	return crc32_add(crc, p, len);
}

void icrc_put(uint32_t icrc, uint8_t *out)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(icrc >> 8 * i);
}

uint32_t icrc_get(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

uint32_t icrc_of(const struct ip_header *ip, const struct udp *udp,
		 struct span data)
{
	assert(data.len >= BTH_LEN);
	return icrc_end(icrc_add(icrc_begin(ip, udp, data.p), data.p + BTH_LEN,
				 data.len - BTH_LEN));
}

/* Two packets that differ in the ID alone have ICRCs that differ by what the
 * IDs' difference, first in the register, becomes after itself and the @len
 * bytes behind it.  Unwinding that leaves the difference, lowest byte first,
 * or more than 16 bits: then something else differs, too.
 */
int32_t icrc_solve_id(uint32_t computed, uint32_t received, size_t len,
		      uint16_t computed_id)
{
	uint32_t diff = crc32_unwind(computed ^ received, len + 2);

	if (diff > 0xffff)
		return -1;
	return computed_id ^ (int32_t)((diff & 0xff) << 8 | diff >> 8);
}
