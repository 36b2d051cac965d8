/* link_eth over port_pair, with a clock of the test's own.  At the other end of
 * the pair is either another link_eth, or the test itself, frame by frame.
 */
#include "nic/link/link.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include "nic/base/tap.h"
#include "nic/link/neigh.h"
#include "nic/port/port.h"
#include "wire/arp.h"
#include "wire/bth.h"
#include "wire/icrc.h"

#define FRAMES	  200
#define FRAME_MAX 1600
#define MTU	  1500

struct frame {
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

/* A link, and what came up it. */
struct host {
	struct link *link;
	struct counters counters;
	unsigned n;
	enum drop verdict;
	struct dgram dgram[FRAMES];
	uint8_t data[FRAMES][64];
	struct link *reply; /* answers every datagram by this link */
};

static struct host a, b;
static struct port *wire[2];
static struct frame got[FRAMES]; /* what the test's own port received */
static unsigned ngot;
static nsec_t now = 5 * SEC;
static struct link_config cfg_a, cfg_b;
static char why[200];
static const struct mac mac_a = { { 2, 0, 0, 0, 0, 0xa } };
static const struct mac mac_b = { { 2, 0, 0, 0, 0, 0xb } };
static const uint8_t payload[1500] = { 1, 2, 3, 4 };

static struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	cr_assert(ip_parse(&addr, text), "%s", text);
	return addr;
}

static void make(struct pkt *p, const struct host *from,
		 const struct ip_addr *to, size_t len)
{
	struct bth bth = { .opcode = 0x04, .pkey = PKEY_DEFAULT, .dqpn = 5,
			   .psn = 7, .pad = -len & 3 };

	pkt_reset(p);
	p->src = from->link->addr[0];
	p->dst = *to;
	p->sport = 0xc001;
	p->tos = 0;
	p->ttl = 0;
	bth_encode(&bth, pkt_push(p, BTH_LEN));
	pkt_add_span(p, payload, len);
	memset(pkt_add_tail(p, -len & 3), 0, -len & 3);
}

static void send_to(struct host *from, const char *to)
{
	struct ip_addr dst = ip(to);
	struct pkt p;

	make(&p, from, &dst, 8);
	link_send(from->link, &p, 1, now);
}

static enum drop take(void *ctx, const struct dgram *d, nsec_t at)
{
	struct host *h = ctx;
	struct pkt p;

	cr_assert(h->n < FRAMES);
	memcpy(h->data[h->n], d->data.p, d->data.len < 64 ? d->data.len : 64);
	h->dgram[h->n++] = *d;
	if (h->reply) {
		make(&p, h, &d->src, 8);
		link_send(h->reply, &p, 1, at);
	}
	return h->verdict;
}

static enum drop take_frame(void *ctx, struct span frame, struct note *note,
			    nsec_t at)
{
	cr_assert(ngot < FRAMES && frame.len <= FRAME_MAX);
	memcpy(got[ngot].bytes, frame.p, frame.len);
	got[ngot++].len = frame.len;
	return DROP_NONE;
}

static void configure(struct link_config *cfg, struct host *h,
		      const struct mac *mac, const char *v4, const char *v6)
{
	*cfg = (struct link_config){ .port = ROCE_UDP_PORT, .icrc = true,
				     .prefix_len = 24, .mac = *mac,
				     .counters = &h->counters, .naddr = 2 };
	cfg->addr[0] = ip(v4);
	cfg->addr[1] = ip(v6);
}

static void start(void)
{
	static struct counters c;

	cr_assert_eq(port_pair_new(MTU, &c, wire), 0);
	wire[0]->counters = &a.counters;
	wire[1]->counters = &b.counters;
	configure(&cfg_a, &a, &mac_a, "10.0.0.1", "fe80::a");
	configure(&cfg_b, &b, &mac_b, "10.0.0.2", "fe80::b");
}

static void open_host(struct host *h, struct link_config *cfg,
		      struct port *port)
{
	cr_assert_eq(link_eth_new(cfg, port, &h->link, why), 0, "%s", why);
	link_set_up(h->link, take, h);
	link_tick(h->link, now); /* announces */
}

static void stop(void)
{
	link_free(a.link);
	if (b.link)
		link_free(b.link);
	else
		port_free(wire[1]);
}

TestSuite(link_eth, .init = start, .fini = stop, .timeout = 20);

/* Runs both hosts until nothing moves at this time. */
static void settle(void)
{
	unsigned moved = 1;

	while (moved) {
		moved = 0;
		if (link_deadline(a.link) <= now)
			link_tick(a.link, now);
		moved += link_receive(a.link, 64, now);
		if (!b.link) {
			moved += port_receive(wire[1], 64, now);
			continue;
		}
		if (link_deadline(b.link) <= now)
			link_tick(b.link, now);
		moved += link_receive(b.link, 64, now);
	}
}

