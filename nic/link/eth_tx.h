/* The sending half of link_eth. */
#ifndef NIC_LINK_ETH_TX_H
#define NIC_LINK_ETH_TX_H

#include "nic/link/eth_link.h"

/* As link_ops.send. */
void eth_tx_send(struct eth_link *e, struct pkt *batch, unsigned n, nsec_t now);
/* Sends whole frames: link_ops.send_frames. */
void eth_tx_frames(struct eth_link *e, struct pkt *batch, unsigned n,
		   nsec_t now);
/* Sends @p, whose head begins behind the IP header: to p->dst from p->src. */
void eth_tx_ip(struct eth_link *e, struct pkt *p, uint8_t protocol, nsec_t now);
/* Sends @p, whose head begins behind the Ethernet header. */
void eth_tx_frame(struct eth_link *e, struct pkt *p, const struct mac *dst,
		  uint16_t type, nsec_t now);
/* As neigh_ops.release; @ctx: the struct eth_link. */
void eth_tx_release(void *ctx, struct span packet, const struct mac *to,
		    nsec_t now);
/* The neighbour through which @dst is reached, or NULL. */
const struct ip_addr *eth_next_hop(const struct eth_link *e,
				   const struct ip_addr *dst);

#endif
