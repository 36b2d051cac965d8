/* What the parts of share.c share.
 *
 *	share.c	      joining, leaving, QPNs
 *	share_order.c the order of the sockets: told, measured, mended
 *	share_pass.c  what arrives here and is for others, or comes from them
 *	share_eth.c   on an interface, where the kernel gives a frame to all
 */
#ifndef NIC_LINK_SHARE_PARTS_H
#define NIC_LINK_SHARE_PARTS_H

#include <sys/types.h>
#include "nic/base/random.h"
#include "nic/link/share.h"
#include "nic/link/share_table.h"

#define SHARE_SLOTS_OWN 128u /* of one program */
#define SHARE_PROBE_LEN 20u

#define JOIN_MSEC  5000u /* waiting for the table */
#define LEAVE_MSEC 1000u

struct share {
	struct share_table table;
	enum steer_kind kind;
	struct ip_addr addr;
	uint16_t port;
	pid_t pid; /* whose all this is: not a forked child's */
	struct random random;
	struct counters *counters;
	struct udp_sock *sock; /* in the group; NULL: is in none */
	struct udp_sock aside;
	uint16_t slot[SHARE_SLOTS_OWN];
	unsigned nslots, turn;
	bool joined; /* others: share_eth.c */
	void (*tell)(void *ctx); /* of another slot; or NULL */
	void *tell_ctx;
	uint64_t own[SHARE_SLOTS / 64]; /* bits: slot[] */
	nsec_t looked_at;		/* at all rows, without the lock */
	/* What is to be done when the table is free. */
	nsec_t learn_at;
	uint32_t learn_index, learn_epoch;
	nsec_t mend_at, measured_at;
	uint32_t mend_epoch; /* what went astray did so in this one */
};

/* The first slot. */
static inline unsigned share_first(const struct share *s)
{
	return s->slot[0];
}

static inline bool share_owns(const struct share *s, unsigned slot)
{
	return s->own[slot / 64] >> slot % 64 & 1;
}

/* With the table locked. */
/* One more slot; -errno. */
int share_take_slot(struct share *s);
/* Tells the kernel the order as the table has it. */
void share_attach(struct share *s);
void share_set_index(struct share *s, unsigned index);
/* Have all measured their index in this epoch? */
bool share_is_measured(const struct share_table *t);
/* Begins a new epoch, and has all measure theirs. */
void share_measure(struct share *s);

/* Without. */
/* Leaves what share_enter entered. */
void share_exit(struct share *s);
/* A probe arrived. */
void share_probe(struct share *s, struct span data, nsec_t now);
/* Something went astray. */
void share_mend(struct share *s, nsec_t now);
/* The kernel may not know what the table does. */
void share_mend_stale(struct share *s, nsec_t now);

/* Has @aside's owner look after the order. */
void share_nudge(const struct share *s, uint16_t aside);

#endif
