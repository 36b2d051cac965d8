/* XRC domains, and what is opened through them. */
#ifndef VERBS_SHIM_XRCD_H
#define VERBS_SHIM_XRCD_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct shim_xrcd {
	struct ibv_xrcd ibv; /* first */
	struct gn_xrcd *xrcd;
};

static inline struct shim_xrcd *xrcd_of(struct ibv_xrcd *xrcd)
{
	return (struct shim_xrcd *)xrcd;
}

/* Entries of struct verbs_context. */
struct ibv_xrcd *xrcd_open(struct ibv_context *context,
			   struct ibv_xrcd_init_attr *attr);
int xrcd_close(struct ibv_xrcd *xrcd);

#endif
