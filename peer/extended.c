#include "peer/extended.h"

#include <errno.h>

#define WITH_FLUSH (1u << 11) /* IBV_QP_EX_WITH_FLUSH */

/* Where rdma-core 45 put it: behind all that version 44 knows. */
struct flush_qp_ex {
	struct ibv_qp_ex ex;
	void (*wr_flush)(struct ibv_qp_ex *qp, uint32_t rkey,
			 uint64_t remote_addr, size_t len, uint8_t type,
			 uint8_t level);
};

struct ibv_qp *extended_qp_new(struct ibv_context *context,
			       struct ibv_qp_init_attr_ex *init, bool *extended)
{
	struct ibv_qp_init_attr_ex x = *init;
	struct ibv_qp *qp = NULL;

	if (init->qp_type == IBV_QPT_RC) {
		x.comp_mask |= IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
		x.send_ops_flags = IBV_QP_EX_WITH_ATOMIC_WRITE | WITH_FLUSH;
		qp = ibv_create_qp_ex(context, &x);
	}
	*extended = qp;
	return qp ? qp : ibv_create_qp_ex(context, init);
}

static struct ibv_qp_ex *start(struct ibv_qp *qp, uint64_t wr_id,
			       unsigned flags)
{
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(qp);

	ibv_wr_start(ex);
	ex->wr_id = wr_id;
	ex->wr_flags = flags;
	return ex;
}

int extended_flush(struct ibv_qp *qp, const struct flush *f)
{
	struct ibv_qp_ex *ex = start(qp, f->wr_id, f->flags);

	((struct flush_qp_ex *)ex)
		->wr_flush(ex, f->rkey, f->va, f->len, f->type, f->level);
	return ibv_wr_complete(ex);
}

int extended_atomic_write(struct ibv_qp *qp, const struct ibv_send_wr *wr,
			  const uint8_t data[8])
{
	struct ibv_qp_ex *ex = start(qp, wr->wr_id, wr->send_flags);

	ibv_wr_atomic_write(ex, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr,
			    data);
	return ibv_wr_complete(ex);
}
