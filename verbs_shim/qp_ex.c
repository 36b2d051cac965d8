#include "verbs_shim/qp_ex.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include "verbs_shim/ah.h"
#include "verbs_shim/batch.h"
#include "verbs_shim/mr.h"
#include "verbs_shim/mw.h"
#include "verbs_shim/post.h"

#define ATOMIC_LEN 8

#define WRITES (IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM)
#define SENDS  (IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM)
#define LOCALS (IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_BIND_MW)
#define RELIABLE                                                        \
	(IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP | \
	 IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD | IBV_QP_EX_WITH_SEND_WITH_INV)
#define NEWER (IBV_QP_EX_WITH_ATOMIC_WRITE | QP_EX_WITH_FLUSH)

/* SEND with invalidate has no UC opcode (IBTA table 38). */
uint64_t qp_ex_ops(enum ibv_qp_type type)
{
	switch (type) {
	case IBV_QPT_RC: return WRITES | SENDS | LOCALS | RELIABLE | NEWER;
	case IBV_QPT_XRC_SEND: return WRITES | SENDS | LOCALS | RELIABLE;
	case IBV_QPT_UC: return WRITES | SENDS | LOCALS;
	case IBV_QPT_UD: return SENDS;
	case IBV_QPT_RAW_PACKET: return IBV_QP_EX_WITH_SEND;
	case IBV_QPT_XRC_RECV:
	case IBV_QPT_DRIVER: break;
	}
	return 0;
}

/* The data of an ATOMIC WRITE is always taken when it is built. */
uint32_t qp_ex_inline(uint64_t ops, uint32_t asked)
{
	bool more = (ops & IBV_QP_EX_WITH_ATOMIC_WRITE) && asked < ATOMIC_LEN;

	return more ? ATOMIC_LEN : asked;
}

static struct batch *batch_of(struct ibv_qp_ex *ex)
{
	return qp_of(&ex->qp_base)->batch;
}

/* A request for operation @op, one of IBV_QP_EX_WITH_*; NULL: it failed.
 * Inline data comes by a setter, not by flag.
 */
static struct gn_send_wr *build(struct ibv_qp_ex *ex, uint64_t op,
				enum gn_wr_opcode opcode)
{
	struct batch *b = batch_of(ex);
	struct gn_send_wr *wr;

	if (!(b->ops & op)) {
		batch_fail(b, EOPNOTSUPP);
		return NULL;
	}
	if (ex->wr_flags & ~POST_FLAGS) {
		batch_fail(b, EINVAL);
		return NULL;
	}
	wr = batch_add(b);
	if (!wr)
		return NULL;
	wr->wr_id = ex->wr_id;
	wr->flags = ex->wr_flags & ~GN_SEND_INLINE;
	wr->opcode = opcode;
	return wr;
}

static struct gn_send_wr *build_remote(struct ibv_qp_ex *ex, uint64_t op,
				       enum gn_wr_opcode opcode, uint32_t rkey,
				       uint64_t remote_addr)
{
	struct gn_send_wr *wr = build(ex, op, opcode);

	if (wr) {
		wr->rkey = rkey;
		wr->remote_addr = remote_addr;
	}
	return wr;
}

static void build_imm(struct ibv_qp_ex *ex, uint64_t op,
		      enum gn_wr_opcode opcode, uint32_t imm)
{
	struct gn_send_wr *wr = build(ex, op, opcode);

	if (wr)
		wr->imm = imm;
}

/* ---- builders ---- */

static void wr_send(struct ibv_qp_ex *ex)
{
	build(ex, IBV_QP_EX_WITH_SEND, GN_WR_SEND);
}

static void wr_send_imm(struct ibv_qp_ex *ex, __be32 imm_data)
{
	build_imm(ex, IBV_QP_EX_WITH_SEND_WITH_IMM, GN_WR_SEND_IMM,
		  be32toh(imm_data));
}

static void wr_send_inv(struct ibv_qp_ex *ex, uint32_t rkey)
{
	build_imm(ex, IBV_QP_EX_WITH_SEND_WITH_INV, GN_WR_SEND_INV, rkey);
}

