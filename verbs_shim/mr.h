/* Memory regions. */
#ifndef VERBS_SHIM_MR_H
#define VERBS_SHIM_MR_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_mr {
	struct ibv_mr ibv; /* first */
	struct gn_mr *mr;
};

static inline struct shim_mr *mr_of(struct ibv_mr *mr)
{
	return (struct shim_mr *)mr;
}

/* Makes the NIC's region @gn one that programs know; takes it over, on failure
 * frees it.
 */
struct ibv_mr *mr_wrap(struct ibv_pd *pd, struct gn_mr *gn, void *addr,
		       size_t length);

/* Entries of struct verbs_context (mr_ex.c). */
struct ibv_mr *mr_alloc_null(struct ibv_pd *pd);
int mr_advise(struct ibv_pd *pd, enum ibv_advise_mr_advice advice,
	      uint32_t flags, struct ibv_sge *sge, uint32_t count);

#endif
