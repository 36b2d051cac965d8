/* What the responders of reliable and unreliable connections share: the checks
 * of a request (responder_check.c) and its execution (responder_exec.c).
 */
#ifndef NIC_RESPONDER_PARTS_H
#define NIC_RESPONDER_PARTS_H

#include "nic/qp.h"
#include "nic/srq.h"

/* ---- checks: const, and named verdicts ------------------------------------- */

/* XRC: is there the SRQ that it names, and is it the one that its message began
 * with?
 */
enum drop check_xrc(const struct gn_qp *qp, const struct roce *r);
/* Opcode against the message in progress (IBTA 9.7.4.1.3). */
enum drop check_sequence(const struct gn_qp *qp, const struct roce *r);
/* Packet length against PMTU and DMA length (IBTA 9.7.4.1.6). */
enum drop check_length(const struct gn_qp *qp, const struct roce *r);
/* Is the operation granted by the QP (qp_access_flags)? */
enum drop check_enabled(const struct gn_qp *qp, const struct roce *r);
/* Key, PD, range, rights and alignment of the memory that it names. */
enum drop check_memory(const struct gn_qp *qp, const struct roce *r);
/* Is there a receive WR for it? */
enum drop check_recv(const struct gn_qp *qp, const struct roce *r);

/* READs, atomics and FLUSH are remembered to be answered again. */
static inline bool needs_resource(const struct roce *r)
{
	return r->op->flags & (IS_READ | IS_ATOMIC | HAS_FETH);
}

/* A packet has arrived.  The first one in RTR is an event (IBTA 11.6.3.1,
 * communication established).
 */
void responder_tell_established(struct gn_qp *qp);

/* ---- execution --------------------------------------------------------------- */

/* Does what @r asks for; what it changes is undone by nothing, so all checks
 * come first.  Receive WRs complete when their message ends.
 */
enum drop execute_send(struct gn_qp *qp, const struct roce *r);
enum drop execute_write(struct gn_qp *qp, const struct roce *r);
void execute_read(struct gn_qp *qp, const struct roce *r);
enum drop execute_atomic(struct gn_qp *qp, const struct roce *r);
enum drop execute_flush(struct gn_qp *qp, const struct roce *r);

/* Packets of the answer to a READ of @len bytes. */
uint32_t answer_packets(const struct gn_qp *qp, uint32_t len);
/* Completes the receive WR in use; @r, the message's last packet, says what
 * kind it was, or NULL if it did not get that far.
 */
void complete_recv(struct gn_qp *qp, const struct roce *r,
		   enum gn_wc_status status);
/* Writes @data at @offset of receive WR @w, in @pd.  DROP_RECV_LENGTH,
 * DROP_RECV_LKEY.
 */
enum drop recv_scatter(const struct gn_pd *pd, const struct rwqe *w,
		       uint32_t offset, struct span data);

/* The PD that remote keys are checked in: the QP's, or that of the SRQ that an
 * XRC request names (IBTA A14.3.3).
 */
static inline struct gn_pd *responder_pd(const struct gn_qp *qp)
{
	return qp->pd ? qp->pd : qp->resp.srq->pd;
}

/* Where its receive WRs complete: XRC leaves that to the SRQ.  NULL: an XRC QP
 * without a message so far.
 */
static inline struct gn_cq *responder_cq(const struct gn_qp *qp)
{
	const struct gn_srq *srq = qp->resp.srq;

	return srq && srq->init.cq ? srq->init.cq : qp->init.recv_cq;
}

/* The queue that the QP's receive WRs come from. */
static inline struct rq *rq_of(const struct gn_qp *qp)
{
	return qp->resp.srq ? &qp->resp.srq->rq
			    : &((struct gn_qp *)(uintptr_t)qp)->rq;
}

#endif
