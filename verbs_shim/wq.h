/* Work queues and tables of them: where RSS spreads the frames of a RAW_PACKET
 * QP to.
 */
#ifndef VERBS_SHIM_WQ_H
#define VERBS_SHIM_WQ_H

#include <stdatomic.h>
#include <infiniband/verbs.h>
#include "nic/api.h"

#define IND_TABLE_MAX 128u

/* To the NIC a receive queue alone is a RAW_PACKET QP that never sends. */
struct shim_wq {
	struct ibv_wq ibv; /* first */
	struct gn_qp *qp;
	_Atomic unsigned users; /* table entries */
};

struct shim_ind_table {
	struct ibv_rwq_ind_table ibv; /* first */
	_Atomic unsigned users;	      /* QPs */
	unsigned n;
	struct shim_wq *wq[];
};

static inline struct shim_ind_table *ind_table_of(
	struct ibv_rwq_ind_table *table)
{
	return (struct shim_ind_table *)table;
}

/* Entries of struct verbs_context. */
struct ibv_wq *wq_create(struct ibv_context *context,
			 struct ibv_wq_init_attr *attr);
int wq_modify(struct ibv_wq *wq, struct ibv_wq_attr *attr);
int wq_destroy(struct ibv_wq *wq);
struct ibv_rwq_ind_table *ind_table_create(
	struct ibv_context *context, struct ibv_rwq_ind_table_init_attr *attr);
int ind_table_destroy(struct ibv_rwq_ind_table *table);

/* A QP that has a table instead of a receive queue, and sends nothing. */
struct ibv_qp *rss_create_qp(struct ibv_context *context,
			     struct ibv_qp_init_attr_ex *attr);
/* Such a QP of @table is gone; NULL is fine. */
void rss_release(struct shim_ind_table *table);

#endif
