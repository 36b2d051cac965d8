/* Flow specs, translated. */
#include "verbs_shim/flow.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

int gn_flow_new(struct gn_qp *qp, const struct gn_flow_match *match,
		struct gn_flow **flow)
{
	return 0;
}

int gn_flow_free(struct gn_flow *flow)
{
	return 0;
}

static struct {
	struct ibv_flow_attr attr;
	struct ibv_flow_spec_eth eth;
	struct ibv_flow_spec_ipv4_ext ip;
	struct ibv_flow_spec_tcp_udp udp;
} rule; /* without gaps */

static struct gn_flow_match match;

static void set_up(void)
{
	rule.attr.port = 1;
	rule.attr.num_of_specs = 3;
	rule.eth.type = IBV_FLOW_SPEC_ETH;
	rule.eth.size = sizeof(rule.eth);
	rule.ip.type = IBV_FLOW_SPEC_IPV4_EXT;
	rule.ip.size = sizeof(rule.ip);
	rule.udp.type = IBV_FLOW_SPEC_UDP;
	rule.udp.size = sizeof(rule.udp);
}

TestSuite(flow, .init = set_up);

static int translate(void)
{
	return flow_translate(&rule.attr, &match);
}

Test(flow, all_layers)
{
	rule.attr.priority = 3;
	memset(rule.eth.mask.dst_mac, 0xff, 6);
	rule.eth.val.dst_mac[5] = 7;
	rule.eth.val.ether_type = htobe16(0x800);
	rule.eth.mask.ether_type = 0xffff;
	rule.ip.val.src_ip = htobe32(0x0a000001);
	rule.ip.mask.src_ip = 0xffffffff;
	rule.udp.val.dst_port = htobe16(4791);
	rule.udp.mask.dst_port = 0xffff;
	cr_assert_eq(translate(), 0);
	cr_assert_eq(match.priority, 3);
	cr_assert_eq(match.dst_mac[5], 7);
	cr_assert_eq(match.ethertype, 0x800);
	cr_assert_eq(match.ip_version, 4);
	cr_assert_eq(match.src_ip.b[11], 0xff, "mapped");
	cr_assert_eq(match.src_ip.b[12], 10);
	cr_assert_eq(match.src_ip_mask.b[0], 0xff);
	cr_assert_eq(match.dst_ip_mask.b[11], 0xff);
	cr_assert_eq(match.dst_ip_mask.b[12], 0);
	cr_assert_eq(match.ip_protocol, 17);
	cr_assert_eq(match.ip_protocol_mask, 0xff);
	cr_assert_eq(match.dst_port, 4791);
	cr_assert_eq(match.src_port_mask, 0);
}

Test(flow, refuses_what_the_nic_does_not_look_at)
{
	rule.ip.mask.ttl = 1;
	cr_assert_eq(translate(), EOPNOTSUPP);
	rule.ip.mask.ttl = 0;
	rule.udp.type = IBV_FLOW_SPEC_VXLAN_TUNNEL;
	cr_assert_eq(translate(), EOPNOTSUPP);
	rule.udp.type = IBV_FLOW_SPEC_ACTION_HANDLE;
	cr_assert_eq(translate(), EOPNOTSUPP);
	rule.udp.type = IBV_FLOW_SPEC_TCP;
	cr_assert_eq(translate(), 0);
	cr_assert_eq(match.ip_protocol, 6);
	rule.attr.flags = IBV_FLOW_ATTR_FLAGS_EGRESS;
	cr_assert_eq(translate(), EOPNOTSUPP);
}

Test(flow, refuses_what_is_malformed)
{
	rule.eth.size--;
	cr_assert_eq(translate(), EINVAL);
	rule.eth.size++;
	rule.attr.port = 2;
	cr_assert_eq(translate(), EINVAL);
	rule.attr.port = 1;
	rule.attr.comp_mask = 1;
	cr_assert_eq(translate(), EINVAL);
}

Test(flow, default_rules_have_no_specs)
{
	rule.attr.type = IBV_FLOW_ATTR_SNIFFER;
	cr_assert_eq(translate(), EINVAL);
	rule.attr.num_of_specs = 0;
	cr_assert_eq(translate(), 0);
	cr_assert(match.sniffer);
	rule.attr.type = IBV_FLOW_ATTR_MC_DEFAULT;
	cr_assert_eq(translate(), 0);
	cr_assert_eq(match.dst_mac_mask[0], 1);
	cr_assert_not(match.sniffer);
}

/* What is to be done with what matches. */
Test(flow, actions)
{
	struct {
		struct ibv_flow_attr attr;
		struct ibv_flow_spec_action_tag tag;
		struct ibv_flow_spec_action_drop drop;
	} r = {.attr = {.num_of_specs = 1, .port = 1}};
	struct gn_flow_match m;

	r.tag.type = IBV_FLOW_SPEC_ACTION_TAG;
	r.tag.size = sizeof(r.tag);
	r.tag.tag_id = 0x123456;
	r.drop.type = IBV_FLOW_SPEC_ACTION_DROP;
	r.drop.size = sizeof(r.drop);
	cr_assert_eq(flow_translate(&r.attr, &m), 0);
	cr_assert_eq(m.tag, 0x123456);
	cr_assert(!m.drop);
	r.attr.num_of_specs = 2;
	cr_assert_eq(flow_translate(&r.attr, &m), 0);
	cr_assert(m.drop);
}
