/* Ethernet and 802.1Q. */
#ifndef WIRE_ETH_H
#define WIRE_ETH_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/drop.h"
#include "wire/ip.h"

#define ETH_LEN	      14u
#define VLAN_LEN      4u
#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_ARP  0x0806u
#define ETHERTYPE_VLAN 0x8100u
#define ETHERTYPE_QINQ 0x88a8u
#define ETHERTYPE_IPV6 0x86ddu
#define MAC_TEXT_MAX   18u

struct mac {
	uint8_t b[6];
};

struct eth {
	struct mac dst, src;
	bool tagged;	/* one 802.1Q tag */
	uint16_t vlan;	/* the tag's TCI: priority 3, DEI 1, VID 12 */
	uint16_t type;	/* EtherType behind the tag */
};

enum drop eth_decode(struct eth *h, struct span *in);
/* Writes ETH_LEN, or ETH_LEN + VLAN_LEN bytes if tagged; returns which. */
size_t eth_encode(const struct eth *h, uint8_t *out);

extern const struct mac mac_broadcast;
bool mac_equal(const struct mac *a, const struct mac *b);
bool mac_is_group(const struct mac *m); /* multicast or broadcast */
bool mac_parse(struct mac *m, const char *text); /* "02:00:00:00:00:01" */
const char *mac_format(const struct mac *m, char *text);
/* RFC 1112 6.4 (01:00:5e + low 23 bits) or RFC 2464 7 (33:33 + low 32). */
struct mac mac_of_multicast(const struct ip_addr *group);

#endif
