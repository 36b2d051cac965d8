/* Completion queues.  All are made as extended ones (struct ibv_cq_ex), of
 * which struct ibv_cq is the head.
 */
#ifndef VERBS_SHIM_CQ_H
#define VERBS_SHIM_CQ_H

#include <infiniband/verbs.h>
#include "nic/api.h"
#include "verbs_shim/parent.h"

struct shim_cq {
	struct ibv_cq_ex ex; /* first */
	struct gn_cq *cq;
	/* Events handed to the program; under handle_lock. */
	uint32_t comp_taken, async_taken;
	/* Between start_poll and end_poll: the lock is held, and the read_
	 * functions tell about this completion. */
	pthread_mutex_t polling;
	struct gn_wc wc;
	struct home home;
};

static inline struct shim_cq *cq_of(struct ibv_cq *cq)
{
	return (struct shim_cq *)cq;
}

static inline struct shim_cq *cq_of_ex(struct ibv_cq_ex *cq)
{
	return (struct shim_cq *)cq;
}

static inline struct ibv_cq *cq_ibv(struct shim_cq *cq)
{
	return (struct ibv_cq *)&cq->ex;
}

/* Entries of struct verbs_context and its ibv_context.ops. */
struct ibv_cq_ex *cq_create_ex(struct ibv_context *context,
			       struct ibv_cq_init_attr_ex *attr);
int cq_modify(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);
int cq_poll(struct ibv_cq *cq, int n, struct ibv_wc *wc);
int cq_req_notify(struct ibv_cq *cq, int solicited_only);

/* The completion's flags and its immediate data or invalidated key, as verbs
 * has them.
 */
unsigned wc_flags(const struct gn_wc *wc);
__be32 wc_imm_or_rkey(const struct gn_wc *wc);

/* The fields that cq_ex_set_functions has functions for: all but tag matching.
 */
#define CQ_EX_WC_FLAGS                          \
	((uint64_t)IBV_CREATE_CQ_SUP_WC_FLAGS & \
	 ~(uint64_t)IBV_WC_EX_WITH_TM_INFO)
void cq_ex_set_functions(struct ibv_cq_ex *cq);

#endif
