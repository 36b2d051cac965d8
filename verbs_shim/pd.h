/* Protection domains, plain, imported and parent ones. */
#ifndef VERBS_SHIM_PD_H
#define VERBS_SHIM_PD_H

#include <stdatomic.h>
#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_pd {
	struct ibv_pd ibv; /* first; the handle is that of the true PD */
	struct gn_pd *pd;
	/* Parent domains of a PD; objects that are made with a parent domain.
	 */
	_Atomic unsigned users;
	struct parent *parent; /* NULL: not a parent domain (parent.c) */
};

static inline struct shim_pd *pd_of(struct ibv_pd *pd)
{
	return (struct shim_pd *)pd;
}

#endif
