#include "tests/support/kinds.h"

struct gn_qp *kind_qp(struct duo *d, unsigned side, enum gn_qp_type type,
		      struct gn_srq *srq, struct gn_xrcd *xrcd)
{
	struct side *s = &d->s[side];
	bool tgt = type == GN_QPT_XRC_RECV;
	struct gn_qp_init init = { .type = type,
				   .send_cq = tgt ? NULL : s->scq,
				   .recv_cq = tgt || type == GN_QPT_XRC_SEND
						      ? NULL
						      : s->rcq,
				   .srq = srq,
				   .xrcd = xrcd,
				   .cap = d->o.cap,
				   .sq_sig_all = d->o.sig_all,
				   .listener = (struct gn_listener *)s,
				   .cookie = DUO_COOKIE };
	struct gn_qp *qp;

	CHECK_EQ(qp_new(s->pd, &init, &qp), 0);
	return qp;
}

void kind_raise(struct duo *d, unsigned side, struct gn_qp *qp, uint32_t dqpn,
		enum gn_qp_state to)
{
	struct gn_qp_attr attr = duo_attr(d, side, dqpn);

	attr.qkey = KIND_QKEY;
	for (unsigned s = qp_state(qp); s < 3 && qp_state(qp) != to; s++)
		CHECK_EQ(duo_move(qp, attr, s + 1,
				  GN_QP_STATE | kind_mask(qp->init.type, s)),
			 0);
	if (qp_state(qp) != to)
		CHECK_EQ(duo_move(qp, attr, to, GN_QP_STATE), 0);
}

void kind_replace(struct duo *d, unsigned side, struct gn_qp *qp)
{
	if (d->s[side].qp)
		qp_free(d->s[side].qp);
	d->s[side].qp = qp;
}

void kind_connect(struct duo *d)
{
	kind_raise(d, A, d->s[A].qp, d->s[B].qp->qpn, GN_QPS_RTS);
	kind_raise(d, B, d->s[B].qp, d->s[A].qp->qpn, GN_QPS_RTS);
}

void kind_open(struct duo *d, const struct duo_options *o, enum gn_qp_type type)
{
	struct duo_options defaults = duo_defaults();

	duo_open(d, o ? o : &defaults);
	for (unsigned i = 0; i < 2; i++)
		kind_replace(d, i, kind_qp(d, i, type, NULL, NULL));
	kind_connect(d);
}

/* ---- shared receive queues ------------------------------------------------------ */

struct gn_srq *kind_xrc_srq(struct duo *d, unsigned side, uint32_t max_wr,
			    struct gn_xrcd *xrcd, struct gn_cq *cq)
{
	struct side *s = &d->s[side];
	struct gn_srq_init init = { .max_wr = max_wr,
				    .max_sge = 4,
				    .xrcd = xrcd,
				    .cq = cq,
				    .listener = (struct gn_listener *)s,
				    .cookie = KIND_SRQ_COOKIE };
	struct gn_srq *srq;

	CHECK_EQ(srq_new(s->pd, &init, &srq), 0);
	return srq;
}

struct gn_srq *kind_srq(struct duo *d, unsigned side, uint32_t max_wr)
{
	return kind_xrc_srq(d, side, max_wr, NULL, NULL);
}

int kind_post_srq(struct duo *d, unsigned side, struct gn_srq *srq,
		  uint64_t wr_id, size_t offset, uint32_t len)
{
	struct gn_sge sge = duo_sge(d, side, offset, len);
	struct gn_recv_wr wr = { .wr_id = wr_id, .sge = &sge, .nsge = 1 };

	return rq_post(&srq->rq, &wr);
}

/* ---- datagrams ------------------------------------------------------------------- */

struct gn_ah kind_ah(const struct duo *d, unsigned side)
{
	return (struct gn_ah){ .is_global = true,
			       .dgid = d->s[!side].node->link.addr[0],
			       .port_num = 1 };
}

struct gn_send_wr kind_datagram(struct duo *d, unsigned side, uint64_t wr_id,
				uint32_t len, uint32_t dqpn)
{
	static struct gn_ah ah[2];
	struct gn_send_wr wr = duo_wr(d, side, wr_id, GN_WR_SEND, len);

	ah[side] = kind_ah(d, side);
	wr.ah = &ah[side];
	wr.remote_qpn = dqpn;
	wr.remote_qkey = KIND_QKEY;
	return wr;
}
