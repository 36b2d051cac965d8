/* A receive queue: of one QP, or shared by many.  Programs put in under the
 * queue's own lock, the engine takes out; neither waits for the other.
 */
#ifndef NIC_RQ_H
#define NIC_RQ_H

#include <pthread.h>
#include <stdatomic.h>
#include "nic/api.h"

struct rwqe {
	uint64_t wr_id;
	uint32_t len; /* sum of the SGEs */
	unsigned nsge;
	struct gn_sge *sge; /* room for the queue's max_sge */
};

struct rq {
	pthread_mutex_t lock;	/* posters */
	uint32_t depth, max_sge;
	_Atomic uint32_t tail;	/* posters write */
	_Atomic uint32_t head;	/* the engine writes */
	struct rwqe *ring;
	struct gn_sge *sges; /* behind the ring */
};

int rq_init(struct rq *rq, uint32_t depth, uint32_t max_sge);
void rq_fini(struct rq *rq);
/* 0, -EINVAL (too many SGEs, or more than 2^32-1 bytes), -ENOMEM (full). */
int rq_post(struct rq *rq, const struct gn_recv_wr *wr);

/* Engine's side.  How many requests wait. */
uint32_t rq_count(const struct rq *rq);
/* Copies the oldest to @out, whose sge has room for it, and removes it; false:
 * there is none.
 */
bool rq_take(struct rq *rq, struct rwqe *out);
/* The oldest, which stays; there must be one. */
const struct rwqe *rq_peek(const struct rq *rq);
/* Forgets all; nobody may be posting. */
void rq_reset(struct rq *rq);

#endif
