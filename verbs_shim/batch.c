#include "verbs_shim/batch.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define ALIGNMENT 16u

struct batch *batch_new(uint64_t ops)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->ops = ops;
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void batch_free(struct batch *b)
{
	pthread_mutex_destroy(&b->lock);
	free(b->wr);
	free(b->data);
	free(b);
}

void batch_start(struct batch *b)
{
	pthread_mutex_lock(&b->lock);
	b->err = 0;
	b->count = 0;
	b->used = 0;
}

void batch_fail(struct batch *b, int err)
{
	if (!b->err)
		b->err = err;
}

struct gn_send_wr *batch_add(struct batch *b)
{
	if (b->count == b->room) {
		unsigned room = b->room ? b->room * 2 : 16;
		void *more = reallocarray(b->wr, room, sizeof(*b->wr));

		if (!more) {
			batch_fail(b, ENOMEM);
			return NULL;
		}
		b->wr = more;
		b->room = room;
	}
	b->wr[b->count] = (struct gn_send_wr){0};
	return &b->wr[b->count++];
}

struct gn_send_wr *batch_last(struct batch *b)
{
	if (b->count && !b->err)
		return &b->wr[b->count - 1];
	batch_fail(b, EINVAL);
	return NULL;
}

/* Room for @len bytes, at offset *@at. */
static int reserve(struct batch *b, size_t len, size_t *at)
{
	size_t need =
		(b->used + len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	size_t size = b->size ? b->size : 1024;
	void *more;

	while (size < need)
		size *= 2;
	if (size != b->size) {
		more = realloc(b->data, size);
		if (!more)
			return ENOMEM;
		b->data = more;
		b->size = size;
	}
	*at = b->used;
	b->used = need;
	return 0;
}

/* The last request's SGEs lie at an offset, which is kept in its pointer. */
static struct gn_sge *new_sges(struct batch *b, unsigned n, size_t extra)
{
	struct gn_send_wr *wr = batch_last(b);
	size_t at;
	int err;

	if (!wr)
		return NULL;
	err = reserve(b, n * sizeof(struct gn_sge) + extra, &at);
	if (err) {
		batch_fail(b, err);
		return NULL;
	}
	wr->sge = (const struct gn_sge *)(uintptr_t)at;
	wr->nsge = n;
	return (struct gn_sge *)(void *)(b->data + at);
}

struct gn_sge *batch_sges(struct batch *b, unsigned n)
{
	struct gn_sge *sge = new_sges(b, n, 0);

	if (sge)
		b->wr[b->count - 1].flags &= ~GN_SEND_INLINE;
	return sge;
}

/* The data follows its one SGE. */
void *batch_inline(struct batch *b, size_t len)
{
	struct gn_sge *sge;

	if (len > UINT32_MAX) {
		batch_fail(b, EINVAL);
		return NULL;
	}
	sge = new_sges(b, 1, len);
	if (!sge)
		return NULL;
	*sge = (struct gn_sge){.len = (uint32_t)len};
	b->wr[b->count - 1].flags |= GN_SEND_INLINE;
	return sge + 1;
}

/* Nothing moves any more: offsets become pointers. */
static void settle(struct batch *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct gn_send_wr *wr = &b->wr[i];
		struct gn_sge *sge;

		if (!wr->nsge)
			continue;
		sge = (struct gn_sge *)(void *)(b->data + (uintptr_t)wr->sge);
		wr->sge = sge;
		if (wr->flags & GN_SEND_INLINE)
			sge->addr = (uintptr_t)(sge + 1);
	}
}

int batch_complete(struct batch *b, struct gn_qp *qp)
{
	int err = b->err;

	if (!err && b->count) {
		settle(b);
		err = -gn_post_send_list(qp, b->wr, b->count);
		if (!err)
			gn_qp_ring(qp);
	}
	pthread_mutex_unlock(&b->lock);
	return err;
}

void batch_abort(struct batch *b)
{
	pthread_mutex_unlock(&b->lock);
}
