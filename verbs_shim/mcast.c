/* Multicast groups.  RoCE has no subnet administrator to ask: attaching a QP
 * joins the group, too.
 */
#include <string.h>
#include "nic/api.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/qp.h"

int ibv_attach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	struct ip_addr group;

	memcpy(&group, gid, sizeof(group));
	return -gn_qp_attach(qp_of(qp)->qp, &group);
}

int ibv_detach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	struct ip_addr group;

	memcpy(&group, gid, sizeof(group));
	return -gn_qp_detach(qp_of(qp)->qp, &group);
}
