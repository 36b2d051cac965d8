/* What one requester sent, in the order of the PSNs: the memory against which
 * retransmissions and answers are judged.  Packets that the sniffer did not
 * see are holes.
 */
#ifndef TRACE_REQLOG_H
#define TRACE_REQLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "trace/packet.h"

/* A request packet. */
struct req {
	uint32_t psn;
	uint8_t opcode;
	uint32_t flags;	  /* of the opcode's row */
	uint32_t payload; /* bytes */
	uint64_t va;	  /* RETH or AtomicETH */
	uint32_t rkey;
	uint32_t len;	   /* DMALen */
	uint64_t operands; /* of an atomic: swap_add ^ compare */
	uint64_t frame;	   /* where it was first seen */
	int64_t sent_nsec; /* when it was last seen */
	bool again;	   /* it was seen more than once */
	bool suffix;	   /* a READ that asks for the end of an earlier one */

	/* Written by the log: */
	uint32_t hole;	/* PSNs missing in front of it */
	uint32_t ends;	/* messages that end in the log up to and with it */
	bool counts;	/* it is itself one of them */
	bool msg_known; /* the message's First was seen, and all since: */
	uint32_t msg_psn, msg_len;

	/* Written by the judge of the responder: */
	uint32_t answered;	  /* READ: responses seen; else 1: answered */
	uint64_t blamed_frame;	  /* an ACK that is no answer to it */
	uint64_t overtaken_frame; /* an answer to a later request came first */
	uint16_t overtaken_id;
};

struct reqlog {
	struct req *v; /* by PSN; a suffix stands behind what it repeats */
	size_t n, cap;
	uint32_t pmtu;	  /* 0: not known yet */
	uint32_t settled; /* PSNs below are acknowledged: holes stay holes */
	bool has_settled;
	bool anchored; /* an MSN was compared with the sums */
};

void reqlog_fini(struct reqlog *log);
/* Forgets everything, the path MTU included. */
void reqlog_clear(struct reqlog *log);

/* The path MTU became known: READs have their true lengths from now on. */
void reqlog_set_pmtu(struct reqlog *log, uint32_t pmtu);

/* The request that @p is.  @p decodes and is a request. */
struct req req_of(const struct packet *p);
/* PSNs that @r takes: at least, and at most.  They differ for a READ while the
 * path MTU is unknown.
 */
uint32_t req_span(const struct reqlog *log, const struct req *r);
uint32_t req_span_max(const struct reqlog *log, const struct req *r);
static inline bool req_is_read(const struct req *r)
{
	return (r->flags & (IS_READ | IS_REQUEST)) == (IS_READ | IS_REQUEST);
}

/* The PSN behind everything in the log, which must not be empty. */
uint32_t reqlog_end(const struct reqlog *log);
uint32_t reqlog_end_max(const struct reqlog *log);

/* Puts @r in its place, which must be free or that of a suffix.  Returns its
 * index, -1 without memory.  Moves the others: pointers into the log die.
 */
int reqlog_add(struct reqlog *log, const struct req *r);
/* Index of the last request that starts at or before @psn; -1: none. */
int reqlog_at(const struct reqlog *log, uint32_t psn);
/* The request, if one was seen, that @psn belongs to; else NULL. */
struct req *reqlog_cover(const struct reqlog *log, uint32_t psn);
/* True if request @i follows its predecessor without a hole. */
bool reqlog_adjacent(const struct reqlog *log, int i);

/* Messages that end at or before @psn, of those seen. */
uint32_t reqlog_ended(const struct reqlog *log, uint32_t psn);
uint32_t reqlog_ended_all(const struct reqlog *log);
/* PSNs in [@from, @to) that were not seen, but later ones were. */
uint32_t reqlog_holes(const struct reqlog *log, uint32_t from, uint32_t to);

#endif
