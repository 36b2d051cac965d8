/* An address handle that answers a received datagram: the 40 bytes in front of
 * its payload hold an IPv6 header, or an IPv4 header in the last 20 of them.
 */
#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/port.h"

#define IPV4_AT	     20
#define IPV4_HEAD    0x45 /* version 4, 20 bytes */
#define IPV4_LEN     20
#define NEXT_HDR_UDP 17

static_assert(sizeof(struct ibv_grh) == IPV4_AT + IPV4_LEN, "the wire's");

/* RFC 1071; true as well as its own checksum. */
static bool ipv4_sum_is_right(const uint8_t *p)
{
	uint32_t sum = 0;

	for (int i = 0; i < IPV4_LEN; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static void mapped_gid(union ibv_gid *gid, const uint8_t *v4)
{
	memset(gid, 0, sizeof(*gid));
	gid->raw[10] = gid->raw[11] = 0xff;
	memcpy(&gid->raw[12], v4, 4);
}

/* Index of @gid in the port's table, or -ENOENT. */
static int find_gid(struct ibv_context *context, const union ibv_gid *gid)
{
	union ibv_gid entry;

	for (int i = 0; i <= UINT8_MAX; i++) {
		int err = port_gid(context, PORT_NUM, (uint32_t)i, &entry);

		if (err == EINVAL)
			break;
		if (!err && memcmp(&entry, gid, sizeof(entry)) == 0)
			return i;
	}
	return -ENOENT;
}

/* Turns the packet's addresses around; 0 or -errno. */
static int answer(struct ibv_context *context, struct ibv_global_route *r,
		  const union ibv_gid *from, const union ibv_gid *to)
{
	int index;

	if (to->raw[0] == 0xff)
		return -EINVAL; /* multicast: which of our addresses? */
	index = find_gid(context, to);
	if (index < 0)
		return index;
	r->dgid = *from;
	r->sgid_index = (uint8_t)index;
	return 0;
}

static int answer_ipv4(struct ibv_context *context, struct ibv_global_route *r,
		       const uint8_t *p)
{
	union ibv_gid from, to;

	if (p[16] >= 224)
		return -EINVAL;
	mapped_gid(&from, p + 12);
	mapped_gid(&to, p + 16);
	r->traffic_class = p[1];
	r->hop_limit = p[8];
	return answer(context, r, &from, &to);
}

static int answer_ipv6(struct ibv_context *context, struct ibv_global_route *r,
		       const struct ibv_grh *grh)
{
	uint32_t head = be32toh(grh->version_tclass_flow);

	if (head >> 28 != 6 || grh->next_hdr != NEXT_HDR_UDP)
		return -EPROTONOSUPPORT;
	r->traffic_class = (uint8_t)(head >> 20);
	r->flow_label = head & IB_GRH_FLOWLABEL_MASK;
	r->hop_limit = grh->hop_limit;
	return answer(context, r, &grh->sgid, &grh->dgid);
}

int ibv_init_ah_from_wc(struct ibv_context *context, uint8_t port_num,
			struct ibv_wc *wc, struct ibv_grh *grh,
			struct ibv_ah_attr *attr)
{
	const uint8_t *ipv4 = (const uint8_t *)grh + IPV4_AT;
	int rc;

	memset(attr, 0, sizeof(*attr));
	attr->dlid = wc->slid;
	attr->sl = wc->sl;
	attr->src_path_bits = wc->dlid_path_bits;
	attr->port_num = port_num;
	if (!(wc->wc_flags & IBV_WC_GRH))
		return 0;
	attr->is_global = 1;
	if (ipv4[0] == IPV4_HEAD && ipv4_sum_is_right(ipv4))
		rc = answer_ipv4(context, &attr->grh, ipv4);
	else
		rc = answer_ipv6(context, &attr->grh, grh);
	return rc ? fail_minus1(rc) : 0;
}

struct ibv_ah *ibv_create_ah_from_wc(struct ibv_pd *pd, struct ibv_wc *wc,
				     struct ibv_grh *grh, uint8_t port_num)
{
	struct ibv_ah_attr attr;

	if (ibv_init_ah_from_wc(pd->context, port_num, wc, grh, &attr))
		return NULL;
	return ibv_create_ah(pd, &attr);
}
