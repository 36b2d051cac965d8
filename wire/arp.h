/* ARP for IPv4 over Ethernet (RFC 826) and the two ICMPv6 neighbour messages
 * that answer the same question for IPv6 (RFC 4861, 4.3 and 4.4).
 */
#ifndef WIRE_ARP_H
#define WIRE_ARP_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/drop.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define ARP_LEN 28u
#define ND_BARE_LEN 24u /* without that option */
#define ND_LEN	32u /* ICMPv6 header, target and one link-layer option */
#define IPPROTO_ICMPV6_ 58u

enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint16_t op;
	struct mac sender_mac, target_mac;
	struct ip_addr sender_ip, target_ip; /* IPv4-mapped */
};

enum drop arp_decode(struct arp *h, struct span *in);
void arp_encode(const struct arp *h, uint8_t *out);

enum nd_type { ND_SOLICIT = 135, ND_ADVERTISE = 136 };

struct nd {
	uint8_t type;
	struct ip_addr target;
	bool has_mac;
	struct mac mac; /* source (135) or target (136) link-layer address */
	bool solicited, override; /* advertisement's flags */
};

/* @ip is the IPv6 header in front (hop limit 255 and the checksum are
 * checked).  DROP_SHORT, DROP_IP_PROTOCOL for other ICMPv6 types and codes,
 * DROP_IP_HEADER for a wrong hop limit, DROP_UDP_CHECKSUM.
 */
enum drop nd_decode(struct nd *h, const struct ip_header *ip, struct span *in);
/* Writes ND_LEN bytes, checksum and link-layer option included; without a MAC
 * ND_BARE_LEN.
 */
void nd_encode(const struct nd *h, const struct ip_header *ip, uint8_t *out);
/* ff02::1:ffXX:XXXX of @target (RFC 4291, 2.7.1). */
struct ip_addr nd_solicited_node(const struct ip_addr *target);

#endif
