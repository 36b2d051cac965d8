/* The receiving half of port_xdp. */
#ifndef NIC_PORT_XDP_RX_H
#define NIC_PORT_XDP_RX_H

#include "nic/port/xdp_sock.h"

/* -ENOMEM. */
int xdp_rx_init(struct xdp_sock *s);
void xdp_rx_fini(struct xdp_sock *s);
/* As port_ops.receive, for @port. */
unsigned xdp_rx_read(struct xdp_sock *s, struct port *port, unsigned budget,
		     nsec_t now);
/* Counts what the kernel has lost since the last time. */
void xdp_rx_losses(struct xdp_sock *s);

#endif
