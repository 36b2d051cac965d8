/* The captured packets of one flow between reading and playing.  What must be
 * known about a request before it is played stands in the answers behind it, so
 * playing lags behind reading, by a bounded number of packets.
 */
#ifndef REPLAY_QUEUE_H
#define REPLAY_QUEUE_H

#include "nic/base/list.h"
#include "trace/packet.h"

#define QUEUE_ITEMS 4096u
#define QUEUE_BYTES (16u << 20)

struct item {
	struct list node;
	uint64_t frame;
	int64_t nsec;
	bool answer;
	bool cut;	  /* not all that it should bring is known */
	struct roce roce; /* its payload is this item's */
	bool again;	  /* an answer behind one to a later request */
	bool ahead;	  /* of a message whose packets before it are missing */
	uint8_t bytes[];
};

struct queue {
	struct list items;
	unsigned n;
	size_t bytes;
};

void queue_init(struct queue *q);
void queue_fini(struct queue *q);
/* Adds a copy of @p, which is sound; NULL: no memory. */
struct item *queue_add(struct queue *q, const struct packet *p, bool answer);
struct item *queue_head(const struct queue *q);
/* The one behind @i, or NULL. */
struct item *queue_next(const struct queue *q, const struct item *i);
/* Takes @i out; the caller frees it. */
void queue_take(struct queue *q, struct item *i);
bool queue_is_full(const struct queue *q);

/* ---- what items say ---- */

static inline uint32_t item_psn(const struct item *i)
{
	return i->roce.bth.psn;
}

static inline uint32_t item_flags(const struct item *i)
{
	return i->roce.op->flags;
}

/* Does request @i begin a message?  (READs and atomics are one by themselves.)
 */
static inline bool item_begins(const struct item *i)
{
	return item_flags(i) & IS_START ||
	       !(item_flags(i) & (IS_SEND | IS_WRITE));
}

/* Does it end one? */
static inline bool item_ends(const struct item *i)
{
	return item_flags(i) & IS_END ||
	       !(item_flags(i) & (IS_SEND | IS_WRITE));
}

/* PSNs that request @r takes; the same of @i. */
uint32_t request_span(const struct roce *r, uint32_t pmtu);
uint32_t item_span(const struct item *i, uint32_t pmtu);
/* Is it an answer that acknowledges? */
bool item_accepts(const struct item *i);
/* Is it a NAK or RNR NAK?  *@code: NAK_*; of RNR: -1. */
bool item_refuses(const struct item *i, int *code);

/* What became of request @i, as the answers behind it tell. */
enum fate {
	FATE_OPEN,     /* nothing yet */
	FATE_ACCEPTED, /* or discarded without a word */
	FATE_LOST,     /* it never reached the responder */
	FATE_RNR,
	FATE_REFUSED, /* by a NAK that ends the connection */
};
/* *@by: the answer that told. */
enum fate queue_fate(const struct queue *q, const struct item *i, uint32_t pmtu,
		     const struct item **by);
/* Are the PSNs from @psn up to request @i missing for good: not sent again
 * behind it before an answer accepts @i?
 */
bool queue_hole(const struct queue *q, const struct item *i, uint32_t psn,
		uint32_t pmtu);

#endif
