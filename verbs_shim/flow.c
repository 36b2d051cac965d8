#include "verbs_shim/flow.h"

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "verbs_shim/fail.h"
#include "verbs_shim/port.h"
#include "verbs_shim/qp.h"

struct shim_flow {
	struct ibv_flow ibv; /* first */
	struct gn_flow *flow;
};

#define PROTO_TCP 6
#define PROTO_UDP 17

static int match_eth(const struct ibv_flow_spec_eth *s, struct gn_flow_match *m)
{
	memcpy(m->dst_mac, s->val.dst_mac, 6);
	memcpy(m->dst_mac_mask, s->mask.dst_mac, 6);
	memcpy(m->src_mac, s->val.src_mac, 6);
	memcpy(m->src_mac_mask, s->mask.src_mac, 6);
	m->ethertype = be16toh(s->val.ether_type);
	m->ethertype_mask = be16toh(s->mask.ether_type);
	m->vlan = be16toh(s->val.vlan_tag);
	m->vlan_mask = be16toh(s->mask.vlan_tag);
	return 0;
}

/* Addresses lie in the specs as on the wire; an IPv4 address is mapped. */
static void mapped(struct ip_addr *to, const void *from, uint8_t prefix)
{
	memset(to, prefix, sizeof(*to));
	if (!prefix)
		to->b[10] = to->b[11] = 0xff;
	memcpy(&to->b[12], from, 4);
}

static void match_ipv4_addrs(struct gn_flow_match *m, const void *src,
			     const void *src_mask, const void *dst,
			     const void *dst_mask)
{
	m->ip_version = 4;
	mapped(&m->src_ip, src, 0);
	mapped(&m->src_ip_mask, src_mask, 0xff);
	mapped(&m->dst_ip, dst, 0);
	mapped(&m->dst_ip_mask, dst_mask, 0xff);
}

static int match_ipv4(const struct ibv_flow_spec_ipv4 *s,
		      struct gn_flow_match *m)
{
	match_ipv4_addrs(m, &s->val.src_ip, &s->mask.src_ip, &s->val.dst_ip,
			 &s->mask.dst_ip);
	return 0;
}

static int match_ipv4_ext(const struct ibv_flow_spec_ipv4_ext *s,
			  struct gn_flow_match *m)
{
	if (s->mask.tos || s->mask.ttl || s->mask.flags)
		return EOPNOTSUPP;
	match_ipv4_addrs(m, &s->val.src_ip, &s->mask.src_ip, &s->val.dst_ip,
			 &s->mask.dst_ip);
	m->ip_protocol = s->val.proto;
	m->ip_protocol_mask = s->mask.proto;
	return 0;
}

static int match_ipv6(const struct ibv_flow_spec_ipv6 *s,
		      struct gn_flow_match *m)
{
	if (s->mask.flow_label || s->mask.traffic_class || s->mask.hop_limit)
		return EOPNOTSUPP;
	m->ip_version = 6;
	memcpy(&m->src_ip, s->val.src_ip, 16);
	memcpy(&m->src_ip_mask, s->mask.src_ip, 16);
	memcpy(&m->dst_ip, s->val.dst_ip, 16);
	memcpy(&m->dst_ip_mask, s->mask.dst_ip, 16);
	m->ip_protocol = s->val.next_hdr;
	m->ip_protocol_mask = s->mask.next_hdr;
	return 0;
}

static int match_ports(const struct ibv_flow_spec_tcp_udp *s, uint8_t protocol,
		       struct gn_flow_match *m)
{
	m->ip_protocol = protocol;
	m->ip_protocol_mask = 0xff;
	m->src_port = be16toh(s->val.src_port);
	m->src_port_mask = be16toh(s->mask.src_port);
	m->dst_port = be16toh(s->val.dst_port);
	m->dst_port_mask = be16toh(s->mask.dst_port);
	return 0;
}

