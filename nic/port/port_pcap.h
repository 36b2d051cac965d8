/* A port between files: what the NIC sends and receives is written to one, what
 * it receives is read from another.
 */
#ifndef NIC_PORT_PORT_PCAP_H
#define NIC_PORT_PORT_PCAP_H

#include "nic/port/port.h"

#define PCAP_MTU     9000u
#define PCAP_WHY_MAX 256u

struct pcap_config {
	const char *out;  /* is created, or emptied */
	const char *name; /* of the interface in it */
	const char *in;	  /* NULL: nothing is ever received */
	nsec_t after;	  /* from the first receive to the first frame of @in */
	bool fast;	  /* the others as fast as possible, not as recorded */
	struct counters *counters;
};

/* -errno, and @why (PCAP_WHY_MAX bytes) is one line. */
int port_pcap_new(const struct pcap_config *cfg, struct port **port, char *why);

#endif
