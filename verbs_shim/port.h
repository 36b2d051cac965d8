/* The device's one port. */
#ifndef VERBS_SHIM_PORT_H
#define VERBS_SHIM_PORT_H

#include <stdbool.h>
#include <infiniband/verbs.h>

#define PORT_NUM 1u

/* Fills @size bytes at @attr, of a caller that may know fewer or more fields
 * than this library; EINVAL if there is no such port.
 */
int port_query(struct ibv_context *context, uint8_t port_num,
	       struct ibv_port_attr *attr, size_t size);
/* The same, for callers that know the fields of verbs 1.1. */
int port_query_compat(struct ibv_context *context, uint8_t port_num,
		      struct _compat_ibv_port_attr *attr);
/* 0, EINVAL: no such port or past the table, ENODATA: an empty entry. */
int port_gid(struct ibv_context *context, uint32_t port_num, uint32_t index,
	     union ibv_gid *gid);

#endif
