/* Automatic path migration (IBTA 17.2.8): a QP whose second path is loaded and
 * armed moves to it when the first fails, when its peer does, or when it is told.
 */
#ifndef NIC_MIGRATE_H
#define NIC_MIGRATE_H

#include "nic/link/link.h"
#include "nic/qp.h"

/* As in enum ibv_mig_state. */
enum mig_state { MIG_MIGRATED, MIG_REARM, MIG_ARMED };

/* Exchanges the paths, if the other is armed; raises PATH_MIG, or PATH_MIG_ERR.
 * False: the QP stays where it is.
 */
bool migrate(struct gn_qp *qp);
/* What the MigReq bit of a packet from the peer has to say; true if it comes by
 * the path that the QP uses (after it has followed its peer, if need be).
 */
bool migrate_follows(struct gn_qp *qp, const struct roce *r,
		     const struct dgram *d);
/* MigReq of what the QP sends. */
static inline bool migrate_bit(const struct gn_qp *qp)
{
	return qp->attr.mig_state == MIG_MIGRATED;
}

#endif
