/* A ring of records: 8 bytes of length, then the packet, padded to 8 bytes.  A
 * record does not wrap: one that would is put at the ring's beginning, and a
 * record of length SKIP fills the end.
 */
#include "nic/base/frameq.h"

#include <assert.h>
#include <errno.h>
#include "nic/base/lazy.h"

#define RECORD_HEAD 8u
#define SKIP	    UINT32_MAX

static size_t record_len(size_t frame_len)
{
	return RECORD_HEAD + ((frame_len + 7) & ~(size_t)7);
}

static uint8_t *at(const struct frameq *q, size_t offset)
{
	return q->ring + (offset & (q->size - 1));
}

static size_t to_end(const struct frameq *q, size_t offset)
{
	return q->size - (offset & (q->size - 1));
}

static uint32_t length_at(const struct frameq *q, size_t offset)
{
	uint32_t len;

	memcpy(&len, at(q, offset), sizeof(len));
	return len;
}

static void set_length(struct frameq *q, size_t offset, uint32_t len)
{
	memcpy(at(q, offset), &len, sizeof(len));
}

int frameq_init(struct frameq *q, size_t size, unsigned max_n)
{
	assert(size && !(size & (size - 1)));
	memset(q, 0, sizeof(*q));
	q->ring = lazy_alloc(size);
	if (!q->ring)
		return -ENOMEM;
	q->size = size;
	q->max_n = max_n;
	return 0;
}

void frameq_fini(struct frameq *q)
{
	lazy_free(q->ring, q->size);
	q->ring = NULL;
}

bool frameq_put(struct frameq *q, const struct pkt *p)
{
	size_t need = record_len(p->len);
	size_t end = to_end(q, q->tail);
	size_t skip = need > end ? end : 0;

	if (q->n == q->max_n || q->tail + skip + need - q->head > q->size)
		return false;
	if (skip) {
		set_length(q, q->tail, SKIP);
		q->tail += skip;
	}
	set_length(q, q->tail, p->len);
	pkt_flatten(p, at(q, q->tail) + RECORD_HEAD);
	q->tail += need;
	q->n++;
	return true;
}

/* Where the first record is, behind a skip. */
static size_t first(const struct frameq *q)
{
	if (length_at(q, q->head) == SKIP)
		return q->head + to_end(q, q->head);
	return q->head;
}

bool frameq_first(const struct frameq *q, struct span *frame)
{
	size_t offset;

	if (!q->n)
		return false;
	offset = first(q);
	frame->p = at(q, offset) + RECORD_HEAD;
	frame->len = length_at(q, offset);
	return true;
}

void frameq_drop(struct frameq *q)
{
	size_t offset;

	assert(q->n);
	offset = first(q);
	q->head = offset + record_len(length_at(q, offset));
	q->n--;
}

unsigned frameq_clear(struct frameq *q)
{
	unsigned n = q->n;

	q->head = q->tail = 0;
	q->n = 0;
	return n;
}
