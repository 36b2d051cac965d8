/* The world of the stack's fuzz target: a NIC with a tunnel over a link that
 * judges what is sent; see stack_fuzz.c.
 */
#ifndef TESTS_FUZZ_STACK_WORLD_H
#define TESTS_FUZZ_STACK_WORLD_H

#include <errno.h>

#include "nic/mcast.h"
#include "nic/raw.h"
#include "nic/rss.h"
#include "overlay/vxlan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/duo.h"
#include "wire/arp.h"
#include "wire/icrc.h"
#include "wire/vxlan.h"

#define VNI	7u
#define MTU	1500u
#define MEM	16384u
#define GUARD	4096u
#define QKEY	5u
#define REMOTES 2u

enum { RAW, HASHED, UD, QPS };

static struct engine engine;
static struct link *lower, *eth;
static struct gn_pd *pd;
static struct gn_cq *cq;
static struct gn_wq *wq[2];
static struct gn_ind *ind;
static struct gn_qp *qp[QPS];
static struct gn_flow *flow[3];
static struct gn_mr *mr;
static uint8_t *mem; /* guard, MEM, guard */
static struct ip_addr vtep[1 + REMOTES], own[2], group;
static const struct mac own_mac = {{2, 0, 0, 0, 0, 1}};
static nsec_t now;

/* ---- what is sent ------------------------------------------------------- */

static void judge_icmp(const struct ip_header *ip, struct span in)
{
	uint32_t sum = ip->version == 4 ? 0
					: checksum_pseudo(ip, IPPROTO_ICMPV6_,
							  (uint32_t)in.len);

	FUZZ_CHECK(checksum_fold(checksum_add(sum, in.p, in.len)) == 0);
}

static void judge_ip(struct span in)
{
	struct ip_header ip;
	struct udp udp;

	FUZZ_CHECK(in.len <= MTU && ip_decode(&ip, &in) == DROP_NONE);
	if (ip.protocol != IPPROTO_UDP_) {
		judge_icmp(&ip, in);
		return;
	}
	FUZZ_CHECK(udp_decode(&udp, &in) == DROP_NONE);
	FUZZ_CHECK(udp.dport == ROCE_UDP_PORT && in.len >= BTH_LEN + ICRC_LEN);
	in.len -= ICRC_LEN;
	FUZZ_CHECK(icrc_of(&ip, &udp, in) == icrc_get(in.p + in.len));
}

static void judge_frame(struct span in)
{
	struct eth h;
	struct arp arp;

	FUZZ_CHECK(eth_decode(&h, &in) == DROP_NONE && !h.tagged);
	FUZZ_CHECK(mac_equal(&h.src, &own_mac));
	if (h.type == ETHERTYPE_ARP)
		FUZZ_CHECK(arp_decode(&arp, &in) == DROP_NONE);
	else
		judge_ip(in);
}

static void lower_send(struct link *l, struct pkt *batch, unsigned n, nsec_t at)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *bytes = malloc(batch[i].len);
		struct span in = {bytes, batch[i].len};
		uint32_t vni;

		FUZZ_CHECK(bytes);
		pkt_flatten(&batch[i], bytes);
		FUZZ_CHECK(vxlan_decode(&vni, &in) == DROP_NONE && vni == VNI);
		judge_frame(in);
		free(bytes);
	}
}

static unsigned lower_receive(struct link *l, unsigned budget, nsec_t at)
{
	return 0;
}

static nsec_t lower_deadline(const struct link *l)
{
	return NSEC_NEVER;
}

static void lower_tick(struct link *l, nsec_t at)
{
}

static void lower_free(struct link *l)
{
	free(l);
}

static const struct link_ops lower_ops = {.send = lower_send,
					  .receive = lower_receive,
					  .deadline = lower_deadline,
					  .tick = lower_tick,
					  .free = lower_free};

/* ---- the world ---------------------------------------------------------- */

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	FUZZ_CHECK(ip_parse(&a, text));
	return a;
}

static void on_comp(void *ctx, struct gn_cq *which)
{
}

static void on_async(void *ctx, struct gn_listener *l, const struct gn_event *e)
{
}

static void open_links(bool learn)
{
	struct link_config cfg = {.port = ROCE_UDP_PORT,
				  .icrc = true,
				  .naddr = 2,
				  .prefix_len = 24,
				  .gateway = ip("10.0.0.254"),
				  .mac = own_mac,
				  .ip_mtu = MTU,
				  .counters = &engine.counters};
	struct vxlan_config tunnel = {.vni = VNI,
				      .local = vtep[0],
				      .nremote = REMOTES,
				      .learn = learn,
				      .counters = &engine.counters};
	struct port *port;
	char why[256];

	lower = calloc(1, sizeof(*lower));
	FUZZ_CHECK(lower);
	*lower = (struct link){.ops = &lower_ops,
			       .counters = &engine.counters,
			       .addr = {vtep[0]},
			       .naddr = 1,
			       .ip_mtu = 9000};
	memcpy(tunnel.remote, vtep + 1, REMOTES * sizeof(vtep[0]));
	memcpy(cfg.addr, own, sizeof(own));
	FUZZ_CHECK(!vxlan_port_new(&tunnel, lower, &port, why));
	FUZZ_CHECK(!link_eth_new(&cfg, port, &eth, why));
	engine_attach(&engine, eth);
}

