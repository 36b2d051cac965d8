/* From a captured frame to the IP packet in it. */
#ifndef TRACE_STRIP_H
#define TRACE_STRIP_H

#include <stdbool.h>
#include "wire/bytes.h"

/* The link types that captures of RoCEv2 come in (the numbers are those of
 * the pcap file format, www.tcpdump.org/linktypes.html).
 */
enum linktype {
	LINK_NULL = 0, /* BSD loopback */
	LINK_ETHERNET = 1,
	LINK_RAW = 101,	      /* IP, either version */
	LINK_LINUX_SLL = 113, /* tcpdump -i any */
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX_SLL2 = 276,
};

bool linktype_known(int linktype);

#define ETHERTYPE_ROCE_V1 0x8915u

/* Takes link header and 802.1Q, 802.1ad tags off @in.  False, with @in
 * undefined, if no IP packet follows; *@type is the EtherType then, 0 if there
 * is none.
 */
bool strip_link(int linktype, struct span *in, uint16_t *type);

#endif
