/* Neighbours: which MAC has an IP address of this segment.  ARP and IPv6
 * neighbour discovery share the table; how to ask is the owner's business.
 */
#ifndef NIC_LINK_NEIGH_H
#define NIC_LINK_NEIGH_H

#include <stdbool.h>
#include "nic/base/counters.h"
#include "nic/base/frameq.h"
#include "nic/base/pkt.h"
#include "nic/base/time.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define NEIGH_MAX	256u	     /* neighbours; power of two */
#define NEIGH_QUEUES	16u	     /* of them asked for at a time */
#define NEIGH_HELD_MAX	512u	     /* packets waiting for one of them ... */
#define NEIGH_HELD_SIZE (1u << 20) /* ... and their bytes */

enum neigh_state {
	NEIGH_FREE,
	NEIGH_ASKED,  /* MAC unknown; packets wait */
	NEIGH_KNOWN,  /* MAC is believed until .when */
	NEIGH_PROBED, /* MAC is old: still used, and asked whether it is right
		       */
};

struct neigh {
	struct ip_addr ip;
	struct mac mac;
	enum neigh_state state; /* neigh_set_state writes it */
	uint8_t asked;		/* how often, in this state */
	nsec_t when; /* end of KNOWN; next question of ASKED and PROBED */
	nsec_t used; /* last lookup */
	struct held *held; /* of ASKED; NULL: all queues were taken */
};

/* What waits for a neighbour; it leaves as a whole. */
struct held {
	struct frameq q;
	uint64_t id[NEIGH_HELD_MAX]; /* of each packet: see struct pkt */
};

struct neigh_ops {
	/* Asks who has @ip: @at, or everybody if that is NULL. */
	void (*ask)(void *ctx, const struct ip_addr *ip, const struct mac *at,
		    nsec_t now);
	/* Sends an IP packet that was held to @to. */
	void (*release)(void *ctx, struct span packet, const struct mac *to,
			nsec_t now);
};

struct neigh_table {
	const struct neigh_ops *ops;
	void *ctx;
	struct counters *counters;
	nsec_t next; /* no question is due before */
	struct neigh entry[NEIGH_MAX];
	struct held queue[NEIGH_QUEUES];
	bool taken[NEIGH_QUEUES];
	bool complained; /* that nobody answers */
};

/* How an address came to be known. */
enum neigh_news {
	NEIGH_ASKS_US,	      /* wants to talk to us: worth a new entry */
	NEIGH_ANSWERS,	      /* or announces: corrects an entry, makes none */
	NEIGH_ANSWERS_WEAKLY, /* must not correct a good one (no override) */
};

int neigh_init(struct neigh_table *t, const struct neigh_ops *ops, void *ctx,
	       struct counters *counters);
void neigh_fini(struct neigh_table *t);

/* The MAC of @ip.  False: it was asked for; neigh_hold what is meant for it. */
bool neigh_find(struct neigh_table *t, const struct ip_addr *ip, nsec_t now,
		struct mac *mac);
/* Copies @p, an IP packet, until the answer comes; not if it waits already and
 * is only being sent again.  What does not fit (the oldest is what is wanted
 * first) and what nobody answers for is counted as CNT_NEIGH_FAIL.
 */
void neigh_hold(struct neigh_table *t, const struct ip_addr *ip,
		const struct pkt *p);
void neigh_learn(struct neigh_table *t, const struct ip_addr *ip,
		 const struct mac *mac, enum neigh_news news, nsec_t now);

static inline nsec_t neigh_deadline(const struct neigh_table *t)
{
	return t->next;
}

/* Asks again and gives up, where that is due. */
void neigh_tick(struct neigh_table *t, nsec_t now);

#endif
