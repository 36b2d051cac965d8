/* The engine: all QPs of one NIC, as a function of (state, packet, now).
 *
 * It has no clock, makes no system call and allocates nothing per packet.
 * Packets come in through engine_deliver (the link calls it), go out through
 * the link in batches.  Its owner holds one lock around every call here, except
 * where a header says that a function has a lock of its own (posting, polling).
 *
 *	requester.c  sends a QP's work requests, goes back when told to
 *	completer.c  judges what comes back for them
 *	responder.c  judges and executes requests
 *	reply.c	     sends what the responder has to say
 */
#ifndef NIC_ENGINE_H
#define NIC_ENGINE_H

#include <stdatomic.h>
#include "nic/api.h"
#include "nic/base/counters.h"
#include "nic/base/list.h"
#include "nic/base/random.h"
#include "nic/base/timer.h"
#include "nic/link/link.h"
#include "nic/mr.h"
#include "nic/pace.h"
#include "nic/peer.h"
#include "wire/roce.h"

/* What the engine tells its owner; called with the owner's lock held. */
struct engine_hooks {
	/* A CQ with a channel has a completion that it was armed for. */
	void (*comp_event)(void *ctx, struct gn_cq *cq);
	/* Something happened to an object of @l (never NULL). */
	void (*async_event)(void *ctx, struct gn_listener *l,
			    const struct gn_event *ev);
	/* A number for a new QP that no other engine of the address has: @own,
	 * which the engine would take, or another; may be one that is in use
	 * here, and is then asked for again.  0: none is left.  NULL: always
	 * @own.
	 */
	uint32_t (*qpn)(void *ctx, uint32_t own);
	/* @qp moves; may be NULL.  For who watches the state machine. */
	void (*qp_moves)(void *ctx, const struct gn_qp *qp,
			 enum gn_qp_state from, enum gn_qp_state to);
	/* The time, after what the owner has passed as such: for timers that
	 * may not begin before the packet that they are for has come or gone.
	 * NULL: it stands still during a call.
	 */
	nsec_t (*now)(void *ctx);
};

struct engine_config {
	struct gn_limits limits;
	uint64_t seed;	/* QPNs and keys follow from it */
	bool migreq;	/* BTH MigReq of what is sent */
	bool credits;	/* advertise end-to-end credits */
	bool lids;	/* see engine_lid */
	bool notes;	/* write remarks on packets, for captures */
	uint32_t window; /* bytes in flight to one peer at first */
};

#define ENGINE_BATCH   64u
#define ENGINE_BUCKETS 4096u
#define ENGINE_GIDS    16u
#define PMTU_MAX       4096u
#define NOTE_MAX       128u

/* What any RoCEv2 packet may add to its payload: IPv6, UDP, BTH, AtomicETH or
 * RETH and ImmDt, ICRC, with room for XRCETH (IBTA A17.3.1).
 */
#define ROCE_HEADERS_MAX 84u

/* One packet under construction: its payload is copied here first, so that what
 * the ICRC covers cannot change before the kernel takes it.
 */
struct slot {
	char note[NOTE_MAX];
	uint8_t payload[PMTU_MAX];
};

struct engine {
	struct engine_config cfg;
	struct link *link;
	struct ip_addr gid[ENGINE_GIDS]; /* the GID table: own addresses */
	unsigned ngid;
	const struct engine_hooks *hooks;
	void *hook_ctx;
	struct counters counters;
	struct random random;
	nsec_t now; /* of the call in progress */
	struct timers timers;
	/* What unreliable QPs send, and those that wait for its next burst. */
	struct pace pace;
	struct timer pace_timer;
	struct list paced;
	struct list ready; /* QPs with something to send */
	struct list begun; /* QPs with a timer that began just now */
	_Atomic(struct gn_qp *) bells; /* QPs rung by posters */
	struct gn_qp *bucket[ENGINE_BUCKETS]; /* QPs by number */
	uint32_t qps, pds, srqs, mws, next_qpn, next_srqn, next_wqn;
	size_t timed; /* objects that have a timer */
	_Atomic uint64_t dm_used;
	struct list cqs;   /* all of them, */
	uint32_t ncqs;	   /* that many */
	struct gn_srq *srq_list;
	struct gn_xrcd *xrcds;
	struct mcast_group *groups;
	struct gn_flow *flows; /* by priority */
	struct mr_table mrs;
	struct peer_table peers;
	/* The batch. */
	struct pkt *batch;
	struct slot *slots;
	unsigned nbatch;
	uint32_t batch_bytes; /* in it */
	bool migreq; /* of the packet under construction */
};

