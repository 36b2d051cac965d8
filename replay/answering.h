/* Between answerer.c, listener.c and implied.c: glassnic as responder. */
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
	bool is_known; /* captured answers have told all that is there */
};

struct answering {
	bool in_step; /* there is a QP that has all from epsn on before it */
	uint32_t first, epsn; /* the PSN that it began with, and expects */
	bool refused;  /* the NIC has refused that one, the captured side not */
	bool rnr;      /* or has not been ready for it */
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

/* The regions.  False: see p->stage.trouble. */
bool answer_make_room(struct role *p);
/* Makes true what @fate, told by answer @by, implies for request @i, which the
 * NIC gets next, as @r.  False: see p->stage.trouble.
 */
bool answer_prepare(struct role *p, const struct item *i, enum fate fate,
		    const struct item *by, struct roce *r);

/* Is what a READ of @psn has to bring known? */
bool answer_is_known(const struct role *p, uint32_t psn);

#endif
