#include "nic/responder_parts.h"

#include <string.h>

#include "nic/engine.h"
#include "nic/mem.h"
#include "nic/responder.h"

/* ---- receive work requests ----------------------------------------------------- */

void complete_recv(struct gn_qp *qp, const struct roce *r,
		   enum gn_wc_status status)
{
	struct responder *s = &qp->resp;
	bool write = r && (r->op->flags & IS_WRITE);
	struct cqe c = { .wc = { .wr_id = s->recv.wr_id,
				 .status = status,
				 .opcode = write ? GN_WC_RECV_RDMA_WITH_IMM
						 : GN_WC_RECV,
				 .byte_len = s->offset,
				 .qpn = qp->qpn,
				 .src_qp = qp->attr.dest_qpn,
				 .timestamp = qp->engine->now,
				 .qp = qp } };

	if (r && (r->op->flags & HAS_IMM)) {
		c.wc.flags = GN_WC_WITH_IMM;
		c.wc.imm_or_rkey = r->imm;
	} else if (r && (r->op->flags & HAS_IETH)) {
		c.wc.flags = GN_WC_WITH_INV;
		c.wc.imm_or_rkey = r->inv_rkey;
	}
	c.wc.solicited = r && r->bth.se;
	s->have_recv = false;
	cq_push(responder_cq(qp), &c);
}

static enum drop take_recv(struct gn_qp *qp)
{
	struct responder *s = &qp->resp;

	if (s->have_recv)
		return DROP_NONE;
	if (!rq_take(rq_of(qp), &s->recv))
		return DROP_RNR;
	s->have_recv = true;
	if (s->srq)
		srq_taken(s->srq);
	return DROP_NONE;
}

enum drop recv_scatter(const struct gn_pd *pd, const struct rwqe *w,
		       uint32_t offset, struct span data)
{
	if ((uint64_t)offset + data.len > w->len)
		return DROP_RECV_LENGTH;
	return mr_scatter(pd, w->sge, w->nsge, offset, data) ? DROP_NONE
							     : DROP_RECV_LKEY;
}

/* ---- messages --------------------------------------------------------------------- */

static void begin(struct gn_qp *qp, const struct roce *r, enum message kind)
{
	struct responder *s = &qp->resp;

	s->message = kind;
	s->offset = 0;
	if (kind == MESSAGE_WRITE) {
		s->va = r->reth.va;
		s->rkey = r->reth.rkey;
		s->len = r->reth.len;
	}
}

static void end(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;

	s->message = MESSAGE_NONE;
	s->msn = psn_add(s->msn, 1);
	/* UC may hold one for a SEND that broke off. */
	if (s->have_recv && (r->op->flags & TAKES_RECV))
		complete_recv(qp, r, GN_WC_SUCCESS);
}

enum drop execute_send(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	enum drop v = take_recv(qp);

	if (v != DROP_NONE)
		return v;
	if (r->op->flags & IS_START)
		begin(qp, r, MESSAGE_SEND);
	v = recv_scatter(s->srq ? s->srq->pd : qp->pd, &s->recv, s->offset,
			 r->payload);
	if (v == DROP_NONE && (r->op->flags & HAS_IETH) &&
	    !mw_invalidate(responder_pd(qp), qp->qpn, r->inv_rkey))
		v = DROP_INVALIDATE;
	if (v != DROP_NONE)
		return v;
	s->offset += (uint32_t)r->payload.len;
	if (r->op->flags & IS_END)
		end(qp, r);
	return DROP_NONE;
}

enum drop execute_write(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	uint8_t *at = NULL;
	enum drop v = DROP_NONE;

	if (r->op->flags & IS_START)
		begin(qp, r, MESSAGE_WRITE);
	if (r->payload.len) {
		v = mr_check_remote(responder_pd(qp), qp->qpn, s->rkey, s->va + s->offset,
				    r->payload.len, GN_ACCESS_REMOTE_WRITE,
				    &at);
		if (v == DROP_NONE &&
		    mem_copy(at, r->payload.p, r->payload.len))
			v = DROP_RANGE;
	}
	if (v == DROP_NONE && (r->op->flags & TAKES_RECV))
		v = take_recv(qp);
	if (v != DROP_NONE)
		return v;
	s->offset += (uint32_t)r->payload.len;
	if (r->op->flags & IS_END)
		end(qp, r);
	return DROP_NONE;
}

