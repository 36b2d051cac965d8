/* Judges what comes back for a requester's packets (IBTA 9.7.5, 9.7.6). */
#ifndef NIC_COMPLETER_H
#define NIC_COMPLETER_H

#include "nic/qp.h"

enum drop completer_receive(struct gn_qp *qp, const struct roce *r);

#endif
