/* Keeps a NIC's addresses for it, on this host. */
#ifndef NIC_PORT_PACKET_HOLD_H
#define NIC_PORT_PACKET_HOLD_H

#include "nic/port/port_packet.h"

struct packet_hold {
	int fd[8];
	unsigned n;
};

/* -errno: somebody has one of them; nothing is held then, and @why says who. */
int packet_hold(struct packet_hold *h, const struct packet_config *cfg,
		char *why);
void packet_let_go(struct packet_hold *h);

#endif
