/* What the device says about itself. */
#ifndef VERBS_SHIM_ATTR_H
#define VERBS_SHIM_ATTR_H

#include <infiniband/verbs.h>

/* An OUI whose "locally administered" bit is set belongs to no vendor, and
 * never will.  (0x02c9, Mellanox's, would send programs down paths made for
 * its hardware.)
 */
#define ATTR_VENDOR_ID 0x02474eu

/* Fills @size bytes at @attr, of a caller that may know fewer or more fields
 * than this library.
 */
int attr_query_ex(struct ibv_context *context,
		  const struct ibv_query_device_ex_input *input,
		  struct ibv_device_attr_ex *attr, size_t size);
/* The clock of completion timestamps. */
int attr_query_clock(struct ibv_context *context, struct ibv_values_ex *values);

#endif
