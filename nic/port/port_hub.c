/* A station copies a frame into one ring for each station that shall have it,
 * the ring that only the two of them use, and sets its bit in the word that the
 * receiver watches.  Unicast goes to the station of that MAC, groups and
 * unknown addresses to all.  A full ring loses the frame: nobody waits for
 * anybody.
 */
#include "nic/port/port_hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nic/base/log.h"
#include "nic/port/hub_bell.h"

#define TURN  16u	/* frames taken from one ring before the next */
#define BATCH 8u	/* frames sent before their receiver is told */
#define CHECK (1 * SEC) /* how often to ask whether a receiver lives */

/* What we know of another station. */
struct other {
	uint64_t mac; /* 0: nobody is there */
	nsec_t check; /* when to ask next whether it lives */
	struct hub_tx tx;
	struct hub_rx rx;
	bool tx_open, rx_open;
	unsigned untold; /* frames in its ring of which it was not told */
};

struct hub_port {
	struct port port;
	struct hub hub;
	struct hub_bell bell;
	uint32_t epoch;	  /* of the table when it was copied */
	uint64_t present; /* bit n: station n is there, and is not us */
	uint64_t waiting; /* bit n: there may be frames from it */
	bool complained;
	struct other other[HUB_STATIONS];
	uint8_t frame[HUB_FRAME_MAX]; /* the one that is being delivered */
};

static uint64_t bit_of(unsigned slot)
{
	return (uint64_t)1 << slot;
}

/* Takes the first station out of the set. */
static unsigned next_of(uint64_t *set)
{
	unsigned slot = (unsigned)__builtin_ctzll(*set);

	*set &= *set - 1;
	return slot;
}

static void copy_table(struct hub_port *h)
{
	h->present = 0;
	for (unsigned i = 0; i < HUB_STATIONS; i++) {
		h->other[i].mac = atomic_load(&h->hub.station[i].mac);
		if (h->other[i].mac && i != h->hub.self)
			h->present |= bit_of(i);
	}
}

static void see_changes(struct hub_port *h)
{
	uint32_t epoch =
		atomic_load_explicit(&h->hub.head->epoch, memory_order_acquire);

	if (epoch == h->epoch)
		return;
	h->epoch = epoch;
	copy_table(h);
}

/* ---- out ---- */

/* The stations that a frame to @dst is for. */
static uint64_t stations_for(const struct hub_port *h, const struct mac *dst)
{
	uint64_t mac = hub_mac(dst), left = h->present;

	if (mac_is_group(dst))
		return h->present;
	while (left) {
		unsigned slot = next_of(&left);

		if (h->other[slot].mac == mac)
			return bit_of(slot);
	}
	return h->present;
}

static bool open_ring(struct hub_port *h, unsigned from, unsigned to)
{
	int rc = hub_ring_back(&h->hub, from, to);

	if (rc && !h->complained)
		log_warn("%s: no memory for frames: %s; stations that cannot "
			 "reach each other will try again; make its file "
			 "system larger, or use another (port=hub:/PATH)",
			 h->hub.path, strerror(-rc));
	h->complained |= rc;
	return !rc;
}

/* False: there is no ring now; the next try is at the next check. */
static bool open_tx(struct hub_port *h, unsigned slot)
{
	struct other *o = &h->other[slot];

	if (!open_ring(h, h->hub.self, slot))
		return false;
	hub_tx_init(&o->tx, hub_ctl(&h->hub, h->hub.self, slot),
		    hub_data(&h->hub, h->hub.self, slot));
	o->tx_open = true;
	return true;
}

static void look_after(struct hub_port *h, unsigned slot, nsec_t now)
{
	struct other *o = &h->other[slot];

	if (now < o->check)
		return;
	o->check = now + CHECK;
	hub_reap(&h->hub, slot);
	if (!o->tx_open)
		open_tx(h, slot);
}

static void tell(struct hub_port *h, unsigned slot)
{
	h->other[slot].untold = 0;
	hub_bell_ring(&h->bell, slot);
}

static void put(struct hub_port *h, unsigned slot, const struct pkt *p,
		nsec_t now)
{
	struct other *o = &h->other[slot];

	look_after(h, slot, now);
	if (!o->tx_open || !hub_tx_put(&o->tx, p)) {
		count(h->port.counters, CNT_RING_FULL);
		return;
	}
	if (++o->untold == BATCH)
		tell(h, slot);
}

static void tell_all(struct hub_port *h, uint64_t reached)
{
	while (reached) {
		unsigned slot = next_of(&reached);

		if (h->other[slot].untold)
			tell(h, slot);
	}
}

