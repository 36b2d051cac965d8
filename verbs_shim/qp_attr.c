#include "verbs_shim/ah.h"
#include "verbs_shim/mtu.h"
#include "verbs_shim/qp_attr.h"

struct gn_qp_cap cap_from_verbs(const struct ibv_qp_cap *cap)
{
	return (struct gn_qp_cap){
		.max_send_wr = cap->max_send_wr,
		.max_recv_wr = cap->max_recv_wr,
		.max_send_sge = cap->max_send_sge,
		.max_recv_sge = cap->max_recv_sge,
		.max_inline = cap->max_inline_data,
	};
}

struct ibv_qp_cap cap_to_verbs(const struct gn_qp_cap *cap)
{
	return (struct ibv_qp_cap){
		.max_send_wr = cap->max_send_wr,
		.max_recv_wr = cap->max_recv_wr,
		.max_send_sge = cap->max_send_sge,
		.max_recv_sge = cap->max_recv_sge,
		.max_inline_data = cap->max_inline,
	};
}

/* Fields that the caller's mask leaves out may be garbage; they stay so. */
void qp_attr_from_verbs(struct gn_qp_attr *to, const struct ibv_qp_attr *attr)
{
	*to = (struct gn_qp_attr){
		.state = (enum gn_qp_state)attr->qp_state,
		.cur_state = (enum gn_qp_state)attr->cur_qp_state,
		.path_mtu = mtu_bytes(attr->path_mtu),
		.mig_state = (uint8_t)attr->path_mig_state,
		.qkey = attr->qkey,
		.rq_psn = attr->rq_psn,
		.sq_psn = attr->sq_psn,
		.dest_qpn = attr->dest_qp_num,
		.access = attr->qp_access_flags,
		.cap = cap_from_verbs(&attr->cap),
		.pkey_index = attr->pkey_index,
		.alt_pkey_index = attr->alt_pkey_index,
		.en_sqd_async_notify = attr->en_sqd_async_notify != 0,
		.max_rd_atomic = attr->max_rd_atomic,
		.max_dest_rd_atomic = attr->max_dest_rd_atomic,
		.min_rnr_timer = attr->min_rnr_timer,
		.timeout = attr->timeout,
		.alt_timeout = attr->alt_timeout,
		.retry_cnt = attr->retry_cnt,
		.rnr_retry = attr->rnr_retry,
		.port_num = attr->port_num,
		.alt_port_num = attr->alt_port_num,
		.rate_limit = attr->rate_limit,
	};
	ah_from_verbs(&to->ah, &attr->ah_attr);
	ah_from_verbs(&to->alt_ah, &attr->alt_ah_attr);
}

void qp_attr_to_verbs(const struct gn_qp_attr *attr, struct ibv_qp_attr *to)
{
	*to = (struct ibv_qp_attr){
		.qp_state = (enum ibv_qp_state)attr->state,
		.cur_qp_state = (enum ibv_qp_state)attr->cur_state,
		.path_mtu = mtu_code(attr->path_mtu),
		.path_mig_state = (enum ibv_mig_state)attr->mig_state,
		.qkey = attr->qkey,
		.rq_psn = attr->rq_psn,
		.sq_psn = attr->sq_psn,
		.dest_qp_num = attr->dest_qpn,
		.qp_access_flags = attr->access,
		.cap = cap_to_verbs(&attr->cap),
		.pkey_index = attr->pkey_index,
		.alt_pkey_index = attr->alt_pkey_index,
		.en_sqd_async_notify = attr->en_sqd_async_notify,
		.sq_draining = attr->sq_draining,
		.max_rd_atomic = attr->max_rd_atomic,
		.max_dest_rd_atomic = attr->max_dest_rd_atomic,
		.min_rnr_timer = attr->min_rnr_timer,
		.timeout = attr->timeout,
		.alt_timeout = attr->alt_timeout,
		.retry_cnt = attr->retry_cnt,
		.rnr_retry = attr->rnr_retry,
		.port_num = attr->port_num,
		.alt_port_num = attr->alt_port_num,
		.rate_limit = attr->rate_limit,
	};
	ah_to_verbs(&attr->ah, &to->ah_attr);
	ah_to_verbs(&attr->alt_ah, &to->alt_ah_attr);
}
