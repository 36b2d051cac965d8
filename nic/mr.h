/* Memory regions and protection domains: which key grants what to whom.
 *
 * A key is 24 bits of index into the table and 8 bits that change each time the
 * index is given out again, so that a stale key is recognised.  lkey and rkey
 * of a region are the same number.
 */
#ifndef NIC_MR_H
#define NIC_MR_H

#include "nic/api.h"
#include "wire/drop.h"

struct engine;

struct gn_pd {
	struct engine *engine;
	unsigned users; /* MRs, QPs, ... made in it */
};

struct gn_mr {
	struct gn_pd *pd;
	uint8_t *base;
	uint64_t len;
	uint64_t iova;
	unsigned access;
	uint32_t key;
};

struct mr_table {
	struct gn_mr **mr; /* by index; free entries are NULL */
	uint32_t room, used;
	uint32_t next;	 /* where the search for a free index begins */
	uint8_t *variant; /* last low byte given out, by index */
};

int pd_new(struct engine *e, struct gn_pd **pd);
int pd_free(struct gn_pd *pd);

void mr_table_fini(struct mr_table *t);
int mr_new(struct gn_pd *pd, void *addr, uint64_t len, uint64_t iova,
	   unsigned access, struct gn_mr **mr);
int mr_free(struct gn_mr *mr);

/* May [@va, @va + @len) of the region @key be touched with all of the rights
 * @access (GN_ACCESS_*; 0: local read) in @pd?  DROP_NONE, and *@at points to
 * the memory; DROP_RKEY, DROP_RANGE or DROP_RIGHTS.
 */
enum drop mr_check(const struct gn_pd *pd, uint32_t key, uint64_t va,
		   uint64_t len, unsigned access, uint8_t **at);

#endif
