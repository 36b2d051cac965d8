/* Attributes and path records in the kernel's form, which librdmacm gets from
 * the kernel's connection manager, and in verbs' form.
 */
#include <string.h>
#include <infiniband/sa.h>
#include <rdma/ib_user_sa.h>
#include <rdma/ib_user_verbs.h>
#include "verbs_shim/private_abi.h"

void ibv_copy_ah_attr_from_kern(struct ibv_ah_attr *to,
				const struct ib_uverbs_ah_attr *from)
{
	*to = (struct ibv_ah_attr){
		.grh.flow_label = from->grh.flow_label,
		.grh.sgid_index = from->grh.sgid_index,
		.grh.hop_limit = from->grh.hop_limit,
		.grh.traffic_class = from->grh.traffic_class,
		.dlid = from->dlid,
		.sl = from->sl,
		.src_path_bits = from->src_path_bits,
		.static_rate = from->static_rate,
		.is_global = from->is_global,
		.port_num = from->port_num,
	};
	memcpy(&to->grh.dgid, from->grh.dgid, sizeof(to->grh.dgid));
}

static struct ibv_qp_cap cap_from_kern(const struct ib_uverbs_qp_attr *from)
{
	return (struct ibv_qp_cap){
		.max_send_wr = from->max_send_wr,
		.max_recv_wr = from->max_recv_wr,
		.max_send_sge = from->max_send_sge,
		.max_recv_sge = from->max_recv_sge,
		.max_inline_data = from->max_inline_data,
	};
}

/* The state is the caller's: it says to which state the attributes lead. */
void ibv_copy_qp_attr_from_kern(struct ibv_qp_attr *to,
				const struct ib_uverbs_qp_attr *from)
{
	*to = (struct ibv_qp_attr){
		.qp_state = to->qp_state,
		.cur_qp_state = from->cur_qp_state,
		.path_mtu = from->path_mtu,
		.path_mig_state = from->path_mig_state,
		.qkey = from->qkey,
		.rq_psn = from->rq_psn,
		.sq_psn = from->sq_psn,
		.dest_qp_num = from->dest_qp_num,
		.qp_access_flags = from->qp_access_flags,
		.cap = cap_from_kern(from),
		.pkey_index = from->pkey_index,
		.alt_pkey_index = from->alt_pkey_index,
		.en_sqd_async_notify = from->en_sqd_async_notify,
		.sq_draining = from->sq_draining,
		.max_rd_atomic = from->max_rd_atomic,
		.max_dest_rd_atomic = from->max_dest_rd_atomic,
		.min_rnr_timer = from->min_rnr_timer,
		.port_num = from->port_num,
		.timeout = from->timeout,
		.retry_cnt = from->retry_cnt,
		.rnr_retry = from->rnr_retry,
		.alt_port_num = from->alt_port_num,
		.alt_timeout = from->alt_timeout,
		.rate_limit = to->rate_limit,
	};
	ibv_copy_ah_attr_from_kern(&to->ah_attr, &from->ah_attr);
	ibv_copy_ah_attr_from_kern(&to->alt_ah_attr, &from->alt_ah_attr);
}

/* The two records have the same members, of different types. */
#define COPY(member) to->member = (__typeof__(to->member))from->member
#define COPY_PATH_REC(to, from)                                         \
	do {                                                            \
		memcpy(&(to)->dgid, &(from)->dgid, sizeof((to)->dgid)); \
		memcpy(&(to)->sgid, &(from)->sgid, sizeof((to)->sgid)); \
		COPY(dlid);                                             \
		COPY(slid);                                             \
		COPY(raw_traffic);                                      \
		COPY(flow_label);                                       \
		COPY(reversible);                                       \
		COPY(mtu);                                              \
		COPY(pkey);                                             \
		COPY(hop_limit);                                        \
		COPY(traffic_class);                                    \
		COPY(numb_path);                                        \
		COPY(sl);                                               \
		COPY(mtu_selector);                                     \
		COPY(rate_selector);                                    \
		COPY(rate);                                             \
		COPY(packet_life_time_selector);                        \
		COPY(packet_life_time);                                 \
		COPY(preference);                                       \
	} while (0)

void ibv_copy_path_rec_from_kern(struct ibv_sa_path_rec *to,
				 const struct ib_user_path_rec *from)
{
	COPY_PATH_REC(to, from);
}

void ibv_copy_path_rec_to_kern(struct ib_user_path_rec *to,
			       const struct ibv_sa_path_rec *from)
{
	COPY_PATH_REC(to, from);
}
