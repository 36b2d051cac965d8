/* Flows: the requests of one QP to another and the answers to them, as the
 * first pass over a capture finds them, and what it must know of them before a
 * NIC can play either side: which stream answers, the path MTU, how long
 * messages get.
 *
 * A connection is two flows; a datagram flow is one without answers.
 */
#ifndef REPLAY_FLOW_H
#define REPLAY_FLOW_H

#include "trace/report.h"
#include "trace/stream.h"

struct flow {
	uint32_t number; /* from 1, by its first packet */
	uint32_t next;	 /* the flow that took over its stream, or 0 */
	uint32_t stream; /* whose requests they are */
	uint32_t back;	 /* the stream that answers, or 0 */
	struct stream_key key;
	uint32_t asker; /* the requester's QPN; 0: not known */
	uint64_t first_frame, last_frame;
	bool has_start; /* the CM said: */
	uint32_t start_psn;
	uint32_t qkey;		 /* UD: of the first datagram */
	uint32_t pmtu;		 /* what packets show, or fits them */
	uint64_t longest_send;	 /* bytes, rounded up to packets */
	uint64_t longest_memory; /* of WRITEs, READs */
	uint64_t requests, answers;
	/* Of the message in progress. */
	uint32_t message_psn;
	int64_t begun;
};

struct flows;

struct flows *flows_new(void); /* NULL: no memory */
void flows_free(struct flows *t);

/* The first pass: packets in the capture's order. */
void flows_take(struct flows *t, const struct packet *p);
/* Ends it: what the captured sides did wrong (trace/check.h). */
const struct report *flows_finish(struct flows *t);
uint32_t flows_count(const struct flows *t);
struct flow *flows_get(const struct flows *t, uint32_t number);

/* Once more from the capture's beginning. */
void flows_rewind(struct flows *t);
/* The second pass: the flow that @p belongs to, NULL if none; *@answer:
 * as one.
 */
struct flow *flows_find(struct flows *t, const struct packet *p, bool *answer);

/* Packets that belong to no flow: damaged, CNPs, answers to who knows what; and
 * copies that the network or the sniffer made.
 */
struct flows_left {
	uint64_t damaged, unknown, cut, cnps, unpaired, copies;
};
const struct flows_left *flows_left(const struct flows *t);

#endif
