/* A queue pair: the two queues, and the state of its requester and responder.
 * One writer per struct: qp_modify writes `attr' and the state, the requester
 * its own part, the responder its own.
 */
#ifndef NIC_QP_H
#define NIC_QP_H

#include <stdatomic.h>
#include "nic/api.h"
#include "nic/base/list.h"
#include "nic/base/timer.h"
#include "nic/cq.h"
#include "nic/pace.h"
#include "nic/peer.h"
#include "nic/rq.h"
#include "nic/sq.h"
#include "wire/opcode.h"
#include "wire/roce.h"

struct engine;

/* Requester and completer (requester.c, completer.c). */
struct requester {
	uint32_t una;	  /* oldest PSN without an answer */
	uint32_t nxt;	  /* PSN of the next packet */
	uint32_t max;	  /* first PSN that was never sent */
	uint32_t head;	  /* oldest work request that is not complete */
	uint32_t cur;	  /* the one to send from, and */
	uint32_t cur_pkt; /* which of its packets is next */
	uint32_t ssn;	  /* of the next message to start */
	uint32_t lsn;	  /* credits: messages up to lsn + 1 may start */
	bool limited;	  /* the peer gives credits */
	unsigned rd_out;  /* READs and atomics without their answer */
	uint32_t unasked; /* bytes sent since the last AckReq */
	uint64_t charged; /* bytes charged for PSNs before nxt, ever */
	uint64_t paid;	  /* and before una */
	uint8_t retry_left, rnr_left;
	bool naked;	   /* went back for una already: later NAKs are echoes */
	nsec_t ack_by;	   /* local ACK timeout, or NSEC_NEVER */
	nsec_t rnr_until;  /* nothing leaves before */
	bool ack_began;	   /* in this run; */
	nsec_t rnr_began;  /* so did a wait of this length; 0: none */
	nsec_t room_by;	   /* its wait for the peer's window ends; 0: none */
	enum gn_wc_status fault; /* of the work request at cur; SUCCESS: none */
};

/* A READ or atomic that was executed, for answering and for answering again. */
struct resource {
	uint32_t first_psn, npsn;
	enum operation op;
	uint64_t va;
	uint32_t rkey, len;
	uint64_t orig;	  /* atomics: what they saw */
	uint32_t msn;	  /* of its answer */
	uint32_t sent;	  /* packets of the present answer gone so far */
	uint32_t from;	  /* first packet of the present answer */
	uint32_t srqn;	  /* XRC: names the PD */
	bool pending;	  /* the present answer is not all sent */
	bool replay;	  /* it is not the first */
};

enum message { MESSAGE_NONE, MESSAGE_SEND, MESSAGE_WRITE };

/* Responder and reply (responder.c, reply.c). */
struct responder {
	uint32_t epsn; /* expected PSN */
	uint32_t msn;
	enum message message; /* the one in progress */
	uint32_t offset;      /* its bytes so far */
	uint64_t va;	      /* WRITE: where it goes */
	uint32_t rkey, len;
	struct gn_srq *srq; /* whose receive WRs: init.srq, or XRC's choice */
	bool have_recv; /* recv holds a receive WR in use */
	struct rwqe recv;
	bool gap_naked;	 /* a sequence NAK is out for epsn */
	bool rnr_naked;	 /* an RNR NAK is out for epsn */
	bool established; /* COMM_EST was raised */
	struct resource *res; /* ring of attr.max_dest_rd_atomic */
	uint32_t res_next, res_used;
	/* How fast READs are answered: a duplicate READ says that it was too
	 * fast; @clean counts the bytes since.
	 */
	struct pace pace;
	uint32_t clean;
	bool ack_due; /* an ACK, or the NAK in syndrome, waits to be sent */
	uint8_t nak;  /* its syndrome; 0: an ACK */
	uint32_t ack_psn, ack_msn; /* of an ACK that is due */
};

