/* Shared receive queues and XRC domains. */
#ifndef NIC_SRQ_H
#define NIC_SRQ_H

#include "nic/api.h"
#include "nic/rq.h"

struct engine;

struct gn_xrcd {
	struct engine *engine;
	struct gn_xrcd *next;
	uint64_t key; /* 0: private */
	unsigned opens, users;
};

struct gn_srq {
	struct engine *engine;
	struct gn_pd *pd;
	struct rq rq;
	struct gn_srq_init init;
	uint32_t srqn; /* XRC */
	unsigned users; /* QPs */
	struct gn_srq *next; /* in the engine's list */
};

int srq_new(struct gn_pd *pd, struct gn_srq_init *init, struct gn_srq **srq);
int srq_free(struct gn_srq *srq);
int srq_set_limit(struct gn_srq *srq, uint32_t limit);
/* After a request was taken: raises SRQ_LIMIT_REACHED when it is time. */
void srq_taken(struct gn_srq *srq);
/* The XRC SRQ @srqn of @xrcd, or NULL. */
struct gn_srq *srq_find(const struct gn_xrcd *xrcd, uint32_t srqn);

int xrcd_open(struct engine *e, uint64_t key, bool create, bool exclusive,
	      struct gn_xrcd **xrcd);
int xrcd_close(struct gn_xrcd *xrcd);

#endif
