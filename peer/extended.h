/* What only QPs with ibv_wr_* calls can: FLUSH and ATOMIC WRITE. */
#ifndef PEER_EXTENDED_H
#define PEER_EXTENDED_H

#include <infiniband/verbs.h>
#include <stdbool.h>

#define WR_FLUSH 14u /* IBV_WR_FLUSH: younger than version 44's header */

/* A QP that can do these, or, where the library cannot make one, one that
 * cannot; *@extended says which.  NULL and errno.
 */
struct ibv_qp *extended_qp_new(struct ibv_context *context,
			       struct ibv_qp_init_attr_ex *init,
			       bool *extended);

struct flush {
	uint64_t wr_id, va, len;
	uint32_t rkey;
	unsigned flags; /* IBV_SEND_* */
	uint8_t type, level;
};

/* errno, or 0. */
int extended_flush(struct ibv_qp *qp, const struct flush *f);
/* @wr's opcode is ATOMIC_WRITE; @data are its 8 bytes. */
int extended_atomic_write(struct ibv_qp *qp, const struct ibv_send_wr *wr,
			  const uint8_t data[8]);

#endif
