/* One ring of frames in shared memory: one station writes, one reads, and
 * neither believes the other.
 *
 * A frame is 8 bytes, whose first 4 are its length, then its bytes, then what
 * is missing to a multiple of 8; it may run over the ring's end to its
 * beginning.
 * @tail and @head are running offsets.  A frame exists when @tail has passed
 * it, so one whose writer died over it was never there.  Each side keeps its
 * own offset to itself, takes the other's only if it can be true, and copies a
 * frame out before anybody looks at it.
 */
#ifndef NIC_PORT_HUB_RING_H
#define NIC_PORT_HUB_RING_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/pkt.h"

#define HUB_RING      (1u << 20) /* bytes: a window of nic/peer.c; power of two */
#define HUB_FRAME_MAX 9024u	 /* MTU 9000, Ethernet, two tags; times 8 */

/* Shared; the data is elsewhere. */
struct hub_ctl {
	/* The writer's. */
	_Atomic uint32_t tail __attribute__((aligned(64)));
	/* The reader's. */
	_Atomic uint32_t head __attribute__((aligned(64)));
};

/* The writer's side. */
struct hub_tx {
	struct hub_ctl *ctl;
	uint8_t *data;
	uint32_t tail, head; /* head: as last seen */
};

/* The reader's side. */
struct hub_rx {
	struct hub_ctl *ctl;
	const uint8_t *data;
	uint32_t head;
};

/* Goes on where the last writer ended. */
void hub_tx_init(struct hub_tx *t, struct hub_ctl *ctl, uint8_t *data);
/* Copies @p, of at most HUB_FRAME_MAX bytes, and publishes it; false: full. */
bool hub_tx_put(struct hub_tx *t, const struct pkt *p);

/* For a new reader: forgets what was meant for the last one. */
void hub_ctl_empty(struct hub_ctl *ctl);
/* Goes on where the last reader ended. */
void hub_rx_init(struct hub_rx *r, struct hub_ctl *ctl, const uint8_t *data);
/* Copies the next frame to @out (HUB_FRAME_MAX bytes); returns its length, 0 if
 * there is none, HUB_RX_BAD if what is there is none.  All that is there is
 * forgotten then.
 */
#define HUB_RX_BAD (-1)
int hub_rx_take(struct hub_rx *r, uint8_t *out);

#endif
