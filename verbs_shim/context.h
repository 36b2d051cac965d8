/* An opened device. */
#ifndef VERBS_SHIM_CONTEXT_H
#define VERBS_SHIM_CONTEXT_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_context {
	struct gn_nic *nic;
	struct gn_listener *events;
	struct verbs_context verbs; /* last: it grows at its head, and programs
				     * see only its last member */
};

static inline struct shim_context *context_of(struct ibv_context *context)
{
	return (struct shim_context *)((char *)context -
				       offsetof(struct shim_context,
						verbs.context));
}

static inline struct gn_nic *nic_of(struct ibv_context *context)
{
	return context_of(context)->nic;
}

#endif
