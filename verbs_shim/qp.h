/* Queue pairs.  All are made as extended ones (struct ibv_qp_ex), whose first
 * member is the plain one.
 */
#ifndef VERBS_SHIM_QP_H
#define VERBS_SHIM_QP_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_qp {
	struct ibv_qp_ex ex; /* first */
	struct gn_qp *qp;
	uint32_t events_taken; /* handed to the program; under handle_lock */
};

static inline struct shim_qp *qp_of(struct ibv_qp *qp)
{
	return (struct shim_qp *)qp;
}

/* Entry of struct verbs_context. */
struct ibv_qp *qp_create_ex(struct ibv_context *context,
			    struct ibv_qp_init_attr_ex *attr);

#endif
