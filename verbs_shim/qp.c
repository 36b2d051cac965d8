/* Queue pairs: life. */
#include "verbs_shim/qp.h"

#include <stdlib.h>
#include "verbs_shim/ack.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/pd.h"
#include "verbs_shim/qp_attr.h"
#include "verbs_shim/qp_ex.h"
#include "verbs_shim/srq.h"
#include "verbs_shim/wq.h"
#include "verbs_shim/xrcd.h"

#define RSS_MASK (IBV_QP_INIT_ATTR_RX_HASH | IBV_QP_INIT_ATTR_IND_TABLE)
#define QP_MASK                                                            \
	(IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_XRCD |                     \
	 IBV_QP_INIT_ATTR_CREATE_FLAGS | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS | \
	 RSS_MASK)

/* An XRC target has neither queue of its own, an initiator no receive queue:
 * what the other attributes say of them is ignored (ibv_create_qp_ex(3)).
 */
static bool has_sends(enum ibv_qp_type type)
{
	return type != IBV_QPT_XRC_RECV;
}

static bool has_receives(enum ibv_qp_type type)
{
	return type != IBV_QPT_XRC_SEND && type != IBV_QPT_XRC_RECV;
}

/* ibv_create_qp(3) names these two. */
static bool takes_srq(enum ibv_qp_type type)
{
	return type == IBV_QPT_RC || type == IBV_QPT_UD;
}

/* What a QP is made of belongs to its own NIC. */
static int check_owner(const struct gn_nic *nic,
		       const struct ibv_qp_init_attr_ex *a)
{
	if (has_sends(a->qp_type) && nic_of(a->send_cq->context) != nic)
		return -EINVAL;
	if (has_receives(a->qp_type) && nic_of(a->recv_cq->context) != nic)
		return -EINVAL;
	if (has_receives(a->qp_type) && a->srq &&
	    nic_of(a->srq->context) != nic)
		return -EINVAL;
	if (a->qp_type == IBV_QPT_XRC_RECV)
		return nic_of(a->xrcd->context) == nic ? 0 : -EINVAL;
	return nic_of(a->pd->context) == nic ? 0 : -EINVAL;
}

static bool has_owner(const struct ibv_qp_init_attr_ex *a)
{
	if (a->qp_type == IBV_QPT_XRC_RECV)
		return (a->comp_mask & IBV_QP_INIT_ATTR_XRCD) && a->xrcd;
	return (a->comp_mask & IBV_QP_INIT_ATTR_PD) && a->pd;
}

/* An RSS QP has a table where others have queues. */
static int check_rss(struct ibv_context *context,
		     const struct ibv_qp_init_attr_ex *a)
{
	const struct gn_nic *nic = nic_of(context);
	struct gn_rx_hash hash;

	if ((a->comp_mask & RSS_MASK) != RSS_MASK || !a->rwq_ind_tbl ||
	    a->qp_type != IBV_QPT_RAW_PACKET || !has_owner(a))
		return -EINVAL;
	if (nic_of(a->rwq_ind_tbl->context) != nic ||
	    nic_of(a->pd->context) != nic)
		return -EINVAL;
	return wq_hash_from_verbs(&a->rx_hash_conf, &hash);
}

static int check_attr(struct ibv_context *context,
		      const struct ibv_qp_init_attr_ex *a)
{
	if (a->comp_mask & ~(uint32_t)QP_MASK)
		return -EOPNOTSUPP;
	if ((a->comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS) && a->create_flags)
		return -EOPNOTSUPP;
	if (a->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS &&
	    a->send_ops_flags & ~qp_ex_ops(a->qp_type))
		return -EOPNOTSUPP;
	if (a->comp_mask & RSS_MASK)
		return check_rss(context, a);
	if (has_sends(a->qp_type) && !a->send_cq)
		return -EINVAL;
	if (has_receives(a->qp_type) && !a->recv_cq)
		return -EINVAL;
	if (has_receives(a->qp_type) && a->srq && !takes_srq(a->qp_type))
		return -EINVAL;
	return has_owner(a) ? check_owner(nic_of(context), a) : -EINVAL;
}

static struct gn_qp_init init_of(const struct ibv_qp_init_attr_ex *a)
{
	struct gn_qp_init init = {
		.type = (enum gn_qp_type)a->qp_type,
		.cap = cap_from_verbs(&a->cap),
		.sq_sig_all = a->sq_sig_all != 0,
	};

	if (a->comp_mask & RSS_MASK) {
		init.ind = ind_of(a->rwq_ind_tbl)->ind;
		wq_hash_from_verbs(&a->rx_hash_conf, &init.hash);
		return init;
	}
	if (has_sends(a->qp_type))
		init.send_cq = cq_of(a->send_cq)->cq;
	else
		init.cap.max_send_wr = init.cap.max_send_sge =
			init.cap.max_inline = 0;
	if (has_receives(a->qp_type)) {
		init.recv_cq = cq_of(a->recv_cq)->cq;
		init.srq = a->srq ? srq_of(a->srq)->srq : NULL;
	}
	if (!has_receives(a->qp_type) || a->srq)
		init.cap.max_recv_wr = init.cap.max_recv_sge = 0;
	if (a->qp_type == IBV_QPT_XRC_RECV)
		init.xrcd = xrcd_of(a->xrcd)->xrcd;
	if (a->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS)
		init.cap.max_inline =
			qp_ex_inline(a->send_ops_flags, init.cap.max_inline);
	return init;
}

