/* An AF_XDP socket with its memory and rings, and the program that fills it. */
#ifndef NIC_PORT_XDP_SOCK_H
#define NIC_PORT_XDP_SOCK_H

#include <xdp/xsk.h>
#include "nic/port/port_xdp.h"
#include "nic/port/xdp_prog.h"

/* Memory is handed to the kernel in chunks of a page, of which a received frame
 * leaves the first bytes alone.
 */
#define XDP_CHUNK      4096u
#define XDP_CHUNK_DATA (XDP_CHUNK - 256u)
#define XDP_TX_CHUNKS  2048u
#define XDP_LONGEST    (65536u + 64u)

struct xdp_sock {
	char ifname[16];
	struct counters *counters;
	bool frags;   /* a frame may be several descriptors */
	bool generic; /* the program runs in the kernel, not in the driver */
	bool zerocopy;
	unsigned frame_max; /* bytes of the longest frame */
	char way[64];	    /* all this, for people */
	/* The program; closing @link detaches it. */
	int map, prog, link;
	/* The socket. */
	int fd;
	void *memory;
	size_t memory_len;
	unsigned nrx; /* chunks to receive into, in front of those to send */
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons rx, completion;
	/* Sending: xdp_tx.c. */
	uint64_t free_chunk[XDP_TX_CHUNKS];
	unsigned nfree;
	bool complained; /* that frames could not be sent */
	nsec_t retry_at; /* when to ask the kernel again; NSEC_NEVER: no need */
	int waits;	 /* left for this batch */
	/* Receiving: xdp_rx.c. */
	uint8_t *gather;  /* XDP_LONGEST bytes for a frame in pieces */
	size_t gathered;  /* of the frame whose pieces are coming */
	nsec_t losses_at; /* when they are counted again */
	uint64_t losses;  /* counted so far */
};

/* Opens the socket and attaches the program in the best mode that works and
 * @cfg allows.  -errno; @why (PACKET_WHY_MAX bytes) is one line.
 */
int xdp_sock_open(struct xdp_sock *s, const struct xdp_config *cfg, char *why);
void xdp_sock_close(struct xdp_sock *s);

#endif
