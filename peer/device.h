/* The RDMA device that the peer works with. */
#ifndef PEER_DEVICE_H
#define PEER_DEVICE_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>

#define WHY_MAX	    512u
#define GID_UNKNOWN (-1)

struct device_options {
	const char *name; /* NULL: the first */
	int port;	  /* from 1 */
	int gid_index;	  /* or GID_UNKNOWN: the best one */
};

struct device {
	struct ibv_context *context;
	uint8_t port, gid_index;
	union ibv_gid gid;
};

/* False: nothing is open, and @why (WHY_MAX bytes) is one line. */
bool device_open(const struct device_options *o, struct device *d, char *why);
void device_close(struct device *d);

/* "glassnic-peer 1 gid=ADDRESS device=NAME library=WHOSE", what a drill is
 * greeted with; returns @text.
 */
const char *device_greeting(const struct device *d, char *text, size_t size);

/* "10.0.0.1" as an IPv4-mapped GID, or an IPv6 address; false: neither. */
bool gid_parse(union ibv_gid *gid, const char *text);

#endif