static void two_hosts(void)
{
	open_host(&a, &cfg_a, wire[0]);
	open_host(&b, &cfg_b, wire[1]);
	settle();
}

/* The test is at the other end, and has seen the announcement. */
static void one_host(void)
{
	open_host(&a, &cfg_a, wire[0]);
	port_set_up(wire[1], take_frame, NULL);
	settle();
	ngot = 0;
}

static void put_frame(const uint8_t *bytes, size_t len)
{
	struct pkt p;

	pkt_reset(&p);
	pkt_add_span(&p, bytes, len);
	port_send(wire[1], &p, 1, now);
	settle();
}

static bool no_drops(const struct host *h)
{
	for (unsigned i = 0; i < DROP_N; i++)
		if (h->counters.drop[i])
			return false;
	return true;
}

/* Two hosts. */

Test(link_eth, datagram_arrives)
{
	struct ip_addr to = ip("10.0.0.2");
	struct pkt p;

	two_hosts();
	make(&p, &a, &to, 6);
	p.tos = 0x6b;
	p.ttl = 7;
	link_send(a.link, &p, 1, now);
	settle();
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.dgram[0].data.len, BTH_LEN + 8);
	cr_assert_arr_eq(b.data[0] + BTH_LEN, payload, 6);
	cr_assert_eq(b.dgram[0].sport, 0xc001);
	cr_assert_eq(b.dgram[0].tos, 0x6b);
	cr_assert_eq(b.dgram[0].ttl, 7);
	cr_assert(b.dgram[0].has_mac);
	cr_assert(mac_equal(&b.dgram[0].src_mac, &mac_a));
	cr_assert(ip_equal(&b.dgram[0].src, &a.link->addr[0]));
	cr_assert(no_drops(&a) && no_drops(&b));
}

Test(link_eth, ipv6_datagram_arrives)
{
	struct ip_addr to = ip("fe80::b");
	struct pkt p;

	two_hosts();
	make(&p, &a, &to, 6);
	p.src = (struct ip_addr){ { 0 } }; /* the link chooses */
	link_send(a.link, &p, 1, now);
	settle();
	cr_assert_eq(b.n, 1);
	cr_assert(ip_equal(&b.dgram[0].src, &a.link->addr[1]));
	cr_assert(no_drops(&a) && no_drops(&b));
}

Test(link_eth, what_waits_for_arp_arrives_in_order)
{
	struct ip_addr to = ip("10.0.0.2");
	static struct pkt p[50];

	two_hosts();
	for (unsigned i = 0; i < 50; i++) {
		make(&p[i], &a, &to, 8);
		p[i].room[PKT_ROOM - 1] = (uint8_t)i;
	}
	link_send(a.link, p, 50, now);
	settle();
	cr_assert_eq(b.n, 50);
	for (unsigned i = 0; i < 50; i++)
		cr_assert_eq(b.data[i][BTH_LEN - 1], i);
}

/* Who was asked knows the asker: the answer needs no question of its own. */
Test(link_eth, answer_from_within_deliver)
{
	two_hosts();
	b.reply = b.link;
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(b.n, 1);
	cr_assert_eq(a.n, 1);
}

Test(link_eth, vlan)
{
	cfg_a.vlan = cfg_b.vlan = 0x6005; /* priority 3, VLAN 5 */
	two_hosts();
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(b.n, 1);
}

Test(link_eth, other_vlan_is_not_ours)
{
	cfg_a.vlan = 5;
	cfg_b.vlan = 6;
	two_hosts();
	cr_assert_eq(a.counters.drop[DROP_NOT_OURS], 2, "b's announcements");
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(b.n, 0);
	cr_assert_geq(b.counters.drop[DROP_NOT_OURS], 1);
}

Test(link_eth, multicast_for_members_only)
{
	struct ip_addr group = ip("239.1.2.3");

	two_hosts();
	send_to(&a, "239.1.2.3");
	settle();
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_NOT_OURS], 1);
	cr_assert_eq(b.link->ops->join(b.link, &group, true), 0);
	send_to(&a, "239.1.2.3");
	settle();
	cr_assert_eq(b.n, 1);
	cr_assert_eq(a.n, 0);
	cr_assert_eq(a.link->ops->join(a.link, &group, true), 0);
	send_to(&a, "239.1.2.3");
	settle();
	cr_assert_eq(b.n, 2);
	cr_assert_eq(a.n, 1, "a member hears itself");
	cr_assert_eq(b.link->ops->join(b.link, &group, false), 0);
	cr_assert_eq(b.link->ops->join(b.link, &group, false), -ENOENT);
	send_to(&a, "239.1.2.3");
	settle();
	cr_assert_eq(b.n, 2);
	cr_assert_eq(b.link->ops->join(b.link, &a.link->addr[0], true), -EINVAL);
}

