#include <stdlib.h>
#include "verbs_shim/ack.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/pd.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/qp_attr.h"

static struct gn_cq *gn_cq_or_null(struct ibv_cq *cq)
{
	return cq ? cq_of(cq)->cq : NULL;
}

static int make_qp(struct shim_qp *qp, struct ibv_pd *pd,
		   struct ibv_qp_init_attr *attr)
{
	struct gn_qp_init init = {
		.type = (enum gn_qp_type)attr->qp_type,
		.send_cq = gn_cq_or_null(attr->send_cq),
		.recv_cq = gn_cq_or_null(attr->recv_cq),
		.cap = cap_from_verbs(&attr->cap),
		.sq_sig_all = attr->sq_sig_all != 0,
		.listener = context_of(pd->context)->events,
	};
	int rc;

	if (attr->srq)
		return -EOPNOTSUPP;
	rc = handle_new(HANDLE_QP, qp, &qp->ex.qp_base.handle);
	if (rc)
		return rc;
	init.cookie = handle_cookie(qp->ex.qp_base.handle);
	rc = gn_qp_new(pd_of(pd)->pd, &init, &qp->qp);
	if (rc) {
		handle_free(qp->ex.qp_base.handle);
		return rc;
	}
	attr->cap = cap_to_verbs(&init.cap);
	return 0;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct shim_qp *qp = calloc(1, sizeof(*qp));
	struct ibv_qp *ibv;
	int rc;

	if (!qp)
		return fail_null(-ENOMEM);
	rc = make_qp(qp, pd, attr);
	if (rc) {
		free(qp);
		return fail_null(rc);
	}
	ibv = &qp->ex.qp_base;
	ibv->context = pd->context;
	ibv->qp_context = attr->qp_context;
	ibv->pd = pd;
	ibv->send_cq = attr->send_cq;
	ibv->recv_cq = attr->recv_cq;
	ibv->srq = attr->srq;
	ibv->qp_num = gn_qp_num(qp->qp);
	ibv->state = IBV_QPS_RESET;
	ibv->qp_type = attr->qp_type;
	pthread_mutex_init(&ibv->mutex, NULL);
	pthread_cond_init(&ibv->cond, NULL);
	return ibv;
}

/* struct ibv_qp_init_attr is the head of the extended one. */
struct ibv_qp *qp_create_ex(struct ibv_context *context,
			    struct ibv_qp_init_attr_ex *attr)
{
	if (attr->comp_mask & ~(uint32_t)IBV_QP_INIT_ATTR_PD)
		return fail_null(-EOPNOTSUPP);
	if (!(attr->comp_mask & IBV_QP_INIT_ATTR_PD))
		return fail_null(-EINVAL);
	return ibv_create_qp(attr->pd, (struct ibv_qp_init_attr *)attr);
}

int ibv_destroy_qp(struct ibv_qp *ibv)
{
	struct shim_qp *qp = qp_of(ibv);
	int rc = gn_qp_free(qp->qp);

	if (rc)
		return -rc;
	handle_free(ibv->handle);
	ack_wait(&ibv->mutex, &ibv->cond, &ibv->events_completed,
		 qp->events_taken);
	pthread_cond_destroy(&ibv->cond);
	pthread_mutex_destroy(&ibv->mutex);
	free(qp);
	return 0;
}

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

/* Data is written in the order of its packets, but nothing promises in which
 * order the bytes of one become visible.
 */
int ibv_query_qp_data_in_order(struct ibv_qp *qp, enum ibv_wr_opcode op,
			       uint32_t flags)
{
	return 0;
}