/* The size that a spec of this type must have; 0: we do not know the type. */
static size_t spec_size(enum ibv_flow_spec_type type)
{
	switch ((int)type) {
	case IBV_FLOW_SPEC_ETH: return sizeof(struct ibv_flow_spec_eth);
	case IBV_FLOW_SPEC_IPV4: return sizeof(struct ibv_flow_spec_ipv4);
	case IBV_FLOW_SPEC_IPV4_EXT:
		return sizeof(struct ibv_flow_spec_ipv4_ext);
	case IBV_FLOW_SPEC_IPV6: return sizeof(struct ibv_flow_spec_ipv6);
	case IBV_FLOW_SPEC_TCP:
	case IBV_FLOW_SPEC_UDP: return sizeof(struct ibv_flow_spec_tcp_udp);
	case IBV_FLOW_SPEC_ACTION_TAG:
		return sizeof(struct ibv_flow_spec_action_tag);
	case IBV_FLOW_SPEC_ACTION_DROP:
		return sizeof(struct ibv_flow_spec_action_drop);
	}
	return 0;
}

/* Specs lie one behind the other, and so not always where their members want to
 * be: this one is a copy.
 */
static int match_spec(const struct ibv_flow_spec *s, struct gn_flow_match *m)
{
	switch ((int)s->hdr.type) {
	case IBV_FLOW_SPEC_ETH: return match_eth(&s->eth, m);
	case IBV_FLOW_SPEC_IPV4: return match_ipv4(&s->ipv4, m);
	case IBV_FLOW_SPEC_IPV4_EXT: return match_ipv4_ext(&s->ipv4_ext, m);
	case IBV_FLOW_SPEC_IPV6: return match_ipv6(&s->ipv6, m);
	case IBV_FLOW_SPEC_TCP: return match_ports(&s->tcp_udp, PROTO_TCP, m);
	case IBV_FLOW_SPEC_ACTION_TAG: m->tag = s->flow_tag.tag_id; return 0;
	case IBV_FLOW_SPEC_ACTION_DROP: m->drop = true; return 0;
	}
	return match_ports(&s->tcp_udp, PROTO_UDP, m);
}

/* The specs follow the attributes.  attr->size does not tell how far: callers
 * disagree whether it counts them.
 */
static int match_specs(const struct ibv_flow_attr *attr,
		       struct gn_flow_match *m)
{
	const char *at = (const char *)(attr + 1);
	int err = 0;

	for (unsigned i = 0; i < attr->num_of_specs && !err; i++) {
		struct ibv_flow_spec s;
		size_t size;

		memcpy(&s.hdr, at, sizeof(s.hdr));
		size = spec_size(s.hdr.type);
		if (!size)
			return EOPNOTSUPP;
		if (s.hdr.size != size)
			return EINVAL;
		memcpy(&s, at, size);
		err = match_spec(&s, m);
		at += size;
	}
	return err;
}

/* Frames to a group: the lowest bit of the first byte. */
static void match_multicast(struct gn_flow_match *m)
{
	m->dst_mac[0] = m->dst_mac_mask[0] = 1;
}

#define PRIORITY_LAST UINT32_MAX

int flow_translate(const struct ibv_flow_attr *attr, struct gn_flow_match *m)
{
	*m = (struct gn_flow_match){.priority = attr->priority};
	if (attr->comp_mask || attr->port != PORT_NUM)
		return EINVAL;
	if (attr->flags)
		return EOPNOTSUPP;
	switch (attr->type) {
	case IBV_FLOW_ATTR_NORMAL: return match_specs(attr, m);
	case IBV_FLOW_ATTR_ALL_DEFAULT: break;
	case IBV_FLOW_ATTR_MC_DEFAULT: match_multicast(m); break;
	case IBV_FLOW_ATTR_SNIFFER: m->sniffer = true; break;
	}
	if (attr->num_of_specs || attr->type > IBV_FLOW_ATTR_SNIFFER)
		return EINVAL;
	m->priority = PRIORITY_LAST;
	return 0;
}

struct ibv_flow *flow_create(struct ibv_qp *qp, struct ibv_flow_attr *attr)
{
	struct gn_flow_match match;
	int rc = -flow_translate(attr, &match);
	struct shim_flow *flow;

	if (rc)
		return fail_null(rc);
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return fail_null(-ENOMEM);
	rc = gn_flow_new(qp_of(qp)->qp, &match, &flow->flow);
	if (rc) {
		free(flow);
		return fail_null(rc);
	}
	flow->ibv.context = qp->context;
	return &flow->ibv;
}

int flow_destroy(struct ibv_flow *ibv)
{
	struct shim_flow *flow = (struct shim_flow *)ibv;
	int rc = gn_flow_free(flow->flow);

	if (rc)
		return -rc;
	free(flow);
	return 0;
}
