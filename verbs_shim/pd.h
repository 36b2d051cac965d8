#ifndef VERBS_SHIM_PD_H
#define VERBS_SHIM_PD_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_pd {
	struct ibv_pd ibv; /* first */
	struct gn_pd *pd;
};

static inline struct shim_pd *pd_of(struct ibv_pd *pd)
{
	return (struct shim_pd *)pd;
}

#endif
