#include "verbs_shim/wq.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "verbs_shim/context.h"
#include "verbs_shim/cq.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/pd.h"
#include "verbs_shim/post.h"

static_assert(IBV_RX_HASH_SRC_IPV4 == GN_HASH_SRC_IPV4 &&
		      IBV_RX_HASH_DST_PORT_UDP == GN_HASH_DST_PORT_UDP,
	      "the fields are numbered alike");
static_assert((int)IBV_WQS_RDY == (int)GN_WQS_RDY &&
		      (int)IBV_WQS_ERR == (int)GN_WQS_ERR,
	      "the states are numbered alike");

static int wq_post_recv(struct ibv_wq *ibv, struct ibv_recv_wr *wr,
			struct ibv_recv_wr **bad_wr)
{
	struct gn_wq *wq = ((struct shim_wq *)ibv)->wq;

	for (; wr; wr = wr->next) {
		struct gn_recv_wr to;
		int rc = post_recv_from_verbs(&to, wr);

		if (!rc)
			rc = gn_post_wq(wq, &to);
		if (rc) {
			*bad_wr = wr;
			return -rc;
		}
	}
	return 0;
}

static int check_attr(struct ibv_context *context,
		      const struct ibv_wq_init_attr *a)
{
	struct gn_limits limits;

	gn_query_limits(nic_of(context), &limits);
	if (a->wq_type != IBV_WQT_RQ || !limits.raw_packet)
		return -EOPNOTSUPP;
	if ((a->comp_mask & ~(uint32_t)IBV_WQ_INIT_ATTR_FLAGS) ||
	    ((a->comp_mask & IBV_WQ_INIT_ATTR_FLAGS) && a->create_flags))
		return -EOPNOTSUPP;
	if (!a->pd || !a->cq || nic_of(a->pd->context) != nic_of(context) ||
	    nic_of(a->cq->context) != nic_of(context))
		return -EINVAL;
	return 0;
}

static void init_ibv(struct shim_wq *wq, struct ibv_context *context,
		     const struct ibv_wq_init_attr *a)
{
	struct ibv_wq *ibv = &wq->ibv;

	ibv->context = context;
	ibv->wq_context = a->wq_context;
	ibv->pd = a->pd;
	ibv->cq = a->cq;
	ibv->wq_num = ibv->handle = gn_wq_num(wq->wq);
	ibv->state = IBV_WQS_RESET;
	ibv->wq_type = a->wq_type;
	ibv->post_recv = wq_post_recv;
	pthread_mutex_init(&ibv->mutex, NULL);
	pthread_cond_init(&ibv->cond, NULL);
}

struct ibv_wq *wq_create(struct ibv_context *context,
			 struct ibv_wq_init_attr *a)
{
	int rc = check_attr(context, a);
	struct gn_wq_init init;
	struct shim_wq *wq;

	if (rc)
		return fail_null(rc);
	wq = calloc(1, sizeof(*wq));
	if (!wq)
		return fail_null(-ENOMEM);
	init = (struct gn_wq_init){a->max_wr, a->max_sge, cq_of(a->cq)->cq};
	rc = gn_wq_new(pd_of(a->pd)->pd, &init, &wq->wq);
	if (rc) {
		free(wq);
		return fail_null(rc);
	}
	a->max_wr = init.max_wr;
	init_ibv(wq, context, a);
	return &wq->ibv;
}

int wq_modify(struct ibv_wq *ibv, struct ibv_wq_attr *a)
{
	struct shim_wq *wq = (struct shim_wq *)ibv;
	int rc;

	if (a->attr_mask &
	    ~(uint32_t)(IBV_WQ_ATTR_STATE | IBV_WQ_ATTR_CURR_STATE))
		return EOPNOTSUPP;
	if ((a->attr_mask & IBV_WQ_ATTR_CURR_STATE) &&
	    a->curr_wq_state != ibv->state)
		return EINVAL;
	if (!(a->attr_mask & IBV_WQ_ATTR_STATE))
		return 0;
	if (ibv->state == IBV_WQS_ERR && a->wq_state == IBV_WQS_RDY)
		return EINVAL;
	rc = gn_wq_modify(wq->wq, (enum gn_wq_state)a->wq_state);
	if (!rc)
		ibv->state = a->wq_state;
	return -rc;
}

