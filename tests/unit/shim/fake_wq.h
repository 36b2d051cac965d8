/* A NIC's work queues, of which a test wants to know nothing. */
#ifndef TESTS_UNIT_SHIM_FAKE_WQ_H
#define TESTS_UNIT_SHIM_FAKE_WQ_H

#include <errno.h>
#include "nic/api.h"

int gn_wq_new(struct gn_pd *pd, struct gn_wq_init *init, struct gn_wq **wq)
{
	return -EOPNOTSUPP;
}

int gn_wq_free(struct gn_wq *wq)
{
	return 0;
}

int gn_wq_modify(struct gn_wq *wq, enum gn_wq_state state)
{
	return 0;
}

uint32_t gn_wq_num(const struct gn_wq *wq)
{
	return 0;
}

int gn_post_wq(struct gn_wq *wq, const struct gn_recv_wr *wr)
{
	return 0;
}

int gn_ind_new(struct gn_nic *nic, struct gn_wq *const *wq, uint32_t n,
	       struct gn_ind **ind)
{
	return -EOPNOTSUPP;
}

int gn_ind_free(struct gn_ind *ind)
{
	return 0;
}

#endif