/* Two groups with the same MAC (RFC 1112: 23 of 28 bits). */
Test(link_eth, multicast_that_shares_a_mac)
{
	struct ip_addr group = ip("239.1.2.3");

	two_hosts();
	b.link->ops->join(b.link, &group, true);
	send_to(&a, "238.129.2.3");
	settle();
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_NOT_OURS], 1);
}

/* To oneself. */

static unsigned shown[2];

static void show(struct tap *tap, enum tap_dir dir, const struct span *piece,
		 unsigned n, const char *note)
{
	shown[dir]++;
}

static const struct tap_ops show_ops = { .frame = show };
static struct tap tap = { &show_ops };

Test(link_eth, to_oneself)
{
	cfg_a.tap = &tap;
	one_host();
	send_to(&a, "10.0.0.1");
	cr_assert_eq(a.n, 0, "not from within send");
	cr_assert_eq(link_deadline(a.link), 0);
	cr_assert_eq(link_receive(a.link, 10, now), 1);
	cr_assert_eq(a.n, 1);
	cr_assert(no_drops(&a));
	cr_assert_gt(link_deadline(a.link), now);
	settle();
	cr_assert_eq(ngot, 0, "nothing on the wire");
	cr_assert_eq(shown[TAP_OUT], 1);
	cr_assert_eq(shown[TAP_IN], 1);
}

/* An echo that never ends takes one turn per receive. */
Test(link_eth, to_oneself_is_not_recursive)
{
	one_host();
	a.reply = a.link;
	send_to(&a, "fe80::a");
	for (unsigned i = 1; i < 10; i++) {
		cr_assert_eq(link_receive(a.link, 64, now), 1);
		cr_assert_eq(a.n, i);
	}
}

Test(link_eth, verdict_on_ones_own_is_counted)
{
	one_host();
	a.verdict = DROP_QPN;
	send_to(&a, "10.0.0.1");
	link_receive(a.link, 10, now);
	cr_assert_eq(a.counters.drop[DROP_QPN], 1);
}

/* Resolving, seen from the wire. */

static struct arp arp_got(unsigned i, struct eth *eth)
{
	struct span in = { got[i].bytes, got[i].len };
	struct arp arp;

	cr_assert(i < ngot);
	cr_assert_eq(eth_decode(eth, &in), DROP_NONE);
	cr_assert_eq(eth->type, ETHERTYPE_ARP);
	cr_assert_eq(arp_decode(&arp, &in), DROP_NONE);
	return arp;
}

static void send_arp(uint16_t op, const char *sender, const char *target)
{
	struct arp arp = { .op = op, .sender_mac = mac_b,
			   .sender_ip = ip(sender), .target_ip = ip(target) };
	struct eth eth = { .dst = mac_a, .src = mac_b, .type = ETHERTYPE_ARP };
	uint8_t frame[ETH_LEN + ARP_LEN];

	arp_encode(&arp, frame + eth_encode(&eth, frame));
	put_frame(frame, sizeof(frame));
}

Test(link_eth, announces_itself)
{
	struct eth eth;
	struct arp arp;

	cr_assert_eq(link_eth_new(&cfg_a, wire[0], &a.link, why), 0);
	link_set_up(a.link, take, &a);
	port_set_up(wire[1], take_frame, NULL);
	cr_assert_eq(link_deadline(a.link), 0, "at once");
	settle();
	cr_assert_eq(ngot, 2);
	arp = arp_got(0, &eth);
	cr_assert(mac_equal(&eth.dst, &mac_broadcast));
	cr_assert(ip_equal(&arp.sender_ip, &arp.target_ip));
	cr_assert(mac_equal(&arp.sender_mac, &mac_a));
	cr_assert_eq(get_be16(got[1].bytes + 12), ETHERTYPE_IPV6);
	cr_assert_eq(link_deadline(a.link), NSEC_NEVER);
}

/* Asked at 0, 100, 400 and 1400 ms, given up at 2400 ms. */
Test(link_eth, nobody_answers)
{
	static const nsec_t after[] = { 0, 100 * MSEC, 300 * MSEC, SEC, SEC };
	struct eth eth;
	struct arp arp;

	one_host();
	for (unsigned i = 0; i < 3; i++)
		send_to(&a, "10.0.0.77");
	for (unsigned i = 0; i < 5; i++) {
		now += after[i];
		settle();
		cr_assert_eq(ngot, i < 4 ? i + 1 : 4, "question %u", i);
		cr_assert_eq(link_deadline(a.link),
			     i < 4 ? now + after[i + 1] : NSEC_NEVER);
		cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], i < 4 ? 0 : 3);
	}
	arp = arp_got(3, &eth);
	cr_assert_eq(arp.op, ARP_REQUEST);
	cr_assert(mac_equal(&eth.dst, &mac_broadcast));
	cr_assert_eq(arp.target_ip.b[15], 77);
	send_to(&a, "10.0.0.77"); /* and begins anew */
	settle();
	cr_assert_eq(ngot, 5);
}

