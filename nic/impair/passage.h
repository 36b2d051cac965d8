/* One direction of a link or port with faults: what is held back there, and how
 * packets that a rule has hit go on.
 */
#ifndef NIC_IMPAIR_PASSAGE_H
#define NIC_IMPAIR_PASSAGE_H

#include "nic/base/counters.h"
#include "nic/impair/held.h"
#include "nic/impair/impair.h"
#include "wire/drop.h"

/* Lets @c go on; what became of it.  @note as in struct dgram. */
typedef enum drop (*passage_go)(void *ctx, const struct parcel *c,
				struct note *note, nsec_t now);

struct passage {
	struct held held;
	struct impair *im;
	passage_go go;
	void *ctx;
	struct counters *counters; /* of refusals that nobody asks for */
};

/* -ENOMEM. */
int passage_init(struct passage *p, struct impair *im, passage_go go, void *ctx,
		 struct counters *counters);
static inline void passage_fini(struct passage *p)
{
	held_fini(&p->held);
}

/* What is due goes on. */
void passage_release(struct passage *p, nsec_t now);
/* Everything goes on. */
void passage_drain(struct passage *p, nsec_t now);
/* A packet that is not held has passed; those that waited for it follow. */
void passage_passed(struct passage *p, nsec_t now);
/* @c and its copies go on, or are held, as @f says.  False: there was no room
 * to hold the first.
 */
bool passage_out(struct passage *p, const struct parcel *c,
		 const struct fate *f, nsec_t now);
/* The same for what arrives: the first copy's verdict, which @note (may be
 * NULL) gets beside what was done.
 */
enum drop passage_in(struct passage *p, const struct parcel *c,
		     const struct fate *f, struct note *note, nsec_t now);

#endif
