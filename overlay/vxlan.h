/* A VXLAN segment as a port (RFC 7348): frames of one VNI, carried by a link
 * with UDP port 4789.  Unknown, broadcast and multicast destinations are
 * replicated to every remote (head-end replication); sources are learned.
 */
#ifndef OVERLAY_VXLAN_H
#define OVERLAY_VXLAN_H

#include <stdbool.h>
#include "nic/link/link.h"
#include "nic/port/port.h"

#define VXLAN_REMOTES 32u

struct vxlan_config {
	uint32_t vni;	/* 24 bits */
	struct ip_addr local;
	struct ip_addr remote[VXLAN_REMOTES]; /* the flood list */
	unsigned nremote;
	bool shared;	/* others have this MAC here, too: what it sends to
			 * itself goes to them */
	bool learn;	/* learn MAC -> VTEP from what arrives */
	unsigned ageing_sec; /* learned entries die after it; 0: 300 */
	struct counters *counters;
};

/* Owns @link from then on (on failure, too). -errno; @why as in link_udp_new. */
int vxlan_port_new(const struct vxlan_config *cfg, struct link *link,
		   struct port **port, char *why);

/* Pins @mac behind @vtep, as an entry that neither ages nor is relearned. */
int vxlan_add_static(struct port *port, const struct mac *mac,
		     const struct ip_addr *vtep);

#endif
