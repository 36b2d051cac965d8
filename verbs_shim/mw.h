/* Memory windows. */
#ifndef VERBS_SHIM_MW_H
#define VERBS_SHIM_MW_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_mw {
	struct ibv_mw ibv; /* first */
	struct gn_mw *mw;
};

static inline struct shim_mw *mw_of(struct ibv_mw *mw)
{
	return (struct shim_mw *)mw;
}

/* Makes @wr bind @mw, under the key @rkey, to what @info says. */
void mw_fill_bind(struct gn_send_wr *wr, struct ibv_mw *mw, uint32_t rkey,
		  const struct ibv_mw_bind_info *info);

/* Entries of ibv_context.ops. */
struct ibv_mw *mw_alloc(struct ibv_pd *pd, enum ibv_mw_type type);
int mw_dealloc(struct ibv_mw *mw);
int mw_bind_type1(struct ibv_qp *qp, struct ibv_mw *mw,
		  struct ibv_mw_bind *bind);

#endif
