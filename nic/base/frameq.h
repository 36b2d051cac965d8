/* A queue of copied packets in one block of memory: what waits for an address
 * to be resolved, or for the next call of receive.
 */
#ifndef NIC_BASE_FRAMEQ_H
#define NIC_BASE_FRAMEQ_H

#include <stdbool.h>
#include "nic/base/pkt.h"
#include "wire/bytes.h"

struct frameq {
	uint8_t *ring;
	size_t size;
	size_t head, tail; /* next to take, next free; running offsets */
	unsigned n, max_n;
};

/* Room for @size bytes and @max_n packets, whichever ends first; @size is a
 * power of two.  -ENOMEM.
 */
int frameq_init(struct frameq *q, size_t size, unsigned max_n);
void frameq_fini(struct frameq *q);
/* Copies @p to the end; false if there is no room. */
bool frameq_put(struct frameq *q, const struct pkt *p);
/* The first packet, which stays in the queue; false if there is none. */
bool frameq_first(const struct frameq *q, struct span *frame);
/* Forgets the first packet, and the bytes that frameq_first lent. */
void frameq_drop(struct frameq *q);
/* Forgets all; returns how many there were. */
unsigned frameq_clear(struct frameq *q);

#endif
