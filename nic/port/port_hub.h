/* A port that is a station on a hub: an Ethernet segment in shared memory. */
#ifndef NIC_PORT_PORT_HUB_H
#define NIC_PORT_PORT_HUB_H

#include "nic/port/hub_file.h"
#include "nic/port/port.h"

#define HUB_MTU 9000u

/* Joins the hub, as hub_join does. */
int port_hub_new(const struct hub_member *m, struct counters *counters,
		 struct port **port, char *why);

#endif
