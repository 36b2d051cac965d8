/* From a captured frame to the RoCEv2 packets in it: link header, tags, VXLAN,
 * IP, UDP, trains.  No I/O: the reader brings the frames.
 */
#ifndef TRACE_DISSECT_H
#define TRACE_DISSECT_H

#include "trace/packet.h"

struct frame {
	uint64_t number;
	int64_t nsec;
	int linktype;
	struct span bytes; /* what the sniffer kept */
	size_t wire_len;   /* what was on the wire: bytes.len or more */
};

enum frame_kind {
	FRAME_OTHER,	/* no RoCEv2 in it */
	FRAME_ROCE_V1,	/* RoCE without IP (EtherType 0x8915) */
	FRAME_FRAGMENT, /* of an IP packet: nobody knows of which protocol */
	FRAME_ROCE,
	FRAME_TRAIN, /* RoCEv2, several packets in one datagram */
};

/* Where in a frame the dissector is; make it with dissector_new. */
struct dissector;

struct dissector *dissector_new(void); /* NULL: no memory */
void dissector_free(struct dissector *d);

/* Starts on @f, whose bytes must stay until the last dissect_next. */
enum frame_kind dissect_begin(struct dissector *d, const struct frame *f);
/* The frame's next packet; false: there is none.  Its spans live as long as
 * the frame's bytes, and until the next dissect_begin.
 */
bool dissect_next(struct dissector *d, struct packet *p);

#endif
