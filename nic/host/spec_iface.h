/* Ports on an interface of this host (port= and via= packet:IFACE and
 * xdp:IFACE), out of a spec and what the host knows.
 */
#ifndef NIC_HOST_SPEC_IFACE_H
#define NIC_HOST_SPEC_IFACE_H

#include "nic/host/spec.h"
#include "nic/link/link.h"
#include "nic/port/port.h"

/* Makes the port.  With ip=host, @cfg gets the interface's MAC, addresses and
 * routes; else its addresses are used.  -errno; @why (SPEC_WHY_MAX bytes) is
 * one line.
 */
int spec_iface_new(const struct nic_spec *spec, struct link_config *cfg,
		   struct port **port, char *why);
/* The same for the port under a tunnel (via=), whose end is the one address of
 * @cfg: shared with the interface if that has it.
 */
int spec_iface_under(const struct nic_spec *spec, struct link_config *cfg,
		     struct port **port, char *why);

#endif
