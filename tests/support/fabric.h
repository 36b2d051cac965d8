/* A network in memory for engines on a virtual clock.
 *
 * Each node is an engine with a link.  What a link sends becomes a flight,
 * which arrives after the fabric's latency unless fate says otherwise: a test's
 * filter may drop, copy, delay or change single packets, and random faults (of
 * a seed) may do so to all.  The clock jumps to whatever happens next: an
 * arrival or an engine's deadline.  The same seed gives the same run.
 *
 * A packet to a multicast group goes to all nodes that joined it, the sender
 * included.
 */
#ifndef TESTS_SUPPORT_FABRIC_H
#define TESTS_SUPPORT_FABRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nic/engine.h"
#include "wire/roce.h"

#define FABRIC_NODES  4u
#define FABRIC_EVENTS 64u
#define FABRIC_GROUPS 8u

/* A packet under way.  The filter may change what is marked so. */
struct flight {
	struct flight *next;
	unsigned from, to;
	unsigned nth;		 /* of this sender's packets, from 0 */
	uint64_t id;		 /* as of struct pkt */
	nsec_t sent, at;	 /* at: when it arrives; may be changed */
	unsigned copies;	 /* 0: lost; may be changed */
	bool decoded;		 /* roce holds something */
	struct roce roce;	 /* as sent; payload points into bytes */
	struct ip_addr src, dst; /* may be changed */
	uint8_t tos;		 /* may be changed */
	char note[NOTE_MAX];
	size_t len;	 /* may be shortened */
	uint8_t bytes[]; /* UDP payload without ICRC; may be changed */
};

/* What became of a packet, for tests to ask about and for the log. */
struct seen {
	unsigned from, to, nth;
	uint64_t id;
	nsec_t at; /* when it left */
	bool decoded;
	struct roce roce; /* payload.p is NULL */
	unsigned copies;
	unsigned arrived;
	enum drop verdict; /* of the last copy that arrived */
	char note[NOTE_MAX];
};

/* Chances of 1000 that a packet is lost, arrives twice, or is held up for up to
 * max_delay (and so overtaken by others).
 */
struct faults {
	unsigned lost, twice, late;
	nsec_t max_delay;
};

struct fabric;

struct node {
	struct link link; /* first: link_ops get it */
	struct fabric *fabric;
	unsigned index;
	struct engine engine;
	unsigned sent;
	/* Multicast groups that its link has joined. */
	struct ip_addr group[FABRIC_GROUPS];
	unsigned ngroup;
	/* Hooks. */
	unsigned nevent;
	struct gn_event event[FABRIC_EVENTS];
	unsigned comp_events;
	struct gn_cq *comp_cq; /* of the last */
};

struct fabric {
	nsec_t now, latency;
	nsec_t stall; /* what an engine's run takes longer than it thinks */
	struct random random;
	struct faults faults;
	void (*filter)(void *ctx, struct flight *f);
	void *filter_ctx;
	struct node *node[FABRIC_NODES];
	unsigned nnode;
	struct flight *first, *last; /* by arrival */
	bool keep;		     /* record what is seen */
	struct seen *seen;
	size_t nseen, seen_room;
};

void fabric_init(struct fabric *f, uint64_t seed);
void fabric_fini(struct fabric *f);
/* A node at 10.0.0.(index + 1). */
struct node *fabric_add(struct fabric *f, const struct engine_config *cfg);

/* Lets the engines run until they have no more to do at this instant. */
void fabric_settle(struct fabric *f);
/* Jumps to the next event, if that is not after @until, and lets it happen;
 * false if there is none.
 */
bool fabric_step(struct fabric *f, nsec_t until);
/* Only delivers the packet that is due next; no engine runs. */
void fabric_land_next(struct fabric *f);
/* All that happens up to @until; the clock stands there afterwards. */
void fabric_run(struct fabric *f, nsec_t until);
/* Until nothing is under way and no timer is armed; false if it goes on for
 * longer than @limit.
 */
bool fabric_idle(struct fabric *f, nsec_t limit);

/* Delivers @data to @to as if @src had sent it; the verdict. */
enum drop fabric_inject(struct fabric *f, unsigned to,
			const struct ip_addr *src, const uint8_t *data,
			size_t len);
/* The same for headers and payload in @r; pad is computed. */
enum drop fabric_inject_roce(struct fabric *f, unsigned from, unsigned to,
			     struct roce *r);

/* The @n'th (from 0) packet of @from with @opcode, or NULL. */
const struct seen *fabric_find(const struct fabric *f, unsigned from,
			       unsigned opcode, unsigned n);
unsigned fabric_count(const struct fabric *f, unsigned from, unsigned opcode);
/* The last packet that @from sent, or NULL. */
const struct seen *fabric_last(const struct fabric *f, unsigned from);
/* Forgets what was seen so far. */
void fabric_forget(struct fabric *f);
/* Prints everything seen to stderr. */
void fabric_dump(const struct fabric *f);

#endif
