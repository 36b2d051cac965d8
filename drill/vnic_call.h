/* Between the files that do a drill's verbs on the engine in memory.  Errnos
 * are negative here.
 */
#ifndef DRILL_VNIC_CALL_H
#define DRILL_VNIC_CALL_H

#include "drill/call.h"
#include "drill/vnic.h"

static inline struct vnic *vnic_of(const struct call *c)
{
	return c->side;
}

/* The verbs. */
int verb_pd(struct call *c);
int verb_mr(struct call *c);
int verb_cq(struct call *c);
int verb_xrcd(struct call *c);
int verb_mw(struct call *c);
int verb_srq(struct call *c);
int verb_limit(struct call *c);
int verb_qp(struct call *c);
int verb_modify(struct call *c);
int verb_query(struct call *c);
int verb_attach(struct call *c);
int verb_detach(struct call *c);
int verb_post_send(struct call *c);
int verb_post_recv(struct call *c);

#endif
