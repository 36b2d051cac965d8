/* Memory that lies in the device. */
#ifndef VERBS_SHIM_DM_H
#define VERBS_SHIM_DM_H

#include <infiniband/verbs.h>
#include "nic/api.h"

/* Entries of struct verbs_context. */
struct ibv_dm *dm_alloc(struct ibv_context *context,
			struct ibv_alloc_dm_attr *attr);
int dm_free_memory(struct ibv_dm *dm);
struct ibv_mr *dm_reg_mr(struct ibv_pd *pd, struct ibv_dm *dm, uint64_t offset,
			 size_t length, unsigned access);

#endif
