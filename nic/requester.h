/* Sends a QP's work requests: RC's half that speaks first (IBTA 9.7.3). */
#ifndef NIC_REQUESTER_H
#define NIC_REQUESTER_H

#include "nic/qp.h"
#include "nic/wr_kind.h"

/* Why a requester does not send now. */
enum hold {
	HOLD_GO,      /* it does */
	HOLD_EMPTY,   /* nothing to send */
	HOLD_STATE,   /* QP state, or draining in SQD */
	HOLD_RNR,     /* the peer asked to wait */
	HOLD_FAULT,   /* a failed work request waits for earlier ones */
	HOLD_FENCE,   /* fenced behind READs and atomics */
	HOLD_RDATOMIC, /* as many READs and atomics out as allowed */
	HOLD_CREDITS, /* the peer has no receive WR for it */
	HOLD_PSN,     /* half the PSN space in flight */
	HOLD_WINDOW,  /* enough in flight to this peer */
	HOLD_PACE,    /* unreliable: enough sent for now */
};

void requester_reset(struct gn_qp *qp);
enum hold requester_hold(const struct gn_qp *qp, nsec_t now);
/* Sends at most @quota packets; true if it could go on. */
bool requester_send(struct gn_qp *qp, unsigned quota);
/* The local ACK timer or the RNR wait may be over. */
void requester_tick(struct gn_qp *qp, nsec_t now);
void requester_flush(struct gn_qp *qp);

/* No message is under way. */
bool requester_drained(const struct gn_qp *qp);
/* In SQD: raises SQ_DRAINED, if it is wanted and it is drained. */
void requester_drain(struct gn_qp *qp);

/* ---- for the completer ----------------------------------------------------- */

/* The answer to all PSNs before @psn is in: charges are paid. */
void requester_advance(struct gn_qp *qp, uint32_t psn);
/* Next packet out is @psn again, which was sent before and has no answer. */
void requester_go_back(struct gn_qp *qp, uint32_t psn);
/* Completes the oldest work request, with success; if the CQ is full, the QP goes
 * to ERR.
 */
void requester_complete(struct gn_qp *qp);
/* Completes the oldest work request with @status; the QP goes to ERR. */
void requester_fail(struct gn_qp *qp, enum gn_wc_status status);
/* One more retry: false, and the QP failed, when there was none left. */
bool requester_retry(struct gn_qp *qp);
/* The local ACK timer starts again: the responder is alive, but got no further. */
void requester_wait(struct gn_qp *qp);
/* The wait that an RNR NAK asks for begins. */
void requester_wait_rnr(struct gn_qp *qp, nsec_t wait);
/* Timers that began in this run count from the engine's time now. */
void requester_began(struct gn_qp *qp);
/* Forward progress: counters reload, timers restart. */
void requester_progress(struct gn_qp *qp);

/* Completes local operations that have become the oldest. */
void requester_settle(struct gn_qp *qp);
/* Copies @len bytes of the message from @offset on; false: no access. */
bool requester_gather(const struct gn_qp *qp, const struct swqe *w,
		      uint32_t offset, uint32_t len, uint8_t *out);

static inline bool swqe_reads(const struct swqe *w) /* READ, atomics, FLUSH, ... */
{
	return wr_is(w, K_READS);
}
static inline bool swqe_is_atomic(const struct swqe *w) /* gets 8 bytes back */
{
	return w->opcode == GN_WR_CMP_SWAP || w->opcode == GN_WR_FETCH_ADD;
}

#endif
