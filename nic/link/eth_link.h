/* What the parts of link_eth share.
 *
 *	link_eth.c  the link: made, polled, freed
 *	eth_tx.c    headers onto packets, where to send them, to oneself
 *	eth_rx.c    headers off frames, and whether they are for us
 *	eth_ask.c   ARP and neighbour discovery: asking and answering
 *	eth_ping.c  answers to pings
 *	neigh.c     the table of neighbours
 */
#ifndef NIC_LINK_ETH_LINK_H
#define NIC_LINK_ETH_LINK_H

#include "nic/base/frameq.h"
#include "nic/link/link.h"
#include "nic/link/neigh.h"
#include "nic/port/port.h"

#define ETH_GROUPS 64u
#define ETH_TTL	   64u /* of packets that name none */

struct eth_group {
	struct ip_addr ip;
	struct mac mac;
};

struct eth_link {
	struct link link;
	struct port *port; /* owned */
	struct link_config cfg;
	bool announced;	  /* that we are here; link_eth.c */
	bool complained;  /* about somebody with our address; eth_ask.c */
	bool want_all;	  /* frames that only raw has a use for */
	uint16_t next_id; /* IPv4 identification; eth_tx.c */
	struct neigh_table neigh;
	struct frameq self; /* frames to ourselves, for the next receive */
	/* Groups we listen to; the first @nfixed are not the user's. */
	struct eth_group group[ETH_GROUPS];
	unsigned ngroup, nfixed;
};

/* Whether @a is an own address; whether it is a group joined. */
bool eth_is_own(const struct eth_link *e, const struct ip_addr *a);
bool eth_is_joined(const struct eth_link *e, const struct ip_addr *group);
/* Do we answer who asks for an own address?  Not if the kernel does, or another
 * program that shares it.
 */
bool eth_answers(const struct eth_link *e);
/* An own address of @dst's family, link-local for link-local; or NULL. */
const struct ip_addr *eth_source(const struct eth_link *e,
				 const struct ip_addr *dst);

#endif
