/* Memory windows: parts of regions, opened to peers by work requests. */
#ifndef NIC_MW_H
#define NIC_MW_H

#include "nic/mr.h"

struct gn_mw {
	struct key_holder h;
	unsigned type; /* 1 or 2 */
	struct gn_mr *mr; /* bound to; NULL: not bound */
	uint64_t va, len; /* as peers address it: from 0 on if zero-based */
	uint64_t at;	  /* the same place as the region calls it */
	unsigned access;
	uint32_t qpn; /* type 2: of the QP it was bound on */
};

/* What a BIND_MW asks for.  By numbers: window and region may be gone when its
 * turn comes.
 */
struct bind {
	uint32_t mw;	      /* index */
	uint32_t lkey;	      /* of the region */
	uint64_t va, len;     /* of the region; 0: unbind */
	unsigned access;
	uint32_t rkey;	      /* the window's from then on */
};

int mw_new(struct gn_pd *pd, unsigned type, struct gn_mw **mw);
int mw_free(struct gn_mw *mw);
/* What GN_WR_BIND_MW does when its turn comes, on QP @qpn of @pd: SUCCESS, or
 * MW_BIND_ERR and the window is as before.
 */
enum gn_wc_status mw_bind(const struct gn_pd *pd, uint32_t qpn,
			  const struct bind *b);
/* Unbinds the type 2 window @rkey, asked for by QP @qpn of @pd, from here or
 * there.  False: there is none that it may invalidate.  (An XRC target has no
 * send queue to bind one on, so its peer never can: type 2B belongs to the QP,
 * IBTA 10.6.7.2.)
 */
bool mw_invalidate(const struct gn_pd *pd, uint32_t qpn, uint32_t rkey);

/* The memory of [@va, @va + @len) of @mw for a peer of QP @qpn, if it may do all
 * of @access.  DROP_RKEY, DROP_RANGE, DROP_RIGHTS.
 */
enum drop mw_check(const struct gn_mw *mw, uint32_t qpn, uint64_t va,
		   uint64_t len, unsigned access, uint8_t **at);

#endif
