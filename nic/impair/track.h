/* What rules must know about the past of a connection: psn=+N counts from the
 * first PSN seen, qp=N numbers QPs as they turn up, round=N counts how often
 * the sender went back.
 *
 * Two streams go to a QP, each with PSNs of its own: the peer's requests, and
 * the answers to what the QP asked itself.
 */
#ifndef NIC_IMPAIR_TRACK_H
#define NIC_IMPAIR_TRACK_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/impair/rule.h"
#include "wire/bth.h"
#include "wire/ip.h"

#define TRACK_FLOWS 4096u /* power of two; QPs beyond match no such rule */

struct track_stream {
	bool seen;
	uint32_t first, last; /* PSN */
	uint32_t round;	      /* 1: it never went back */
};

struct track_flow {
	bool used;
	enum impair_dir dir;
	struct ip_addr dst;
	uint32_t dqpn;
	uint32_t nth; /* of its direction, from 1; 0: no QP of a program's */
	struct track_stream stream[2]; /* requests, answers */
};

struct track {
	unsigned nflow;
	uint32_t qps[IMPAIR_DIRS];
	struct track_flow flow[TRACK_FLOWS];
};

/* Notes a packet.  Its flow, with *@stream that of the packet; NULL: one flow
 * too many.
 */
struct track_flow *track_packet(struct track *t, enum impair_dir dir,
				const struct ip_addr *dst,
				const struct bth *bth,
				struct track_stream **stream);

#endif
