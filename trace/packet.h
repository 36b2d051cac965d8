/* One RoCEv2 packet out of a capture, as everything in trace/ sees it. */
#ifndef TRACE_PACKET_H
#define TRACE_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/ip.h"
#include "wire/roce.h"
#include "wire/udp.h"

enum icrc_verdict {
	ICRC_OK,
	ICRC_BAD,
	ICRC_CUT, /* the sniffer cut the frame (snaplen): nobody can tell */
};

struct packet {
	uint64_t frame; /* counted from 1 over all frames, as Wireshark does */
	int64_t nsec;	/* since the Epoch */
	struct ip_header ip;
	struct udp udp;
	bool tunnelled; /* in VXLAN: */
	uint32_t vni;
	struct ip_addr outer_src, outer_dst;
	/* Why it does not decode.  DROP_NONE: roce is whole.  DROP_TVER,
	 * DROP_OPCODE, DROP_PAD, DROP_LENGTH: at least roce.bth is.  Else only
	 * what lies in front is.
	 */
	enum drop drop;
	enum icrc_verdict icrc;
	struct roce roce;
	struct span data; /* UDP payload without ICRC; the reader's memory */
	uint32_t icrc_received;
	/* Segment 1..segments of a datagram that the sender's or the sniffer's
	 * kernel had not cut yet (UDP GSO, GRO); 0 of 0: a packet by itself.
	 */
	uint16_t segment, segments;
};

#define VNI_NONE UINT32_MAX

static inline uint32_t packet_vni(const struct packet *p)
{
	return p->tunnelled ? p->vni : VNI_NONE;
}

/* There is a BTH, even if what follows does not decode. */
static inline bool packet_has_bth(const struct packet *p)
{
	return p->drop != DROP_SHORT && p->drop != DROP_UDP_LENGTH;
}

/* What BTH and extension headers of @p say may be relied on. */
static inline bool packet_sound(const struct packet *p)
{
	return p->drop == DROP_NONE && p->icrc != ICRC_BAD;
}

#endif
