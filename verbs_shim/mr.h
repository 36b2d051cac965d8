#ifndef VERBS_SHIM_MR_H
#define VERBS_SHIM_MR_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_mr {
	struct ibv_mr ibv; /* first */
	struct gn_mr *mr;
	unsigned access; /* GN_ACCESS_* */
};

static inline struct shim_mr *mr_of(struct ibv_mr *mr)
{
	return (struct shim_mr *)mr;
}

#endif
