#include "nic/srq.h"

#include <errno.h>
#include <stdlib.h>

#include "nic/cq.h"
#include "nic/engine.h"
#include "nic/qp.h"
#include "nic/responder.h"

static int check_init(const struct engine *e, const struct gn_srq_init *init)
{
	const struct gn_limits *l = &e->cfg.limits;

	if (!init->max_wr || init->max_wr > l->max_srq_wr ||
	    init->max_sge > l->max_srq_sge || init->limit > init->max_wr)
		return -EINVAL;
	if (!init->xrcd != !init->cq)
		return -EINVAL;
	return e->srqs < l->max_srq ? 0 : -ENOMEM;
}

static void count_users(struct gn_srq *srq, int by)
{
	srq->engine->srqs += (unsigned)by;
	srq->pd->users += (unsigned)by;
	if (srq->init.xrcd) {
		srq->init.xrcd->users += (unsigned)by;
		srq->init.cq->users += (unsigned)by;
	}
}

#define SRQN_MASK 0xffffffu

static bool is_taken(const struct engine *e, uint32_t srqn)
{
	const struct gn_srq *srq = e->srq_list;

	while (srq && srq->srqn != srqn)
		srq = srq->next;
	return srq != NULL;
}

/* The first time round nobody can have them. */
static uint32_t free_srqn(struct engine *e)
{
	uint32_t n;

	do
		n = ++e->next_srqn;
	while (n > SRQN_MASK && is_taken(e, n & SRQN_MASK));
	return n & SRQN_MASK;
}

int srq_new(struct gn_pd *pd, struct gn_srq_init *init, struct gn_srq **out)
{
	struct engine *e = pd->engine;
	struct gn_srq *srq;
	int rc = check_init(e, init);

	if (rc)
		return rc;
	srq = calloc(1, sizeof(*srq));
	if (!srq)
		return -ENOMEM;
	rc = rq_init(&srq->rq, init->max_wr, init->max_sge);
	if (rc) {
		free(srq);
		return rc;
	}
	srq->engine = e;
	srq->pd = pd;
	init->max_wr = srq->rq.depth;
	srq->init = *init;
	srq->srqn = free_srqn(e);
	srq->next = e->srq_list;
	e->srq_list = srq;
	count_users(srq, 1);
	*out = srq;
	return 0;
}

/* XRC QPs do not count as users: any of the domain may be in the middle of a
 * message for it.
 */
static void forget_srq(const struct gn_srq *srq)
{
	struct engine *e = srq->engine;

	for (unsigned i = 0; srq->init.xrcd && i < ENGINE_BUCKETS; i++)
		for (struct gn_qp *qp = e->bucket[i]; qp; qp = qp->next)
			if (qp->init.xrcd == srq->init.xrcd)
				responder_forget_srq(qp, srq);
}

int srq_free(struct gn_srq *srq)
{
	struct gn_srq **at = &srq->engine->srq_list;

	if (srq->users)
		return -EBUSY;
	forget_srq(srq);
	while (*at != srq)
		at = &(*at)->next;
	*at = srq->next;
	count_users(srq, -1);
	rq_fini(&srq->rq);
	free(srq);
	return 0;
}

int srq_set_limit(struct gn_srq *srq, uint32_t limit)
{
	if (limit > srq->rq.depth)
		return -EINVAL;
	srq->init.limit = limit;
	srq_taken(srq);
	return 0;
}

/* IBTA 10.2.9.2: once, then it has to be set again. */
void srq_taken(struct gn_srq *srq)
{
	if (rq_count(&srq->rq) >= srq->init.limit)
		return;
	srq->init.limit = 0;
	engine_event(srq->engine, srq->init.listener,
		     GN_EVENT_SRQ_LIMIT_REACHED, srq->init.cookie);
}

struct gn_srq *srq_find(const struct gn_xrcd *xrcd, uint32_t srqn)
{
	struct gn_srq *srq = xrcd->engine->srq_list;

	while (srq && (srq->srqn != srqn || srq->init.xrcd != xrcd))
		srq = srq->next;
	return srq;
}

int xrcd_open(struct engine *e, uint64_t key, bool create, bool exclusive,
	      struct gn_xrcd **out)
{
	struct gn_xrcd *x = e->xrcds;

	unsigned n = 0;

	while (x && (!key || x->key != key)) {
		x = x->next;
		n++;
	}
	if (x && exclusive)
		return -EEXIST;
	if (!x && !create)
		return -ENOENT;
	if (!x && n >= e->cfg.limits.max_xrcd)
		return -ENOMEM;
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return -ENOMEM;
		x->engine = e;
		x->key = key;
		x->next = e->xrcds;
		e->xrcds = x;
	}
	x->opens++;
	*out = x;
	return 0;
}

int xrcd_close(struct gn_xrcd *xrcd)
{
	struct gn_xrcd **at = &xrcd->engine->xrcds;

	if (xrcd->opens == 1 && xrcd->users)
		return -EBUSY;
	if (--xrcd->opens)
		return 0;
	while (*at != xrcd)
		at = &(*at)->next;
	*at = xrcd->next;
	free(xrcd);
	return 0;
}
