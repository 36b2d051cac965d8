/* A neighbour's life:
 *
 *	FREE --find--> ASKED --learn--> KNOWN --find, old--> PROBED
 *	  ^              |                ^                    |  |
 *	  +--no answer---+                +-------learn--------+  |
 *	  +------------------no answer----------------------------+
 *
 * The table is a hash of sets: an address lives in one of WAYS places.  When
 * all are taken, the one unused for longest makes room.
 */
#include "nic/link/neigh.h"

#include <assert.h>
#include <errno.h>
#include "nic/base/log.h"

#define WAYS	   8u
#define KNOWN_NSEC (30 * SEC)

/* How long to wait for the answer to the n-th question. */
static const nsec_t ask_wait[] = {100 * MSEC, 300 * MSEC, SEC, SEC};
static const nsec_t probe_wait[] = {SEC, SEC, SEC};

#define PATIENCE \
	2u /* questions without an answer that are nothing to tell of */
#define ASKS   (sizeof(ask_wait) / sizeof(ask_wait[0]))
#define PROBES (sizeof(probe_wait) / sizeof(probe_wait[0]))

static const bool may_follow[4][4] = {
	[NEIGH_FREE] = {[NEIGH_ASKED] = true, [NEIGH_KNOWN] = true},
	[NEIGH_ASKED] = {[NEIGH_FREE] = true, [NEIGH_KNOWN] = true},
	[NEIGH_KNOWN] = {[NEIGH_FREE] = true,
			 [NEIGH_KNOWN] = true,
			 [NEIGH_PROBED] = true},
	[NEIGH_PROBED] = {[NEIGH_FREE] = true, [NEIGH_KNOWN] = true},
};

static void neigh_set_state(struct neigh *n, enum neigh_state state)
{
	static const char *const name[] = {"free", "asked", "known", "probed"};
	char ip[IP_TEXT_MAX];

	assert(may_follow[n->state][state]);
	if (log_on(LOG_DEBUG) && n->state != state)
		log_debug("neighbour %s: %s -> %s", ip_format(&n->ip, ip),
			  name[n->state], name[state]);
	n->state = state;
	n->asked = 0;
}

int neigh_init(struct neigh_table *t, const struct neigh_ops *ops, void *ctx,
	       struct counters *counters)
{
	memset(t, 0, sizeof(*t));
	t->ops = ops;
	t->ctx = ctx;
	t->counters = counters;
	t->next = NSEC_NEVER;
	for (unsigned i = 0; i < NEIGH_QUEUES; i++) {
		if (frameq_init(&t->queue[i].q, NEIGH_HELD_SIZE,
				NEIGH_HELD_MAX)) {
			neigh_fini(t);
			return -ENOMEM;
		}
	}
	return 0;
}

void neigh_fini(struct neigh_table *t)
{
	for (unsigned i = 0; i < NEIGH_QUEUES; i++)
		frameq_fini(&t->queue[i].q);
}

static struct held *take_queue(struct neigh_table *t)
{
	for (unsigned i = 0; i < NEIGH_QUEUES; i++) {
		if (!t->taken[i]) {
			t->taken[i] = true;
			return &t->queue[i];
		}
	}
	return NULL;
}

/* Loses what is still held for @n. */
static void return_queue(struct neigh_table *t, struct neigh *n)
{
	if (!n->held)
		return;
	count_add(t->counters, CNT_NEIGH_FAIL, frameq_clear(&n->held->q));
	t->taken[n->held - t->queue] = false;
	n->held = NULL;
}

static struct neigh *set_of(struct neigh_table *t, const struct ip_addr *ip)
{
	uint32_t hash = (uint32_t)((get_be64(ip->b) ^ get_be64(ip->b + 8)) *
					   0x9e3779b97f4a7c15u >>
				   32);

	return &t->entry[hash % (NEIGH_MAX / WAYS) * WAYS];
}

static struct neigh *lookup(struct neigh_table *t, const struct ip_addr *ip)
{
	struct neigh *set = set_of(t, ip);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].state != NEIGH_FREE && ip_equal(&set[i].ip, ip))
			return &set[i];
	return NULL;
}

/* A free entry for @ip; somebody else's if all are in use. */
static struct neigh *make_room(struct neigh_table *t, const struct ip_addr *ip)
{
	struct neigh *set = set_of(t, ip), *n = set;

