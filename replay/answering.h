/* Between answerer.c, answered.c, implied.c and listener.c: glassnic as
 * responder.
 */
#ifndef REPLAY_ANSWERING_H
#define REPLAY_ANSWERING_H

#include "replay/role.h"

#define ANSWER_SGES   32u
#define ANSWER_PLACES 256u

/* Where a message's memory is in the region "buf". */
struct place {
	uint32_t psn, npsn;
	uint64_t va, offset;
	uint32_t rkey;
	bool is_known;	/* captured answers have told all that is there */
	uint32_t msn;	/* of its answer: messages up to this one, with it */
	bool repeated;	/* it was asked for again, */
	uint32_t again; /* from this PSN on */
};

struct answering {
	bool in_step; /* there is a QP that has all from epsn on before it */
	uint32_t first, epsn; /* the PSN that it began with, and expects */
	uint32_t msn;	      /* messages that it has taken whole */
	bool refused; /* the NIC has refused that one, the captured side not: */
	enum drop word; /* for this, */
	uint64_t refused_frame;
	bool rnr;      /* or has not been ready for it */
	bool ready;    /* it had a receive request for what was played last */
	bool gap;      /* a request beyond it was played, */
	bool said_gap; /* and refused for that */
	bool has_acked, has_asked;
	uint32_t acked; /* the last PSN that the NIC acknowledged */
	uint32_t asked; /* the last one played with AckReq */
	bool has_settled;
	uint32_t settled; /* the last one that the captured side acknowledged */
	unsigned rnr_timer; /* the QP's */
	bool has_spare;	    /* a receive request that no message has used up */
	struct place place[ANSWER_PLACES]; /* a ring */
	uint32_t nplaces;
	uint64_t next;	   /* where in "buf" the next one begins */
	uint64_t receives; /* bytes of a receive request */
	unsigned nsge;
};

/* ---- the NIC's answers (answered.c) ---- */

/* Looks at what is new of them. */
void answered_note(struct role *p);
/* Captured answer @i looks for the one that stands for it. */
void answered_judge(struct role *p, struct item *i);
/* Nothing captured stands for those that are left. */
void answered_leave_all(struct role *p, uint64_t frame);
/* The same for the oldest, if they are too many. */
void answered_bound(struct role *p, uint64_t frame);
/* The two sides are not in step any more: they start again with the next
 * message.
 */
void answered_out_of_step(struct role *p, uint64_t frame);
/* Has the NIC answered @psn since answered_note? */
bool answered_has_new(const struct role *p, uint32_t psn);

/* ---- what the capture implies (implied.c) ---- */

/* p->answering and the regions.  False: no memory, or see p->stage.trouble. */
bool answer_begin(struct role *p);
void answer_end(struct role *p);
/* Makes true what @fate, told by answer @by, implies for request @i, which the
 * NIC gets next, as @r.  False: see p->stage.trouble.
 */
bool answer_prepare(struct role *p, const struct item *i, enum fate fate,
		    const struct item *by, struct roce *r);

/* Is what a READ of @psn has to bring known? */
bool answer_is_known(const struct role *p, uint32_t psn);
/* Message @i was taken: its answer's MSN is answering.msn. */
void answer_note_msn(struct role *p, const struct item *i);
/* True if what captured answer @i is to, a READ or atomic, was asked for again:
 * then its MSN may be any from *@low, its own, to *@high, the newest (as the
 * NIC counts).
 */
bool answer_is_repeat(const struct role *p, const struct item *i, uint32_t *low,
		      uint32_t *high);
/* The own MSN of what @i, an answer to a READ or atomic, is to; if that is not
 * known, *@msn stays.
 */
void answer_own_msn(const struct role *p, const struct item *i, uint32_t *msn);

#endif
