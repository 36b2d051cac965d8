/* Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, one
 * Ethernet interface.
 */
#ifndef NIC_PORT_PCAPNG_H
#define NIC_PORT_PCAPNG_H

#include "nic/base/tap.h"
#include "wire/bytes.h"

#define PCAPNG_NAME_MAX	   64u
#define PCAPNG_COMMENT_MAX 256u
#define PCAPNG_START_MAX   (160u + PCAPNG_NAME_MAX)

/* Writes the section header and the interface called @name (cut to
 * PCAPNG_NAME_MAX bytes): nanosecond timestamps, no snap length.  At most
 * PCAPNG_START_MAX bytes; returns how many.
 */
size_t pcapng_start(const char *name, uint8_t *out);

struct pcapng_packet {
	enum tap_dir dir;
	uint64_t realtime_nsec; /* since 1970 */
	const struct span *piece;
	unsigned npiece;
	const char *comment; /* or NULL; cut to PCAPNG_COMMENT_MAX bytes */
};

/* Bytes that pcapng_packet will write. */
size_t pcapng_packet_len(const struct pcapng_packet *pkt);
/* Writes one enhanced packet block. */
void pcapng_packet(const struct pcapng_packet *pkt, uint8_t *out);

#endif