int engine_init(struct engine *e, const struct engine_config *cfg,
		const struct engine_hooks *hooks, void *hook_ctx);
/* @link delivers to the engine from then on, and stays the caller's.  Make it
 * with &e->counters.  The GID table becomes the link's addresses; whoever wants
 * another changes it before the first QP.
 */
void engine_attach(struct engine *e, struct link *link);
/* All objects must be gone. */
void engine_fini(struct engine *e);
struct engine_config engine_config_default(void);

/* A link_deliver: judges and executes one packet. */
enum drop engine_deliver(void *engine, const struct dgram *d, nsec_t now);
/* Serves doorbells, timers and QPs that have something to send, for about
 * @budget packets; true if more is left to do.
 */
bool engine_run(struct engine *e, unsigned budget, nsec_t now);
/* When engine_run wants to be called if nothing else happens, or NSEC_NEVER. */
nsec_t engine_deadline(const struct engine *e);

/* The largest path MTU that the link carries, in bytes. */
unsigned engine_pmtu(const struct engine *e);

/* RoCE has no LIDs.  Programs that know nothing else (qperf) are served by
 * pretending: a LID is the low 16 bits of an address, and stands for that host in
 * our own prefix.  The NIC's own, or 0: it does not pretend.
 */
uint16_t engine_lid(const struct engine *e);
/* Gives an @ah that has a LID but no GRH the GID that is meant. */
void engine_resolve_lid(const struct engine *e, struct gn_ah *ah);
/* Nobody hears the events of its objects any more. */
void engine_forget_listener(struct engine *e, const struct gn_listener *l);

/* ---- between the engine's own files -------------------------------------- */

struct gn_qp *engine_find_qp(const struct engine *e, uint32_t qpn);
/* The next packet of the batch, addressed to @qp's peer, and its slot.  It is
 * lost unless engine_commit follows.
 */
struct pkt *engine_packet(struct engine *e, const struct gn_qp *qp,
			  struct slot **slot);
/* The same, to where @ah says, from source port @sport. */
struct pkt *engine_packet_to(struct engine *e, const struct gn_ah *ah,
			     uint16_t sport, struct slot **slot);
/* Finishes it: writes the headers in front, pads; flushes a full batch. */
void engine_commit(struct engine *e, struct roce *r, uint32_t payload_len);
/* Sends what the batch holds. */
void engine_flush(struct engine *e);
/* Has @qp looked at by this or the next engine_run. */
void engine_ready(struct engine *e, struct gn_qp *qp);
/* Has unreliable @qp looked at when the next burst may leave. */
void engine_pace(struct engine *e, struct gn_qp *qp);
/* Calls requester_began for @qp at the end of this run, or of the next. */
void engine_begun(struct engine *e, struct gn_qp *qp);
/* Bytes in flight to @p became fewer: whom its window held back goes on. */
void engine_window_opened(struct engine *e, struct peer *p);
/* Sees to what was posted before now to any QP but @gone, which may be NULL. */
void engine_answer_bells(struct engine *e, const struct gn_qp *gone);
void engine_comp_event(struct engine *e, struct gn_cq *cq);
void engine_cq_overrun(struct engine *e, struct gn_cq *cq);
void engine_qp_event(struct gn_qp *qp, enum gn_event_type type);
/* @l may be NULL: nobody listens. */
void engine_event(struct engine *e, struct gn_listener *l,
		  enum gn_event_type type, void *cookie);

#endif
