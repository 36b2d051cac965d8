/* IPv4 and IPv6 headers, and the address type of all layers: an IPv4 address
 * is kept in its IPv4-mapped IPv6 form, which is its RoCEv2 GID, too.
 */
#ifndef WIRE_IP_H
#define WIRE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "wire/bytes.h"
#include "wire/drop.h"

#define IPV4_LEN     20u
#define IPV6_LEN     40u
#define IPPROTO_UDP_ 17u
#define IP_TEXT_MAX  46u

struct ip_addr {
	uint8_t b[16];
};

static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

bool ip_is_v4(const struct ip_addr *a);
bool ip_is_any(const struct ip_addr *a); /* 0.0.0.0, :: or all zero */
bool ip_is_multicast(const struct ip_addr *a);
bool ip_is_link_local(const struct ip_addr *a); /* fe80::/10 */
struct ip_addr ip_from_v4(const uint8_t v4[4]);
/* "10.0.0.1" or "fe80::1"; false if it is neither. */
bool ip_parse(struct ip_addr *a, const char *text);
/* Returns @text, of at least IP_TEXT_MAX bytes. */
const char *ip_format(const struct ip_addr *a, char *text);

/* Either version's header; an IPv4 packet's fields that IPv6 lacks are 0. */
struct ip_header {
	struct ip_addr src, dst;
	uint8_t version; /* 4 or 6 */
	uint8_t tos;	 /* DSCP and ECN; traffic class */
	uint8_t ttl;	 /* hop limit */
	uint8_t protocol;
	uint16_t len;	 /* payload bytes behind this header */
	uint16_t id;	 /* IPv4 only */
	bool df;	 /* IPv4 only */
	uint32_t flow_label; /* IPv6 only */
};

/* Takes the header off @in (IPv4 options included) and cuts @in to the
 * header's length.  DROP_SHORT, DROP_IP_HEADER, DROP_IP_CHECKSUM,
 * DROP_IP_FRAGMENT.  The protocol is not judged.
 */
enum drop ip_decode(struct ip_header *h, struct span *in);
/* Writes IPV4_LEN or IPV6_LEN bytes, checksum included; returns which. */
size_t ip_encode(const struct ip_header *h, uint8_t *out);
static inline size_t ip_header_len(const struct ip_header *h)
{
	return h->version == 4 ? IPV4_LEN : IPV6_LEN;
}

/* One's-complement sum over @p, added to @sum (RFC 1071).  Odd lengths only
 * for the last piece.
 */
uint32_t checksum_add(uint32_t sum, const uint8_t *p, size_t len);
/* The checksum to store; 0 if the sum went over a right one. */
uint16_t checksum_fold(uint32_t sum);
/* Sum of the pseudo-header for @protocol (RFC 768, RFC 8200 8.1). */
uint32_t checksum_pseudo(const struct ip_header *h, uint8_t protocol,
			 uint32_t len);

/* The DSCP|ECN that a decapsulated packet gets (RFC 6040, figure 4); false if
 * it must be dropped (outer CE, inner Not-ECT).
 */
bool ecn_decapsulate(uint8_t outer_tos, uint8_t inner_tos, uint8_t *tos);

#endif
