/* Packets that are held back: copies, each until its time, or until so many
 * others have passed it.  There is room for a fixed number; all memory is taken
 * at the start.
 */
#ifndef NIC_IMPAIR_HELD_H
#define NIC_IMPAIR_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nic/base/time.h"
#include "nic/base/pkt.h"
#include "wire/eth.h"

#define HELD_MAX 4096u
#define HELD_LEN_MAX \
	9728u /* of a packet; memory is used only when it is held */
#define HELD_NOTE_MAX 256u

/* A packet as bytes, with what a link must know beside them. */
struct parcel {
	struct ip_addr src, dst;
	uint16_t sport;
	uint8_t tos, ttl;
	bool has_mac;
	struct mac src_mac;
	uint32_t icrc_flip;
	uint32_t len;
	uint8_t *bytes;
	char note[HELD_NOTE_MAX];
};

struct held_slot;

struct held {
	struct held_slot *slot; /* HELD_MAX of them */
	uint8_t *bytes;		/* HELD_LEN_MAX for each slot */
	uint32_t *heap;		/* slots by time, the first at [0] */
	uint32_t *unused;	/* stack of slots given back */
	uint32_t n, nunused, touched;
	uint32_t waiting; /* of n, those that others can pass */
	uint64_t seq;
};

/* -ENOMEM. */
int held_init(struct held *h);
void held_fini(struct held *h);
/* Copies @p; it is due at @until, or when @overtake others have passed, if that
 * is not 0.  False: no room, or too long.
 */
bool held_put(struct held *h, const struct parcel *p, nsec_t until,
	      unsigned overtake);
/* The packet that is due first, if by @now, taken off the queue; NULL: none.
 * It lives until held_give_back.
 */
struct parcel *held_take(struct held *h, nsec_t now);
void held_give_back(struct held *h, struct parcel *p);
/* When held_take has something, or NSEC_NEVER. */
nsec_t held_deadline(const struct held *h);
/* A packet that is not held has passed. */
void held_passed(struct held *h);

#endif