static void hub_send(struct port *port, struct pkt *batch, unsigned n,
		     nsec_t now)
{
	struct hub_port *h = (struct hub_port *)port;
	uint64_t reached = 0;

	see_changes(h);
	for (unsigned i = 0; i < n; i++) {
		struct mac dst;
		uint64_t to;

		if (batch[i].lost)
			continue;
		if (batch[i].len < ETH_LEN || batch[i].len > HUB_FRAME_MAX) {
			count(port->counters, CNT_TX_ERROR);
			continue;
		}
		pkt_peek(&batch[i], dst.b, sizeof(dst.b));
		to = stations_for(h, &dst);
		reached |= to;
		while (to)
			put(h, next_of(&to), &batch[i], now);
	}
	tell_all(h, reached);
}

/* ---- in ---- */

static void deliver(struct hub_port *h, int len, nsec_t now)
{
	struct span frame = {h->frame, (size_t)len};
	enum drop v = len == HUB_RX_BAD
			      ? DROP_SHORT
			      : h->port.deliver(h->port.ctx, frame, NULL, now);

	if (v != DROP_NONE)
		h->port.counters->drop[v]++;
}

static bool open_rx(struct hub_port *h, unsigned slot)
{
	struct other *o = &h->other[slot];

	if (!o->rx_open)
		o->rx_open = open_ring(h, slot, h->hub.self);
	return o->rx_open;
}

/* Delivers at most @budget frames of one station; fewer: there are no more. */
static unsigned take(struct hub_port *h, unsigned slot, unsigned budget,
		     nsec_t now)
{
	unsigned n = 0;
	int len;

	if (!open_rx(h, slot))
		return 0;
	while (n < budget &&
	       (len = hub_rx_take(&h->other[slot].rx, h->frame))) {
		deliver(h, len, now);
		n++;
	}
	return n;
}

static unsigned hub_receive(struct port *port, unsigned budget, nsec_t now)
{
	struct hub_port *h = (struct hub_port *)port;
	unsigned n = 0;

	h->waiting |= hub_bell_answer(&h->bell);
	while (h->waiting && n < budget) {
		uint64_t round = h->waiting;

		while (round && n < budget) {
			unsigned slot = next_of(&round), got;
			unsigned most = budget - n < TURN ? budget - n : TURN;

			got = take(h, slot, most, now);
			n += got;
			if (got < most)
				h->waiting &= ~bit_of(slot);
		}
	}
	return n;
}

/* ---- the port ---- */

static nsec_t hub_deadline(const struct port *port)
{
	return ((const struct hub_port *)port)->waiting ? 0 : NSEC_NEVER;
}

static void hub_tick(struct port *port, nsec_t now)
{
}

static unsigned hub_fds(const struct port *port, int fd[PORT_FDS])
{
	fd[0] = ((const struct hub_port *)port)->hub.fifo;
	return 1;
}

static bool hub_doze(struct port *port)
{
	return hub_bell_doze(&((struct hub_port *)port)->bell);
}

static void hub_wake(struct port *port, bool readable)
{
	hub_bell_wake(&((struct hub_port *)port)->bell, readable);
}

static void hub_free(struct port *port)
{
	struct hub_port *h = (struct hub_port *)port;

	hub_bell_fini(&h->bell);
	hub_leave(&h->hub);
	free(h);
}

static const struct port_ops hub_ops = {
	.send = hub_send,
	.receive = hub_receive,
	.deadline = hub_deadline,
	.tick = hub_tick,
	.fds = hub_fds,
	.doze = hub_doze,
	.wake = hub_wake,
	.free = hub_free,
};

static void set_up_rx(struct hub_port *h)
{
	for (unsigned i = 0; i < HUB_STATIONS; i++)
		hub_rx_init(&h->other[i].rx, hub_ctl(&h->hub, i, h->hub.self),
			    hub_data(&h->hub, i, h->hub.self));
}

int port_hub_new(const struct hub_member *m, struct counters *counters,
		 struct port **port, char *why)
{
	struct hub_port *h = calloc(1, sizeof(*h));
	int rc = -ENOMEM;

	snprintf(why, HUB_WHY_MAX, "out of memory");
	if (h)
		rc = hub_join(m, &h->hub, why);
	if (rc) {
		free(h);
		return rc;
	}
	h->port.ops = &hub_ops;
	h->port.mtu = HUB_MTU;
	h->port.mac = m->mac;
	h->port.counters = counters;
	hub_bell_init(&h->bell, &h->hub);
	set_up_rx(h);
	*port = &h->port;
	return 0;
}
