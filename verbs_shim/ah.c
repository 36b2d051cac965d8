#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "verbs_shim/ah.h"
#include "verbs_shim/context.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/port.h"

void ah_from_verbs(struct gn_ah *ah, const struct ibv_ah_attr *attr)
{
	*ah = (struct gn_ah){
		.is_global = attr->is_global != 0,
		.sgid_index = attr->grh.sgid_index,
		.flow_label = attr->grh.flow_label,
		.hop_limit = attr->grh.hop_limit,
		.traffic_class = attr->grh.traffic_class,
		.sl = attr->sl,
		.dlid = attr->dlid,
		.port_num = attr->port_num,
	};
	memcpy(&ah->dgid, &attr->grh.dgid, sizeof(ah->dgid));
}

void ah_to_verbs(const struct gn_ah *ah, struct ibv_ah_attr *attr)
{
	*attr = (struct ibv_ah_attr){
		.is_global = ah->is_global,
		.grh.sgid_index = ah->sgid_index,
		.grh.flow_label = ah->flow_label,
		.grh.hop_limit = ah->hop_limit,
		.grh.traffic_class = ah->traffic_class,
		.sl = ah->sl,
		.dlid = ah->dlid,
		.port_num = ah->port_num,
	};
	memcpy(&attr->grh.dgid, &ah->dgid, sizeof(ah->dgid));
}

/* RoCE needs a GRH, and a source address that the port has; or a LID, if the
 * NIC pretends to have one.
 */
static bool attr_is_valid(struct ibv_context *context,
			  const struct ibv_ah_attr *attr)
{
	struct gn_port_info port;
	union ibv_gid sgid;

	gn_query_port(nic_of(context), &port);
	if (!attr->is_global)
		return port.lid && attr->dlid && attr->port_num == 1;
	return attr->is_global && port_gid(context, attr->port_num,
					   attr->grh.sgid_index, &sgid) == 0;
}

struct ibv_ah *ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct shim_ah *ah;

	if (!attr_is_valid(pd->context, attr))
		return fail_null(-EINVAL);
	ah = calloc(1, sizeof(*ah));
	if (!ah)
		return fail_null(-ENOMEM);
	ah->ibv.context = pd->context;
	ah->ibv.pd = pd;
	ah_from_verbs(&ah->ah, attr);
	return &ah->ibv;
}

int ibv_destroy_ah(struct ibv_ah *ah)
{
	free(ah_of(ah));
	return 0;
}
