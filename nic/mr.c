#include "nic/mr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/engine.h"
#include "nic/mem.h"
#include "nic/mw.h"

#define KNOWN_ACCESS                                                           \
	(GN_ACCESS_LOCAL_WRITE | GN_ACCESS_REMOTE_WRITE |                      \
	 GN_ACCESS_REMOTE_READ | GN_ACCESS_REMOTE_ATOMIC | GN_ACCESS_MW_BIND | \
	 GN_ACCESS_ZERO_BASED | GN_ACCESS_ON_DEMAND | GN_ACCESS_HUGETLB |      \
	 GN_ACCESS_FLUSH_GLOBAL | GN_ACCESS_FLUSH_PERSISTENT |                 \
	 GN_ACCESS_RELAXED)

int pd_new(struct engine *e, struct gn_pd **out)
{
	struct gn_pd *pd;

	if (e->pds >= e->cfg.limits.max_pd)
		return -ENOMEM;
	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return -ENOMEM;
	pd->engine = e;
	e->pds++;
	*out = pd;
	return 0;
}

int pd_free(struct gn_pd *pd)
{
	if (pd->users)
		return -EBUSY;
	pd->engine->pds--;
	free(pd);
	return 0;
}

/* ---- the table of keys ----------------------------------------------------------- */

void mr_table_fini(struct mr_table *t)
{
	free(t->at);
	free(t->variant);
	*t = (struct mr_table){ 0 };
}

static int table_grow(struct mr_table *t)
{
	uint32_t room = t->room ? t->room * 2 : 64;
	struct key_holder **at = realloc(t->at, room * sizeof(*at));
	uint8_t *variant;

	if (!at)
		return -ENOMEM;
	t->at = at;
	variant = realloc(t->variant, room);
	if (!variant)
		return -ENOMEM;
	t->variant = variant;
	for (uint32_t i = t->room; i < room; i++) {
		t->at[i] = NULL;
		t->variant[i] = (uint8_t)(i * 37u);
	}
	t->room = room;
	return 0;
}

/* Index 0 stays free, so that key 0 never opens anything. */
int key_put(struct mr_table *t, struct key_holder *h)
{
	int rc;

	if (t->used + 1 >= t->room) {
		rc = table_grow(t);
		if (rc)
			return rc;
	}
	do
		t->next = t->next + 1 < t->room ? t->next + 1 : 1;
	while (t->at[t->next]);
	t->at[t->next] = h;
	t->used++;
	h->index = t->next;
	h->key = h->index << 8 | ++t->variant[h->index];
	h->pd->users++;
	return 0;
}

void key_remove(struct mr_table *t, struct key_holder *h)
{
	assert(t->at[h->index] == h);
	t->at[h->index] = NULL;
	t->variant[h->index] = (uint8_t)h->key;
	t->used--;
	h->pd->users--;
}

struct key_holder *key_find(const struct mr_table *t, uint32_t key)
{
	struct key_holder *h = key >> 8 < t->room ? t->at[key >> 8] : NULL;

	return h && h->key == key ? h : NULL;
}

/* ---- regions ------------------------------------------------------------------------ */

/* A null region's memory: zeros to read, and a sink for what is written.  No
 * packet or frame is longer.
 */
#define NULL_ROOM (1u << 17)
static uint8_t zeros[NULL_ROOM], sink[NULL_ROOM];

static bool access_makes_sense(unsigned access)
{
	unsigned writers = GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_ATOMIC;

	if (access & ~KNOWN_ACCESS)
		return false;
	return !(access & writers) || (access & GN_ACCESS_LOCAL_WRITE);
}

/* On demand, address 0 and the largest length mean all of the program's memory,
 * present and future.
 */
static bool is_implicit(void *addr, uint64_t len, unsigned access)
{
	return (access & GN_ACCESS_ON_DEMAND) && !addr && len == UINT64_MAX;
}

static int check_memory(const struct engine *e, void *addr, uint64_t len,
			uint64_t iova, unsigned access)
{
	if (!access_makes_sense(access))
		return -EINVAL;
	if (is_implicit(addr, len, access))
		return iova ? -EINVAL : 0;
	if (len > e->cfg.limits.max_mr_size || (uintptr_t)addr + len < len ||
	    iova + len < len)
		return -EINVAL;
	if (access & GN_ACCESS_ON_DEMAND)
		return 0;
	return mem_probe(addr, len, access & GN_ACCESS_LOCAL_WRITE);
}

