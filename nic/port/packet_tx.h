/* The sending half of port_packet. */
#ifndef NIC_PORT_PACKET_TX_H
#define NIC_PORT_PACKET_TX_H

#include "nic/port/port_packet.h"

struct packet_tx;

/* Sends by @fd, which it does not own.  NULL: out of memory. */
struct packet_tx *packet_tx_new(const struct packet_config *cfg, int fd);
void packet_tx_free(struct packet_tx *t);
/* As port_ops.send. */
void packet_tx_send(struct packet_tx *t, struct pkt *batch, unsigned n,
		    nsec_t now);

#endif