/* Makes the NIC's QP, under a number of @qp's; a->cap is out. */
static int make_qp(struct shim_qp *qp, struct ibv_context *context,
		   struct ibv_qp_init_attr_ex *a)
{
	struct gn_qp_init init = init_of(a);
	struct ibv_qp *ibv = &qp->ex.qp_base;
	struct gn_pd *pd = init.xrcd ? NULL : pd_of(a->pd)->pd;
	int rc = handle_new(HANDLE_QP, qp, &ibv->handle);

	if (rc)
		return rc;
	init.listener = context_of(context)->events;
	init.cookie = handle_cookie(ibv->handle);
	rc = gn_qp_new(pd, &init, &qp->qp);
	if (rc)
		goto free_handle;
	if (a->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS)
		rc = qp_ex_init(qp, a->send_ops_flags);
	if (rc)
		goto free_qp;
	a->cap = cap_to_verbs(&init.cap);
	return 0;

free_qp:
	gn_qp_free(qp->qp);
free_handle:
	handle_free(ibv->handle);
	return rc;
}

static void init_ibv(struct shim_qp *qp, struct ibv_context *context,
		     enum ibv_qp_type type, void *qp_context)
{
	struct ibv_qp *ibv = &qp->ex.qp_base;

	ibv->context = context;
	ibv->qp_context = qp_context;
	ibv->qp_num = gn_qp_num(qp->qp);
	ibv->state = IBV_QPS_RESET;
	ibv->qp_type = type;
	pthread_mutex_init(&ibv->mutex, NULL);
	pthread_cond_init(&ibv->cond, NULL);
}

struct ibv_qp *qp_create_ex(struct ibv_context *context,
			    struct ibv_qp_init_attr_ex *a)
{
	int rc = check_attr(context, a);
	struct shim_qp *qp;
	struct ibv_qp *ibv;
	struct home home;

	if (rc)
		return fail_null(rc);
	qp = home_alloc(a->comp_mask & IBV_QP_INIT_ATTR_PD ? a->pd : NULL,
			sizeof(*qp), RESOURCE_QP, &home);
	if (!qp)
		return fail_null(-ENOMEM);
	qp->home = home;
	rc = make_qp(qp, context, a);
	if (rc) {
		home_free(&home, qp);
		return fail_null(rc);
	}
	init_ibv(qp, context, a->qp_type, a->qp_context);
	ibv = &qp->ex.qp_base;
	ibv->pd = a->comp_mask & IBV_QP_INIT_ATTR_PD ? a->pd : NULL;
	ibv->send_cq = has_sends(a->qp_type) ? a->send_cq : NULL;
	ibv->recv_cq = has_receives(a->qp_type) ? a->recv_cq : NULL;
	ibv->srq = has_receives(a->qp_type) ? a->srq : NULL;
	return ibv;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct ibv_qp_init_attr_ex ex = {
		.qp_context = attr->qp_context,
		.send_cq = attr->send_cq,
		.recv_cq = attr->recv_cq,
		.srq = attr->srq,
		.cap = attr->cap,
		.qp_type = attr->qp_type,
		.sq_sig_all = attr->sq_sig_all,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.pd = pd,
	};
	struct ibv_qp *qp = qp_create_ex(pd->context, &ex);

	if (qp)
		attr->cap = ex.cap;
	return qp;
}

#define OPEN_MASK \
	(IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD | IBV_QP_OPEN_ATTR_TYPE)

/* An XRC target once more; its events go to who made it. */
struct ibv_qp *qp_open(struct ibv_context *context, struct ibv_qp_open_attr *a)
{
	struct shim_qp *qp;
	struct home home;
	int rc;

	if ((a->comp_mask & OPEN_MASK) != OPEN_MASK ||
	    a->comp_mask >= IBV_QP_OPEN_ATTR_RESERVED ||
	    a->qp_type != IBV_QPT_XRC_RECV || !a->xrcd)
		return fail_null(-EINVAL);
	qp = home_alloc(NULL, sizeof(*qp), RESOURCE_QP, &home);
	if (!qp)
		return fail_null(-ENOMEM);
	qp->home = home;
	rc = handle_new(HANDLE_QP, qp, &qp->ex.qp_base.handle);
	if (rc)
		goto free_memory;
	rc = gn_qp_open(xrcd_of(a->xrcd)->xrcd, a->qp_num, &qp->qp);
	if (rc)
		goto free_handle;
	init_ibv(qp, context, a->qp_type,
		 a->comp_mask & IBV_QP_OPEN_ATTR_CONTEXT ? a->qp_context
							 : NULL);
	return &qp->ex.qp_base;

free_handle:
	handle_free(qp->ex.qp_base.handle);
free_memory:
	home_free(&home, qp);
	return fail_null(rc);
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
	qp_ex_fini(qp);
	pthread_cond_destroy(&ibv->cond);
	pthread_mutex_destroy(&ibv->mutex);
	home_free(&qp->home, qp);
	return 0;
}
