/* A port on an interface of this host, through an AF_PACKET socket.  Trains of
 * UDP datagrams go both ways in one piece (nic/port/packet_train.h), frames
 * that are not for us are left in the kernel (nic/port/packet_filter.h), and
 * nothing outlives the socket: not the MAC address in the interface's filter
 * either.
 */
#ifndef NIC_PORT_PORT_PACKET_H
#define NIC_PORT_PORT_PACKET_H

#include "nic/base/gso.h"
#include "nic/port/port.h"

#define PACKET_WHY_MAX 256u

struct packet_config {
	const char *ifname;
	unsigned ifindex;
	unsigned mtu;	/* of the interface */
	struct mac mac; /* the NIC's; if @shared, the interface's */
	/* The NIC's addresses.  They are held against other programs of this
	 * host: if @shared by UDP sockets on @udp_port, which also keep the
	 * kernel from answering what comes for it with "port unreachable".
	 */
	struct ip_addr addr[8];
	unsigned naddr;
	bool shared; /* MAC and addresses are the host's, too */
	uint16_t udp_port;
	bool many;   /* programs may share it all; */
	bool joined; /* others do already, and hold the addresses, too */
	enum gso_mode gso;
	unsigned rcvbuf; /* bytes; 0: as large as allowed */
	struct counters *counters;
};

/* -errno; @why (PACKET_WHY_MAX bytes) is one line for a person. */
int port_packet_new(const struct packet_config *cfg, struct port **port,
		    char *why);

#endif
