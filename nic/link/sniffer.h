/* Whether somebody listens to an interface (tcpdump, Wireshark): a train of the
 * kernel's GSO looks like one huge datagram there, so gso=auto sends none while
 * anybody does.
 */
#ifndef NIC_LINK_SNIFFER_H
#define NIC_LINK_SNIFFER_H

#include <stdbool.h>
#include "nic/base/time.h"

#define SNIFFER_IFACES 8u

struct sniffer {
	unsigned iface[SNIFFER_IFACES]; /* indexes to care for */
	unsigned n;
	nsec_t next; /* when to look again */
	bool seen;
};

/* Cares for interface @index, too (0: unknown, nothing to care for). */
void sniffer_add(struct sniffer *s, unsigned index);
/* Is there a packet socket that gets all protocols of one of the interfaces or
 * of all?  Looks at /proc/net/packet, no more than every 100 ms.
 */
bool sniffer_listens(struct sniffer *s, nsec_t now);

#endif