static struct gn_qp *open_qp(enum gn_qp_type type, struct gn_ind *table)
{
	struct gn_qp_init init = {.type = type,
				  .send_cq = cq,
				  .recv_cq = table ? NULL : cq,
				  .ind = table,
				  .cap = {16, 16, 4, 4, 64}};
	struct gn_qp_attr attr = {.port_num = 1, .qkey = QKEY};
	struct gn_qp *made;
	bool ud = type == GN_QPT_UD;

	if (table) {
		init.send_cq = NULL;
		init.cap = (struct gn_qp_cap){0};
		init.hash.fields = GN_HASH_ALL & ~(GN_HASH_SRC_PORT_TCP |
						   GN_HASH_DST_PORT_TCP);
	}
	CHECK_EQ(qp_new(pd, &init, &made), 0);
	attr.state = GN_QPS_INIT;
	CHECK_EQ(qp_modify(made, &attr,
			   GN_QP_STATE | GN_QP_PORT |
				   (ud ? GN_QP_PKEY_INDEX | GN_QP_QKEY : 0)),
		 0);
	attr.state = GN_QPS_RTR;
	CHECK_EQ(qp_modify(made, &attr, GN_QP_STATE), 0);
	attr.state = GN_QPS_RTS;
	if (!table)
		CHECK_EQ(qp_modify(made, &attr,
				   GN_QP_STATE | (ud ? GN_QP_SQ_PSN : 0)),
			 0);
	return made;
}

static void open_flows(struct fuzz *f)
{
	unsigned bits = fuzz_u8(f);
	struct gn_flow_match m = {.ethertype = ETHERTYPE_IPV4,
				  .ethertype_mask = bits & 1 ? 0xffff : 0,
				  .vlan_mask = bits & 2 ? 0xfff : 0,
				  .ip_version = bits & 4 ? 4 : 0,
				  .ip_protocol = 17,
				  .ip_protocol_mask = bits & 4 ? 0xff : 0,
				  .dst_port = 53,
				  .dst_port_mask = bits & 12 ? 0xffff : 0,
				  .tag = bits,
				  .drop = bits & 16,
				  .priority = bits >> 6};

	flow_new(qp[RAW], &m, &flow[0]);
	m = (struct gn_flow_match){.ip_version = bits & 4 ? 6 : 4};
	flow_new(qp[HASHED], &m, &flow[1]);
	m = (struct gn_flow_match){.sniffer = true};
	if (bits & 32)
		flow_new(qp[RAW], &m, &flow[2]);
}

static void open_world(struct fuzz *f)
{
	static const struct engine_hooks hooks = {.comp_event = on_comp,
						.async_event = on_async};
	struct engine_config cfg = engine_config_default();
	struct gn_wq_init init = {.max_wr = 16, .max_sge = 2};

	cfg.notes = true;
	now = 5 * SEC;
	FUZZ_CHECK(!engine_init(&engine, &cfg, &hooks, NULL));
	open_links(fuzz_u8(f) & 1);
	mem = malloc(MEM + 2 * GUARD);
	FUZZ_CHECK(mem);
	memset(mem, 0xee, MEM + 2 * GUARD);
	CHECK_EQ(pd_new(&engine, &pd), 0);
	CHECK_EQ(cq_new(&engine, 64, NULL, NULL, &cq), 0);
	CHECK_EQ(mr_new(pd, mem + GUARD, MEM, (uintptr_t)mem + GUARD,
			GN_ACCESS_LOCAL_WRITE, &mr),
		 0);
	init.cq = cq;
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(wq_new(pd, &init, &wq[i]), 0);
		CHECK_EQ(wq_modify(wq[i], GN_WQS_RDY), 0);
	}
	CHECK_EQ(ind_new(&engine, wq, 2, &ind), 0);
	qp[RAW] = open_qp(GN_QPT_RAW_PACKET, NULL);
	qp[HASHED] = open_qp(GN_QPT_RAW_PACKET, ind);
	qp[UD] = open_qp(GN_QPT_UD, NULL);
	CHECK_EQ(mcast_attach(qp[UD], &group), 0);
	open_flows(f);
}

static void close_world(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (flow[i])
			flow_free(flow[i]);
	memset(flow, 0, sizeof(flow));
	CHECK_EQ(mcast_detach(qp[UD], &group), 0);
	for (unsigned i = 0; i < QPS; i++)
		qp_free(qp[i]);
	CHECK_EQ(ind_free(ind), 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(wq_free(wq[i]), 0);
	CHECK_EQ(mr_free(mr), 0);
	CHECK_EQ(cq_free(cq), 0);
	CHECK_EQ(pd_free(pd), 0);
	CHECK_EQ(engine.timers.n, 0);
	for (unsigned i = 0; i < GUARD; i++)
		FUZZ_CHECK(mem[i] == 0xee && mem[GUARD + MEM + i] == 0xee);
	free(mem);
	link_free(eth);
	engine_fini(&engine);
}

__attribute__((constructor)) static void set_up(void)
{
	setenv("GLASSNIC_LOG", "error", 0);
	vtep[0] = ip("192.0.2.1");
	vtep[1] = ip("192.0.2.2");
	vtep[2] = ip("192.0.2.3");
	own[0] = ip("10.0.0.1");
	own[1] = ip("fe80::1");
	group = ip("239.1.2.3");
}

#endif