/* Takes a copy of @init into the table. */
static int mr_add(const struct gn_mr *init, struct gn_mr **out)
{
	struct engine *e = init->h.pd->engine;
	struct gn_mr *mr;
	int rc;

	if (e->mrs.used - e->mws >= e->cfg.limits.max_mr)
		return -ENOMEM;
	mr = malloc(sizeof(*mr));
	if (!mr)
		return -ENOMEM;
	*mr = *init;
	rc = key_put(&e->mrs, &mr->h);
	if (rc) {
		free(mr);
		return rc;
	}
	*out = mr;
	return 0;
}

int mr_new(struct gn_pd *pd, void *addr, uint64_t len, uint64_t iova,
	   unsigned access, struct gn_mr **out)
{
	struct gn_mr mr = { .h = { HOLDS_MR, .pd = pd },
			    .base = addr,
			    .len = len,
			    .iova = access & GN_ACCESS_ZERO_BASED ? 0 : iova,
			    .access = access };
	int rc = check_memory(pd->engine, addr, len, iova, access);

	return rc ? rc : mr_add(&mr, out);
}

int mr_new_null(struct gn_pd *pd, struct gn_mr **out)
{
	struct gn_mr mr = { .h = { HOLDS_MR, .pd = pd },
			    .len = UINT64_MAX,
			    .access = GN_ACCESS_LOCAL_WRITE,
			    .is_null = true };

	return mr_add(&mr, out);
}

int mr_free(struct gn_mr *mr)
{
	if (mr->windows)
		return -EBUSY;
	if (mr->dm)
		mr->dm->users--;
	key_remove(&mr->h.pd->engine->mrs, &mr->h);
	free(mr);
	return 0;
}

int mr_rereg(struct gn_mr *mr, unsigned flags, struct gn_pd *pd, void *addr,
	     uint64_t len, unsigned access)
{
	struct gn_mr next = *mr;
	int rc;

	if (mr->windows)
		return -EBUSY;
	if (!flags || (flags & ~(GN_REREG_TRANSLATION | GN_REREG_PD |
				 GN_REREG_ACCESS)))
		return -EINVAL;
	if (mr->is_null || ((flags & GN_REREG_TRANSLATION) && mr->dm) ||
	    ((flags & GN_REREG_PD) && !pd))
		return -EINVAL;
	if (flags & GN_REREG_ACCESS)
		next.access = access;
	if (flags & GN_REREG_TRANSLATION) {
		next.base = addr;
		next.len = len;
		next.iova = next.access & GN_ACCESS_ZERO_BASED
				    ? 0
				    : (uintptr_t)addr;
	}
	if (flags & GN_REREG_PD)
		next.h.pd = pd;
	rc = check_memory(mr->h.pd->engine, next.base, next.len, next.iova,
			  next.access);
	if (rc)
		return rc;
	next.h.pd->users++;
	mr->h.pd->users--;
	*mr = next;
	return 0;
}

/* Somebody else's region is there, but not for @pd to ask about. */
static int no_region(const struct gn_pd *pd, uint32_t lkey)
{
	struct key_holder *h = key_find(&pd->engine->mrs, lkey);

	return h && h->pd != pd ? -EPERM : -ENOENT;
}

int mr_prefetch(struct gn_pd *pd, const struct gn_sge *sge, bool write)
{
	uint8_t *at;

	switch (mr_check(pd, sge->lkey, sge->addr, sge->len,
			 write ? GN_ACCESS_LOCAL_WRITE : 0, &at)) {
	case DROP_NONE:
		return at == zeros || at == sink
			       ? 0
			       : mem_probe(at, sge->len, write);
	case DROP_RANGE: return -EFAULT;
	case DROP_RIGHTS: return -EPERM;
	default: return no_region(pd, sge->lkey);
	}
}

/* ---- device memory ---------------------------------------------------------------------- */

static bool dm_claim(struct engine *e, uint64_t len)
{
	uint64_t used = atomic_fetch_add(&e->dm_used, len);

	if (used + len <= e->cfg.limits.max_dm_size)
		return true;
	atomic_fetch_sub(&e->dm_used, len);
	return false;
}

