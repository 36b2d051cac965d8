/* Receive-side scaling: which of several QPs gets a frame. */
#ifndef NIC_RSS_H
#define NIC_RSS_H

#include "nic/api.h"
#include "wire/ip.h"

struct rss; /* a gn_rss with its table */

/* -EINVAL: the table's size is not a power of two, or nothing is in it. */
int rss_new(const struct gn_rss *from, struct rss **rss);
void rss_free(struct rss *rss); /* NULL is fine */
/* The hash of what @rss looks at (Microsoft's RSS hash).  @ports: source and
 * destination, NULL if there are none; of a frame without IP it is 0.
 */
uint32_t rss_hash(const struct rss *rss, const struct ip_header *ip,
		  const uint16_t *ports);
struct gn_qp *rss_pick(const struct rss *rss, uint32_t hash);

#endif
