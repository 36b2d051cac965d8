#include <stdlib.h>
#include <string.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/parent.h"

struct shim_td {
	struct ibv_td ibv;	/* first */
	_Atomic unsigned users; /* parent domains */
};

struct parent {
	struct shim_pd *pd; /* the true PD */
	struct shim_td *td; /* or NULL */
	/* NULL: the default */
	void *(*alloc)(struct ibv_pd *pd, void *pd_context, size_t size,
		       size_t alignment, uint64_t resource_type);
	void (*free)(struct ibv_pd *pd, void *pd_context, void *ptr,
		     uint64_t resource_type);
	void *pd_context;
};

#define PARENT_MASK                               \
	(IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS | \
	 IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)

#define CACHE_LINE 64

struct ibv_td *td_alloc(struct ibv_context *context,
			struct ibv_td_init_attr *attr)
{
	struct shim_td *td;

	if (attr->comp_mask)
		return fail_null(-EINVAL);
	td = calloc(1, sizeof(*td));
	if (!td)
		return fail_null(-ENOMEM);
	td->ibv.context = context;
	return &td->ibv;
}

int td_dealloc(struct ibv_td *ibv)
{
	struct shim_td *td = (struct shim_td *)ibv;

	if (atomic_load(&td->users))
		return EBUSY;
	free(td);
	return 0;
}

static bool attr_is_valid(const struct ibv_parent_domain_init_attr *attr)
{
	if (attr->comp_mask & ~(uint32_t)PARENT_MASK)
		return false;
	if (!attr->pd || pd_of(attr->pd)->parent)
		return false;
	return !(attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS) ||
	       (attr->alloc && attr->free);
}

static void fill_parent(struct parent *p,
			const struct ibv_parent_domain_init_attr *attr)
{
	p->pd = pd_of(attr->pd);
	p->td = (struct shim_td *)attr->td;
	if (attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS) {
		p->alloc = attr->alloc;
		p->free = attr->free;
	}
	if (attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)
		p->pd_context = attr->pd_context;
	atomic_fetch_add(&p->pd->users, 1);
	if (p->td)
		atomic_fetch_add(&p->td->users, 1);
}

struct ibv_pd *parent_alloc(struct ibv_context *context,
			    struct ibv_parent_domain_init_attr *attr)
{
	struct shim_pd *pd;

	if (!attr_is_valid(attr))
		return fail_null(-EINVAL);
	pd = calloc(1, sizeof(*pd) + sizeof(struct parent));
	if (!pd)
		return fail_null(-ENOMEM);
	pd->ibv.context = context;
	pd->ibv.handle = attr->pd->handle;
	pd->pd = pd_of(attr->pd)->pd;
	pd->parent = (struct parent *)(pd + 1);
	fill_parent(pd->parent, attr);
	return &pd->ibv;
}

int parent_dealloc(struct shim_pd *pd)
{
	struct parent *p = pd->parent;

	if (p->td)
		atomic_fetch_sub(&p->td->users, 1);
	atomic_fetch_sub(&p->pd->users, 1);
	free(pd);
	return 0;
}

/* The upper half of a type names a driver of the kernel's; we are none. */
static void *custom_alloc(struct shim_pd *pd, size_t size,
			  enum resource resource)
{
	const struct parent *p = pd->parent;

	if (!p->alloc)
		return IBV_ALLOCATOR_USE_DEFAULT;
	return p->alloc(&pd->ibv, p->pd_context, size, CACHE_LINE, resource);
}

void *home_alloc(struct ibv_pd *ibv, size_t size, enum resource resource,
		 struct home *home)
{
	void *object = IBV_ALLOCATOR_USE_DEFAULT;

	*home = (struct home){.resource = resource};
	if (ibv && pd_of(ibv)->parent)
		home->parent = pd_of(ibv);
	size = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	if (home->parent)
		object = custom_alloc(home->parent, size, resource);
	home->custom = object != IBV_ALLOCATOR_USE_DEFAULT;
	if (!home->custom)
		object = aligned_alloc(CACHE_LINE, size);
	if (!object)
		return NULL;
	memset(object, 0, size);
	if (home->parent)
		atomic_fetch_add(&home->parent->users, 1);
	return object;
}

void home_free(const struct home *home, void *object)
{
	struct home h = *home;
	const struct parent *p;

	if (!h.custom) {
		free(object);
	} else {
		p = h.parent->parent;
		p->free(&h.parent->ibv, p->pd_context, object, h.resource);
	}
	if (h.parent)
		atomic_fetch_sub(&h.parent->users, 1);
}
