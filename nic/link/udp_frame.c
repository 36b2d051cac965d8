#include "nic/link/udp_frame.h"

size_t udp_frame_head(const struct ip_header *ip, const struct udp *udp,
		      uint8_t out[UDP_FRAME_HEAD])
{
	struct eth eth = {.type = ip->version == 4 ? ETHERTYPE_IPV4
						   : ETHERTYPE_IPV6};
	uint8_t *p = out;

	p += eth_encode(&eth, p);
	p += ip_encode(ip, p);
	udp_encode(udp, p);
	return (size_t)(p - out) + UDP_LEN;
}

/* Over a piece that begins at an odd offset, a sum has its bytes swapped. */
static uint16_t sum_piece(const struct span *piece, bool odd)
{
	uint16_t sum =
		(uint16_t)~checksum_fold(checksum_add(0, piece->p, piece->len));

	if (odd)
		sum = (uint16_t)(sum << 8 | sum >> 8);
	return sum;
}

uint16_t udp_frame_checksum(const struct ip_header *ip, const struct udp *udp,
			    const struct span *piece, unsigned n)
{
	struct udp unsummed = *udp;
	uint8_t head[UDP_LEN];
	size_t at = UDP_LEN;
	uint16_t checksum;
	uint32_t sum;

	unsummed.checksum = 0;
	udp_encode(&unsummed, head);
	sum = checksum_add(checksum_pseudo(ip, IPPROTO_UDP_, udp->len), head,
			   UDP_LEN);
	for (unsigned i = 0; i < n; i++) {
		sum += sum_piece(&piece[i], at & 1);
		at += piece[i].len;
	}
	checksum = checksum_fold(sum);
	return checksum ? checksum : 0xffff;
}
