#include "verbs_shim/wq.h"

#include <stdbool.h>
#include <stdlib.h>
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/pd.h"
#include "verbs_shim/port.h"
#include "verbs_shim/post.h"

static struct shim_wq *wq_of(struct ibv_wq *wq)
{
	return (struct shim_wq *)wq;
}

static int post_to_wq(struct ibv_wq *wq, struct ibv_recv_wr *wr,
		      struct ibv_recv_wr **bad_wr)
{
	return post_list_recv(wq_of(wq)->qp, wr, bad_wr);
}

static int check_attr(const struct ibv_wq_init_attr *attr)
{
	if (attr->wq_type != IBV_WQT_RQ || !attr->pd || !attr->cq)
		return -EINVAL;
	if (attr->comp_mask & ~(uint32_t)IBV_WQ_INIT_ATTR_FLAGS)
		return -EOPNOTSUPP;
	if ((attr->comp_mask & IBV_WQ_INIT_ATTR_FLAGS) && attr->create_flags)
		return -EOPNOTSUPP;
	return 0;
}

static int make_wq(struct shim_wq *wq, const struct ibv_wq_init_attr *attr)
{
	struct gn_qp_init init = {
		.type = GN_QPT_RAW_PACKET,
		.send_cq = cq_of(attr->cq)->cq,
		.recv_cq = cq_of(attr->cq)->cq,
		.cap = {.max_recv_wr = attr->max_wr,
			.max_recv_sge = attr->max_sge},
	};

	return gn_qp_new(pd_of(attr->pd)->pd, &init, &wq->qp);
}

struct ibv_wq *wq_create(struct ibv_context *context,
			 struct ibv_wq_init_attr *attr)
{
	int rc = check_attr(attr);
	struct shim_wq *wq;

	if (rc)
		return fail_null(rc);
	wq = calloc(1, sizeof(*wq));
	if (!wq)
		return fail_null(-ENOMEM);
	rc = make_wq(wq, attr);
	if (rc) {
		free(wq);
		return fail_null(rc);
	}
	wq->ibv.context = context;
	wq->ibv.pd = attr->pd;
	wq->ibv.cq = attr->cq;
	wq->ibv.wq_num = gn_qp_num(wq->qp);
	wq->ibv.state = IBV_WQS_RESET;
	wq->ibv.wq_type = attr->wq_type;
	wq->ibv.post_recv = post_to_wq;
	return &wq->ibv;
}

static int move(struct gn_qp *qp, enum gn_qp_state state, unsigned mask)
{
	struct gn_qp_attr attr = {.state = state, .port_num = PORT_NUM};

	return gn_qp_modify(qp, &attr, GN_QP_STATE | mask);
}

/* To receive, the QP behind it must be in RTR. */
static int move_wq(struct shim_wq *wq, enum ibv_wq_state to)
{
	int rc;

	switch (to) {
	case IBV_WQS_RESET: return move(wq->qp, GN_QPS_RESET, 0);
	case IBV_WQS_ERR: return move(wq->qp, GN_QPS_ERR, 0);
	case IBV_WQS_RDY:
		if (wq->ibv.state != IBV_WQS_RESET)
			break;
		rc = move(wq->qp, GN_QPS_INIT, GN_QP_PORT);
		return rc ? rc : move(wq->qp, GN_QPS_RTR, 0);
	case IBV_WQS_UNKNOWN: break;
	}
	return -EINVAL;
}

int wq_modify(struct ibv_wq *wq, struct ibv_wq_attr *attr)
{
	int rc;

	if (attr->attr_mask >= IBV_WQ_ATTR_RESERVED ||
	    ((attr->attr_mask & IBV_WQ_ATTR_CURR_STATE) &&
	     attr->curr_wq_state != wq->state))
		return EINVAL;
	if (attr->attr_mask & IBV_WQ_ATTR_FLAGS)
		return EOPNOTSUPP;
	if (!(attr->attr_mask & IBV_WQ_ATTR_STATE) ||
	    attr->wq_state == wq->state)
		return 0;
	rc = move_wq(wq_of(wq), attr->wq_state);
	if (rc)
		return -rc;
	wq->state = attr->wq_state;
	return 0;
}

int wq_destroy(struct ibv_wq *wq)
{
	int rc;

	if (atomic_load(&wq_of(wq)->users))
		return EBUSY;
	rc = gn_qp_free(wq_of(wq)->qp);
	if (rc)
		return -rc;
	free(wq_of(wq));
	return 0;
}

struct ibv_rwq_ind_table *ind_table_create(
	struct ibv_context *context, struct ibv_rwq_ind_table_init_attr *attr)
{
	struct shim_ind_table *t;
	unsigned n;

	if (attr->comp_mask || attr->log_ind_tbl_size > 31 ||
	    1u << attr->log_ind_tbl_size > IND_TABLE_MAX)
		return fail_null(-EINVAL);
	n = 1u << attr->log_ind_tbl_size;
	t = calloc(1, sizeof(*t) + n * sizeof(*t->wq));
	if (!t)
		return fail_null(-ENOMEM);
	t->ibv.context = context;
	t->n = n;
	for (unsigned i = 0; i < n; i++) {
		t->wq[i] = wq_of(attr->ind_tbl[i]);
		atomic_fetch_add(&t->wq[i]->users, 1);
	}
	return &t->ibv;
}

int ind_table_destroy(struct ibv_rwq_ind_table *ibv)
{
	struct shim_ind_table *t = ind_table_of(ibv);

	if (atomic_load(&t->users))
		return EBUSY;
	for (unsigned i = 0; i < t->n; i++)
		atomic_fetch_sub(&t->wq[i]->users, 1);
	free(t);
	return 0;
}
