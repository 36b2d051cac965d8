/* Trains: a sniffer on the sending host sees a UDP GSO send (and on a
 * receiving host a GRO merge) as one huge datagram that holds several RoCEv2
 * packets, each with its own ICRC.
 */
#ifndef TRACE_TRAIN_H
#define TRACE_TRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/udp.h"

/* How a datagram was put together. */
struct train {
	size_t len; /* UDP payload of each segment; the last may be shorter */
	bool counts_id; /* IPv4 identification: one more each, or all alike */
};

/* The headers that segment @i (from 0) of a train has once it is cut. */
struct segment {
	struct ip_header ip;
	struct udp udp;
};

/* Explains UDP payload @data as a train; false if it is none. */
bool train_guess(struct train *t, const struct ip_header *ip,
		 const struct udp *udp, struct span data);
/* @len: the segment's UDP payload. */
void train_segment(const struct train *t, struct segment *s,
		   const struct ip_header *ip, const struct udp *udp,
		   unsigned i, size_t len);

#endif