	for (unsigned i = 0; i < WAYS && n->state != NEIGH_FREE; i++)
		if (set[i].state == NEIGH_FREE || set[i].used < n->used)
			n = &set[i];
	if (n->state != NEIGH_FREE) {
		return_queue(t, n);
		neigh_set_state(n, NEIGH_FREE);
	}
	n->ip = *ip;
	return n;
}

static void ask(struct neigh_table *t, struct neigh *n, nsec_t now)
{
	bool probe = n->state == NEIGH_PROBED;

	n->when = now + (probe ? probe_wait : ask_wait)[n->asked++];
	if (n->when < t->next)
		t->next = n->when;
	t->ops->ask(t->ctx, &n->ip, probe ? &n->mac : NULL, now);
}

bool neigh_find(struct neigh_table *t, const struct ip_addr *ip, nsec_t now,
		struct mac *mac)
{
	struct neigh *n = lookup(t, ip);

	if (!n) {
		n = make_room(t, ip);
		n->held = take_queue(t);
		neigh_set_state(n, NEIGH_ASKED);
		ask(t, n, now);
	} else if (n->state == NEIGH_KNOWN && now >= n->when) {
		neigh_set_state(n, NEIGH_PROBED);
		ask(t, n, now);
	}
	n->used = now;
	*mac = n->mac;
	return n->state != NEIGH_ASKED;
}

static bool waits(const struct held *held, const struct pkt *p)
{
	for (unsigned i = 0; p->id && i < held->q.n; i++)
		if (held->id[i] == p->id)
			return true;
	return false;
}

void neigh_hold(struct neigh_table *t, const struct ip_addr *ip,
		const struct pkt *p)
{
	struct neigh *n = lookup(t, ip);
	struct held *held = n ? n->held : NULL;

	if (held && waits(held, p))
		return;
	if (!held || !frameq_put(&held->q, p))
		count(t->counters, CNT_NEIGH_FAIL);
	else
		held->id[held->q.n - 1] = p->id;
}

/* In order, and before anything newer: the owner sends as it is told. */
static void release_held(struct neigh_table *t, struct neigh *n, nsec_t now)
{
	struct span packet;

	while (n->held && frameq_first(&n->held->q, &packet)) {
		t->ops->release(t->ctx, packet, &n->mac, now);
		frameq_drop(&n->held->q);
	}
	return_queue(t, n);
}

void neigh_learn(struct neigh_table *t, const struct ip_addr *ip,
		 const struct mac *mac, enum neigh_news news, nsec_t now)
{
	struct neigh *n = lookup(t, ip);

	if (mac_is_group(mac) || ip_is_any(ip) || ip_is_multicast(ip))
		return;
	if (!n && news != NEIGH_ASKS_US)
		return;
	if (!n) {
		n = make_room(t, ip);
		n->used = now;
	}
	if (n->state != NEIGH_ASKED && news == NEIGH_ANSWERS_WEAKLY &&
	    !mac_equal(&n->mac, mac))
		return;
	n->mac = *mac;
	n->when = now + KNOWN_NSEC;
	neigh_set_state(n, NEIGH_KNOWN);
	release_held(t, n, now);
}

/* A person hears of it once, before programs run out of patience. */
static void complain_once(struct neigh_table *t, const struct neigh *n)
{
	char ip[IP_TEXT_MAX];

	if (!t->complained)
		log_warn(
			"%s: nobody answers for this address; is that host up, "
			"and on this segment (and VLAN)?",
			ip_format(&n->ip, ip));
	t->complained = true;
}

static void give_up(struct neigh_table *t, struct neigh *n)
{
	char ip[IP_TEXT_MAX];

	log_info("%s: nobody answers for this address; packets to it are "
		 "dropped (%s)",
		 ip_format(&n->ip, ip), counter_name(CNT_NEIGH_FAIL));
	return_queue(t, n);
	neigh_set_state(n, NEIGH_FREE);
}

void neigh_tick(struct neigh_table *t, nsec_t now)
{
	if (now < t->next)
		return;
	t->next = NSEC_NEVER;
	for (struct neigh *n = t->entry; n < t->entry + NEIGH_MAX; n++) {
		size_t most = n->state == NEIGH_PROBED ? PROBES : ASKS;

		if (n->state != NEIGH_ASKED && n->state != NEIGH_PROBED)
			continue;
		if (now < n->when) {
			if (n->when < t->next)
				t->next = n->when;
		} else if (n->asked == most) {
			give_up(t, n);
		} else {
			if (n->asked == PATIENCE)
				complain_once(t, n);
			ask(t, n, now);
		}
	}
}