int dm_new(struct engine *e, uint64_t len, struct gn_dm **out)
{
	struct gn_dm *dm;

	if (!len || len > e->cfg.limits.max_dm_size || !dm_claim(e, len))
		return -ENOMEM;
	dm = calloc(1, sizeof(*dm));
	if (!dm)
		goto unclaim;
	/* Whole cache lines, so that atomics on it are aligned. */
	dm->mem = aligned_alloc(64, (len + 63) & ~(uint64_t)63);
	if (!dm->mem)
		goto free_dm;
	memset(dm->mem, 0, len);
	dm->engine = e;
	dm->len = len;
	*out = dm;
	return 0;

free_dm:
	free(dm);
unclaim:
	atomic_fetch_sub(&e->dm_used, len);
	return -ENOMEM;
}

int dm_free(struct gn_dm *dm)
{
	if (atomic_load(&dm->users))
		return -EBUSY;
	atomic_fetch_sub(&dm->engine->dm_used, dm->len);
	free(dm->mem);
	free(dm);
	return 0;
}

int mr_new_dm(struct gn_pd *pd, struct gn_dm *dm, uint64_t offset, uint64_t len,
	      unsigned access, struct gn_mr **out)
{
	struct gn_mr mr = { .h = { HOLDS_MR, .pd = pd },
			    .base = dm->mem + offset,
			    .len = len,
			    .access = access,
			    .dm = dm };
	int rc;

	if (offset > dm->len || len > dm->len - offset ||
	    !access_makes_sense(access))
		return -EINVAL;
	rc = mr_add(&mr, out);
	if (!rc)
		dm->users++;
	return rc;
}

/* ---- checks ---------------------------------------------------------------------------------- */

enum drop mr_at(const struct gn_mr *mr, uint64_t va, uint64_t len,
		       uint8_t **at)
{
	if (va < mr->iova || len > mr->len || va - mr->iova > mr->len - len)
		return DROP_RANGE;
	/* An implicit region has no object that the pointer would stay within. */
	*at = (uint8_t *)((uintptr_t)mr->base + (va - mr->iova));
	return DROP_NONE;
}

enum drop mr_check(const struct gn_pd *pd, uint32_t lkey, uint64_t va,
		   uint64_t len, unsigned access, uint8_t **at)
{
	struct key_holder *h = key_find(&pd->engine->mrs, lkey);
	struct gn_mr *mr = (struct gn_mr *)h;

	if (!h || h->kind != HOLDS_MR || h->pd != pd)
		return DROP_RKEY;
	if ((mr->access & access) != access)
		return DROP_RIGHTS;
	if (mr->is_null) {
		*at = access ? sink : zeros;
		return DROP_NONE;
	}
	return mr_at(mr, va, len, at);
}

bool mr_scatter(const struct gn_pd *pd, const struct gn_sge *sge, unsigned nsge,
		uint32_t offset, struct span data)
{
	for (unsigned i = 0; data.len && i < nsge; i++) {
		const struct gn_sge *s = &sge[i];
		size_t n;
		uint8_t *at;

		if (offset >= s->len) {
			offset -= s->len;
			continue;
		}
		n = s->len - offset < data.len ? s->len - offset : data.len;
		if (mr_check(pd, s->lkey, s->addr + offset, n,
			     GN_ACCESS_LOCAL_WRITE, &at) != DROP_NONE ||
		    mem_copy(at, span_take(&data, n), n))
			return false;
		offset = 0;
	}
	return !data.len;
}

enum drop mr_check_remote(const struct gn_pd *pd, uint32_t qpn, uint32_t rkey,
			  uint64_t va, uint64_t len, unsigned access,
			  uint8_t **at)
{
	struct key_holder *h = key_find(&pd->engine->mrs, rkey);
	struct gn_mr *mr = (struct gn_mr *)h;
	enum drop v;

	if (!h || h->pd != pd)
		return DROP_RKEY;
	if (h->kind == HOLDS_MW)
		return mw_check((struct gn_mw *)h, qpn, va, len, access, at);
	if (mr->is_null)
		return DROP_RIGHTS;
	v = mr_at(mr, va, len, at);
	if (v == DROP_NONE && (mr->access & access) != access)
		v = DROP_RIGHTS;
	return v;
}

enum drop mr_check_whole(const struct gn_pd *pd, uint32_t rkey, unsigned access,
			 uint8_t **at, uint64_t *len)
{
	struct key_holder *h = key_find(&pd->engine->mrs, rkey);
	struct gn_mr *mr = (struct gn_mr *)h;

	if (!h || h->kind != HOLDS_MR || h->pd != pd || mr->is_null)
		return DROP_RKEY;
	if ((mr->access & access) != access)
		return DROP_RIGHTS;
	*at = mr->base;
	*len = mr->len;
	return DROP_NONE;
}
