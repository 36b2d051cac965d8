/* A QP's attributes and capabilities, translated. */
#ifndef VERBS_SHIM_QP_ATTR_H
#define VERBS_SHIM_QP_ATTR_H

#include <infiniband/verbs.h>
#include "nic/api.h"

struct gn_qp_cap cap_from_verbs(const struct ibv_qp_cap *cap);
struct ibv_qp_cap cap_to_verbs(const struct gn_qp_cap *cap);
void qp_attr_from_verbs(struct gn_qp_attr *to, const struct ibv_qp_attr *attr);
void qp_attr_to_verbs(const struct gn_qp_attr *attr, struct ibv_qp_attr *to);

#endif
