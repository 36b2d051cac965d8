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