Test(link_eth, queue_of_a_neighbour_is_bounded)
{
	one_host();
	for (unsigned i = 0; i < NEIGH_HELD_MAX + 10; i++)
		send_to(&a, "10.0.0.2");
	cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], 10);
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	settle();
	cr_assert_eq(ngot, 1 + NEIGH_HELD_MAX);
}

Test(link_eth, late_answer_releases_what_waits)
{
	one_host();
	send_to(&a, "10.0.0.2");
	now += 450 * MSEC;
	settle();
	ngot = 0;
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	cr_assert_eq(ngot, 1);
	cr_assert_arr_eq(got[0].bytes, mac_b.b, 6);
	cr_assert_arr_eq(got[0].bytes + 6, mac_a.b, 6);
	cr_assert_eq(link_deadline(a.link) <= now, false);
	now += 10 * SEC;
	settle();
	cr_assert_eq(ngot, 1, "no more questions");
}

/* An entry that is 30 s old is used and asked about, directly; when the
 * neighbour is silent it is forgotten.
 */
Test(link_eth, old_entry_is_probed)
{
	struct eth eth;

	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	ngot = 0;
	now += 29 * SEC;
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1, "still fresh: the packet alone");
	now += 2 * SEC;
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 3, "question and packet");
	arp_got(1, &eth);
	cr_assert(mac_equal(&eth.dst, &mac_b));
	for (unsigned i = 0; i < 3; i++) {
		now += SEC;
		settle();
	}
	cr_assert_eq(ngot, 5);
	ngot = 0;
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1);
	arp_got(0, &eth);
	cr_assert(mac_equal(&eth.dst, &mac_broadcast), "it begins anew");
}

Test(link_eth, probe_that_is_answered)
{
	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	now += 31 * SEC;
	send_to(&a, "10.0.0.2");
	settle();
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	ngot = 0;
	now += 20 * SEC;
	settle();
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1, "no question for another 30 s");
}

Test(link_eth, answers_arp_for_its_own_address_only)
{
	struct eth eth;
	struct arp arp;

	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.3");
	cr_assert_eq(ngot, 0);
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	cr_assert_eq(ngot, 1);
	arp = arp_got(0, &eth);
	cr_assert_eq(arp.op, ARP_REPLY);
	cr_assert(mac_equal(&eth.dst, &mac_b));
	cr_assert(mac_equal(&arp.sender_mac, &mac_a));
	cr_assert(mac_equal(&arp.target_mac, &mac_b));
	cr_assert_eq(arp.sender_ip.b[15], 1);
	cr_assert_eq(arp.target_ip.b[15], 2);
	cr_assert(no_drops(&a));
}

/* Chatter that is not for us makes no entry: a later packet still asks. */
Test(link_eth, does_not_learn_from_chatter)
{
	struct eth eth;

	one_host();
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.2");
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1);
	arp_got(0, &eth);
}

Test(link_eth, our_address_used_by_another)
{
	one_host();
	send_arp(ARP_REPLY, "10.0.0.1", "10.0.0.1");
	cr_assert_eq(a.counters.drop[DROP_SOURCE], 1);
}

Test(link_eth, through_the_gateway)
{
	struct eth eth;
	struct ip_addr far = ip("192.0.2.1");

	cfg_a.gateway = ip("10.0.0.254");
	one_host();
	cr_assert_eq(a.link->ops->reaches(a.link, &far), 0);
	send_to(&a, "192.0.2.1");
	settle();
	cr_assert_eq(ngot, 1);
	cr_assert_eq(arp_got(0, &eth).target_ip.b[15], 254);
	send_arp(ARP_REPLY, "10.0.0.254", "10.0.0.1");
	cr_assert_eq(ngot, 2);
	cr_assert_eq(get_be32(got[1].bytes + ETH_LEN + 16), 0xc0000201);
}

Test(link_eth, without_a_gateway_others_are_out_of_reach)
{
	static const struct {
		const char *to;
		int answer;
	} rows[] = {
		{ "10.0.0.99", 0 },	  { "10.0.1.1", -ENETUNREACH },
		{ "0.0.0.0", -ENETUNREACH }, { "10.0.0.1", 0 },
		{ "239.1.1.1", 0 },	  { "fe80::99", 0 },
		{ "2001:db8::1", -ENETUNREACH },
	};

	one_host();
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip_addr to = ip(rows[i].to);

		cr_assert_eq(a.link->ops->reaches(a.link, &to), rows[i].answer,
			     "%s", rows[i].to);
	}
	send_to(&a, "10.0.1.1");
	settle();
	cr_assert_eq(ngot, 0);
	cr_assert_eq(a.counters.n[CNT_TX_ERROR], 1);
}