/* ---- what is answered with data ------------------------------------------------------- */

/* The record of a new READ or atomic: a fresh one, or the oldest again. */
static struct resource *resource_take(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;
	struct resource *res = &s->res[s->res_next];

	s->res_next = (s->res_next + 1) % qp->attr.max_dest_rd_atomic;
	if (s->res_used < qp->attr.max_dest_rd_atomic)
		s->res_used++;
	s->msn = psn_add(s->msn, 1);
	*res = (struct resource){ .first_psn = r->bth.psn,
				  .npsn = 1,
				  .op = opcode_operation(r->bth.opcode),
				  .msn = s->msn,
				  .srqn = s->srq ? s->srq->srqn : 0,
				  .pending = true };
	return res;
}

uint32_t answer_packets(const struct gn_qp *qp, uint32_t len)
{
	uint32_t pmtu = qp->attr.path_mtu;

	return len ? (uint32_t)(((uint64_t)len + pmtu - 1) / pmtu) : 1;
}

void execute_read(struct gn_qp *qp, const struct roce *r)
{
	struct resource *res = resource_take(qp, r);

	res->npsn = answer_packets(qp, r->reth.len);
	res->va = r->reth.va;
	res->rkey = r->reth.rkey;
	res->len = r->reth.len;
}

static enum drop write_atomically(struct gn_qp *qp, const struct roce *r)
{
	uint64_t value;
	uint8_t *at;
	enum drop v = mr_check_remote(responder_pd(qp), qp->qpn, r->reth.rkey, r->reth.va,
				      8, GN_ACCESS_REMOTE_WRITE, &at);

	if (v != DROP_NONE)
		return v;
	if ((uintptr_t)at & 7)
		return DROP_MISALIGNED;
	memcpy(&value, r->payload.p, 8);
	if (mem_store((uint64_t *)(void *)at, value))
		return DROP_RANGE;
	resource_take(qp, r);
	return DROP_NONE;
}

enum drop execute_atomic(struct gn_qp *qp, const struct roce *r)
{
	enum operation op = opcode_operation(r->bth.opcode);
	const uint64_t *compare =
		op == OP_COMPARE_SWAP ? &r->atomic.compare : NULL;
	uint64_t orig;
	uint8_t *at;
	enum drop v;

	if (op == OP_ATOMIC_WRITE)
		return write_atomically(qp, r);
	v = mr_check_remote(responder_pd(qp), qp->qpn, r->atomic.rkey, r->atomic.va, 8,
			    GN_ACCESS_REMOTE_ATOMIC, &at);
	if (v != DROP_NONE)
		return v;
	if ((uintptr_t)at & 7)
		return DROP_MISALIGNED;
	if (mem_atomic((uint64_t *)(void *)at, compare, r->atomic.swap_add,
		       &orig))
		return DROP_RANGE;
	resource_take(qp, r)->orig = orig;
	return DROP_NONE;
}

/* Requests are executed in order and straight into memory, so all that came
 * before is visible already; a file that is mapped must reach its disk
 * (IBTA A19.4.4).
 */
enum drop execute_flush(struct gn_qp *qp, const struct roce *r)
{
	uint64_t len = r->reth.len;
	uint8_t *at = NULL;
	enum drop v = DROP_NONE;

	if (r->feth.selectivity == FETH_MR)
		v = mr_check_whole(responder_pd(qp), r->reth.rkey, 0, &at,
				   &len);
	else if (len)
		v = mr_check_remote(responder_pd(qp), qp->qpn, r->reth.rkey, r->reth.va,
				    r->reth.len, 0, &at);
	if (v == DROP_NONE && at && (r->feth.type & FETH_PERSISTENT) &&
	    mem_persist(at, len))
		v = DROP_RANGE;
	if (v == DROP_NONE)
		resource_take(qp, r);
	return v;
}
