/* The invariant CRC of RoCEv2 (IBTA Annex A17.3.3; CRC-32 of IBTA 7.8.1): over
 * 8 bytes of ones, the IP header, the UDP header and BTH to pad, with the
 * fields that change on the way read as ones.
 */
#ifndef WIRE_ICRC_H
#define WIRE_ICRC_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/udp.h"

#define ICRC_LEN 4u

/* CRC state; start it with icrc_begin. */
typedef uint32_t icrc_t;

/* Covers dummy LRH, IP header, UDP header and the first BTH_LEN bytes at @bth.
 * @ip and @udp are the headers as on the wire (tos, ttl, flow label and
 * checksums do not matter); the lengths in them do.
 */
icrc_t icrc_begin(const struct ip_header *ip, const struct udp *udp,
		  const uint8_t *bth);
icrc_t icrc_add(icrc_t crc, const uint8_t *p, size_t len);
/* The value to store: little-endian, by icrc_put. */
static inline uint32_t icrc_end(icrc_t crc)
{
	return ~crc;
}
void icrc_put(uint32_t icrc, uint8_t *out);
uint32_t icrc_get(const uint8_t *p);

/* The ICRC of a whole datagram: @data is the UDP payload without the ICRC,
 * BTH_LEN bytes or more.
 */
uint32_t icrc_of(const struct ip_header *ip, const struct udp *udp,
		 struct span data);

/* The IPv4 identification that explains @icrc, if it is not ip->id: CRC is
 * linear, so it can be solved for.  @len is what follows the IPv4 header's
 * identification field up to the ICRC, in bytes.  -1: none explains it.
 */
int32_t icrc_solve_id(uint32_t computed, uint32_t received, size_t len,
		      uint16_t computed_id);

#endif