Test(link_eth, prefix_that_ends_within_a_byte)
{
	struct ip_addr in = ip("10.0.0.62"), out = ip("10.0.0.65");

	cfg_a.prefix_len = 26;
	one_host();
	cr_assert_eq(a.link->ops->reaches(a.link, &in), 0);
	cr_assert_eq(a.link->ops->reaches(a.link, &out), -ENETUNREACH);
}

/* The same question for IPv6. */

static void send_nd(uint8_t type, const char *src, const char *dst,
		    const char *target, bool override, bool with_mac)
{
	struct ip_header h = { .src = ip(src), .dst = ip(dst), .version = 6,
			       .ttl = 255, .protocol = IPPROTO_ICMPV6_,
			       .len = ND_LEN };
	struct nd nd = { .type = type, .target = ip(target), .has_mac = true,
			 .mac = mac_b, .solicited = true,
			 .override = override };
	struct eth eth = { .dst = mac_a, .src = mac_b, .type = ETHERTYPE_IPV6 };
	uint8_t frame[ETH_LEN + IPV6_LEN + ND_LEN];
	uint8_t *p = frame;

	if (ip_is_multicast(&h.dst))
		eth.dst = mac_of_multicast(&h.dst);
	p += eth_encode(&eth, p);
	p += ip_encode(&h, p);
	nd_encode(&nd, &h, p);
	put_frame(frame, sizeof(frame));
}

static struct nd nd_got(unsigned i, struct eth *eth, struct ip_header *h)
{
	struct span in = { got[i].bytes, got[i].len };
	struct nd nd;

