/* Which socket sends with which source address and port.  RoCEv2 gives every QP
 * a source port, so that networks spread QPs over their paths; a kernel socket
 * has one, so there is a socket for each port in use.
 */
#ifndef NIC_LINK_UDP_SOURCE_H
#define NIC_LINK_UDP_SOURCE_H

#include "nic/link/link.h"
#include "nic/link/udp_sock.h"

#define UDP_SOURCES 32u	 /* sending sockets opened at most */
#define UDP_ALIASES 256u /* power of two */

struct udp_alias {
	struct udp_sock *sock; /* NULL: unused */
	const struct udp_sock *own;
	uint16_t sport;
};

struct udp_sources {
	struct udp_sock *own; /* the main sockets; not owned */
	unsigned nown;
	struct udp_sock sock[UDP_SOURCES];
	unsigned nsock;
	unsigned failed; /* binds that failed */
	struct udp_alias alias[UDP_ALIASES];
};

void udp_sources_init(struct udp_sources *s, struct udp_sock *own,
		      unsigned nown);
void udp_sources_fini(struct udp_sources *s);
/* The socket for a packet from @src and @sport to @dst: with that source port
 * if possible, else with another; NULL if no own address is of @dst's family.
 */
struct udp_sock *udp_source(struct udp_sources *s, const struct ip_addr *src,
			    uint16_t sport, const struct ip_addr *dst);

#endif
