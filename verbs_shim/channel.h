#ifndef VERBS_SHIM_CHANNEL_H
#define VERBS_SHIM_CHANNEL_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_channel {
	struct ibv_comp_channel ibv; /* first; refcnt under the context's
				      * mutex */
	struct gn_channel *channel;
};

static inline struct shim_channel *channel_of(struct ibv_comp_channel *channel)
{
	return (struct shim_channel *)channel;
}

/* A CQ of the channel is made (+1) or destroyed (-1). */
void channel_count(struct ibv_comp_channel *channel, int by);

#endif
