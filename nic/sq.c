#include "nic/sq.h"

#include <errno.h>
#include <string.h>

#include "nic/base/lazy.h"
#include "nic/base/pow2.h"

static size_t data_bytes(const struct sq *sq)
{
	size_t sges = sq->max_sge * sizeof(struct gn_sge);
	size_t inl = (sq->max_inline + 15u) & ~(size_t)15;

	return sges > inl ? sges : inl;
}

static size_t slot_bytes(const struct sq *sq)
{
	return data_bytes(sq) +
	       (sq->datagrams ? sizeof(struct datagram_dest) : 0);
}

struct datagram_dest *sq_dest(const struct sq *sq, const struct swqe *w)
{
	return (struct datagram_dest *)(void *)(w->inline_data +
						data_bytes(sq));
}

static size_t all_bytes(const struct sq *sq)
{
	return sq->depth * (sizeof(struct swqe) + slot_bytes(sq));
}

int sq_init(struct sq *sq, uint32_t depth, uint32_t max_sge,
	    uint32_t max_inline, bool datagrams)
{
	depth = round_up_pow2(depth);
	*sq = (struct sq){ .depth = depth,
			   .datagrams = datagrams,
			   .max_sge = max_sge,
			   .max_inline = max_inline };
	sq->ring = lazy_alloc(all_bytes(sq));
	if (!sq->ring)
		return -ENOMEM;
	sq->room = (uint8_t *)(sq->ring + depth);
	pthread_mutex_init(&sq->lock, NULL);
	return 0;
}

void sq_fini(struct sq *sq)
{
	lazy_free(sq->ring, all_bytes(sq));
	sq->ring = NULL;
}

static bool is_atomic(enum gn_wr_opcode op)
{
	return op == GN_WR_CMP_SWAP || op == GN_WR_FETCH_ADD ||
	       op == GN_WR_ATOMIC_WRITE;
}

static int check(const struct sq *sq, const struct gn_send_wr *wr,
		 uint32_t max_msg, uint32_t *len)
{
	uint64_t sum = 0;

	if (wr->nsge > sq->max_sge && !(wr->flags & GN_SEND_INLINE))
		return -EINVAL;
	for (unsigned i = 0; i < wr->nsge; i++)
		sum += wr->sge[i].len;
	if (sum > max_msg)
		return -EINVAL;
	if (is_atomic(wr->opcode) && sum != 8)
		return -EINVAL;
	if (wr->opcode == GN_WR_BIND_MW && !wr->mw)
		return -EINVAL;
	if (wr->flags & GN_SEND_INLINE) {
		if (sum > sq->max_inline || wr->opcode == GN_WR_RDMA_READ ||
		    wr->opcode == GN_WR_CMP_SWAP ||
		    wr->opcode == GN_WR_FETCH_ADD)
			return -EINVAL;
	}
	if (wr->opcode == GN_WR_FLUSH)
		sum = wr->flush_len;
	*len = (uint32_t)sum;
	return 0;
}

static void copy_data(struct swqe *w, uint8_t *to, const struct gn_send_wr *wr)
{
	w->inline_data = to;
	w->sge = (struct gn_sge *)(void *)to;

	if (!(wr->flags & GN_SEND_INLINE)) {
		w->nsge = wr->nsge;
		if (wr->nsge)
			memcpy(w->sge, wr->sge, wr->nsge * sizeof(*wr->sge));
		return;
	}
	w->nsge = 0;
	for (unsigned i = 0; i < wr->nsge; i++) {
		memcpy(to, (void *)(uintptr_t)wr->sge[i].addr, wr->sge[i].len);
		to += wr->sge[i].len;
	}
}

static void fill(const struct sq *sq, uint32_t index,
		 const struct gn_send_wr *wr, uint32_t len)
{
	struct swqe *w = sq_at(sq, index);

	w->wr_id = wr->wr_id;
	w->opcode = wr->opcode;
	w->flags = wr->flags;
	w->len = len;
	w->imm = wr->imm;
	w->rkey = wr->rkey;
	w->remote_addr = wr->remote_addr;
	w->compare_add = wr->compare_add;
	w->swap = wr->swap;
	w->started = false;
	w->answered = 0;
	w->srqn = wr->remote_srqn;
	w->flush_type = wr->flush_type;
	w->flush_level = wr->flush_level;
	if (wr->opcode == GN_WR_BIND_MW)
		w->bind = (struct bind){
			.mw = wr->mw->h.index,
			.lkey = wr->bind_mr ? wr->bind_mr->h.key : 0,
			.va = wr->remote_addr,
			.len = wr->bind_len,
			.access = wr->bind_access,
			.rkey = wr->imm
		};
	copy_data(w, sq->room + (index & (sq->depth - 1)) * slot_bytes(sq), wr);
	if (sq->datagrams)
		*sq_dest(sq, w) = (struct datagram_dest){ *wr->ah,
							  wr->remote_qpn,
							  wr->remote_qkey };
}

int sq_post(struct sq *sq, const struct gn_send_wr *wr, unsigned n,
	    uint32_t max_msg)
{
	uint32_t tail, used, len;
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++)
		rc = check(sq, &wr[i], max_msg, &len);
	if (rc)
		return rc;
	pthread_mutex_lock(&sq->lock);
	tail = atomic_load_explicit(&sq->tail, memory_order_relaxed);
	used = tail - atomic_load_explicit(&sq->freed, memory_order_acquire);
	if (n > sq->depth - used) {
		rc = -ENOMEM;
	} else {
		for (unsigned i = 0; i < n; i++) {
			check(sq, &wr[i], max_msg, &len);
			fill(sq, tail + i, &wr[i], len);
		}
		atomic_store_explicit(&sq->tail, tail + n,
				      memory_order_release);
	}
	pthread_mutex_unlock(&sq->lock);
	return rc;
}

void sq_reset(struct sq *sq)
{
	atomic_store(&sq->freed, atomic_load(&sq->tail));
}
