/* Whether to hand datagrams to the kernel in trains (UDP GSO), which it carries
 * as one.
 *
 * Somebody who listens to the interface (tcpdump, Wireshark) sees a train as
 * one huge datagram, so that GSO_AUTO sends none while anybody does.
 */
#ifndef NIC_BASE_GSO_H
#define NIC_BASE_GSO_H

#include <stdbool.h>
#include "nic/base/time.h"

#define GSO_IFACES 8u

enum gso_mode { GSO_AUTO, GSO_ON, GSO_OFF };

struct gso {
	enum gso_mode mode;
	bool refused; /* a train, by the kernel: the caller says so */
	unsigned iface[GSO_IFACES]; /* interfaces' indexes to look after */
	unsigned n;
	nsec_t next; /* when to look again */
	bool heard;
};

/* Looks after interface @index, too; 0: unknown, nothing to look after. */
void gso_watch(struct gso *g, unsigned index);
/* May a train leave now?  Looks at /proc/net/packet, no more than every 100 ms.
 */
bool gso_allowed(struct gso *g, nsec_t now);
/* Tells every glassnic of this network namespace that packet socket @fd is no
 * sniffer, as long as the descriptor that is returned is open.  -errno.
 */
int gso_is_no_sniffer(int fd);

#endif
