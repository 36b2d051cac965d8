/* Duplicate address detection: whether somebody on the segment has an address
 * that a NIC is about to use (RFC 5227 2.1, RFC 4862 5.4).
 */
#ifndef NIC_HOST_PROBE_H
#define NIC_HOST_PROBE_H

#include "nic/link/link.h"
#include "nic/port/port.h"

/* Asks three times for every address of @cfg and listens for 0.3 s in all.
 * -EADDRINUSE, and @why (SPEC_WHY_MAX bytes) says which address who has.  The
 * port is to be set up anew by its user.
 */
int probe_addresses(struct port *port, const struct link_config *cfg,
		    char *why);

#endif
