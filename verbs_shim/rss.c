/* QPs that spread what they receive over work queues. */
#include <stdbool.h>
#include <string.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/wq.h"

#define RSS_MASK (IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH)
#define ALLOWED_MASK \
	(RSS_MASK | IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_CREATE_FLAGS)

static int check_attr(const struct ibv_qp_init_attr_ex *a)
{
	const struct ibv_rx_hash_conf *h = &a->rx_hash_conf;

	if ((a->comp_mask & ~(uint32_t)ALLOWED_MASK) ||
	    ((a->comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS) && a->create_flags))
		return -EOPNOTSUPP;
	if ((a->comp_mask & RSS_MASK) != RSS_MASK || !a->rwq_ind_tbl ||
	    !(a->comp_mask & IBV_QP_INIT_ATTR_PD) || !a->pd)
		return -EINVAL;
	if (a->qp_type != IBV_QPT_RAW_PACKET ||
	    h->rx_hash_function != IBV_RX_HASH_FUNC_TOEPLITZ ||
	    (h->rx_hash_fields_mask & ~(uint64_t)GN_RSS_FIELDS))
		return -EOPNOTSUPP;
	return h->rx_hash_key_len == GN_RSS_KEY_LEN && h->rx_hash_key ? 0
								      : -EINVAL;
}

static int spread(struct gn_qp *qp, const struct ibv_rx_hash_conf *hash,
		  const struct shim_ind_table *t)
{
	struct gn_qp *to[IND_TABLE_MAX];
	struct gn_rss rss = {
		.fields = (unsigned)hash->rx_hash_fields_mask,
		.table = to,
		.n = t->n,
	};

	memcpy(rss.key, hash->rx_hash_key, sizeof(rss.key));
	for (unsigned i = 0; i < t->n; i++)
		to[i] = t->wq[i]->qp;
	return gn_qp_set_rss(qp, &rss);
}

/* The QP itself needs queues as little as it has them; its CQ is never used. */
struct ibv_qp *rss_create_qp(struct ibv_context *context,
			     struct ibv_qp_init_attr_ex *a)
{
	struct ibv_qp_init_attr_ex plain = {
		.qp_context = a->qp_context,
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.pd = a->pd,
	};
	int rc = check_attr(a);
	struct shim_ind_table *t;
	struct ibv_qp *qp;

	if (rc)
		return fail_null(rc);
	t = ind_table_of(a->rwq_ind_tbl);
	plain.send_cq = plain.recv_cq = t->wq[0]->ibv.cq;
	qp = qp_create_ex(context, &plain);
	if (!qp)
		return NULL;
	rc = spread(qp_of(qp)->qp, &a->rx_hash_conf, t);
	if (rc) {
		ibv_destroy_qp(qp);
		return fail_null(rc);
	}
	qp->send_cq = qp->recv_cq = NULL;
	qp_of(qp)->table = t;
	atomic_fetch_add(&t->users, 1);
	return qp;
}

void rss_release(struct shim_ind_table *table)
{
	if (table)
		atomic_fetch_sub(&table->users, 1);
}
