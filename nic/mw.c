#include "nic/mw.h"

#include <errno.h>
#include <stdlib.h>

#include "nic/engine.h"

int mw_new(struct gn_pd *pd, unsigned type, struct gn_mw **out)
{
	struct gn_mw *mw;
	int rc;

	if (type != 1 && type != 2)
		return -EINVAL;
	if (pd->engine->mws >= pd->engine->cfg.limits.max_mw)
		return -ENOMEM;
	mw = calloc(1, sizeof(*mw));
	if (!mw)
		return -ENOMEM;
	mw->h = (struct key_holder){ HOLDS_MW, .pd = pd };
	mw->type = type;
	rc = key_put(&pd->engine->mrs, &mw->h);
	if (rc) {
		free(mw);
		return rc;
	}
	pd->engine->mws++;
	*out = mw;
	return 0;
}

static void unbind(struct gn_mw *mw)
{
	if (mw->mr)
		mw->mr->windows--;
	mw->mr = NULL;
}

int mw_free(struct gn_mw *mw)
{
	unbind(mw);
	mw->h.pd->engine->mws--;
	key_remove(&mw->h.pd->engine->mrs, &mw->h);
	free(mw);
	return 0;
}

/* Rights of a window (IBTA 10.6.7.2.1), and of the region that it opens. */
static bool may_open(const struct gn_pd *pd, const struct gn_mr *mr,
		     const struct bind *b)
{
	unsigned writers = GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_ATOMIC;

	if (!mr || mr->h.pd != pd || !(mr->access & GN_ACCESS_MW_BIND) ||
	    (mr->access & GN_ACCESS_ZERO_BASED))
		return false;
	if ((b->access & writers) && !(mr->access & GN_ACCESS_LOCAL_WRITE))
		return false;
	return b->va >= mr->iova && b->len <= mr->len &&
	       b->va - mr->iova <= mr->len - b->len;
}

/* A type 2 window must be invalid before, and keeps its index (IBTA
 * 10.6.7.2.6).
 */
static bool may_bind(const struct gn_mw *mw, const struct gn_pd *pd,
		     const struct bind *b)
{
	if (!mw || mw->h.pd != pd)
		return false;
	return mw->type == 1 || (!mw->mr && b->rkey >> 8 == mw->h.index);
}

static struct gn_mw *mw_at(const struct mr_table *t, uint32_t index)
{
	struct key_holder *h = index < t->room ? t->at[index] : NULL;

	return h && h->kind == HOLDS_MW ? (struct gn_mw *)h : NULL;
}

static struct gn_mr *mr_of(const struct mr_table *t, uint32_t key)
{
	struct key_holder *h = key_find(t, key);

	return h && h->kind == HOLDS_MR ? (struct gn_mr *)h : NULL;
}

enum gn_wc_status mw_bind(const struct gn_pd *pd, uint32_t qpn,
			  const struct bind *b)
{
	const struct mr_table *t = &pd->engine->mrs;
	struct gn_mw *mw = mw_at(t, b->mw);
	struct gn_mr *mr = mr_of(t, b->lkey);

	if (!may_bind(mw, pd, b) || (b->len && !may_open(pd, mr, b)))
		return GN_WC_MW_BIND_ERR;
	unbind(mw);
	mw->h.key = mw->h.index << 8 | (b->rkey & 0xff);
	if (!b->len)
		return GN_WC_SUCCESS;
	mr->windows++;
	mw->mr = mr;
	mw->va = b->access & GN_ACCESS_ZERO_BASED ? 0 : b->va;
	mw->at = b->va;
	mw->len = b->len;
	mw->access = b->access;
	mw->qpn = qpn;
	return GN_WC_SUCCESS;
}

bool mw_invalidate(const struct gn_pd *pd, uint32_t qpn, uint32_t rkey)
{
	struct key_holder *h = key_find(&pd->engine->mrs, rkey);
	struct gn_mw *mw = (struct gn_mw *)h;

	if (!h || h->kind != HOLDS_MW || h->pd != pd || mw->type != 2 ||
	    !mw->mr || mw->qpn != qpn)
		return false;
	unbind(mw);
	return true;
}

enum drop mw_check(const struct gn_mw *mw, uint32_t qpn, uint64_t va,
		   uint64_t len, unsigned access, uint8_t **at)
{
	if (!mw->mr || (mw->type == 2 && mw->qpn != qpn))
		return DROP_RKEY;
	if (va < mw->va || len > mw->len || va - mw->va > mw->len - len)
		return DROP_RANGE;
	if ((mw->access & access) != access)
		return DROP_RIGHTS;
	return mr_at(mw->mr, mw->at + (va - mw->va), len, at);
}
