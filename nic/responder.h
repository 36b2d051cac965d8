/* Judges and executes requests (IBTA 9.7.4), and answers them. */
#ifndef NIC_RESPONDER_H
#define NIC_RESPONDER_H

#include "nic/link/link.h"
#include "nic/qp.h"

void responder_reset(struct gn_qp *qp);
/* Gives the record of READs and atomics @n places; the newest stay.  -ENOMEM. */
int responder_resize(struct gn_qp *qp, uint32_t n);
enum drop responder_receive(struct gn_qp *qp, const struct roce *r,
			    struct note *note);
void responder_flush(struct gn_qp *qp);
/* Before @srq goes: the message in progress that uses it is lost. */
void responder_forget_srq(struct gn_qp *qp, const struct gn_srq *srq);

/* Something to say? */
bool reply_pending(const struct gn_qp *qp);
/* Sends at most @quota packets of it; true if more is left. */
bool reply_send(struct gn_qp *qp, unsigned quota);

/* A READ was asked for again: slower from now on. */
void reply_slow_down(struct gn_qp *qp);

/* Of the ring: the @i'th oldest. */
struct resource *resource_at(const struct gn_qp *qp, uint32_t i);

#endif