int wq_destroy(struct ibv_wq *ibv)
{
	struct shim_wq *wq = (struct shim_wq *)ibv;
	int rc = gn_wq_free(wq->wq);

	if (rc)
		return -rc;
	pthread_cond_destroy(&ibv->cond);
	pthread_mutex_destroy(&ibv->mutex);
	free(wq);
	return 0;
}

/* ---- tables ---- */

static struct gn_ind *make_table(struct ibv_context *context,
				 const struct ibv_rwq_ind_table_init_attr *a,
				 int *rc)
{
	uint32_t n = 1u << a->log_ind_tbl_size;
	struct gn_wq **wq = calloc(n, sizeof(struct gn_wq *));
	struct gn_ind *ind = NULL;

	*rc = wq ? 0 : -ENOMEM;
	for (uint32_t i = 0; !*rc && i < n; i++) {
		struct shim_wq *from = (struct shim_wq *)a->ind_tbl[i];

		if (!from || nic_of(from->ibv.context) != nic_of(context))
			*rc = -EINVAL;
		else
			wq[i] = from->wq;
	}
	if (!*rc)
		*rc = gn_ind_new(nic_of(context), wq, n, &ind);
	free(wq);
	return ind;
}

struct ibv_rwq_ind_table *ind_create(struct ibv_context *context,
				     struct ibv_rwq_ind_table_init_attr *a)
{
	struct gn_limits limits;
	struct shim_ind *ind;
	int rc;

	gn_query_limits(nic_of(context), &limits);
	if (a->comp_mask)
		return fail_null(-EOPNOTSUPP);
	if (!a->ind_tbl || a->log_ind_tbl_size > 31 ||
	    1u << a->log_ind_tbl_size > limits.max_ind_size)
		return fail_null(-EINVAL);
	ind = calloc(1, sizeof(*ind));
	if (!ind)
		return fail_null(-ENOMEM);
	ind->ind = make_table(context, a, &rc);
	if (rc) {
		free(ind);
		return fail_null(rc);
	}
	ind->ibv.context = context;
	return &ind->ibv;
}

int ind_destroy(struct ibv_rwq_ind_table *ibv)
{
	int rc = gn_ind_free(ind_of(ibv)->ind);

	if (!rc)
		free(ind_of(ibv));
	return -rc;
}

int wq_hash_from_verbs(const struct ibv_rx_hash_conf *conf,
		       struct gn_rx_hash *hash)
{
	if (conf->rx_hash_function != IBV_RX_HASH_FUNC_TOEPLITZ ||
	    conf->rx_hash_fields_mask & ~(uint64_t)GN_HASH_ALL)
		return -EOPNOTSUPP;
	if (!conf->rx_hash_key || conf->rx_hash_key_len != GN_RX_HASH_KEY)
		return -EINVAL;
	hash->fields = conf->rx_hash_fields_mask;
	memcpy(hash->key, conf->rx_hash_key, GN_RX_HASH_KEY);
	return 0;
}

void wq_fill_caps(struct ibv_device_attr_ex *a, const struct gn_limits *l)
{
	if (!l->raw_packet)
		return;
	a->max_wq_type_rq = l->max_qp;
	a->rss_caps.supported_qpts = 1u << IBV_QPT_RAW_PACKET;
	a->rss_caps.max_rwq_indirection_tables = l->max_qp;
	a->rss_caps.max_rwq_indirection_table_size = l->max_ind_size;
	a->rss_caps.rx_hash_fields_mask = GN_HASH_ALL;
	a->rss_caps.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ;
}
