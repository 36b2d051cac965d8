/* What was counted of one direction of a connection, and how that is written;
 * for trace/stats.c.
 */
#ifndef TRACE_FLOW_H
#define TRACE_FLOW_H

#include <stdio.h>
#include "trace/stream.h"

struct flow {
	struct stream_key key;
	uint32_t peer; /* the number of the stream back; 0: not known */
	int64_t first_nsec, last_nsec;
	uint64_t packets, bytes; /* all, and their payload */
	uint64_t new_bytes;	 /* without what was sent before */
	uint64_t copies;	 /* by network or sniffer */
	uint64_t requests, messages, retransmissions, out_of_order;
	uint64_t answers, acks, sequence_naks, fatal_naks, rnr_naks;
	uint64_t cnps, ce;
	/* How long answers to its requests took. */
	uint64_t rtts;
	int64_t rtt_min, rtt_max;
	double rtt_sum; /* times in captures can be any */
	bool has_answered, has_read;
	uint32_t answered_psn; /* the highest */
	uint32_t read_psn;     /* of the READ responses that it carried */
};

/* @b: the flow back; NULL: none is known. */
void connection_print(const struct flow *a, const struct flow *b, FILE *out);
void connection_json(const struct flow *a, const struct flow *b, FILE *out);

#endif
