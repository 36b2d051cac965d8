#include "nic/cq.h"

#include <errno.h>
#include <stdlib.h>

#include "nic/base/pow2.h"
#include "nic/engine.h"
#include "nic/qp.h"

int cq_new(struct engine *e, unsigned cqe, struct gn_channel *channel,
	   void *cookie, struct gn_cq **out)
{
	struct gn_cq *cq;

	if (!cqe || cqe > e->cfg.limits.max_cqe)
		return -EINVAL;
	if (e->ncqs >= e->cfg.limits.max_cq)
		return -ENOMEM;
	cqe = round_up_pow2(cqe);
	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return -ENOMEM;
	cq->ring = calloc(cqe, sizeof(*cq->ring));
	if (!cq->ring) {
		free(cq);
		return -ENOMEM;
	}
	cq->engine = e;
	cq->channel = channel;
	cq->cookie = cookie;
	cq->size = cqe;
	list_init(&cq->channel_node);
	list_add_tail(&e->cqs, &cq->all);
	e->ncqs++;
	pthread_mutex_init(&cq->lock, NULL);
	*out = cq;
	return 0;
}

int cq_free(struct gn_cq *cq)
{
	if (cq->users)
		return -EBUSY;
	list_del(&cq->all);
	cq->engine->ncqs--;
	timer_cancel(&cq->engine->timers, &cq->timer);
	cq->engine->timed -= cq->timer.fire != NULL;
	pthread_mutex_destroy(&cq->lock);
	free(cq->ring);
	free(cq);
	return 0;
}

int cq_resize(struct gn_cq *cq, unsigned cqe)
{
	struct cqe *ring;
	uint32_t n = 0;
	int rc = -EINVAL;

	if (!cqe || cqe > cq->engine->cfg.limits.max_cqe)
		return -EINVAL;
	cqe = round_up_pow2(cqe);
	ring = calloc(cqe, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	pthread_mutex_lock(&cq->lock);
	if (cq->tail - cq->head <= cqe) {
		for (uint32_t i = cq->head; i != cq->tail; i++)
			ring[n++] = cq->ring[i & (cq->size - 1)];
		cq->head = 0;
		cq->tail = n;
		cq->size = cqe;
		free(cq->ring);
		cq->ring = ring;
		rc = 0;
	}
	pthread_mutex_unlock(&cq->lock);
	if (rc)
		free(ring);
	return rc;
}

/* ---- moderation ------------------------------------------------------------------- */

static void on_timer(struct timer *t, nsec_t now)
{
	struct gn_cq *cq = list_entry(t, struct gn_cq, timer);
	bool fire;

	pthread_mutex_lock(&cq->lock);
	fire = cq->held && cq->held_until <= now;
	if (fire) {
		cq->held = 0;
		cq->armed = CQ_IDLE;
	}
	pthread_mutex_unlock(&cq->lock);
	if (fire && cq->channel)
		engine_comp_event(cq->engine, cq);
	else if (cq->held)
		timer_arm(&cq->engine->timers, t, cq->held_until);
}

int cq_moderate(struct gn_cq *cq, unsigned max_count, unsigned max_usec)
{
	struct engine *e = cq->engine;
	int rc = timers_reserve(&e->timers, e->timed + 1);

	if (rc)
		return rc;
	e->timed += cq->timer.fire == NULL;
	cq->timer.fire = on_timer;
	pthread_mutex_lock(&cq->lock);
	cq->max_count = max_count;
	cq->max_usec = max_usec;
	pthread_mutex_unlock(&cq->lock);
	return 0;
}

/* May the event that is due go out now, or does it wait for more? */
static bool is_held_back(struct gn_cq *cq)
{
	cq->held++;
	if (!cq->max_usec || (cq->max_count && cq->held >= cq->max_count)) {
		cq->held = 0;
		return false;
	}
	if (cq->held == 1) {
		cq->held_until = cq->engine->now + cq->max_usec * USEC;
		timer_arm(&cq->engine->timers, &cq->timer, cq->held_until);
	}
	return true;
}

/* ---- completions in, completions out -------------------------------------------------- */

static bool fires(const struct gn_cq *cq, const struct gn_wc *wc)
{
	if (cq->armed == CQ_ARMED)
		return true;
	return cq->armed == CQ_ARMED_SOLICITED &&
	       (wc->solicited || wc->status != GN_WC_SUCCESS);
}

static bool add(struct gn_cq *cq, const struct cqe *entry)
{
	uint32_t tail = atomic_load_explicit(&cq->tail, memory_order_relaxed);

	if (cq->overrun || tail - cq->head >= cq->size) {
		count(&cq->engine->counters, CNT_CQ_OVERRUN);
		return false;
	}
	cq->ring[tail & (cq->size - 1)] = *entry;
	atomic_store_explicit(&cq->tail, tail + 1, memory_order_release);
	return true;
}

void cq_push(struct gn_cq *cq, const struct cqe *entry)
{
	bool first_overrun, fire;

	pthread_mutex_lock(&cq->lock);
	first_overrun = !add(cq, entry) && !cq->overrun;
	if (first_overrun)
		cq->overrun = true;
	fire = fires(cq, &entry->wc) && !is_held_back(cq);
	if (fire)
		cq->armed = CQ_IDLE;
	pthread_mutex_unlock(&cq->lock);

	if (fire && cq->channel)
		engine_comp_event(cq->engine, cq);
	if (first_overrun)
		engine_cq_overrun(cq->engine, cq);
}

int cq_take(struct gn_cq *cq, unsigned n, struct gn_wc *wc)
{
	unsigned got = 0;
	bool overrun;

	if (cq_is_empty(cq) &&
	    !atomic_load_explicit(&cq->overrun, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&cq->lock);
	for (; got < n && cq->head != cq->tail; got++) {
		const struct cqe *e = &cq->ring[cq->head & (cq->size - 1)];

		wc[got] = e->wc;
		if (e->send)
			atomic_store_explicit(&e->wc.qp->sq.freed, e->sq_next,
					      memory_order_release);
		cq->head++;
	}
	overrun = cq->overrun;
	pthread_mutex_unlock(&cq->lock);
	return got || !overrun ? (int)got : -EIO;
}

void cq_arm(struct gn_cq *cq, bool solicited_only)
{
	pthread_mutex_lock(&cq->lock);
	if (!solicited_only)
		cq->armed = CQ_ARMED;
	else if (cq->armed == CQ_IDLE)
		cq->armed = CQ_ARMED_SOLICITED;
	pthread_mutex_unlock(&cq->lock);
}

void cq_forget(struct gn_cq *cq, const struct gn_qp *qp)
{
	uint32_t to;

	pthread_mutex_lock(&cq->lock);
	to = cq->head;
	for (uint32_t from = cq->head; from != cq->tail; from++)
		if (cq->ring[from & (cq->size - 1)].wc.qp != qp)
			cq->ring[to++ & (cq->size - 1)] = cq->ring[from & (cq->size - 1)];
	cq->tail = to;
	pthread_mutex_unlock(&cq->lock);
}
