/* Which frames of an interface go to a NIC's AF_XDP socket, as a program that
 * the kernel runs on every frame that arrives.  All others pass, to the host
 * and to the NIC's AF_PACKET socket: so the host loses nothing that could be
 * meant for it, and what many stations must hear reaches both.
 */
#ifndef NIC_PORT_XDP_PROG_H
#define NIC_PORT_XDP_PROG_H

#include <linux/bpf.h>
#include <stdbool.h>
#include "wire/eth.h"
#include "wire/ip.h"

#define XDP_ADDRS 8u
/* An upper bound, asserted on. */
#define XDP_PROGRAM_LEN (128u + XDP_ADDRS * 9u)

struct xdp_wants {
	struct mac mac; /* the NIC's: only what is sent to it is taken */
	/* The MAC and these addresses are the host's, too: only UDP to
	 * @udp_port of one of them is taken.
	 */
	bool shared;
	struct ip_addr addr[XDP_ADDRS];
	unsigned naddr;
	uint16_t udp_port;
	unsigned frame_max; /* what is longer passes */
	/* The kernel may bring several datagrams as one frame here, of which
	 * only an AF_PACKET socket is told where to cut it: datagrams with a
	 * checksum pass, as all such have one, and RoCEv2's usually have none.
	 */
	bool trains;
	bool frags; /* the program may be given frames in pieces */
};

/* Writes a program that redirects to socket map @map; a queue without a socket
 * there gets @otherwise (XDP_PASS in earnest).  Returns its length, at most
 * XDP_PROGRAM_LEN.
 */
unsigned xdp_program(const struct xdp_wants *w, int map,
		     enum xdp_action otherwise, struct bpf_insn *out);

#endif
