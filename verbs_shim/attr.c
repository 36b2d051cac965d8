#include <limits.h>
#include <string.h>
#include <time.h>
#include "nic/api.h"
#include "verbs_shim/attr.h"
#include "verbs_shim/context.h"
#include "verbs_shim/device.h"
#include "verbs_shim/wq.h"

#define VENDOR_PART_ID 1u

#define ALL_PAGE_SIZES 0xfffff000u
#define ACK_DELAY      15	/* 4.096 us * 2^15 = 134 ms */
#define CLOCK_KHZ      1000000u /* nanoseconds */
#define PORT_COUNT     1

#define CQ_MODERATION_MAX UINT16_MAX

/* Younger than version 44's header: IBV_DEVICE_ATOMIC_WRITE and the like. */
#define CAP_FLUSH_GLOBAL     (1ull << 38)
#define CAP_FLUSH_PERSISTENT (1ull << 39)
#define CAP_ATOMIC_WRITE     (1ull << 40)
#define ODP_FLUSH	     (1u << 6)
#define ODP_ATOMIC_WRITE     (1u << 7)

#define CAPABILITIES                                                     \
	(IBV_DEVICE_AUTO_PATH_MIG | IBV_DEVICE_CURR_QP_STATE_MOD |       \
	 IBV_DEVICE_SYS_IMAGE_GUID |                                     \
	 IBV_DEVICE_RC_RNR_NAK_GEN | IBV_DEVICE_MEM_WINDOW |             \
	 IBV_DEVICE_MEM_WINDOW_TYPE_2B | IBV_DEVICE_MEM_MGT_EXTENSIONS | \
	 IBV_DEVICE_XRC)
#define CAPABILITIES_EX \
	(CAP_FLUSH_GLOBAL | CAP_FLUSH_PERSISTENT | CAP_ATOMIC_WRITE)

/* Every region is paged on demand: the NIC uses the program's page tables. */
#define ODP_DATA (IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV)
#define ODP_UD	 (ODP_DATA | IBV_ODP_SUPPORT_SRQ_RECV)
#define ODP_UC	 (ODP_DATA | IBV_ODP_SUPPORT_WRITE)
#define ODP_XRC \
	(ODP_UD | ODP_UC | IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_ATOMIC)
#define ODP_RC (ODP_XRC | ODP_FLUSH | ODP_ATOMIC_WRITE)

static int to_int(uint64_t n)
{
	return n > INT_MAX ? INT_MAX : (int)n;
}

static void fill_identity(struct ibv_device_attr *a, struct ibv_device *device)
{
	strcpy(a->fw_ver, DEVICE_FW_VER);
	a->node_guid = device_of(device)->guid;
	a->sys_image_guid = a->node_guid;
	a->vendor_id = ATTR_VENDOR_ID;
	a->vendor_part_id = VENDOR_PART_ID;
	a->hw_ver = DEVICE_HW_VER;
	a->phys_port_cnt = PORT_COUNT;
}

static void fill_limits(struct ibv_device_attr *a, const struct gn_limits *l)
{
	a->max_mr_size = l->max_mr_size;
	a->page_size_cap = ALL_PAGE_SIZES;
	a->max_qp = to_int(l->max_qp);
	a->max_qp_wr = to_int(l->max_qp_wr);
	a->max_sge = to_int(l->max_sge);
	a->max_sge_rd = to_int(l->max_sge);
	a->max_cq = to_int(l->max_cq);
	a->max_cqe = to_int(l->max_cqe);
	a->max_mr = to_int(l->max_mr);
	a->max_pd = to_int(l->max_pd);
	a->max_mw = to_int(l->max_mw);
	a->max_ah = to_int(l->max_ah);
	a->max_srq = to_int(l->max_srq);
	a->max_srq_wr = to_int(l->max_srq_wr);
	a->max_srq_sge = to_int(l->max_srq_sge);
	a->max_pkeys = (uint16_t)l->pkey_count;
	a->max_qp_rd_atom = to_int(l->max_rd_atomic);
	a->max_qp_init_rd_atom = to_int(l->max_rd_atomic);
	a->max_res_rd_atom = to_int((uint64_t)l->max_rd_atomic * l->max_qp);
	a->max_mcast_grp = to_int(l->max_mcast_grp);
	a->max_mcast_qp_attach = to_int(l->max_mcast_qp_attach);
	a->max_total_mcast_qp_attach =
		to_int((uint64_t)l->max_mcast_grp * l->max_mcast_qp_attach);
	a->max_raw_ethy_qp = l->raw_packet ? a->max_qp : 0;
}

static void fill_attr(struct ibv_context *context, struct ibv_device_attr *a)
{
	struct gn_limits limits;

	gn_query_limits(nic_of(context), &limits);
	fill_identity(a, context->device);
	fill_limits(a, &limits);
	a->device_cap_flags = CAPABILITIES;
	if (limits.raw_packet)
		a->device_cap_flags |= IBV_DEVICE_MANAGED_FLOW_STEERING;
	a->atomic_cap = IBV_ATOMIC_HCA;
	a->local_ca_ack_delay = ACK_DELAY;
}

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	fill_attr(context, attr);
	return 0;
}

static void fill_odp(struct ibv_device_attr_ex *a)
{
	a->odp_caps.general_caps = IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT;
	a->odp_caps.per_transport_caps.rc_odp_caps = ODP_RC;
	a->odp_caps.per_transport_caps.uc_odp_caps = ODP_UC;
	a->odp_caps.per_transport_caps.ud_odp_caps = ODP_UD;
	a->xrc_odp_caps = ODP_XRC;
}

/* What stays 0 is not there: segmentation, pacing, offloads of raw packets, tag
 * matching, atomics over PCI.
 */
static void fill_extended(struct ibv_context *context,
			  struct ibv_device_attr_ex *a)
{
	struct gn_limits limits;

	gn_query_limits(nic_of(context), &limits);
	fill_odp(a);
	wq_fill_caps(a, &limits);
	a->device_cap_flags_ex =
		a->orig_attr.device_cap_flags | CAPABILITIES_EX;
	a->completion_timestamp_mask = UINT64_MAX;
	a->hca_core_clock = CLOCK_KHZ;
	a->cq_mod_caps.max_cq_count = CQ_MODERATION_MAX;
	a->cq_mod_caps.max_cq_period = CQ_MODERATION_MAX;
	a->max_dm_size = limits.max_dm_size;
	a->phys_port_cnt_ex = PORT_COUNT;
}

int attr_query_ex(struct ibv_context *context,
		  const struct ibv_query_device_ex_input *input,
		  struct ibv_device_attr_ex *attr, size_t size)
{
	struct ibv_device_attr_ex ours = {0};

	if (input && input->comp_mask)
		return EINVAL;
	fill_attr(context, &ours.orig_attr);
	fill_extended(context, &ours);
	memset(attr, 0, size);
	memcpy(attr, &ours, size < sizeof(ours) ? size : sizeof(ours));
	return 0;
}

/* As real devices do, the whole count of ticks is in tv_nsec. */
int attr_query_clock(struct ibv_context *context, struct ibv_values_ex *values)
{
	struct timespec now;

	if (values->comp_mask & ~(uint32_t)IBV_VALUES_MASK_RAW_CLOCK)
		return EINVAL;
	clock_gettime(CLOCK_MONOTONIC, &now);
	values->raw_clock.tv_sec = 0;
	values->raw_clock.tv_nsec = now.tv_sec * 1000000000 + now.tv_nsec;
	return 0;
}
