/* Completion queues.  The engine pushes, programs poll; a lock of the queue's
 * own lies between them.  A queue that overruns stays broken: completions are
 * lost, CQ_ERR is raised, and the QPs that feed it go to ERR (IBTA 11.2.8).
 */
#ifndef NIC_CQ_H
#define NIC_CQ_H

#include <pthread.h>
#include <stdatomic.h>
#include "nic/api.h"
#include "nic/base/list.h"
#include "nic/base/timer.h"

struct engine;

struct cqe {
	struct gn_wc wc;
	bool send;	  /* of a send queue: */
	uint32_t sq_next; /* slots before this one are free once it is polled */
};

struct gn_cq {
	struct engine *engine;
	struct list all; /* in the engine's list */
	struct gn_channel *channel; /* for the engine's hook; may be NULL */
	struct gn_listener *listener;
	void *cookie;
	unsigned users; /* QPs and SRQs that complete here */
	/* The channel's: events of this CQ that nobody took yet. */
	struct list channel_node;
	unsigned events;
	pthread_mutex_t lock;
	/* Written under the lock; head, tail and overrun are read without. */
	struct cqe *ring;
	uint32_t size;
	_Atomic uint32_t head, tail;
	_Atomic bool overrun;
	enum { CQ_IDLE, CQ_ARMED, CQ_ARMED_SOLICITED } armed;
	/* Moderation: an event for every max_count completions (0: any number),
	 * or max_usec after the first of fewer (0: at once).
	 */
	unsigned max_count, max_usec, held;
	nsec_t held_until;
	struct timer timer;
};

int cq_new(struct engine *e, unsigned cqe, struct gn_channel *channel,
	   void *cookie, struct gn_cq **cq);
int cq_free(struct gn_cq *cq);
int cq_resize(struct gn_cq *cq, unsigned cqe);
int cq_moderate(struct gn_cq *cq, unsigned max_count, unsigned max_usec);
/* Adds a completion; @qp's is lost if the queue is full. */
void cq_push(struct gn_cq *cq, const struct cqe *entry);
/* As gn_cq_poll, but does not run the NIC. */
int cq_take(struct gn_cq *cq, unsigned n, struct gn_wc *wc);
void cq_arm(struct gn_cq *cq, bool solicited_only);
/* Removes all completions of @qp. */
void cq_forget(struct gn_cq *cq, const struct gn_qp *qp);

static inline bool cq_is_empty(const struct gn_cq *cq)
{
	return atomic_load_explicit(&cq->tail, memory_order_acquire) ==
	       atomic_load_explicit(&cq->head, memory_order_relaxed);
}

#endif
