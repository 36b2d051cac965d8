/* The sending half of link_udp. */
#ifndef NIC_LINK_UDP_TX_H
#define NIC_LINK_UDP_TX_H

#include "nic/link/link.h"
#include "nic/link/udp_sock.h"

struct udp_tx;

/* Sends from @own and from sockets of its own making.  NULL: no memory. */
struct udp_tx *udp_tx_new(const struct link_config *cfg, struct udp_sock *own,
			  unsigned nown);
void udp_tx_free(struct udp_tx *t);
/* As link_ops.send. */
void udp_tx_send(struct udp_tx *t, struct pkt *batch, unsigned n, nsec_t now);

#endif
