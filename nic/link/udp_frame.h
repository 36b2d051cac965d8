/* What a datagram looks like on the wire, for a capture: a UDP socket shows and
 * takes payloads only, so the headers are made up again, exactly.
 */
#ifndef NIC_LINK_UDP_FRAME_H
#define NIC_LINK_UDP_FRAME_H

#include "nic/base/tap.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/udp.h"

#define UDP_FRAME_HEAD (ETH_LEN + IPV6_LEN + UDP_LEN)

/* Ethernet (zero addresses, as on lo), IP and UDP headers; returns their
 * length.
 */
size_t udp_frame_head(const struct ip_header *ip, const struct udp *udp,
		      uint8_t out[UDP_FRAME_HEAD]);
/* The UDP checksum of a datagram whose payload is @n pieces. */
uint16_t udp_frame_checksum(const struct ip_header *ip, const struct udp *udp,
			    const struct span *piece, unsigned n);

#endif