struct gn_qp {
	struct engine *engine;
	struct gn_pd *pd; /* NULL: XRC_RECV, see responder_pd */
	struct gn_qp_init init;
	uint32_t qpn;
	_Atomic int state; /* enum gn_qp_state; set by qp_set_state only */
	struct gn_qp_attr attr;
	struct sq sq;
	struct rq rq;
	struct requester req;
	struct responder resp;
	struct peer *peer; /* of attr.ah, from RTR on */
	uint16_t sport;
	struct timer timer;
	struct gn_qp *next; /* in its bucket */
	struct list ready;  /* in the engine's lists: to send, */
	struct list begun;  /* with a timer that has just begun */
	struct list waiting; /* in its peer's */
	unsigned opens;	     /* XRC_RECV: gn_qp_open and gn_qp_new */
	unsigned groups;     /* multicast groups it is in */
	unsigned flows;	     /* RAW_PACKET: flows that end here */
	struct gn_qp *bell_next;
	_Atomic bool bell;
};

int qp_new(struct gn_pd *pd, struct gn_qp_init *init, struct gn_qp **qp);
/* Once more the XRC_RECV QP @qpn of @xrcd; -EINVAL: there is none. */
int qp_open(struct gn_xrcd *xrcd, uint32_t qpn, struct gn_qp **qp);
/* The last qp_free of a QP frees it. */
/* Whether something still delivers to it, and it may not go yet. */
bool qp_is_busy(const struct gn_qp *qp);
void qp_free(struct gn_qp *qp);
int qp_modify(struct gn_qp *qp, const struct gn_qp_attr *attr, unsigned mask);
/* The attributes without which @qp cannot move to @to; 0 if none, or if it cannot
 * move there at all.
 */
unsigned qp_required(const struct gn_qp *qp, enum gn_qp_state to);
void qp_query(struct gn_qp *qp, struct gn_qp_attr *attr,
	      struct gn_qp_init *init);

/* Posting needs no lock of the engine's.  qp_ring tells the engine's next run;
 * true if that was news to it.
 */
int qp_post_list(struct gn_qp *qp, const struct gn_send_wr *wr, unsigned n);
static inline int qp_post_send(struct gn_qp *qp, const struct gn_send_wr *wr)
{
	return qp_post_list(qp, wr, 1);
}
int qp_post_recv(struct gn_qp *qp, const struct gn_recv_wr *wr);
bool qp_ring(struct gn_qp *qp);

static inline enum gn_qp_state qp_state(const struct gn_qp *qp)
{
	return (enum gn_qp_state)atomic_load_explicit(&qp->state,
						      memory_order_acquire);
}

/* ---- between the engine's own files -------------------------------------- */

void qp_set_state(struct gn_qp *qp, enum gn_qp_state state);
/* To ERR: every work request left completes WR_FLUSH_ERR (IBTA 10.3.1.7). */
void qp_set_error(struct gn_qp *qp);
/* What remains of the queues in ERR completes flushed. */
void qp_flush(struct gn_qp *qp);
/* To SQE, after a failed work request of an unreliable QP (IBTA 10.3.1.6). */
void qp_set_sqe(struct gn_qp *qp);
/* The transport that it is spoken to in, and speaks. */
static inline enum transport qp_transport(const struct gn_qp *qp)
{
	switch (qp->init.type) {
	case GN_QPT_RC: return TRANSPORT_RC;
	case GN_QPT_UC: return TRANSPORT_UC;
	case GN_QPT_XRC_SEND:
	case GN_QPT_XRC_RECV: return TRANSPORT_XRC;
	case GN_QPT_UD:
	case GN_QPT_RAW_PACKET: break;
	}
	return TRANSPORT_UD;
}
static inline bool qp_is_connected(const struct gn_qp *qp)
{
	return qp_transport(qp) != TRANSPORT_UD;
}
/* Does somebody answer for what it sends? */
static inline bool qp_is_reliable(const struct gn_qp *qp)
{
	enum transport t = qp_transport(qp);

	return t == TRANSPORT_RC || t == TRANSPORT_XRC;
}
/* Moves @qp, and the charge for what it has in flight, from its peer to @peer,
 * whose reference it takes over; NULL: it has none any more, and owes nothing.
 */
void qp_set_peer(struct gn_qp *qp, struct peer *peer);
/* The UDP source port that stands for its flow. */
void qp_set_source_port(struct gn_qp *qp);
/* "RTS"; @state is one that there is. */
const char *qp_state_name(enum gn_qp_state state);
/* Arms the QP's timer for the earliest of its deadlines. */
void qp_arm(struct gn_qp *qp);

#endif
