/* The responder of an unreliable connection (IBTA 9.8.2). */
#ifndef NIC_UC_H
#define NIC_UC_H

#include "nic/qp.h"

enum drop uc_receive(struct gn_qp *qp, const struct roce *r);

#endif
