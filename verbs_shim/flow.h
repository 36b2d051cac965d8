/* Steering: which frames a RAW_PACKET QP receives. */
#ifndef VERBS_SHIM_FLOW_H
#define VERBS_SHIM_FLOW_H

#include <infiniband/verbs.h>
#include "nic/api.h"

/* What the specs behind @attr match, 0; EINVAL: they are malformed; EOPNOTSUPP:
 * they ask for more than the NIC looks at.
 */
int flow_translate(const struct ibv_flow_attr *attr, struct gn_flow_match *m);

/* Entries of struct verbs_context. */
struct ibv_flow *flow_create(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int flow_destroy(struct ibv_flow *flow);

#endif
