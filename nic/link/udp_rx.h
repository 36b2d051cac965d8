/* The receiving half of link_udp. */
#ifndef NIC_LINK_UDP_RX_H
#define NIC_LINK_UDP_RX_H

#include "nic/link/link.h"
#include "nic/link/udp_sock.h"

struct udp_rx;

/* Delivers through @link.  NULL: no memory. */
struct udp_rx *udp_rx_new(const struct link_config *cfg, struct link *link);
void udp_rx_free(struct udp_rx *r);
/* Delivers what waits in @sock, at most @budget; returns how many. */
unsigned udp_rx_read(struct udp_rx *r, struct udp_sock *sock, unsigned budget,
		     nsec_t now);
/* Delivers what other programs that share the address have passed on. */
unsigned udp_rx_aside(struct udp_rx *r, nsec_t now);

#endif
