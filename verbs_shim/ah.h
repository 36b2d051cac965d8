/* Address handles and the address vectors of QPs. */
#ifndef VERBS_SHIM_AH_H
#define VERBS_SHIM_AH_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_ah {
	struct ibv_ah ibv; /* first */
	struct gn_ah ah;
};

static inline struct shim_ah *ah_of(struct ibv_ah *ah)
{
	return (struct shim_ah *)ah;
}

void ah_from_verbs(struct gn_ah *ah, const struct ibv_ah_attr *attr);
void ah_to_verbs(const struct gn_ah *ah, struct ibv_ah_attr *attr);

#endif
