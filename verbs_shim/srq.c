#include "verbs_shim/srq.h"

#include "verbs_shim/ack.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"
#include "verbs_shim/xrcd.h"

#define SRQ_MASK                                         \
	(IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | \
	 IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM)
#define XRC_MASK (IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ)

static bool is_xrc(const struct ibv_srq_init_attr_ex *attr)
{
	return (attr->comp_mask & IBV_SRQ_INIT_ATTR_TYPE) &&
	       attr->srq_type == IBV_SRQT_XRC;
}

/* Tag matching is what no RoCE NIC without hardware for it does. */
static int check_attr(const struct ibv_srq_init_attr_ex *attr)
{
	bool xrc = is_xrc(attr);

	if (attr->comp_mask & ~(uint32_t)SRQ_MASK)
		return -EINVAL;
	if (attr->comp_mask & IBV_SRQ_INIT_ATTR_TM)
		return -EOPNOTSUPP;
	if ((attr->comp_mask & IBV_SRQ_INIT_ATTR_TYPE) && !xrc &&
	    attr->srq_type != IBV_SRQT_BASIC)
		return attr->srq_type == IBV_SRQT_TM ? -EOPNOTSUPP : -EINVAL;
	if (!(attr->comp_mask & IBV_SRQ_INIT_ATTR_PD) || !attr->pd)
		return -EINVAL;
	if (xrc && ((attr->comp_mask & XRC_MASK) != XRC_MASK || !attr->xrcd ||
		    !attr->cq))
		return -EINVAL;
	return 0;
}

static int make_srq(struct shim_srq *srq, struct ibv_srq_init_attr_ex *attr)
{
	struct gn_srq_init init = {
		.max_wr = attr->attr.max_wr,
		.max_sge = attr->attr.max_sge,
		.xrcd = srq->is_xrc ? xrcd_of(attr->xrcd)->xrcd : NULL,
		.cq = srq->is_xrc ? cq_of(attr->cq)->cq : NULL,
		.listener = context_of(attr->pd->context)->events,
	};
	int rc = handle_new(HANDLE_SRQ, srq, &srq->ibv.handle);

	if (rc)
		return rc;
	init.cookie = handle_cookie(srq->ibv.handle);
	rc = gn_srq_new(pd_of(attr->pd)->pd, &init, &srq->srq);
	if (rc) {
		handle_free(srq->ibv.handle);
		return rc;
	}
	attr->attr.max_wr = init.max_wr;
	attr->attr.max_sge = init.max_sge;
	return 0;
}

struct ibv_srq *srq_create_ex(struct ibv_context *context,
			      struct ibv_srq_init_attr_ex *attr)
{
	int rc = check_attr(attr);
	struct shim_srq *srq;
	struct home home;

	if (rc)
		return fail_null(rc);
	srq = home_alloc(attr->pd, sizeof(*srq), RESOURCE_SRQ, &home);
	if (!srq)
		return fail_null(-ENOMEM);
	srq->home = home;
	srq->is_xrc = is_xrc(attr);
	srq->ibv.context = context;
	srq->ibv.srq_context = attr->srq_context;
	srq->ibv.pd = attr->pd;
	pthread_mutex_init(&srq->ibv.mutex, NULL);
	pthread_cond_init(&srq->ibv.cond, NULL);
	rc = make_srq(srq, attr);
	if (rc) {
		home_free(&srq->home, srq);
		return fail_null(rc);
	}
	return &srq->ibv;
}

struct ibv_srq *ibv_create_srq(struct ibv_pd *pd,
			       struct ibv_srq_init_attr *attr)
{
	struct ibv_srq_init_attr_ex ex = {
		.srq_context = attr->srq_context,
		.attr = attr->attr,
		.comp_mask = IBV_SRQ_INIT_ATTR_PD,
		.pd = pd,
	};
	struct ibv_srq *srq = srq_create_ex(pd->context, &ex);

	if (srq)
		attr->attr = ex.attr;
	return srq;
}

int ibv_destroy_srq(struct ibv_srq *ibv)
{
	struct shim_srq *srq = srq_of(ibv);
	int rc = gn_srq_free(srq->srq);

	if (rc)
		return -rc;
	handle_free(ibv->handle);
	ack_wait(&ibv->mutex, &ibv->cond, &ibv->events_completed,
		 srq->events_taken);
	pthread_cond_destroy(&ibv->cond);
	pthread_mutex_destroy(&ibv->mutex);
	home_free(&srq->home, srq);
	return 0;
}

/* Resizing is an option of verbs; IBV_DEVICE_SRQ_RESIZE is not advertised. */
int ibv_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int mask)
{
	if (mask & ~(IBV_SRQ_MAX_WR | IBV_SRQ_LIMIT))
		return EINVAL;
	if (mask & IBV_SRQ_MAX_WR)
		return EOPNOTSUPP;
	if (!(mask & IBV_SRQ_LIMIT))
		return 0;
	return -gn_srq_set_limit(srq_of(srq)->srq, attr->srq_limit);
}

int ibv_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr)
{
	struct gn_srq_init init;

	gn_srq_query(srq_of(srq)->srq, &init);
	*attr = (struct ibv_srq_attr){
		.max_wr = init.max_wr,
		.max_sge = init.max_sge,
		.srq_limit = init.limit,
	};
	return 0;
}

int srq_get_num(struct ibv_srq *srq, uint32_t *srq_num)
{
	if (!srq_of(srq)->is_xrc)
		return EOPNOTSUPP;
	*srq_num = gn_srq_num(srq_of(srq)->srq);
	return 0;
}