	cr_assert(i < ngot);
	cr_assert_eq(eth_decode(eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(h, &in), DROP_NONE);
	cr_assert_eq(nd_decode(&nd, h, &in), DROP_NONE);
	return nd;
}

Test(link_eth, neighbour_solicitation)
{
	struct ip_addr target = ip("fe80::b"), group = nd_solicited_node(&target);
	struct mac mac = mac_of_multicast(&group);
	struct ip_header h;
	struct eth eth;
	struct nd nd;

	one_host();
	send_to(&a, "fe80::b");
	settle();
	cr_assert_eq(ngot, 1);
	nd = nd_got(0, &eth, &h);
	cr_assert_eq(nd.type, ND_SOLICIT);
	cr_assert(ip_equal(&nd.target, &target));
	cr_assert(nd.has_mac && mac_equal(&nd.mac, &mac_a));
	cr_assert(ip_equal(&h.dst, &group));
	cr_assert(mac_equal(&eth.dst, &mac));
	send_nd(ND_ADVERTISE, "fe80::b", "fe80::a", "fe80::b", false, true);
	cr_assert_eq(ngot, 2, "the packet that waited");
	cr_assert_arr_eq(got[1].bytes, mac_b.b, 6);
}

Test(link_eth, answers_neighbour_solicitation)
{
	struct ip_addr own, group;
	char text[IP_TEXT_MAX];
	struct ip_header h;
	struct eth eth;
	struct nd nd;

	one_host();
	own = a.link->addr[1];
	group = nd_solicited_node(&own);
	send_nd(ND_SOLICIT, "fe80::b", ip_format(&group, text), "fe80::a",
		false, true);
	cr_assert_eq(ngot, 1);
	nd = nd_got(0, &eth, &h);
	cr_assert_eq(nd.type, ND_ADVERTISE);
	cr_assert(nd.solicited && nd.override);
	cr_assert(ip_equal(&nd.target, &own));
	cr_assert(mac_equal(&nd.mac, &mac_a));
	cr_assert(mac_equal(&eth.dst, &mac_b));
	cr_assert_eq(h.ttl, 255);
	cr_assert(no_drops(&a));
}

/* Duplicate address detection asks from ::, and is answered to all. */
Test(link_eth, answers_who_tries_our_address)
{
	struct ip_addr all = ip("ff02::1");
	struct ip_header h;
	struct eth eth;

	one_host();
	send_nd(ND_SOLICIT, "::", "ff02::1:ff00:a", "fe80::a", false, true);
	cr_assert_eq(ngot, 1);
	cr_assert_eq(nd_got(0, &eth, &h).type, ND_ADVERTISE);
	cr_assert(ip_equal(&h.dst, &all));
	cr_assert(no_drops(&a));
}

Test(link_eth, weak_advertisement_corrects_nothing)
{
	one_host();
	send_nd(ND_SOLICIT, "fe80::b", "fe80::a", "fe80::a", false, true);
	got[0].len = ngot = 0;
	{
		/* Another station claims fe80::b without override. */
		uint8_t frame[ETH_LEN + IPV6_LEN + ND_LEN], *p = frame;
		struct mac other = { { 2, 0, 0, 0, 0, 0xc } };
		struct ip_header h = { .src = ip("fe80::b"),
				       .dst = ip("fe80::a"), .version = 6,
				       .ttl = 255, .protocol = IPPROTO_ICMPV6_,
				       .len = ND_LEN };
		struct nd nd = { .type = ND_ADVERTISE, .target = ip("fe80::b"),
				 .mac = other, .solicited = true };
		struct eth eth = { .dst = mac_a, .src = other,
				   .type = ETHERTYPE_IPV6 };

		p += eth_encode(&eth, p);
		p += ip_encode(&h, p);
		nd_encode(&nd, &h, p);
		put_frame(frame, sizeof(frame));
		send_to(&a, "fe80::b");
		settle();
		cr_assert_arr_eq(got[0].bytes, mac_b.b, 6);
		nd.override = true;
		nd_encode(&nd, &h, p);
		put_frame(frame, sizeof(frame));
		send_to(&a, "fe80::b");
		settle();
		cr_assert_arr_eq(got[1].bytes, other.b, 6);
	}
}

/* Everything that can be wrong with a frame.  A good one is built, then spoilt
 * by one function; the name of the refusal is what counts.
 */
struct spoil {
	const char *what;
	enum drop verdict;
	struct eth eth;
	struct ip_header ip;
	struct udp udp;
	int icrc_damage;
	bool with_checksum;
	uint16_t checksum_damage;
	int cut; /* bytes off the end */
};

static size_t build(const struct spoil *s, uint8_t *frame)
{
	uint8_t *p = frame, *udp, data[BTH_LEN + 8 + ICRC_LEN] = { 4 };
	struct span body = { data, BTH_LEN + 8 };
	uint32_t sum;

	icrc_put(icrc_of(&s->ip, &s->udp, body) ^ (uint32_t)s->icrc_damage,
		 data + body.len);
	p += eth_encode(&s->eth, p);
	p += ip_encode(&s->ip, p);
	udp = p;
	udp_encode(&s->udp, p);
	p += UDP_LEN;
	memcpy(p, data, sizeof(data));
	p += sizeof(data);
	if (s->with_checksum) {
		sum = checksum_pseudo(&s->ip, IPPROTO_UDP_, s->udp.len);
		sum = checksum_add(sum, udp, (size_t)(p - udp));
		put_be16(udp + 6, checksum_fold(sum) ^ s->checksum_damage);
	}
	return (size_t)(p - frame) - (size_t)s->cut;
}

static struct spoil good(void)
{
	const uint16_t len = UDP_LEN + BTH_LEN + 8 + ICRC_LEN;
	struct spoil s = {
		.what = "good",
		.eth = { .dst = mac_a, .src = mac_b, .type = ETHERTYPE_IPV4 },
		.ip = { .src = ip("10.0.0.2"), .dst = ip("10.0.0.1"),
			.version = 4, .ttl = 64, .protocol = IPPROTO_UDP_,
			.len = len, .id = 0x2532, .df = true },
		.udp = { 0xc000, ROCE_UDP_PORT, len, 0 },
	};

