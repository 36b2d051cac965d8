/* Queue pairs: attributes. */
#include "verbs_shim/attr.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/qp_attr.h"

int ibv_modify_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask)
{
	struct gn_qp_attr a;
	int rc;

	qp_attr_from_verbs(&a, attr);
	rc = gn_qp_modify(qp_of(ibv)->qp, &a, (unsigned)mask);
	if (rc)
		return -rc;
	if (mask & IBV_QP_STATE)
		ibv->state = attr->qp_state;
	return 0;
}

int ibv_query_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask,
		 struct ibv_qp_init_attr *init_attr)
{
	struct gn_qp_attr a;
	struct gn_qp_init init;
	int rc = gn_qp_query(qp_of(ibv)->qp, &a, &init);

	if (rc)
		return -rc;
	qp_attr_to_verbs(&a, attr);
	if (qp_of(ibv)->rate_limit)
		attr->rate_limit = qp_of(ibv)->rate_limit;
	*init_attr = (struct ibv_qp_init_attr){
		.qp_context = ibv->qp_context,
		.send_cq = ibv->send_cq,
		.recv_cq = ibv->recv_cq,
		.srq = ibv->srq,
		.cap = attr->cap,
		.qp_type = ibv->qp_type,
		.sq_sig_all = init.sq_sig_all,
	};
	if (mask & IBV_QP_STATE)
		ibv->state = attr->qp_state;
	return 0;
}

/* The rate is kept and given back; nothing paces by it, which is why no pacing
 * is advertised.
 */
int qp_modify_rate_limit(struct ibv_qp *qp, struct ibv_qp_rate_limit_attr *attr)
{
	if (attr->comp_mask || qp->state != IBV_QPS_RTS)
		return EINVAL;
	qp_of(qp)->rate_limit = attr->rate_limit;
	return 0;
}

/* Data is written in the order of its packets, but nothing promises in which
 * order the bytes of one become visible.
 */
int ibv_query_qp_data_in_order(struct ibv_qp *qp, enum ibv_wr_opcode op,
			       uint32_t flags)
{
	return 0;
}

/* Enhanced connection establishment: two of our QPs tell each other that they
 * are ours; there is no option yet that they could agree upon.
 */
int ibv_query_ece(struct ibv_qp *ibv, struct ibv_ece *ece)
{
	struct shim_qp *qp = qp_of(ibv);

	*ece = (struct ibv_ece){
		.vendor_id = ATTR_VENDOR_ID,
		.options = qp->ece.options,
	};
	return 0;
}

/* Of a peer that is another vendor's nothing can be accepted. */
int ibv_set_ece(struct ibv_qp *ibv, struct ibv_ece *ece)
{
	if (!ece->vendor_id)
		return EOPNOTSUPP;
	if (ece->comp_mask || ece->vendor_id != ATTR_VENDOR_ID)
		return EINVAL;
	qp_of(ibv)->ece = *ece;
	return 0;
}
