/* Sleeping on a hub: a station that is awake looks at its word of ready bits;
 * one that sleeps has set HUB_ASLEEP in it, and who sets a bit then writes its
 * FIFO. Both are in one word, so that nothing comes between looking and
 * sleeping.
 */
#ifndef NIC_PORT_HUB_BELL_H
#define NIC_PORT_HUB_BELL_H

#include <pthread.h>
#include "nic/port/hub_file.h"

struct hub_bell {
	struct hub *hub;
	pthread_mutex_t lock; /* own threads that fall asleep or wake up */
	unsigned sleepers;    /* under the lock */
	/* FIFOs of others: of which generation of the slot, and -1 if none. */
	struct {
		uint32_t generation;
		int fd;
	} peer[HUB_STATIONS];
};

void hub_bell_init(struct hub_bell *b, struct hub *h);
void hub_bell_fini(struct hub_bell *b);
/* Says that we have sent something to @slot. */
void hub_bell_ring(struct hub_bell *b, unsigned slot);
/* The bits of those who have sent since the last call. */
uint64_t hub_bell_answer(struct hub_bell *b);
/* As link_ops.doze and wake; any thread. */
bool hub_bell_doze(struct hub_bell *b);
void hub_bell_wake(struct hub_bell *b, bool readable);

#endif
