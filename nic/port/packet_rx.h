/* The receiving half of port_packet. */
#ifndef NIC_PORT_PACKET_RX_H
#define NIC_PORT_PACKET_RX_H

#include "nic/port/port_packet.h"

struct packet_rx;

/* Receives from @fd, which it does not own, for @port.  NULL: out of memory. */
struct packet_rx *packet_rx_new(const struct packet_config *cfg, int fd,
				struct port *port);
void packet_rx_free(struct packet_rx *r);
/* As port_ops.receive. */
unsigned packet_rx_read(struct packet_rx *r, unsigned budget, nsec_t now);
/* Counts what the kernel has lost since the last time. */
void packet_rx_losses(struct packet_rx *r);

#endif
