/* What the files of the checker share; for them only.
 *
 *	check.c		   hands each packet to whom it concerns
 *	check_packet.c	   rules about a packet by itself
 *	check_request.c	   a requester's PSNs, retransmissions and opcodes
 *	check_length.c	   lengths of requests
 *	check_obey.c	   what a requester owes to a NAK
 *	check_response.c   which answer is to what; acknowledged, unsent
 *	check_read.c	   READ responses
 *	check_nak.c	   NAKs of all kinds
 *	check_msn.c	   MSN and credits
 */
#ifndef TRACE_JUDGE_H
#define TRACE_JUDGE_H

#include "trace/check.h"
#include "trace/cm.h"
#include "trace/stream.h"
#include "wire/aeth.h"
#include "wire/icrc.h"

/* What is on its way while an answer travels: a packet that follows an answer
 * closer than this may have been sent before the answer arrived.
 */
#define IN_FLIGHT_NSEC 200000

/* No local ACK timeout in use is shorter: what is sent again sooner has another
 * reason.
 */
#define TIMEOUT_NSEC 400000

/* Farther from the sequence than any window, so not of the same connection. */
#define FAR_PSNS 65536

enum role { REQUESTER, RESPONDER };

struct counts {
	uint64_t packets, retransmissions, copies, rnrs, cnps, bad, restarts;
	uint64_t naks[32]; /* by code */
};

struct check {
	struct streams *streams;
	struct cm *cm;
	struct report *report;
	struct counts n;
	const struct stream *last; /* that the last packet is of */
	int64_t first_nsec, stamp; /* of the first packet, and of the last */
	int64_t ties;		   /* packets before it with the same stamp */
	uint64_t sniffer_lost; /* frame that proves that frames are missing */
	uint64_t network_lost; /* frame that proves that packets were lost */
};

/* Who sent the packet at fault. */
struct culprit {
	uint64_t frame;
	const struct ip_addr *addr;
	const struct stream *stream; /* that it travelled on; or NULL */
	enum role role;
};

struct culprit culprit(const struct packet *p, const struct stream *s);
__attribute__((format(printf, 5, 6))) void accuse(struct check *c,
						  enum rule rule,
						  unsigned needs,
						  struct culprit who,
						  const char *format, ...);
void sniffer_lost(struct check *c, uint64_t frame);
void network_lost(struct check *c, uint64_t frame);
/* What is known about @s counts no more. */
void forget(struct check *c, struct stream *s);
/* The QPN was given to a new connection. */
void restart(struct check *c, struct stream *s);
/* True if that explains whatever contradicts what is known about @s; then all
 * of it is forgotten, and the log is empty.
 */
bool new_connection(struct check *c, struct stream *s);
/* True if @s has a new connection, or was never the one that is answered: no
 * answer may be blamed.  Its pairing is dissolved then.
 */
bool excused(struct check *c, struct stream *s);
/* The same for an answer with @psn, which also is if that was acknowledged long
 * since.
 */
bool excused_at(struct check *c, struct stream *s, uint32_t psn);
/* What a violation by an answer to @s needs to be one. */
unsigned needs_for_answer(const struct stream *s);

/* False if all packets so far have the same time: there was no clock. */
static inline bool clock_runs(const struct check *c)
{
	return c->stamp != c->first_nsec;
}

/* True if nothing is wrong with it. */
bool judge_alone(struct check *c, const struct packet *p,
		 const struct stream *s);
void judge_pkey(struct check *c, const struct packet *p, struct stream *s);

enum note judge_request(struct check *c, const struct packet *p,
			struct stream *s);
void judge_request_copy(struct stream *s, const struct packet *p);
/* Takes the suspect for the first packet of a new connection. */
void requester_restart(struct check *c, struct stream *s);
/* True if @s sent @psn or something before it again after @nsec. */
bool requester_went_back(const struct stream *s, uint32_t psn, int64_t nsec);

/* @p sends @old again. */
void judge_rnr_wait(struct check *c, const struct packet *p,
		    const struct stream *s, const struct req *old);
/* @p is new: @r. */
void judge_after_nak(struct check *c, const struct packet *p, struct stream *s,
		     const struct req *r);

/* The path MTU is known, or learned from @p. */
void judge_request_length(struct check *c, const struct packet *p,
			  struct stream *s);
/* The Last of the WRITE that request @i belongs to, if its First does not
 * announce its length; -1: it does, or not all was seen.
 */
int message_wrong(const struct reqlog *log, int i);
void judge_message_length(struct check *c, struct stream *s, int i);
bool pmtu_valid(size_t len);
/* More than half of the largest path MTU fits into none but that. */
void learn_largest_pmtu(struct reqlog *log, size_t len);

/* @s: the stream whose requests are answered; @t: that @p travels on. */
enum note judge_response(struct check *c, const struct packet *p,
			 struct stream *s, struct stream *t);
/* The first request of a connection, whose start the CM announced. */
void responder_begin(struct stream *s, uint32_t psn);
/* The new request @r was seen, @hole PSNs beyond what was known. */
void responder_new_request(struct check *c, struct stream *s,
			   const struct req *r, uint32_t hole);

/* First and Middle of a READ response show the path MTU. */
void learn_pmtu(struct reqlog *log, const struct packet *p);
void judge_read_response(struct check *c, const struct packet *p,
			 struct stream *s, struct stream *t);
void judge_nak(struct check *c, const struct packet *p, struct stream *s,
	       struct stream *t);
/* @p answers what was not seen: it breaks @rule, unless the requester shows
 * next that the sniffer missed something.  @explained: it does not, unless the
 * requester shows that nothing was missed.
 */
void answer_unsent(struct check *c, const struct packet *p, struct stream *s,
		   struct stream *t, enum rule rule, bool explained);
/* @unseen: PSNs at the end that the answer covers and the log does not. */
void judge_msn(struct check *c, const struct packet *p, struct stream *s,
	       struct stream *t, uint32_t unseen);
/* How many PSNs lie behind @s's last READ cannot be told, nor, so, how many
 * messages.
 */
void msn_lost_count(struct stream *s);
/* Messages that the MSN counts beyond those seen, at most. */
int32_t msn_surplus(const struct stream *s, uint32_t msn);
/* All below @psn is acknowledged by @p. */
void msn_settle(struct check *c, const struct packet *p, struct stream *s,
		uint32_t psn);
void judge_credit(struct check *c, const struct packet *p, struct stream *s);

#endif
