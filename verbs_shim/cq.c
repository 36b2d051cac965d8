#include <assert.h>
#include <endian.h>
#include <limits.h>
#include "verbs_shim/ack.h"
#include "verbs_shim/channel.h"
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/handle.h"

static_assert(offsetof(struct ibv_cq, async_events_completed) ==
		      offsetof(struct ibv_cq_ex, async_events_completed),
	      "one is the head of the other");

/* Neither changes what a program can see: locks are always there, and a CQ that
 * overruns says so even to those who do not care.
 */
#define CQ_CREATE_FLAGS \
	(IBV_CREATE_CQ_ATTR_SINGLE_THREADED | IBV_CREATE_CQ_ATTR_IGNORE_OVERRUN)
#define CQ_MASK (IBV_CQ_INIT_ATTR_MASK_FLAGS | IBV_CQ_INIT_ATTR_MASK_PD)

static struct ibv_pd *parent_of(const struct ibv_cq_init_attr_ex *attr)
{
	return attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD ? attr->parent_domain
							  : NULL;
}

static int check_attr(struct ibv_context *context,
		      const struct ibv_cq_init_attr_ex *attr)
{
	if (attr->comp_mask & ~(uint32_t)CQ_MASK)
		return -EOPNOTSUPP;
	if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) &&
	    (!attr->parent_domain || !pd_of(attr->parent_domain)->parent))
		return -EINVAL;
	if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) &&
	    (attr->flags & ~(uint32_t)CQ_CREATE_FLAGS))
		return -EOPNOTSUPP;
	if (attr->wc_flags & ~CQ_EX_WC_FLAGS)
		return -EOPNOTSUPP;
	if (attr->cqe < 1 || attr->cqe > INT_MAX ||
	    attr->comp_vector >= (uint32_t)context->num_comp_vectors)
		return -EINVAL;
	return 0;
}

static int make_cq(struct shim_cq *cq, struct ibv_context *context,
		   const struct ibv_cq_init_attr_ex *attr)
{
	struct gn_channel *ch = NULL;
	int rc = handle_new(HANDLE_CQ, cq, &cq->ex.handle);

	if (rc)
		return rc;
	if (attr->channel)
		ch = channel_of(attr->channel)->channel;
	rc = gn_cq_new(nic_of(context), attr->cqe, ch,
		       handle_cookie(cq->ex.handle), &cq->cq);
	if (rc) {
		handle_free(cq->ex.handle);
		return rc;
	}
	gn_cq_set_listener(cq->cq, context_of(context)->events);
	return 0;
}

struct ibv_cq_ex *cq_create_ex(struct ibv_context *context,
			       struct ibv_cq_init_attr_ex *attr)
{
	int rc = check_attr(context, attr);
	struct shim_cq *cq;
	struct home home;

	if (rc)
		return fail_null(rc);
	cq = home_alloc(parent_of(attr), sizeof(*cq), RESOURCE_CQ, &home);
	if (!cq)
		return fail_null(-ENOMEM);
	cq->home = home;
	cq->ex.context = context;
	cq->ex.channel = attr->channel;
	cq->ex.cq_context = attr->cq_context;
	pthread_mutex_init(&cq->ex.mutex, NULL);
	pthread_cond_init(&cq->ex.cond, NULL);
	pthread_mutex_init(&cq->polling, NULL);
	cq_ex_set_functions(&cq->ex);
	rc = make_cq(cq, context, attr);
	if (rc) {
		home_free(&home, cq);
		return fail_null(rc);
	}
	cq->ex.cqe = (int)gn_cq_size(cq->cq);
	if (attr->channel)
		channel_count(attr->channel, 1);
	return &cq->ex;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *context, int cqe,
			     void *cq_context, struct ibv_comp_channel *channel,
			     int comp_vector)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = cqe < 0 ? 0 : (uint32_t)cqe,
		.cq_context = cq_context,
		.channel = channel,
		.comp_vector = (uint32_t)comp_vector,
	};

	return (struct ibv_cq *)cq_create_ex(context, &attr);
}

int ibv_destroy_cq(struct ibv_cq *ibv)
{
	struct shim_cq *cq = cq_of(ibv);
	int rc = gn_cq_free(cq->cq);

	if (rc)
		return -rc;
	handle_free(ibv->handle);
	ack_wait(&ibv->mutex, &ibv->cond, &ibv->comp_events_completed,
		 cq->comp_taken);
	ack_wait(&ibv->mutex, &ibv->cond, &ibv->async_events_completed,
		 cq->async_taken);
	if (ibv->channel)
		channel_count(ibv->channel, -1);
	pthread_mutex_destroy(&cq->polling);
	pthread_cond_destroy(&ibv->cond);
	pthread_mutex_destroy(&ibv->mutex);
	home_free(&cq->home, cq);
	return 0;
}

int ibv_resize_cq(struct ibv_cq *ibv, int cqe)
{
	struct gn_cq *cq = cq_of(ibv)->cq;
	int rc;

	if (cqe < 1)
		return EINVAL;
	rc = gn_cq_resize(cq, (unsigned)cqe);
	if (rc)
		return -rc;
	ibv->cqe = (int)gn_cq_size(cq);
	return 0;
}

int cq_modify(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr)
{
	if (attr->attr_mask >= IBV_CQ_ATTR_RESERVED)
		return EINVAL;
	if (!(attr->attr_mask & IBV_CQ_ATTR_MODERATE))
		return 0;
	return -gn_cq_moderate(cq_of(cq)->cq, attr->moderate.cq_count,
			       attr->moderate.cq_period);
}

unsigned wc_flags(const struct gn_wc *wc)
{
	return wc->flags & (IBV_WC_GRH | IBV_WC_WITH_IMM | IBV_WC_WITH_INV);
}

__be32 wc_imm_or_rkey(const struct gn_wc *wc)
{
	return wc->flags & GN_WC_WITH_INV ? wc->imm_or_rkey
					  : htobe32(wc->imm_or_rkey);
}

static void fill_wc(struct ibv_wc *to, const struct gn_wc *wc)
{
	*to = (struct ibv_wc){
		.wr_id = wc->wr_id,
		.status = (enum ibv_wc_status)wc->status,
		.opcode = (enum ibv_wc_opcode)wc->opcode,
		.byte_len = wc->byte_len,
		.imm_data = wc_imm_or_rkey(wc),
		.qp_num = wc->qpn,
		.src_qp = wc->src_qp,
		.wc_flags = wc_flags(wc),
		.pkey_index = wc->pkey_index,
	};
}

#define POLL_BATCH 16

int cq_poll(struct ibv_cq *ibv, int n, struct ibv_wc *wc)
{
	struct gn_wc batch[POLL_BATCH];
	int done = 0;

	while (done < n) {
		int want = n - done < POLL_BATCH ? n - done : POLL_BATCH;
		int got = gn_cq_poll(cq_of(ibv)->cq, (unsigned)want, batch);

		if (got < 0)
			return done ? done : got;
		for (int i = 0; i < got; i++)
			fill_wc(&wc[done++], &batch[i]);
		if (got < want)
			break;
	}
	return done;
}

int cq_req_notify(struct ibv_cq *ibv, int solicited_only)
{
	return -gn_cq_arm(cq_of(ibv)->cq, solicited_only != 0);
}
