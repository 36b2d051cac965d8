/* Reads Ethernet frames out of a capture: pcap or pcapng, of either byte order.
 * The file is a stranger's.
 */
#ifndef NIC_PORT_CAPFILE_H
#define NIC_PORT_CAPFILE_H

#include <stdint.h>
#include "wire/bytes.h"

#define CAPFILE_WHY_MAX 256u

struct capfile;

struct capfile_frame {
	struct span bytes;	/* until the next call */
	uint64_t realtime_nsec; /* since 1970 */
};

/* -errno, and @why (CAPFILE_WHY_MAX bytes) is one line. */
int capfile_open(const char *path, struct capfile **file, char *why);
/* The next whole frame that is not marked as outbound: 1, 0 at the end, -EINVAL
 * (and @why) where the file is damaged.  Frames that were cut short when they
 * were captured are left out.
 */
int capfile_next(struct capfile *file, struct capfile_frame *frame, char *why);
void capfile_close(struct capfile *file);

#endif
