/* The sending half of port_xdp. */
#ifndef NIC_PORT_XDP_TX_H
#define NIC_PORT_XDP_TX_H

#include "nic/port/xdp_sock.h"

void xdp_tx_init(struct xdp_sock *s);
/* As port_ops.send. */
void xdp_tx_send(struct xdp_sock *s, struct pkt *batch, unsigned n, nsec_t now);
/* At s->retry_at: asks the kernel again to send what it has not. */
void xdp_tx_retry(struct xdp_sock *s, nsec_t now);

#endif
