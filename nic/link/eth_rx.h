/* The receiving half of link_eth. */
#ifndef NIC_LINK_ETH_RX_H
#define NIC_LINK_ETH_RX_H

#include "nic/link/eth_link.h"

/* A port_deliver; @ctx: the struct eth_link. */
enum drop eth_rx_frame(void *ctx, struct span frame, struct note *note,
		       nsec_t now);

#endif
