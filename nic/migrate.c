/* A REARMed QP says so by MigReq 0, and is ARMED when its peer says the same.  A
 * MigReq 1 on the other path means that the peer has moved there.
 */
#include "nic/migrate.h"

#include "nic/engine.h"

bool migrate(struct gn_qp *qp)
{
	struct engine *e = qp->engine;
	struct gn_qp_attr *a = &qp->attr;
	struct gn_ah first = a->ah;
	uint8_t timeout = a->timeout;
	struct peer *peer;

	if (a->mig_state != MIG_ARMED)
		return false;
	peer = peer_get(&e->peers, &a->alt_ah.dgid, e->cfg.window);
	if (!peer) {
		engine_qp_event(qp, GN_EVENT_PATH_MIG_ERR);
		return false;
	}
	a->ah = a->alt_ah;
	a->timeout = a->alt_timeout;
	a->alt_ah = first;
	a->alt_timeout = timeout;
	a->mig_state = MIG_MIGRATED;
	qp_set_peer(qp, peer);
	qp_set_source_port(qp);
	engine_qp_event(qp, GN_EVENT_PATH_MIG);
	return true;
}

static bool is_path(const struct gn_qp *qp, const struct gn_ah *ah,
		    const struct dgram *d)
{
	return ip_equal(&d->src, &ah->dgid) &&
	       ip_equal(&d->dst, &qp->engine->gid[ah->sgid_index]);
}

bool migrate_follows(struct gn_qp *qp, const struct roce *r,
		     const struct dgram *d)
{
	if (is_path(qp, &qp->attr.ah, d)) {
		if (qp->attr.mig_state == MIG_REARM && !r->bth.migreq)
			qp->attr.mig_state = MIG_ARMED;
		return true;
	}
	return qp->attr.mig_state == MIG_ARMED && r->bth.migreq &&
	       is_path(qp, &qp->attr.alt_ah, d) && migrate(qp);
}
