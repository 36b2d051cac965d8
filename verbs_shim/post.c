#include <assert.h>
#include <endian.h>
#include <errno.h>
#include "verbs_shim/ah.h"
#include "verbs_shim/mw.h"
#include "verbs_shim/post.h"
#include "verbs_shim/qp.h"
#include "verbs_shim/srq.h"

/* SGE lists are passed on as they are. */
static_assert(sizeof(struct ibv_sge) == sizeof(struct gn_sge) &&
		      offsetof(struct ibv_sge, addr) ==
			      offsetof(struct gn_sge, addr) &&
		      offsetof(struct ibv_sge, length) ==
			      offsetof(struct gn_sge, len) &&
		      offsetof(struct ibv_sge, lkey) ==
			      offsetof(struct gn_sge, lkey),
	      "one layout");

static uint32_t imm_or_rkey(const struct ibv_send_wr *wr)
{
	bool is_rkey = wr->opcode == IBV_WR_SEND_WITH_INV ||
		       wr->opcode == IBV_WR_LOCAL_INV;

	return is_rkey ? wr->invalidate_rkey : be32toh(wr->imm_data);
}

static void set_datagram(struct gn_send_wr *to, const struct ibv_send_wr *wr)
{
	to->ah = wr->wr.ud.ah ? &ah_of(wr->wr.ud.ah)->ah : NULL;
	to->remote_qpn = wr->wr.ud.remote_qpn;
	to->remote_qkey = wr->wr.ud.remote_qkey;
}

static void set_atomic(struct gn_send_wr *to, const struct ibv_send_wr *wr)
{
	to->remote_addr = wr->wr.atomic.remote_addr;
	to->rkey = wr->wr.atomic.rkey;
	to->compare_add = wr->wr.atomic.compare_add;
	to->swap = wr->wr.atomic.swap;
}

static void set_rdma(struct gn_send_wr *to, const struct ibv_send_wr *wr)
{
	to->remote_addr = wr->wr.rdma.remote_addr;
	to->rkey = wr->wr.rdma.rkey;
}

/* struct ibv_send_wr tells of FLUSH no more than its opcode: that is built by
 * ibv_wr_flush only.
 */
#define WR_FLUSH 14 /* IBV_WR_FLUSH, unknown to version 44's header */

static bool is_postable(const struct ibv_send_wr *wr)
{
	return wr->num_sge >= 0 && !(wr->send_flags & ~POST_FLAGS) &&
	       (int)wr->opcode != WR_FLUSH &&
	       !(wr->opcode == IBV_WR_BIND_MW &&
		 (!wr->bind_mw.mw || wr->bind_mw.mw->type != IBV_MW_TYPE_2));
}

static void set_operands(struct gn_send_wr *to, enum ibv_qp_type type,
			 const struct ibv_send_wr *wr)
{
	if (type == IBV_QPT_UD)
		set_datagram(to, wr);
	else if (wr->opcode == IBV_WR_BIND_MW)
		mw_fill_bind(to, wr->bind_mw.mw, wr->bind_mw.rkey,
			     &wr->bind_mw.bind_info);
	else if (wr->opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
		 wr->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD)
		set_atomic(to, wr);
	else
		set_rdma(to, wr);
	if (type == IBV_QPT_XRC_SEND)
		to->remote_srqn = wr->qp_type.xrc.remote_srqn;
}

static int send_one(struct shim_qp *qp, const struct ibv_send_wr *wr)
{
	struct gn_send_wr to = {
		.wr_id = wr->wr_id,
		.opcode = (enum gn_wr_opcode)wr->opcode,
		.flags = wr->send_flags,
		.sge = (const struct gn_sge *)wr->sg_list,
		.nsge = (unsigned)wr->num_sge,
		.imm = imm_or_rkey(wr),
	};

	if (!is_postable(wr))
		return -EINVAL;
	set_operands(&to, qp->ex.qp_base.qp_type, wr);
	return gn_post_send(qp->qp, &to);
}

/* What was queued before the bad request is sent. */
int post_send(struct ibv_qp *ibv, struct ibv_send_wr *wr,
	      struct ibv_send_wr **bad_wr)
{
	struct shim_qp *qp = qp_of(ibv);
	struct ibv_send_wr *first = wr;
	int rc = 0;

	for (; wr; wr = wr->next) {
		rc = send_one(qp, wr);
		if (rc) {
			*bad_wr = wr;
			break;
		}
	}
	if (wr != first)
		gn_qp_ring(qp->qp);
	return -rc;
}

int post_recv_from_verbs(struct gn_recv_wr *to, const struct ibv_recv_wr *wr)
{
	if (wr->num_sge < 0)
		return -EINVAL;
	*to = (struct gn_recv_wr){
		.wr_id = wr->wr_id,
		.sge = (const struct gn_sge *)wr->sg_list,
		.nsge = (unsigned)wr->num_sge,
	};
	return 0;
}

int post_recv(struct ibv_qp *ibv, struct ibv_recv_wr *wr,
	      struct ibv_recv_wr **bad_wr)
{
	struct gn_qp *qp = qp_of(ibv)->qp;

	for (; wr; wr = wr->next) {
		struct gn_recv_wr to;
		int rc = post_recv_from_verbs(&to, wr);

		if (!rc)
			rc = gn_post_recv(qp, &to);
		if (rc) {
			*bad_wr = wr;
			return -rc;
		}
	}
	return 0;
}

int post_srq_recv(struct ibv_srq *ibv, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr)
{
	struct gn_srq *srq = srq_of(ibv)->srq;

	for (; wr; wr = wr->next) {
		struct gn_recv_wr to;
		int rc = post_recv_from_verbs(&to, wr);

		if (!rc)
			rc = gn_post_srq(srq, &to);
		if (rc) {
			*bad_wr = wr;
			return -rc;
		}
	}
	return 0;
}
