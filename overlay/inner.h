/* What a tunnel wants to know of the frame inside, and changes in it. */
#ifndef OVERLAY_INNER_H
#define OVERLAY_INNER_H

#include "wire/drop.h"
#include "wire/eth.h"

/* Enough of a frame for inner_parse: two tags, IPv6, ports. */
#define INNER_PEEK (ETH_LEN + 2 * VLAN_LEN + 40u + 4u)

struct inner {
	struct mac dst, src;
	uint8_t version; /* 4 or 6; 0: not IP */
	uint8_t tos;
	size_t ip_at;  /* where the IP header is */
	uint32_t flow; /* hash of what tells flows apart */
};

/* Parses as much as there is of @frame; DROP_SHORT without Ethernet header. */
enum drop inner_parse(struct inner *in, struct span frame);
/* Puts @tos into the IP header of @frame, and its checksum right. */
void inner_set_tos(const struct inner *in, uint8_t *frame, uint8_t tos);

#endif
