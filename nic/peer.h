/* What all QPs that talk to one address share: how much may be in flight.
 *
 * A receiver's socket buffer is finite and shared by all QPs, so a requester
 * keeps at most `window' bytes unacknowledged per destination.  The window is
 * halved at each loss; it grows fast while nothing was ever lost, and above the
 * half of where the last loss was only slowly, or it would go on losing.  READs
 * count with the bytes that they ask for, since those land in our own buffer.
 *
 * A QP that has nothing in flight may always send one packet, whatever others
 * have: it must not depend on them.  Only a READ with a long answer waits, and
 * no longer than PEER_PATIENCE.
 */
#ifndef NIC_PEER_H
#define NIC_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/list.h"
#include "nic/base/time.h"
#include "wire/ip.h"

#define PEER_BUCKETS 256u
#define PEER_PACKET_COST 512u /* what a packet costs beside its payload */
#define PEER_PATIENCE	 (500 * MSEC)

struct peer {
	struct peer *next;
	struct ip_addr addr;
	unsigned users; /* QPs */
	uint64_t in_flight;
	uint32_t window;
	uint32_t slow_from; /* window from which it grows slowly */
	nsec_t last_loss;
	struct list waiting; /* QPs held back by the window */
};

struct peer_table {
	struct peer *bucket[PEER_BUCKETS];
};

/* The peer @addr, made with @window if it is new; NULL: no memory.  Each get is
 * undone by a put.
 */
struct peer *peer_get(struct peer_table *t, const struct ip_addr *addr,
		      uint32_t window);
void peer_put(struct peer_table *t, struct peer *p);
/* @bytes were acknowledged without loss. */
void peer_grow(struct peer *p, uint32_t bytes);
/* Something was lost; one halving a millisecond. */
void peer_shrink(struct peer *p, nsec_t now);

static inline bool peer_has_room(const struct peer *p)
{
	return p->in_flight < p->window;
}

#endif
