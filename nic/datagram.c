#include "nic/datagram.h"

#include <string.h>

#include "nic/engine.h"
#include "nic/requester.h"
#include "nic/responder_parts.h"
#include "wire/icrc.h"
#include "wire/udp.h"

/* ---- out -------------------------------------------------------------------- */

/* IBTA 10.2.5: a Q_Key with its top bit set stands for the QP's own. */
static uint32_t qkey_of(const struct gn_qp *qp, const struct datagram_dest *to)
{
	return to->qkey & 0x80000000u ? qp->attr.qkey : to->qkey;
}

/* Spread over the upper quarter of the ports, one for each flow. */
static uint16_t source_port(const struct gn_qp *qp,
			    const struct datagram_dest *to)
{
	uint32_t label = to->ah.flow_label ? to->ah.flow_label
					   : qp->qpn ^ to->qpn * 2654435761u;

	return (uint16_t)(((label & 0x3fff) ^ (label >> 14 & 0x3fff)) | 0xc000);
}

enum gn_wc_status datagram_send(struct gn_qp *qp, struct swqe *w)
{
	struct engine *e = qp->engine;
	const struct datagram_dest *to = sq_dest(&qp->sq, w);
	bool imm = w->opcode == GN_WR_SEND_IMM;
	struct roce r = {
		.bth = { .opcode = opcode_of(TRANSPORT_UD,
					     imm ? OP_SEND_ONLY_IMM
						 : OP_SEND_ONLY),
			 .se = w->flags & GN_SEND_SOLICITED,
			 .dqpn = to->qpn,
			 .psn = qp->req.nxt },
		.deth = { qkey_of(qp, to), qp->qpn },
		.imm = w->imm,
	};
	struct gn_ah ah = to->ah;
	struct slot *slot;

	engine_resolve_lid(e, &ah);
	if (w->len > engine_pmtu(e))
		return GN_WC_LOC_LEN_ERR;
	engine_packet_to(e, &ah, source_port(qp, to), &slot);
	if (!requester_gather(qp, w, 0, w->len, slot->payload))
		return GN_WC_LOC_PROT_ERR;
	engine_commit(e, &r, w->len);
	qp->req.nxt = psn_add(qp->req.nxt, 1);
	return GN_WC_SUCCESS;
}

/* ---- in ----------------------------------------------------------------------- */

/* What stands in the GRH area: the IPv6 header, or 20 bytes of nothing and the
 * IPv4 header with a right checksum, by which programs tell the two apart (IBTA
 * A17.4.5.2).
 */
static void put_grh(const struct dgram *d, uint8_t grh[GRH_LEN])
{
	struct ip_header h = { .src = d->src,
			       .dst = d->dst,
			       .version = ip_is_v4(&d->dst) ? 4 : 6,
			       .tos = d->tos,
			       .ttl = d->ttl,
			       .protocol = IPPROTO_UDP_,
			       .len = (uint16_t)(UDP_LEN + d->data.len +
						 ICRC_LEN),
			       .df = true };

	memset(grh, 0, GRH_LEN);
	ip_encode(&h, h.version == 4 ? grh + GRH_LEN - IPV4_LEN : grh);
}

static void complete(struct gn_qp *qp, const struct rwqe *w,
		     const struct roce *r, const struct dgram *d,
		     enum gn_wc_status status)
{
	struct cqe c = { .wc = { .wr_id = w->wr_id,
				 .status = status,
				 .opcode = GN_WC_RECV,
				 .byte_len = GRH_LEN + (uint32_t)r->payload.len,
				 .qpn = qp->qpn,
				 .src_qp = r->deth.sqpn,
				 .flags = GN_WC_GRH,
				 .timestamp = qp->engine->now,
				 .qp = qp,
				 .src = d->src,
				 .tos = d->tos,
				 .solicited = r->bth.se } };

	if (r->op->flags & HAS_IMM) {
		c.wc.flags |= GN_WC_WITH_IMM;
		c.wc.imm_or_rkey = r->imm;
	}
	if (d->has_mac)
		memcpy(c.wc.src_mac, d->src_mac.b, 6);
	cq_push(qp->init.recv_cq, &c);
}

static enum drop check(const struct gn_qp *qp, const struct roce *r)
{
	enum gn_qp_state s = qp_state(qp);

	if (s == GN_QPS_RESET || s == GN_QPS_INIT || s == GN_QPS_ERR)
		return DROP_QP_STATE;
	if (r->deth.qkey != qp->attr.qkey)
		return DROP_QKEY;
	if (r->payload.len > engine_pmtu(qp->engine))
		return DROP_LENGTH;
	return rq_count(rq_of(qp)) ? DROP_NONE : DROP_NO_RECV;
}

enum drop datagram_receive(struct gn_qp *qp, const struct roce *r,
			   const struct dgram *d)
{
	struct gn_srq *srq = qp->resp.srq;
	const struct gn_pd *pd = srq ? srq->pd : qp->pd;
	struct rwqe *w = &qp->resp.recv;
	uint8_t grh[GRH_LEN];
	enum drop v = check(qp, r);

	if (v != DROP_NONE)
		return v;
	/* Too large for the buffer: the datagram is lost, the buffer is not. */
	if (rq_peek(rq_of(qp))->len < GRH_LEN + r->payload.len)
		return DROP_RECV_SMALL;
	rq_take(rq_of(qp), w);
	put_grh(d, grh);
	v = recv_scatter(pd, w, 0, (struct span){ grh, GRH_LEN });
	if (v == DROP_NONE)
		v = recv_scatter(pd, w, GRH_LEN, r->payload);
	complete(qp, w, r, d,
		 v == DROP_NONE ? GN_WC_SUCCESS : GN_WC_LOC_PROT_ERR);
	if (srq)
		srq_taken(srq);
	if (v != DROP_NONE)
		qp_set_error(qp);
	return v;
}
