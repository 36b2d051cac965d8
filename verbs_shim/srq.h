/* Shared receive queues. */
#ifndef VERBS_SHIM_SRQ_H
#define VERBS_SHIM_SRQ_H

#include <infiniband/verbs.h>
#include "nic/api.h"
#include "verbs_shim/parent.h"

struct shim_srq {
	struct ibv_srq ibv; /* first */
	struct gn_srq *srq;
	uint32_t events_taken; /* handed to the program; under handle_lock */
	bool is_xrc;
	struct home home;
};

static inline struct shim_srq *srq_of(struct ibv_srq *srq)
{
	return (struct shim_srq *)srq;
}

/* Entries of struct verbs_context. */
struct ibv_srq *srq_create_ex(struct ibv_context *context,
			      struct ibv_srq_init_attr_ex *attr);
int srq_get_num(struct ibv_srq *srq, uint32_t *srq_num);

#endif
