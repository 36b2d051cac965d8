#include "nic/rq.h"

#include <errno.h>
#include <string.h>

#include "nic/base/lazy.h"
#include "nic/base/pow2.h"

static size_t all_bytes(const struct rq *rq)
{
	return rq->depth *
	       (sizeof(struct rwqe) + rq->max_sge * sizeof(struct gn_sge));
}

int rq_init(struct rq *rq, uint32_t depth, uint32_t max_sge)
{
	depth = round_up_pow2(depth);
	*rq = (struct rq){ .depth = depth, .max_sge = max_sge };
	rq->ring = lazy_alloc(all_bytes(rq));
	if (!rq->ring)
		return -ENOMEM;
	rq->sges = (struct gn_sge *)(void *)(rq->ring + depth);
	pthread_mutex_init(&rq->lock, NULL);
	return 0;
}

void rq_fini(struct rq *rq)
{
	lazy_free(rq->ring, all_bytes(rq));
	rq->ring = NULL;
}

uint32_t rq_count(const struct rq *rq)
{
	return atomic_load_explicit(&rq->tail, memory_order_acquire) -
	       atomic_load_explicit(&rq->head, memory_order_relaxed);
}

static int fill(const struct rq *rq, uint32_t slot, const struct gn_recv_wr *wr)
{
	struct rwqe *w = &rq->ring[slot];
	uint64_t len = 0;

	for (unsigned i = 0; i < wr->nsge; i++)
		len += wr->sge[i].len;
	if (len > UINT32_MAX)
		return -EINVAL;
	w->wr_id = wr->wr_id;
	w->len = (uint32_t)len;
	w->nsge = wr->nsge;
	w->sge = rq->sges + (size_t)slot * rq->max_sge;
	if (wr->nsge)
		memcpy(w->sge, wr->sge, wr->nsge * sizeof(*wr->sge));
	return 0;
}

int rq_post(struct rq *rq, const struct gn_recv_wr *wr)
{
	uint32_t tail, used;
	int rc;

	if (wr->nsge > rq->max_sge)
		return -EINVAL;
	pthread_mutex_lock(&rq->lock);
	tail = atomic_load_explicit(&rq->tail, memory_order_relaxed);
	used = tail - atomic_load_explicit(&rq->head, memory_order_acquire);
	rc = used >= rq->depth ? -ENOMEM : fill(rq, tail & (rq->depth - 1), wr);
	if (!rc)
		atomic_store_explicit(&rq->tail, tail + 1,
				      memory_order_release);
	pthread_mutex_unlock(&rq->lock);
	return rc;
}

const struct rwqe *rq_peek(const struct rq *rq)
{
	return &rq->ring[atomic_load_explicit(&rq->head,
					      memory_order_relaxed) &
			 (rq->depth - 1)];
}

bool rq_take(struct rq *rq, struct rwqe *out)
{
	uint32_t head = atomic_load_explicit(&rq->head, memory_order_relaxed);
	const struct rwqe *w;

	if (!rq_count(rq))
		return false;
	w = &rq->ring[head & (rq->depth - 1)];
	out->wr_id = w->wr_id;
	out->len = w->len;
	out->nsge = w->nsge;
	if (w->nsge)
		memcpy(out->sge, w->sge, w->nsge * sizeof(*w->sge));
	atomic_store_explicit(&rq->head, head + 1, memory_order_release);
	return true;
}

void rq_reset(struct rq *rq)
{
	atomic_store(&rq->head, atomic_load(&rq->tail));
}