	return s;
}

static void try(const struct spoil *s, enum drop verdict)
{
	uint64_t before = a.counters.drop[verdict];
	unsigned n = a.n;
	uint8_t frame[200];

	put_frame(frame, build(s, frame));
	if (verdict == DROP_NONE) {
		cr_assert_eq(a.n, n + 1, "%s: refused", s->what);
		return;
	}
	cr_assert_eq(a.n, n, "%s: delivered", s->what);
	cr_assert_eq(a.counters.drop[verdict], before + 1, "%s: not as %s",
		     s->what, drop_word(verdict));
}

#define TRY(verdict, change)            \
	do {                            \
		struct spoil s = good(); \
		s.what = #change;       \
		change;                 \
		try(&s, verdict);       \
	} while (0)

Test(link_eth, good_frames)
{
	one_host();
	TRY(DROP_NONE, s.ip.id = 0);
	TRY(DROP_NONE, s.ip.df = false);
	TRY(DROP_NONE, s.with_checksum = true);
	TRY(DROP_NONE, s.eth.tagged = true); /* tag 0: priority only */
	TRY(DROP_NONE, s.udp.sport = 0);
}

Test(link_eth, wrong_stations)
{
	one_host();
	TRY(DROP_NOT_OURS, s.eth.dst = mac_b);
	TRY(DROP_NOT_OURS, s.eth.dst.b[0] = 3);
	TRY(DROP_NOT_OURS, (s.eth.tagged = true, s.eth.vlan = 9));
	TRY(DROP_NOT_OURS, s.ip.dst = ip("10.0.0.3"));
	TRY(DROP_NOT_OURS, s.ip.dst = ip("10.0.0.255"));
	TRY(DROP_SOURCE, s.eth.src.b[0] = 3);
	TRY(DROP_SOURCE, s.ip.src = ip("0.0.0.0"));
	TRY(DROP_SOURCE, s.ip.src = ip("255.255.255.255"));
	TRY(DROP_SOURCE, s.ip.src = ip("224.0.0.1"));
	TRY(DROP_SOURCE, s.ip.src = ip("10.0.0.1"));
}

Test(link_eth, wrong_protocols)
{
	one_host();
	TRY(DROP_ETHERTYPE, s.eth.type = 0x88b5);
	TRY(DROP_ETHERTYPE, s.eth.type = ETHERTYPE_QINQ);
	TRY(DROP_IP_HEADER, s.eth.type = ETHERTYPE_IPV6);
	TRY(DROP_IP_PROTOCOL, s.ip.protocol = 6);
	TRY(DROP_UDP_PORT, s.udp.dport = 4790);
}

Test(link_eth, wrong_lengths_and_sums)
{
	one_host();
	TRY(DROP_SHORT, s.cut = 1);
	TRY(DROP_UDP_LENGTH, s.udp.len = 7);
	TRY(DROP_UDP_LENGTH, s.udp.len++);
	TRY(DROP_SHORT, s.udp.len = UDP_LEN + BTH_LEN + ICRC_LEN - 1);
	TRY(DROP_UDP_CHECKSUM, (s.with_checksum = true, s.checksum_damage = 4));
	TRY(DROP_ICRC, s.icrc_damage = 1);
}

Test(link_eth, frames_cut_anywhere)
{
	uint8_t frame[200];
	struct spoil s = good();
	size_t len = build(&s, frame);

	one_host();
	for (size_t i = 0; i < len; i++)
		put_frame(frame, i);
	cr_assert_eq(a.n, 0);
	cr_assert_eq(a.counters.drop[DROP_SHORT], len);
}

/* The IP header's own damage, which the encoder cannot produce. */
static void spoil_byte(unsigned at, uint8_t flip, bool fix, enum drop verdict)
{
	uint64_t before = a.counters.drop[verdict];
	struct spoil s = good();
	uint8_t frame[200];
	size_t len = build(&s, frame);

	frame[ETH_LEN + at] ^= flip;
	if (fix) {
		put_be16(frame + ETH_LEN + 10, 0);
		put_be16(frame + ETH_LEN + 10,
			 checksum_fold(checksum_add(0, frame + ETH_LEN, 20)));
	}
	put_frame(frame, len);
	cr_assert_eq(a.counters.drop[verdict], before + 1, "byte %u", at);
	cr_assert_eq(a.n, 0);
}

Test(link_eth, wrong_ip_headers)
{
	one_host();
	spoil_byte(0, 0x01, false, DROP_IP_HEADER); /* 4 words */
	spoil_byte(0, 0x10, false, DROP_IP_HEADER); /* version 5 */
	spoil_byte(8, 0x01, false, DROP_IP_CHECKSUM);
	spoil_byte(6, 0x20, true, DROP_IP_FRAGMENT);
	spoil_byte(7, 0x01, true, DROP_IP_FRAGMENT);
	spoil_byte(4, 0x01, true, DROP_ICRC); /* the ICRC covers the ID */
}

/* What leaves. */

Test(link_eth, headers_on_the_wire)
{
	struct ip_addr to = ip("10.0.0.2");
	struct pkt p[2];

	cfg_a.vlan = 0x2005;
	cfg_a.ip_mtu = 1400;
	one_host();
	cr_assert_eq(a.link->ip_mtu, 1400);
	for (unsigned i = 0; i < 2; i++)
		make(&p[i], &a, &to, 5);
	link_send(a.link, p, 2, now);
	{
		struct arp arp = { .op = ARP_REPLY, .sender_mac = mac_b,
				   .sender_ip = to,
				   .target_ip = a.link->addr[0] };
		struct eth eth = { .dst = mac_a, .src = mac_b, .tagged = true,
				   .vlan = 5, .type = ETHERTYPE_ARP };
		uint8_t frame[ETH_LEN + VLAN_LEN + ARP_LEN];

		arp_encode(&arp, frame + eth_encode(&eth, frame));
		put_frame(frame, sizeof(frame));
	}
	cr_assert_eq(ngot, 3);
	for (unsigned i = 1; i < 3; i++) {
		struct span in = { got[i].bytes, got[i].len };
		struct ip_header h;
		struct eth eth;
		struct udp udp;

		cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
		cr_assert(eth.tagged);
		cr_assert_eq(eth.vlan, 0x2005);
		cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
		cr_assert(h.df);
		cr_assert_eq(h.ttl, 64);
		cr_assert_eq(h.id, i, "every packet has an ID of its own");
		cr_assert_eq(udp_decode(&udp, &in), DROP_NONE);
		cr_assert_eq(udp.dport, ROCE_UDP_PORT);
		cr_assert_eq(udp.checksum, 0);
		in.len -= ICRC_LEN;
		cr_assert_eq(icrc_get(in.p + in.len), icrc_of(&h, &udp, in));
	}
}

Test(link_eth, longer_than_the_mtu)
{
	struct ip_addr to = ip("10.0.0.2");
	const size_t most = MTU - IPV4_LEN - UDP_LEN - BTH_LEN - ICRC_LEN;
	struct pkt p[2];

	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	ngot = 0;
	make(&p[0], &a, &to, most);
	make(&p[1], &a, &to, most + 4);
	link_send(a.link, p, 2, now);
	settle();
	cr_assert_eq(ngot, 1);
	cr_assert_eq(got[0].len, ETH_LEN + MTU);
	cr_assert_eq(a.counters.n[CNT_TX_ERROR], 1);
}

/* Packets that leave the batch in its middle do not take others with them. */
Test(link_eth, mixed_batch)
{
	static const char *const to[] = { "10.0.0.2", "10.0.0.1", "10.0.0.2",
					  "10.0.0.9", "10.9.9.9", "10.0.0.2" };
	struct pkt p[6];

	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	ngot = 0;
	for (unsigned i = 0; i < 6; i++) {
		struct ip_addr dst = ip(to[i]);

		make(&p[i], &a, &dst, 8);
	}
	link_send(a.link, p, 6, now);
	settle();
	cr_assert_eq(a.n, 1);
	cr_assert_eq(ngot, 4, "three packets and a question");
	cr_assert_eq(a.counters.n[CNT_TX_ERROR], 1);
}

Test(link_eth, ping_is_answered)
{
	/* An echo request of 10.0.0.2 with sequence number 1 and 3 bytes. */
	uint8_t icmp[11] = { 8, 0, 0, 0, 0x12, 0x34, 0, 1, 'a', 'b', 'c' };
	struct ip_header h = good().ip;
	struct eth eth = good().eth;
	uint8_t frame[100], *p = frame;
	struct span in;

	h.protocol = 1;
	h.len = sizeof(icmp);
	put_be16(icmp + 2, checksum_fold(checksum_add(0, icmp, sizeof(icmp))));
	p += eth_encode(&eth, p);
	p += ip_encode(&h, p);
	memcpy(p, icmp, sizeof(icmp));
	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	ngot = 0;
	put_frame(frame, (size_t)(p - frame) + sizeof(icmp));
	cr_assert_eq(ngot, 1);
	in = (struct span){ got[0].bytes, got[0].len };
	cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(h.dst.b[15], 2);
	cr_assert_eq(in.len, sizeof(icmp));
	cr_assert_eq(in.p[0], 0);
	cr_assert_arr_eq(in.p + 4, icmp + 4, sizeof(icmp) - 4);
	cr_assert_eq(checksum_fold(checksum_add(0, in.p, in.len)), 0);
	icmp[2] ^= 1;
	memcpy(p, icmp, sizeof(icmp));
	put_frame(frame, (size_t)(p - frame) + sizeof(icmp));
	cr_assert_eq(ngot, 1);
	cr_assert_eq(a.counters.drop[DROP_UDP_CHECKSUM], 1);
}

Test(link_eth, configurations_that_make_no_sense)
{
	static struct counters c;
	struct link_config bad[6];

	open_host(&a, &cfg_a, wire[0]);
	port_set_up(wire[1], take_frame, NULL);
	for (unsigned i = 0; i < 6; i++)
		bad[i] = cfg_b;
	bad[0].naddr = 0;
	bad[1].addr[1] = ip("ff02::1");
	bad[2].prefix_len = 33;
	bad[3].mac = mac_broadcast;
	memset(&bad[4].mac, 0, sizeof(struct mac)); /* and the port has none */
	bad[5].ip_mtu = MTU + 1;
	for (unsigned i = 0; i < 6; i++) {
		struct port *end[2];
		struct link *l;

		cr_assert_eq(port_pair_new(MTU, &c, end), 0);
		why[0] = 0;
		cr_assert_eq(link_eth_new(&bad[i], end[0], &l, why), -EINVAL,
			     "%u", i);
		cr_assert_gt(strlen(why), 0);
		port_free(end[1]);
	}
}
