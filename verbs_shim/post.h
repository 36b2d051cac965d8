/* Posting work requests: entries of ibv_context.ops. */
#ifndef VERBS_SHIM_POST_H
#define VERBS_SHIM_POST_H

#include <infiniband/verbs.h>

int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
	      struct ibv_send_wr **bad_wr);
int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
	      struct ibv_recv_wr **bad_wr);
int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr);

#endif
