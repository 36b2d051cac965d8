/* Posting work requests: entries of ibv_context.ops. */
#ifndef VERBS_SHIM_POST_H
#define VERBS_SHIM_POST_H

#include <infiniband/verbs.h>
#include "nic/api.h"

/* What a send request may ask for: there is no checksum offload. */
#define POST_FLAGS                                                           \
	(unsigned)(IBV_SEND_FENCE | IBV_SEND_SIGNALED | IBV_SEND_SOLICITED | \
		   IBV_SEND_INLINE)

int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
	      struct ibv_send_wr **bad_wr);
int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
	      struct ibv_recv_wr **bad_wr);
int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr);
/* Borrows @wr's SGEs; -EINVAL: a negative number of them. */
int post_recv_from_verbs(struct gn_recv_wr *to, const struct ibv_recv_wr *wr);

#endif
