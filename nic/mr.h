/* What a key opens: memory regions, memory windows, and the protection domains
 * that both belong to.
 *
 * A key is 24 bits of index into the table and 8 bits that change each time the
 * index is given out again (or a window is bound again), so that a stale key is
 * recognised.  lkey and rkey of a region are the same number.
 */
#ifndef NIC_MR_H
#define NIC_MR_H

#include <stdatomic.h>
#include "nic/api.h"
#include "wire/bytes.h"
#include "wire/drop.h"

struct engine;

struct gn_pd {
	struct engine *engine;
	unsigned users; /* MRs, QPs, ... made in it */
};

/* What table entries have in common: first member of MRs and MWs. */
struct key_holder {
	enum { HOLDS_MR, HOLDS_MW } kind;
	uint32_t index; /* its place; the upper 24 bits of the key */
	uint32_t key;
	struct gn_pd *pd;
};

struct gn_mr {
	struct key_holder h;
	uint8_t *base;
	uint64_t len;
	uint64_t iova;
	unsigned access;
	bool is_null;
	unsigned windows;  /* bound to it */
	struct gn_dm *dm;  /* whose memory it is; or NULL */
};

struct gn_dm {
	struct engine *engine;
	uint8_t *mem;
	uint64_t len;
	_Atomic unsigned users; /* MRs */
};

struct mr_table {
	struct key_holder **at; /* by index; free entries are NULL */
	uint32_t room, used;
	uint32_t next;	 /* where the search for a free index begins */
	uint8_t *variant; /* last low byte given out, by index */
};

int pd_new(struct engine *e, struct gn_pd **pd);
int pd_free(struct gn_pd *pd);

void mr_table_fini(struct mr_table *t);
int mr_new(struct gn_pd *pd, void *addr, uint64_t len, uint64_t iova,
	   unsigned access, struct gn_mr **mr);
int mr_new_null(struct gn_pd *pd, struct gn_mr **mr);
int mr_new_dm(struct gn_pd *pd, struct gn_dm *dm, uint64_t offset, uint64_t len,
	      unsigned access, struct gn_mr **mr);
int mr_free(struct gn_mr *mr);
int mr_rereg(struct gn_mr *mr, unsigned flags, struct gn_pd *pd, void *addr,
	     uint64_t len, unsigned access);
int mr_prefetch(struct gn_pd *pd, const struct gn_sge *sge, bool write);

/* These need no lock: the child of a fork may use its parent's device for them.
 */
int dm_new(struct engine *e, uint64_t len, struct gn_dm **dm);
int dm_free(struct gn_dm *dm);

/* May [@va, @va + @len) of the region @lkey be touched with all of the rights
 * @access (GN_ACCESS_LOCAL_WRITE; 0: read) in @pd?  DROP_NONE, and *@at points
 * to the memory; DROP_RKEY, DROP_RANGE or DROP_RIGHTS.
 */
enum drop mr_check(const struct gn_pd *pd, uint32_t lkey, uint64_t va,
		   uint64_t len, unsigned access, uint8_t **at);
/* The same for what a peer of QP @qpn asks for, through a region or window. */
enum drop mr_check_remote(const struct gn_pd *pd, uint32_t qpn, uint32_t rkey,
			  uint64_t va, uint64_t len, unsigned access,
			  uint8_t **at);

/* Writes @data at @offset of the message that the @nsge elements of @sge make up
 * in @pd.  False: it does not fit, a key forbids it, or the memory is gone; the
 * elements before that are written.
 */
bool mr_scatter(const struct gn_pd *pd, const struct gn_sge *sge, unsigned nsge,
		uint32_t offset, struct span data);

/* All of region @rkey (FLUSH of a whole region, IBTA A19.4.2). */
enum drop mr_check_whole(const struct gn_pd *pd, uint32_t rkey, unsigned access,
			 uint8_t **at, uint64_t *len);

/* ---- between mr.c and mw.c -------------------------------------------------- */

/* Gives @h, whose kind and PD are set, an index and a key.  -ENOMEM. */
int key_put(struct mr_table *t, struct key_holder *h);
/* Its key opens nothing any more. */
void key_remove(struct mr_table *t, struct key_holder *h);
/* What @key opens, or NULL. */
struct key_holder *key_find(const struct mr_table *t, uint32_t key);
/* Where [@va, @va + @len) of @mr lies; DROP_RANGE. */
enum drop mr_at(const struct gn_mr *mr, uint64_t va, uint64_t len,
		uint8_t **at);

#endif
