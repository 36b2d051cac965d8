/* Parent and thread domains.
 *
 * A parent domain is a PD whose program may allocate the memory of what is made
 * with it.  That memory holds this library's part of a QP, CQ or SRQ: what each
 * post and poll touches.
 */
#ifndef VERBS_SHIM_PARENT_H
#define VERBS_SHIM_PARENT_H

#include <stdbool.h>
#include "verbs_shim/pd.h"

struct ibv_td *td_alloc(struct ibv_context *context,
			struct ibv_td_init_attr *attr);
int td_dealloc(struct ibv_td *td);
struct ibv_pd *parent_alloc(struct ibv_context *context,
			    struct ibv_parent_domain_init_attr *attr);
/* Of a parent domain without users. */
int parent_dealloc(struct shim_pd *pd);

/* What a program's allocator is told that the memory is for. */
enum resource { RESOURCE_QP = 1, RESOURCE_CQ, RESOURCE_SRQ };

/* Where an object's memory came from; member of the object. */
struct home {
	struct shim_pd *parent; /* NULL: none; it counts as a user */
	enum resource resource;
	bool custom; /* by the program's allocator */
};

/* Zeroed memory for an object of @pd, which may be NULL; says in *@home where
 * from.  NULL: there is none.
 */
void *home_alloc(struct ibv_pd *pd, size_t size, enum resource resource,
		 struct home *home);
/* Gives @object back; @home may lie in it. */
void home_free(const struct home *home, void *object);

#endif
