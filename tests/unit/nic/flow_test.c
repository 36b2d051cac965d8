/* Flow steering: what a rule matches, and in which order. */
#include "tests/unit/nic/raw_world.h"

TestSuite(flow, .timeout = 120);

static struct gn_qp *tx, *rx;
static const struct mac other = {{2, 0, 0, 0, 0, 0xc}};

static void open_it(void)
{
	raw_open();
	tx = raw_qp(&ra);
	rx = raw_qp(&rb);
}

static void close_it(void)
{
	qp_free(tx);
	qp_free(rx);
	raw_close();
}

/* Does @m take @f? */
static bool takes(const struct gn_flow_match *m, struct raw_frame f)
{
	struct gn_flow *flow = raw_flow(rx, m);
	bool hit;

	f.dst = f.dst.b[0] ? f.dst : mac_b;
	if (!rq_count(&rx->rq))
		raw_recv(&rb, rx, 1, 2000);
	raw_post(tx, &f);
	raw_take(ra.scq, 1, GN_WC_SUCCESS, 0);
	hit = !raw_empty(rb.rcq);
	if (hit)
		raw_take(rb.rcq, 1, GN_WC_SUCCESS, 0);
	flow_free(flow);
	return hit;
}

#define TAKES(m, ...) takes(&(m), (struct raw_frame){ __VA_ARGS__ })

Test(flow, mac)
{
	struct gn_flow_match m = { .dst_mac = { 2, 0, 0, 0, 0, 0xb },
				   .dst_mac_mask = { 255, 255, 255, 255, 255,
						     255 } };

	open_it();
	cr_assert(TAKES(m, .type = 0x9000));
	cr_assert(!TAKES(m, .type = 0x9000, .dst = other));
	m.dst_mac_mask[5] = 0xf8;
	cr_assert(TAKES(m, .type = 0x9000, .dst = other));
	memcpy(m.src_mac, mac_a.b, 6);
	memset(m.src_mac_mask, 255, 6);
	cr_assert(TAKES(m, .type = 0x9000));
	m.src_mac[3] ^= 1;
	cr_assert(!TAKES(m, .type = 0x9000));
	close_it();
}

Test(flow, ethertype_and_vlan)
{
	struct gn_flow_match m = { .ethertype = 0x88b5,
				   .ethertype_mask = 0xffff };

	open_it();
	cr_assert(TAKES(m, .type = 0x88b5));
	cr_assert(!TAKES(m, .type = 0x88b6));
	cr_assert(TAKES(m, .type = 0x88b5, .tagged = true, .vlan = 7));
	m.vlan = 7;
	m.vlan_mask = 0xfff;
	cr_assert(TAKES(m, .type = 0x88b5, .tagged = true, .vlan = 7));
	cr_assert(TAKES(m, .type = 0x88b5, .tagged = true, .vlan = 0x6007));
	cr_assert(!TAKES(m, .type = 0x88b5, .tagged = true, .vlan = 8));
	cr_assert(!TAKES(m, .type = 0x88b5));
	m.vlan = 0;
	cr_assert(!TAKES(m, .type = 0x88b5)); /* not tagged at all */
	close_it();
}

Test(flow, ip_and_ports)
{
	struct gn_flow_match m = { .ip_version = 4 };
	const struct ip_addr ones = {{ 255, 255, 255, 255, 255, 255, 255, 255,
				       255, 255, 255, 255, 255, 255, 255,
				       255 }};

	open_it();
	cr_assert(TAKES(m, .protocol = 17));
	cr_assert(TAKES(m, .protocol = 1));
	cr_assert(!TAKES(m, .type = 0x88b5));
	m.dst_ip = ip("10.0.0.9");
	m.dst_ip_mask = ones;
	cr_assert(TAKES(m, .protocol = 17, .dst_ip = "10.0.0.9"));
	cr_assert(!TAKES(m, .protocol = 17, .dst_ip = "10.0.0.8"));
	m.dst_ip_mask.b[15] = 0;
	cr_assert(TAKES(m, .protocol = 17, .dst_ip = "10.0.0.8"));
	m.src_ip = ip("10.0.0.1");
	m.src_ip_mask = ones;
	cr_assert(TAKES(m, .protocol = 17));
	cr_assert(!TAKES(m, .protocol = 17, .src_ip = "10.0.0.7"));
	m.ip_protocol = 6;
	m.ip_protocol_mask = 255;
	cr_assert(!TAKES(m, .protocol = 17));
	cr_assert(TAKES(m, .protocol = 6));
	m.dst_port = 80;
	m.dst_port_mask = 0xffff;
	cr_assert(TAKES(m, .protocol = 6, .dport = 80));
	cr_assert(!TAKES(m, .protocol = 6, .dport = 81));
	m.src_port = 0x8000;
	m.src_port_mask = 0x8000;
	cr_assert(TAKES(m, .protocol = 6, .dport = 80, .sport = 0x9999));
	cr_assert(!TAKES(m, .protocol = 6, .dport = 80, .sport = 80));
	m.ip_version = 6;
	cr_assert(!TAKES(m, .protocol = 6, .dport = 80, .sport = 0x9999));
	close_it();
}

