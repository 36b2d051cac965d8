/* A port with faults: wraps any port, and does to the frames that pass it, both
 * ways, what rules say: ARP and neighbour discovery included.  As
 * nic/impair/impair_link.h otherwise.
 */
#ifndef NIC_IMPAIR_IMPAIR_PORT_H
#define NIC_IMPAIR_IMPAIR_PORT_H

#include "nic/impair/impair.h"
#include "nic/port/port.h"

/* Owns @below from then on (on failure, too), not @im.  -ENOMEM. */
int impair_port_new(struct port *below, struct impair *im,
		    struct port **wrapped);

#endif