static void wr_local_inv(struct ibv_qp_ex *ex, uint32_t rkey)
{
	build_imm(ex, IBV_QP_EX_WITH_LOCAL_INV, GN_WR_LOCAL_INV, rkey);
}

static void wr_send_tso(struct ibv_qp_ex *ex, void *hdr, uint16_t hdr_sz,
			uint16_t mss)
{
	batch_fail(batch_of(ex), EOPNOTSUPP);
}

static void wr_rdma_write(struct ibv_qp_ex *ex, uint32_t rkey,
			  uint64_t remote_addr)
{
	build_remote(ex, IBV_QP_EX_WITH_RDMA_WRITE, GN_WR_RDMA_WRITE, rkey,
		     remote_addr);
}

static void wr_rdma_write_imm(struct ibv_qp_ex *ex, uint32_t rkey,
			      uint64_t remote_addr, __be32 imm_data)
{
	struct gn_send_wr *wr =
		build_remote(ex, IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM,
			     GN_WR_RDMA_WRITE_IMM, rkey, remote_addr);

	if (wr)
		wr->imm = be32toh(imm_data);
}

static void wr_rdma_read(struct ibv_qp_ex *ex, uint32_t rkey,
			 uint64_t remote_addr)
{
	build_remote(ex, IBV_QP_EX_WITH_RDMA_READ, GN_WR_RDMA_READ, rkey,
		     remote_addr);
}

static void wr_atomic_cmp_swp(struct ibv_qp_ex *ex, uint32_t rkey,
			      uint64_t remote_addr, uint64_t compare,
			      uint64_t swap)
{
	struct gn_send_wr *wr =
		build_remote(ex, IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP,
			     GN_WR_CMP_SWAP, rkey, remote_addr);

	if (wr) {
		wr->compare_add = compare;
		wr->swap = swap;
	}
}

static void wr_atomic_fetch_add(struct ibv_qp_ex *ex, uint32_t rkey,
				uint64_t remote_addr, uint64_t add)
{
	struct gn_send_wr *wr =
		build_remote(ex, IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD,
			     GN_WR_FETCH_ADD, rkey, remote_addr);

	if (wr)
		wr->compare_add = add;
}

static void wr_atomic_write(struct ibv_qp_ex *ex, uint32_t rkey,
			    uint64_t remote_addr, const void *atomic_wr)
{
	void *to;

	if (!build_remote(ex, IBV_QP_EX_WITH_ATOMIC_WRITE, GN_WR_ATOMIC_WRITE,
			  rkey, remote_addr))
		return;
	to = batch_inline(batch_of(ex), ATOMIC_LEN);
	if (to)
		memcpy(to, atomic_wr, ATOMIC_LEN);
}

static void wr_flush(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t remote_addr,
		     size_t len, uint8_t type, uint8_t level)
{
	struct gn_send_wr *wr;

	if (len > UINT32_MAX) {
		batch_fail(batch_of(ex), EINVAL);
		return;
	}
	wr = build_remote(ex, QP_EX_WITH_FLUSH, GN_WR_FLUSH, rkey, remote_addr);
	if (wr) {
		wr->flush_len = (uint32_t)len;
		wr->flush_type = type;
		wr->flush_level = level;
	}
}

static void wr_bind_mw(struct ibv_qp_ex *ex, struct ibv_mw *mw, uint32_t rkey,
		       const struct ibv_mw_bind_info *info)
{
	struct gn_send_wr *wr;

	if (mw->type != IBV_MW_TYPE_2) {
		batch_fail(batch_of(ex), EINVAL);
		return;
	}
	wr = build(ex, IBV_QP_EX_WITH_BIND_MW, GN_WR_BIND_MW);
	if (wr)
		mw_fill_bind(wr, mw, rkey, info);
}

/* ---- setters ---- */

static void wr_set_ud_addr(struct ibv_qp_ex *ex, struct ibv_ah *ah,
			   uint32_t remote_qpn, uint32_t remote_qkey)
{
	struct gn_send_wr *wr = batch_last(batch_of(ex));

	if (!wr)
		return;
	wr->ah = &ah_of(ah)->ah;
	wr->remote_qpn = remote_qpn;
	wr->remote_qkey = remote_qkey;
}

