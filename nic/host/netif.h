/* What this host knows of one of its interfaces. */
#ifndef NIC_HOST_NETIF_H
#define NIC_HOST_NETIF_H

#include <stdbool.h>
#include <stdio.h>
#include "nic/link/link.h"

#define NETIF_NAME_MAX 16u
#define NETIF_MTU_MIN  576u

struct netif {
	char name[NETIF_NAME_MAX];
	unsigned index, mtu;
	struct mac mac;
	bool running; /* the other end of the cable is there */
	/* The first is IPv4, if there is one; link-local IPv6 comes last. */
	struct ip_addr addr[LINK_ADDRS];
	unsigned len[LINK_ADDRS]; /* of the prefixes */
	unsigned naddr;
};

/* Looks @name up.  -errno: not there, down, no Ethernet or too small an MTU;
 * @why (SPEC_WHY_MAX bytes) says so without naming it.
 */
int netif_look(const char *name, struct netif *n, char *why);
/* Fills in the addresses.  Waits, at most 3 s, for those that the kernel is
 * still testing.
 */
void netif_addresses(struct netif *n);
/* Whether an interface of this host has @ip, and which. */
bool netif_owner(const struct ip_addr *ip, char name[NETIF_NAME_MAX]);

/* The kernel's routes through @n; returns how many, at most @max. */
unsigned netif_routes(const struct netif *n, struct link_route *route,
		      unsigned max);
/* One line of /proc/net/route and of /proc/net/ipv6_route.  False: not a route
 * through @name that packets are sent by.
 */
bool netif_route_v4(const char *line, const char *name, struct link_route *r);
bool netif_route_v6(const char *line, const char *name, struct link_route *r);

#endif
