#include "nic/mr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "nic/engine.h"
#include "nic/mem.h"

#define KNOWN_ACCESS                                                           \
	(GN_ACCESS_LOCAL_WRITE | GN_ACCESS_REMOTE_WRITE |                      \
	 GN_ACCESS_REMOTE_READ | GN_ACCESS_REMOTE_ATOMIC | GN_ACCESS_MW_BIND | \
	 GN_ACCESS_ZERO_BASED | GN_ACCESS_HUGETLB | GN_ACCESS_RELAXED)

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

void mr_table_fini(struct mr_table *t)
{
	free(t->mr);
	free(t->variant);
	*t = (struct mr_table){ 0 };
}

static int table_grow(struct mr_table *t)
{
	uint32_t room = t->room ? t->room * 2 : 64;
	struct gn_mr **mr = realloc(t->mr, room * sizeof(struct gn_mr *));
	uint8_t *variant;

	if (!mr)
		return -ENOMEM;
	t->mr = mr;
	variant = realloc(t->variant, room);
	if (!variant)
		return -ENOMEM;
	t->variant = variant;
	for (uint32_t i = t->room; i < room; i++) {
		t->mr[i] = NULL;
		t->variant[i] = (uint8_t)(i * 37u);
	}
	t->room = room;
	return 0;
}

/* Index 0 stays free, so that key 0 never opens anything. */
static int table_put(struct mr_table *t, struct gn_mr *mr)
{
	int rc;

	if (t->used + 1 >= t->room) {
		rc = table_grow(t);
		if (rc)
			return rc;
	}
	do
		t->next = t->next + 1 < t->room ? t->next + 1 : 1;
	while (t->mr[t->next]);
	t->mr[t->next] = mr;
	t->used++;
	mr->key = t->next << 8 | ++t->variant[t->next];
	return 0;
}

static bool access_makes_sense(unsigned access)
{
	unsigned writers = GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_ATOMIC;

	if (access & ~KNOWN_ACCESS)
		return false;
	return !(access & writers) || (access & GN_ACCESS_LOCAL_WRITE);
}

int mr_new(struct gn_pd *pd, void *addr, uint64_t len, uint64_t iova,
	   unsigned access, struct gn_mr **out)
{
	struct engine *e = pd->engine;
	struct gn_mr *mr;
	int rc;

	if (!access_makes_sense(access) || len > e->cfg.limits.max_mr_size ||
	    (uintptr_t)addr + len < len || iova + len < len)
		return -EINVAL;
	if (e->mrs.used >= e->cfg.limits.max_mr)
		return -ENOMEM;
	rc = mem_probe(addr, len, access & GN_ACCESS_LOCAL_WRITE);
	if (rc)
		return rc;
	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return -ENOMEM;
	*mr = (struct gn_mr){ .pd = pd,
			      .base = addr,
			      .len = len,
			      .iova = access & GN_ACCESS_ZERO_BASED ? 0 : iova,
			      .access = access };
	rc = table_put(&e->mrs, mr);
	if (rc) {
		free(mr);
		return rc;
	}
	pd->users++;
	*out = mr;
	return 0;
}

int mr_free(struct gn_mr *mr)
{
	struct mr_table *t = &mr->pd->engine->mrs;

	assert(t->mr[mr->key >> 8] == mr);
	t->mr[mr->key >> 8] = NULL;
	t->used--;
	mr->pd->users--;
	free(mr);
	return 0;
}

enum drop mr_check(const struct gn_pd *pd, uint32_t key, uint64_t va,
		   uint64_t len, unsigned access, uint8_t **at)
{
	const struct mr_table *t = &pd->engine->mrs;
	uint32_t index = key >> 8;
	const struct gn_mr *mr = index < t->room ? t->mr[index] : NULL;

	if (!mr || mr->key != key || mr->pd != pd)
		return DROP_RKEY;
	if (va < mr->iova || len > mr->len || va - mr->iova > mr->len - len)
		return DROP_RANGE;
	if ((mr->access & access) != access)
		return DROP_RIGHTS;
	*at = mr->base + (va - mr->iova);
	return DROP_NONE;
}