static void wr_set_xrc_srqn(struct ibv_qp_ex *ex, uint32_t remote_srqn)
{
	struct gn_send_wr *wr = batch_last(batch_of(ex));

	if (wr)
		wr->remote_srqn = remote_srqn;
}

static void wr_set_sge_list(struct ibv_qp_ex *ex, size_t num_sge,
			    const struct ibv_sge *list)
{
	struct gn_sge *sge;

	if (num_sge > UINT16_MAX) {
		batch_fail(batch_of(ex), EINVAL);
		return;
	}
	sge = batch_sges(batch_of(ex), (unsigned)num_sge);
	if (sge && num_sge)
		memcpy(sge, list, num_sge * sizeof(*sge));
}

static void wr_set_sge(struct ibv_qp_ex *ex, uint32_t lkey, uint64_t addr,
		       uint32_t length)
{
	struct ibv_sge sge = {.addr = addr, .length = length, .lkey = lkey};

	wr_set_sge_list(ex, 1, &sge);
}

static void wr_set_inline_data_list(struct ibv_qp_ex *ex, size_t num_buf,
				    const struct ibv_data_buf *list)
{
	size_t len = 0;
	char *to;

	for (size_t i = 0; i < num_buf; i++)
		len += list[i].length;
	to = batch_inline(batch_of(ex), len);
	if (!to)
		return;
	for (size_t i = 0; i < num_buf; i++) {
		if (list[i].length)
			memcpy(to, list[i].addr, list[i].length);
		to += list[i].length;
	}
}

static void wr_set_inline_data(struct ibv_qp_ex *ex, void *addr, size_t length)
{
	struct ibv_data_buf buf = {.addr = addr, .length = length};

	wr_set_inline_data_list(ex, 1, &buf);
}

/* ---- the region ---- */

static void wr_start(struct ibv_qp_ex *ex)
{
	batch_start(batch_of(ex));
}

static int wr_complete(struct ibv_qp_ex *ex)
{
	return batch_complete(batch_of(ex), qp_of(&ex->qp_base)->qp);
}

static void wr_abort(struct ibv_qp_ex *ex)
{
	batch_abort(batch_of(ex));
}

static void set_builders(struct ibv_qp_ex *ex)
{
	ex->wr_send = wr_send;
	ex->wr_send_imm = wr_send_imm;
	ex->wr_send_inv = wr_send_inv;
	ex->wr_send_tso = wr_send_tso;
	ex->wr_local_inv = wr_local_inv;
	ex->wr_bind_mw = wr_bind_mw;
	ex->wr_rdma_write = wr_rdma_write;
	ex->wr_rdma_write_imm = wr_rdma_write_imm;
	ex->wr_rdma_read = wr_rdma_read;
	ex->wr_atomic_cmp_swp = wr_atomic_cmp_swp;
	ex->wr_atomic_fetch_add = wr_atomic_fetch_add;
	ex->wr_atomic_write = wr_atomic_write;
}

int qp_ex_init(struct shim_qp *qp, uint64_t ops)
{
	struct ibv_qp_ex *ex = &qp->ex;

	qp->batch = batch_new(ops);
	if (!qp->batch)
		return -ENOMEM;
	set_builders(ex);
	qp->v56.wr_flush = wr_flush;
	ex->wr_set_ud_addr = wr_set_ud_addr;
	ex->wr_set_xrc_srqn = wr_set_xrc_srqn;
	ex->wr_set_inline_data = wr_set_inline_data;
	ex->wr_set_inline_data_list = wr_set_inline_data_list;
	ex->wr_set_sge = wr_set_sge;
	ex->wr_set_sge_list = wr_set_sge_list;
	ex->wr_start = wr_start;
	ex->wr_complete = wr_complete;
	ex->wr_abort = wr_abort;
	return 0;
}

void qp_ex_fini(struct shim_qp *qp)
{
	if (qp->batch)
		batch_free(qp->batch);
}

struct ibv_qp_ex *ibv_qp_to_qp_ex(struct ibv_qp *qp)
{
	return qp_of(qp)->batch ? &qp_of(qp)->ex : NULL;
}
