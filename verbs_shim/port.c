#include <assert.h>
#include <string.h>
#include "nic/api.h"
#include "verbs_shim/context.h"
#include "verbs_shim/mtu.h"
#include "verbs_shim/port.h"

#undef ibv_query_port

/* What verbs 1.1 knew: up to and including the flags. */
#define COMPAT_PORT_ATTR_LEN offsetof(struct ibv_port_attr, port_cap_flags2)
static_assert(COMPAT_PORT_ATTR_LEN == 48, "ABI");

/* IBTA PortInfo codes, for which verbs has no names. */
enum { WIDTH_1X = 1, WIDTH_4X = 2, WIDTH_2X = 16 };
enum { SDR = 1, DDR = 2, FDR10 = 8, EDR = 32, HDR = 64, NDR = 128 };
enum { PHYS_DISABLED = 3, PHYS_LINK_UP = 5 };

/* Ethernet speeds as width and lane speed, as Linux shows them. */
static const struct {
	uint64_t up_to_mbps;
	uint8_t width, speed;
} rates[] = {
	{1000, WIDTH_1X, SDR},	     {10000, WIDTH_1X, FDR10},
	{20000, WIDTH_4X, DDR},	     {25000, WIDTH_1X, EDR},
	{40000, WIDTH_4X, FDR10},    {50000, WIDTH_2X, EDR},
	{100000, WIDTH_4X, EDR},     {200000, WIDTH_4X, HDR},
	{UINT64_MAX, WIDTH_4X, NDR},
};

static void fill_rate(struct ibv_port_attr *a, uint64_t mbps)
{
	unsigned i = 0;

	while (mbps > rates[i].up_to_mbps)
		i++;
	a->active_width = rates[i].width;
	a->active_speed = rates[i].speed;
}

static void fill_port(struct ibv_context *context, struct ibv_port_attr *a)
{
	struct gn_port_info port;
	struct gn_limits limits;

	gn_query_port(nic_of(context), &port);
	gn_query_limits(nic_of(context), &limits);
	a->state = port.active ? IBV_PORT_ACTIVE : IBV_PORT_DOWN;
	a->phys_state = port.active ? PHYS_LINK_UP : PHYS_DISABLED;
	a->max_mtu = mtu_code(port.max_mtu);
	a->active_mtu = mtu_code(port.active_mtu);
	a->gid_tbl_len = (int)limits.gid_count;
	a->pkey_tbl_len = (uint16_t)limits.pkey_count;
	a->max_msg_sz = limits.max_msg_size;
	a->port_cap_flags = IBV_PORT_CM_SUP | IBV_PORT_IP_BASED_GIDS;
	a->max_vl_num = 1;
	a->link_layer = IBV_LINK_LAYER_ETHERNET;
	a->lid = port.lid;
	a->flags = port.lid ? 0 : IBV_QPF_GRH_REQUIRED;
	fill_rate(a, port.speed_mbps);
}

int port_query(struct ibv_context *context, uint8_t port_num,
	       struct ibv_port_attr *attr, size_t size)
{
	struct ibv_port_attr ours = {0};

	if (port_num != PORT_NUM)
		return EINVAL;
	fill_port(context, &ours);
	memset(attr, 0, size);
	memcpy(attr, &ours, size < sizeof(ours) ? size : sizeof(ours));
	return 0;
}

int port_query_compat(struct ibv_context *context, uint8_t port_num,
		      struct _compat_ibv_port_attr *attr)
{
	return port_query(context, port_num, (struct ibv_port_attr *)attr,
			  COMPAT_PORT_ATTR_LEN);
}

int ibv_query_port(struct ibv_context *context, uint8_t port_num,
		   struct _compat_ibv_port_attr *attr)
{
	return port_query_compat(context, port_num, attr);
}
