/* A send queue.  Programs put work requests in under the queue's own lock; the
 * requester walks them; a slot is free again when the program has polled the
 * completion of it or of a later one, as with real NICs.
 */
#ifndef NIC_SQ_H
#define NIC_SQ_H

#include <pthread.h>
#include <stdatomic.h>
#include "nic/api.h"
#include "nic/mw.h"

struct swqe {
	/* Written by post. */
	uint64_t wr_id;
	enum gn_wr_opcode opcode;
	unsigned flags;
	uint32_t len; /* bytes of the message */
	uint32_t imm; /* or the rkey to invalidate */
	uint32_t rkey;
	uint64_t remote_addr;
	uint64_t compare_add, swap;
	uint32_t srqn; /* XRC: the SRQ over there */
	uint8_t flush_type, flush_level;
	unsigned nsge;
	struct gn_sge *sge;   /* or */
	uint8_t *inline_data; /* the same room, when GN_SEND_INLINE */
	struct bind bind; /* BIND_MW */
	/* Written by the requester. */
	uint32_t first_psn, npsn; /* valid when started */
	uint32_t ssn;		  /* sequence number of the message, 24 bits */
	uint32_t answered;	  /* READ: packets of the response so far */
	uint64_t charge;	  /* bytes charged before this message */
	bool started;
};

/* Where a datagram goes. */
struct datagram_dest {
	struct gn_ah ah;
	uint32_t qpn, qkey;
};

struct sq {
	pthread_mutex_t lock;	/* posters */
	bool datagrams; /* each slot has a datagram_dest behind its data */
	uint32_t depth, max_sge, max_inline;
	_Atomic uint32_t tail;	/* posters write */
	_Atomic uint32_t freed; /* cq_poll writes */
	struct swqe *ring;
	uint8_t *room; /* behind the ring: SGEs or inline data of each */
};

int sq_init(struct sq *sq, uint32_t depth, uint32_t max_sge,
	    uint32_t max_inline, bool datagrams);
void sq_fini(struct sq *sq);
/* Copies all @n of @wr in, or none.  -EINVAL: too many SGEs, too much inline, a message longer
 * than @max_msg, inline with an opcode that reads; -EINVAL for atomics whose
 * memory is not 8 bytes; -ENOMEM: full.
 */
int sq_post(struct sq *sq, const struct gn_send_wr *wr, unsigned n,
	    uint32_t max_msg);

static inline struct swqe *sq_at(const struct sq *sq, uint32_t index)
{
	return &sq->ring[index & (sq->depth - 1)];
}

static inline uint32_t sq_tail(const struct sq *sq)
{
	return atomic_load_explicit(&sq->tail, memory_order_acquire);
}

/* Of a slot of a queue for datagrams. */
struct datagram_dest *sq_dest(const struct sq *sq, const struct swqe *w);
/* Forgets all; nobody may be posting. */
void sq_reset(struct sq *sq);

#endif
