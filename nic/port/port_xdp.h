/* A port on one queue of an interface of this host, through an AF_XDP socket.
 * What is sent to the NIC alone arrives there (nic/port/xdp_prog.h); broadcasts
 * and groups, long trains and what arrives at the interface's other queues come
 * by a second port below, an AF_PACKET socket, which also keeps the NIC's
 * addresses and has the interface let its MAC address through.
 *
 * Nothing outlives the process: the program is attached by a link that is gone
 * with its descriptor.
 */
#ifndef NIC_PORT_PORT_XDP_H
#define NIC_PORT_PORT_XDP_H

#include "nic/port/port_packet.h"
#include "nic/port/xdp_way.h"

struct xdp_config {
	struct packet_config iface; /* also of the port below */
	unsigned queue;
	enum xdp_way mode;
};

/* -errno; @why (PACKET_WHY_MAX bytes) is one line for a person. */
int port_xdp_new(const struct xdp_config *cfg, struct port **port, char *why);

#endif
