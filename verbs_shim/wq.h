/* Receive side scaling: work queues, indirection tables, RSS QPs. */
#ifndef VERBS_SHIM_WQ_H
#define VERBS_SHIM_WQ_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_wq {
	struct ibv_wq ibv; /* first */
	struct gn_wq *wq;
};

struct shim_ind {
	struct ibv_rwq_ind_table ibv; /* first */
	struct gn_ind *ind;
};

static inline struct shim_ind *ind_of(struct ibv_rwq_ind_table *ind)
{
	return (struct shim_ind *)ind;
}

/* Entries of struct verbs_context. */
struct ibv_wq *wq_create(struct ibv_context *context,
			 struct ibv_wq_init_attr *attr);
int wq_modify(struct ibv_wq *wq, struct ibv_wq_attr *attr);
int wq_destroy(struct ibv_wq *wq);
struct ibv_rwq_ind_table *ind_create(struct ibv_context *context,
				     struct ibv_rwq_ind_table_init_attr *attr);
int ind_destroy(struct ibv_rwq_ind_table *ind);

/* The hash that @conf asks for; -EINVAL or -EOPNOTSUPP. */
int wq_hash_from_verbs(const struct ibv_rx_hash_conf *conf,
		       struct gn_rx_hash *hash);
/* What of it a NIC does. */
void wq_fill_caps(struct ibv_device_attr_ex *a, const struct gn_limits *l);

#endif
