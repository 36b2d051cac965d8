#include "nic/wr_kind.h"

const struct wr_kind wr_kinds[GN_WR_N] = {
	[GN_WR_SEND] = { OP_SEND_FIRST, OP_SEND_MIDDLE, OP_SEND_LAST,
			 OP_SEND_ONLY, GN_WC_SEND, K_SENDS | K_RECV },
	[GN_WR_SEND_IMM] = { OP_SEND_FIRST, OP_SEND_MIDDLE, OP_SEND_LAST_IMM,
			     OP_SEND_ONLY_IMM, GN_WC_SEND, K_SENDS | K_RECV },
	[GN_WR_SEND_INV] = { OP_SEND_FIRST, OP_SEND_MIDDLE, OP_SEND_LAST_INV,
			     OP_SEND_ONLY_INV, GN_WC_SEND, K_SENDS | K_RECV },
	[GN_WR_RDMA_WRITE] = { OP_WRITE_FIRST, OP_WRITE_MIDDLE, OP_WRITE_LAST,
			       OP_WRITE_ONLY, GN_WC_RDMA_WRITE, K_SENDS },
	[GN_WR_RDMA_WRITE_IMM] = { OP_WRITE_FIRST, OP_WRITE_MIDDLE,
				   OP_WRITE_LAST_IMM, OP_WRITE_ONLY_IMM,
				   GN_WC_RDMA_WRITE, K_SENDS | K_RECV },
	[GN_WR_RDMA_READ] = { .only = OP_READ_REQUEST,
			      .wc = GN_WC_RDMA_READ,
			      .is = K_READS | K_WRITES },
	[GN_WR_CMP_SWAP] = { .only = OP_COMPARE_SWAP,
			     .wc = GN_WC_COMP_SWAP,
			     .is = K_READS | K_WRITES | K_SINGLE },
	[GN_WR_FETCH_ADD] = { .only = OP_FETCH_ADD,
			      .wc = GN_WC_FETCH_ADD,
			      .is = K_READS | K_WRITES | K_SINGLE },
	[GN_WR_ATOMIC_WRITE] = { .only = OP_ATOMIC_WRITE,
				 .wc = GN_WC_ATOMIC_WRITE,
				 .is = K_READS | K_SENDS | K_SINGLE },
	[GN_WR_FLUSH] = { .only = OP_FLUSH,
			  .wc = GN_WC_FLUSH,
			  .is = K_READS | K_SINGLE },
	[GN_WR_LOCAL_INV] = { .wc = GN_WC_LOCAL_INV, .is = K_LOCAL },
	[GN_WR_BIND_MW] = { .wc = GN_WC_BIND_MW, .is = K_LOCAL },
};

uint32_t wr_packets(const struct gn_qp *qp, const struct swqe *w)
{
	uint32_t pmtu = qp->attr.path_mtu;

	if (wr_is(w, K_LOCAL))
		return 0;
	if (wr_is(w, K_SINGLE) || !qp_is_connected(qp) || !w->len)
		return 1;
	return (uint32_t)(((uint64_t)w->len + pmtu - 1) / pmtu);
}

void wr_headers(const struct gn_qp *qp, const struct swqe *w, uint32_t pkt,
		struct roce *r)
{
	const struct wr_kind *k = &wr_kinds[w->opcode];
	uint32_t skip = pkt * qp->attr.path_mtu;
	bool last = pkt + 1 == w->npsn;
	enum operation op;

	if (w->npsn == 1 || (k->is & K_READS))
		op = k->only;
	else if (!pkt)
		op = k->first;
	else
		op = last ? k->last : k->middle;
	r->bth = (struct bth){ .opcode = opcode_of(qp_transport(qp), op),
			       .se = last && (k->is & K_RECV) &&
				     (w->flags & GN_SEND_SOLICITED),
			       .dqpn = qp->attr.dest_qpn,
			       .psn = qp->req.nxt };
	r->reth = (struct reth){ w->remote_addr, w->rkey, w->len };
	if (w->opcode == GN_WR_RDMA_READ) {
		r->reth.va += skip;
		r->reth.len -= skip;
	}
	r->atomic = (struct atomiceth){ w->remote_addr, w->rkey, 0, 0 };
	if (w->opcode == GN_WR_CMP_SWAP) {
		r->atomic.swap_add = w->swap;
		r->atomic.compare = w->compare_add;
	} else {
		r->atomic.swap_add = w->compare_add;
	}
	r->feth = (struct feth){ w->flush_type, w->flush_level };
	r->srqn = w->srqn;
	r->imm = w->imm;
	r->inv_rkey = w->imm;
}
