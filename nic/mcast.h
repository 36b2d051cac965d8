/* Which UD QPs hear which multicast group (IBTA 10.5). */
#ifndef NIC_MCAST_H
#define NIC_MCAST_H

#include "nic/engine.h"

int mcast_attach(struct gn_qp *qp, const struct ip_addr *group);
/* -EINVAL: it was not attached. */
int mcast_detach(struct gn_qp *qp, const struct ip_addr *group);
/* Before @qp goes. */
void mcast_forget(struct gn_qp *qp);
/* Gives @d to each member of its group by @deliver. */
enum drop mcast_deliver(struct engine *e, const struct roce *r,
			const struct dgram *d,
			enum drop (*deliver)(struct gn_qp *qp,
					     const struct roce *r,
					     const struct dgram *d));

#endif
