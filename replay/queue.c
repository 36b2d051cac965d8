#include "replay/queue.h"

#include <stdlib.h>
#include <string.h>
#include "wire/aeth.h"

void queue_init(struct queue *q)
{
	list_init(&q->items);
	q->n = 0;
	q->bytes = 0;
}

void queue_fini(struct queue *q)
{
	struct item *i;

	while ((i = queue_head(q))) {
		queue_take(q, i);
		free(i);
	}
}

struct item *queue_add(struct queue *q, const struct packet *p, bool answer)
{
	struct item *i = calloc(1, sizeof(*i) + p->roce.payload.len);

	if (!i)
		return NULL;
	i->frame = p->frame;
	i->nsec = p->nsec;
	i->answer = answer;
	i->cut = p->icrc == ICRC_CUT;
	i->roce = p->roce;
	if (p->roce.payload.len) {
		memcpy(i->bytes, p->roce.payload.p, p->roce.payload.len);
		i->roce.payload.p = i->bytes;
	}
	list_add_tail(&q->items, &i->node);
	q->n++;
	q->bytes += sizeof(*i) + p->roce.payload.len;
	return i;
}

struct item *queue_head(const struct queue *q)
{
	return list_empty(&q->items)
		       ? NULL
		       : list_entry(q->items.next, struct item, node);
}

struct item *queue_next(const struct queue *q, const struct item *i)
{
	return i->node.next == &q->items
		       ? NULL
		       : list_entry(i->node.next, struct item, node);
}

void queue_take(struct queue *q, struct item *i)
{
	list_del(&i->node);
	q->n--;
	q->bytes -= sizeof(*i) + i->roce.payload.len;
}

bool queue_is_full(const struct queue *q)
{
	return q->n >= QUEUE_ITEMS || q->bytes >= QUEUE_BYTES;
}

/* ---- what items say ---- */

uint32_t request_span(const struct roce *r, uint32_t pmtu)
{
	uint32_t len = r->reth.len;

	if (opcode_operation(r->bth.opcode) != OP_READ_REQUEST || !len)
		return 1;
	return (uint32_t)(((uint64_t)len + pmtu - 1) / pmtu);
}

uint32_t item_span(const struct item *i, uint32_t pmtu)
{
	return request_span(&i->roce, pmtu);
}

bool item_accepts(const struct item *i)
{
	return i->answer && !(item_flags(i) & HAS_AETH &&
			      aeth_kind(i->roce.aeth.syndrome) != AETH_ACK);
}

bool item_refuses(const struct item *i, int *code)
{
	uint8_t syndrome = i->roce.aeth.syndrome;

	if (!i->answer || !(item_flags(i) & HAS_AETH) ||
	    aeth_kind(syndrome) == AETH_ACK ||
	    aeth_kind(syndrome) == AETH_RESERVED)
		return false;
	*code = aeth_kind(syndrome) == AETH_RNR ? -1
						: (int)aeth_value(syndrome);
	return true;
}

static bool covers(const struct item *i, uint32_t psn, uint32_t pmtu)
{
	return !i->answer &&
	       ((psn - item_psn(i)) & PSN_MASK) < item_span(i, pmtu);
}

/* A sequence NAK for @i says that it was lost, unless what follows accepts it
 * before it was sent again: then the NAK was an older one.
 */
static enum fate after_sequence_nak(const struct queue *q, const struct item *i,
				    const struct item *at, uint32_t pmtu)
{
	for (at = queue_next(q, at); at; at = queue_next(q, at)) {
		if (!at->answer && covers(at, item_psn(i), pmtu))
			return FATE_LOST;
		if (item_accepts(at) &&
		    psn_diff(item_psn(at), item_psn(i)) >= 0)
			return FATE_ACCEPTED;
	}
	return FATE_OPEN;
}

/* What answer @at, of a PSN at or behind @i's, tells of @i. */
static enum fate fate_by(const struct queue *q, const struct item *i,
			 const struct item *at, uint32_t pmtu)
{
	int32_t ahead = psn_diff(item_psn(at), item_psn(i));
	int32_t span = (int32_t)item_span(i, pmtu);
	int code;

	/* Of an answer in several packets, the last tells what was in memory.
	 */
	if (!item_refuses(at, &code))
		return ahead + 1 < span ? FATE_OPEN : FATE_ACCEPTED;
	if (ahead >= span)
		return FATE_ACCEPTED;
	if (code == NAK_PSN_SEQUENCE)
		return after_sequence_nak(q, i, at, pmtu);
	return code < 0 ? FATE_RNR : FATE_REFUSED;
}

enum fate queue_fate(const struct queue *q, const struct item *i, uint32_t pmtu,
		     const struct item **by)
{
	bool begun = false; /* its answer did not come to its end yet */

	for (const struct item *at = queue_next(q, i); at;
	     at = queue_next(q, at)) {
		enum fate fate;

		if (begun && covers(at, item_psn(i), pmtu))
			return FATE_ACCEPTED;
		if (!at->answer || psn_diff(item_psn(at), item_psn(i)) < 0)
			continue;
		*by = at;
		fate = fate_by(q, i, at, pmtu);
		begun |= item_accepts(at);
		if (fate != FATE_OPEN || !begun)
			return fate;
	}
	return FATE_OPEN;
}

bool queue_hole(const struct queue *q, const struct item *i, uint32_t psn,
		uint32_t pmtu)
{
	for (const struct item *at = queue_next(q, i); at;
	     at = queue_next(q, at)) {
		if (covers(at, psn, pmtu))
			return false;
		if (item_accepts(at) &&
		    psn_diff(item_psn(at), item_psn(i)) >= 0)
			return true;
	}
	return false;
}
