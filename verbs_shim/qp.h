/* Queue pairs.  All are made as extended ones (struct ibv_qp_ex), whose first
 * member is the plain one.
 */
#ifndef VERBS_SHIM_QP_H
#define VERBS_SHIM_QP_H

#include <infiniband/verbs.h>
#include "nic/api.h"
#include "verbs_shim/parent.h"

/* What rdma-core 56 appended to version 44's struct ibv_qp_ex. */
struct qp_ex_v56 {
	uint8_t v44[offsetof(struct ibv_qp_ex, wr_atomic_write) +
		    sizeof(void *)];
	void (*wr_flush)(struct ibv_qp_ex *qp, uint32_t rkey,
			 uint64_t remote_addr, size_t len, uint8_t type,
			 uint8_t level);
};

struct shim_qp {
	union { /* first */
		struct ibv_qp_ex ex;
		struct qp_ex_v56 v56;
	};
	struct gn_qp *qp;
	uint32_t events_taken; /* handed to the program; under handle_lock */
	struct ibv_ece ece;
	uint32_t rate_limit; /* 0: only that of ibv_modify_qp */
	struct batch
		*batch; /* of ibv_wr_start (batch.h); NULL: not asked for */
	struct home home;
};

static inline struct shim_qp *qp_of(struct ibv_qp *qp)
{
	return (struct shim_qp *)qp;
}

/* Entries of struct verbs_context. */
struct ibv_qp *qp_create_ex(struct ibv_context *context,
			    struct ibv_qp_init_attr_ex *attr);
struct ibv_qp *qp_open(struct ibv_context *context,
		       struct ibv_qp_open_attr *attr);
int qp_modify_rate_limit(struct ibv_qp *qp,
			 struct ibv_qp_rate_limit_attr *attr);

#endif
