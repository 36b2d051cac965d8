#include "nic/responder_parts.h"

#include "nic/engine.h"

enum drop check_xrc(const struct gn_qp *qp, const struct roce *r)
{
	const struct gn_srq *srq;

	if (!qp->init.xrcd)
		return DROP_NONE;
	srq = srq_find(qp->init.xrcd, r->srqn);
	if (!srq || (!(r->op->flags & IS_START) && srq != qp->resp.srq))
		return DROP_XRC_SRQ;
	return DROP_NONE;
}

enum drop check_sequence(const struct gn_qp *qp, const struct roce *r)
{
	uint32_t f = r->op->flags;
	enum message now = qp->resp.message;

	if (!(f & (IS_MIDDLE | IS_LAST)))
		return now == MESSAGE_NONE ? DROP_NONE : DROP_OPCODE_SEQ;
	if (now == MESSAGE_SEND && (f & IS_SEND))
		return DROP_NONE;
	if (now == MESSAGE_WRITE && (f & IS_WRITE))
		return DROP_NONE;
	return DROP_OPCODE_SEQ;
}

enum drop check_length(const struct gn_qp *qp, const struct roce *r)
{
	uint32_t f = r->op->flags, pmtu = qp->attr.path_mtu;
	size_t n = r->payload.len;
	uint64_t left = f & IS_START ? r->reth.len
				     : qp->resp.len - qp->resp.offset;

	if (f & (IS_SEND | IS_WRITE)) {
		if (f & (IS_FIRST | IS_MIDDLE) ? n != pmtu : n > pmtu)
			return DROP_REQ_LENGTH;
		if ((f & IS_LAST) && !n)
			return DROP_REQ_LENGTH;
	}
	if (f & IS_WRITE)
		if (f & IS_END ? n != left : n >= left)
			return DROP_REQ_LENGTH;
	if (opcode_operation(r->bth.opcode) == OP_ATOMIC_WRITE &&
	    (n != 8 || r->reth.len != 8))
		return DROP_REQ_LENGTH;
	if ((f & HAS_RETH) && r->reth.len > 1u << 31)
		return DROP_REQ_LENGTH;
	return DROP_NONE;
}

/* Rights that an operation needs, of the QP and of the region.  ATOMIC WRITE is
 * a write (IBTA A19.4.5.1); FLUSH needs a right for each kind of placement.
 */
static unsigned access_of(const struct roce *r)
{
	uint32_t f = r->op->flags;

	if (f & HAS_FETH)
		return (r->feth.type & FETH_GLOBAL ? GN_ACCESS_FLUSH_GLOBAL
						   : 0) |
		       (r->feth.type & FETH_PERSISTENT
				? GN_ACCESS_FLUSH_PERSISTENT
				: 0);
	if ((f & IS_WRITE) ||
	    opcode_operation(r->bth.opcode) == OP_ATOMIC_WRITE)
		return GN_ACCESS_REMOTE_WRITE;
	if (f & IS_READ)
		return GN_ACCESS_REMOTE_READ;
	return f & IS_ATOMIC ? GN_ACCESS_REMOTE_ATOMIC : 0;
}

/* A FLUSH that asks for no placement, or for one that is not defined. */
static bool is_bad_flush(const struct roce *r)
{
	unsigned known = FETH_GLOBAL | FETH_PERSISTENT;

	return (r->op->flags & HAS_FETH) &&
	       (!(r->feth.type & known) || (r->feth.type & ~known) ||
		r->feth.selectivity > FETH_MR);
}

enum drop check_enabled(const struct gn_qp *qp, const struct roce *r)
{
	unsigned need = access_of(r);

	if (is_bad_flush(r))
		return DROP_OP_DISABLED;

	return (qp->attr.access & need) == need ? DROP_NONE : DROP_OP_DISABLED;
}

static enum drop check_remote(const struct gn_qp *qp, uint32_t rkey,
			      uint64_t va, uint64_t len, unsigned access)
{
	uint8_t *at;

	return mr_check_remote(responder_pd(qp), qp->qpn, rkey, va, len, access, &at);
}

enum drop check_memory(const struct gn_qp *qp, const struct roce *r)
{
	const struct responder *s = &qp->resp;
	uint32_t f = r->op->flags;
	uint64_t len;
	uint8_t *at;

	if (f & HAS_ATOMICETH)
		return r->atomic.va & 7
			       ? DROP_MISALIGNED
			       : check_remote(qp, r->atomic.rkey, r->atomic.va,
					      8, access_of(r));
	if ((f & IS_ATOMIC) && (r->reth.va & 7))
		return DROP_MISALIGNED;
	if ((f & HAS_FETH) && r->feth.selectivity == FETH_MR)
		return mr_check_whole(responder_pd(qp), r->reth.rkey,
				      access_of(r), &at, &len);
	if (f & HAS_RETH)
		return r->reth.len ? check_remote(qp, r->reth.rkey, r->reth.va,
						  r->reth.len, access_of(r))
				   : DROP_NONE;
	if (f & IS_WRITE)
		return check_remote(qp, s->rkey, s->va + s->offset,
				    r->payload.len, GN_ACCESS_REMOTE_WRITE);
	return DROP_NONE;
}

/* The last packet of a WRITE with immediate takes a receive WR without writing
 * to it (IBTA 9.7.5.2.8).
 */
enum drop check_recv(const struct gn_qp *qp, const struct roce *r)
{
	bool takes = (r->op->flags & TAKES_RECV) &&
		     (r->op->flags & (IS_START | IS_WRITE));

	return takes && !qp->resp.have_recv && !rq_count(rq_of(qp))
		       ? DROP_RNR
		       : DROP_NONE;
}
