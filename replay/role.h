/* One flow played from one side: what the captured peer sent goes to a NIC, and
 * what the NIC sends is compared with what its captured counterpart did.
 *
 *	answerer.c	glassnic as responder of a reliable connection
 *	asker.c		as requester, of any transport
 *	listener.c	as receiver of what nobody answers: UC, UD
 */
#ifndef REPLAY_ROLE_H
#define REPLAY_ROLE_H

#include "replay/flow.h"
#include "replay/diff.h"
#include "replay/queue.h"
#include "replay/stage.h"

enum side { SIDE_RESPONDER, SIDE_REQUESTER, SIDE_N };
const char *side_word(enum side s);

struct role_setting {
	const char *spec;  /* of the NIC */
	stage_bench bench; /* that it is on; NULL: in memory */
	void *bench_ctx;
	const struct report *report; /* what the captured sides did wrong */
	FILE *out;		     /* differences go there */
	bool verbose;		     /* the legal ones, too */
	FILE *drill;		     /* or NULL */
};

struct tally {
	uint64_t played; /* captured packets that went to the NIC */
	uint64_t same; /* packets alike in all that a side is not free to choose
			*/
	uint64_t n[DIFF_N];
};

struct role;
struct role_ops {
	bool (*begin)(struct role *p); /* false: see p->stage.trouble */
	/* Plays what can be played; @all: nothing more will come. */
	void (*go_on)(struct role *p, bool all);
	/* A captured packet is about to enter the queue; or NULL. */
	void (*enter)(struct role *p, struct item *i);
	void (*end)(struct role *p);
};

/* What a side keeps beside the play: answerer.c, asker.c. */
struct answering;
struct asking;

struct role {
	const struct flow *flow;
	enum side side;
	const struct role_setting *o;
	const struct role_ops *ops;
	struct stage stage;
	struct queue queue;
	struct tally tally;
	unsigned shown[DIFF_N];
	/* Answers' MSN is the NIC's plus that, once an answer showed it. */
	bool has_msn;
	bool msn_is_sure; /* or it is that at most */
	uint32_t msn_ahead;
	bool miscounted;    /* the captured side did: */
	uint32_t msn_other; /* msn_ahead, if it goes on from there */
	union {
		struct answering *answering;
		struct asking *asking;
	};
};

/* NULL: @why (WORDS_WHY_MAX bytes) is one line. */
struct role *role_new(const struct flow *f, enum side side, int64_t now,
		      const struct role_setting *o, char *why);
/* A captured packet of the flow. */
void role_take(struct role *p, const struct packet *packet, bool answer);
/* The flow is over. */
void role_end_flow(struct role *p);
void role_free(struct role *p);

/* ---- for the sides ---- */

extern const struct role_ops answerer_ops, asker_ops, listener_ops;

static inline bool role_is_datagram(const struct role *p)
{
	return p->flow->key.transport == TRANSPORT_UD;
}
/* Are its requests answered? */
static inline bool role_is_answered(const struct role *p)
{
	return p->flow->key.transport == TRANSPORT_RC ||
	       p->flow->key.transport == TRANSPORT_XRC;
}
/* Bytes of region "buf" that playing @f takes: room for all messages that may
 * be outstanding.  0: its messages are too long.
 */
uint64_t role_room(const struct flow *f);
/* The next that the NIC has sent and that nothing captured has met. */
static inline struct out *role_next(const struct role *p, const struct out *o)
{
	return stage_next(&p->stage, o);
}
/* "RC", "UC", "UD", "XRC_RECV" or "XRC_SEND" */
const char *role_qp_type(const struct role *p);
/* Notes a difference at captured @frame; @want and @got (either may be NULL)
 * are shown.
 */
__attribute__((format(printf, 6, 7))) void role_note(
	struct role *p, enum diff kind, uint64_t frame, const struct roce *want,
	const struct roce *got, const char *fmt, ...);
/* The same, unless the captured packet @frame or @cause (0: none) broke a rule:
 * then that is the difference.
 */
__attribute__((format(printf, 7, 8))) void role_blame(
	struct role *p, enum diff kind, uint64_t frame, uint64_t cause,
	const struct roce *want, const struct roce *got, const char *fmt, ...);
/* Does the captured packet @frame break a rule? */
bool role_is_blamed(const struct role *p, uint64_t frame);
/* Compares what was captured with the NIC's packet that stands for it, and
 * notes what differs.
 */
void role_compare(struct role *p, const struct item *want,
		  const struct out *got);

#endif