/* The lowest number first; of equals the older; one taker. */
Test(flow, priority)
{
	struct gn_flow_match m = { .ethertype = 0x88b5,
				   .ethertype_mask = 0xffff };
	const struct raw_frame f = { .dst = mac_b, .type = 0x88b5 };
	struct gn_flow *flow[3];
	struct gn_qp *qp[3];
	static const unsigned priority[] = { 5, 3, 3 };
	static const unsigned first[] = { 1, 2, 0 };

	open_it();
	for (unsigned i = 0; i < 3; i++) {
		qp[i] = raw_qp(&rb);
		raw_recv(&rb, qp[i], 10 + i, 100);
		m.priority = priority[i];
		flow[i] = raw_flow(qp[i], &m);
	}
	for (unsigned i = 0; i < 3; i++) {
		raw_post(tx, &f);
		raw_take(rb.rcq, 10 + first[i], GN_WC_SUCCESS, 60);
		cr_assert(raw_empty(rb.rcq));
		flow_free(flow[first[i]]);
	}
	raw_post(tx, &f);
	cr_assert(raw_empty(rb.rcq));
	for (unsigned i = 0; i < 3; i++)
		qp_free(qp[i]);
	close_it();
}

/* A copy of everything, and the frame goes where it would go without. */
Test(flow, sniffer)
{
	struct gn_flow_match all = { .sniffer = true, .priority = 9 };
	struct gn_flow_match m = { .ethertype = 0x88b5,
				   .ethertype_mask = 0xffff };
	struct raw_frame f = { .dst = mac_b, .type = 0x88b5 };
	struct gn_qp *sniffer;

	open_it();
	sniffer = raw_qp(&rb);
	raw_flow(sniffer, &all);
	raw_flow(rx, &m);
	for (unsigned i = 0; i < 4; i++)
		raw_recv(&rb, sniffer, 5 + i, 2000);
	raw_recv(&rb, rx, 1, 100);
	raw_post(tx, &f);
	raw_take(rb.rcq, 1, GN_WC_SUCCESS, 60);
	raw_take(rb.rcq, 5, GN_WC_SUCCESS, 60);
	f.dst = other; /* nobody's */
	f.type = 0x88b6;
	raw_post(tx, &f);
	raw_take(rb.rcq, 6, GN_WC_SUCCESS, 60);
	f.dst = mac_b;
	f.type = ETHERTYPE_QINQ; /* no header that we know */
	raw_post(tx, &f);
	raw_take(rb.rcq, 7, GN_WC_SUCCESS, 60);
	/* The host still answers ARP. */
	cr_assert(raw_empty(rb.rcq));
	qp_free(sniffer);
	close_it();
}

/* A QP that goes takes its flows along. */
Test(flow, destroyed_qp)
{
	struct gn_flow_match m = { .ethertype = 0x88b5,
				   .ethertype_mask = 0xffff };
	const struct raw_frame f = { .dst = mac_b, .type = 0x88b5 };
	struct gn_qp *qp;

	open_it();
	for (unsigned i = 0; i < 6; i++) {
		qp = raw_qp(&rb);
		raw_flow(qp, &m);
		m.priority++;
		raw_flow(i & 1 ? rx : qp, &m);
		qp_free(qp);
	}
	cr_assert_eq(rx->flows, 3);
	raw_recv(&rb, rx, 1, 100);
	raw_post(tx, &f);
	raw_take(rb.rcq, 1, GN_WC_SUCCESS, 60);
	close_it();
}

/* The tag of the flow that brought a frame; nothing of a flow that drops. */
Test(flow, tag_and_drop)
{
	struct gn_flow_match m = { .ethertype = 0x88b5,
				   .ethertype_mask = 0xffff,
				   .tag = 0xabcdef };
	struct raw_frame f = { .type = 0x88b5, .dst = mac_b };
	struct gn_flow *flow;
	struct gn_wc wc;

	open_it();
	flow = raw_flow(rx, &m);
	raw_recv(&rb, rx, 1, 2000);
	raw_post(tx, &f);
	cr_assert_eq(cq_take(rb.rcq, 1, &wc), 1);
	cr_assert_eq(wc.flow_tag, 0xabcdef);
	flow_free(flow);
	m.drop = true;
	cr_assert(!TAKES(m, .type = 0x88b5));
	close_it();
}
