/* ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861) of link_eth. */
#ifndef NIC_LINK_ETH_ASK_H
#define NIC_LINK_ETH_ASK_H

#include "nic/link/eth_link.h"

/* As neigh_ops.ask; @ctx: the struct eth_link. */
void eth_ask(void *ctx, const struct ip_addr *ip, const struct mac *at,
	     nsec_t now);
/* Tells the segment which addresses are ours. */
void eth_ask_announce(struct eth_link *e, nsec_t now);
/* Handles an ARP packet: learns, and answers if it asks for us. */
enum drop eth_ask_arp(struct eth_link *e, struct span in, nsec_t now);
/* The same for a neighbour message, sent by @from. */
enum drop eth_ask_nd(struct eth_link *e, const struct ip_header *ip,
		     struct span in, const struct mac *from, nsec_t now);

#endif
