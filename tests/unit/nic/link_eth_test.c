/* link_eth: datagrams from host to host, to groups and to oneself, and what
 * they look like on the wire.
 */
#include "tests/unit/nic/eth_world.h"

TestSuite(link_eth, .init = start, .fini = stop, .timeout = 120);

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
	p.src = (struct ip_addr){{0}}; /* the link chooses */
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
	cr_assert_eq(b.link->ops->join(b.link, &a.link->addr[0], true),
		     -EINVAL);
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

static const struct tap_ops show_ops = {.frame = show};
static struct tap tap = {&show_ops};

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
		struct arp arp = {.op = ARP_REPLY,
				  .sender_mac = mac_b,
				  .sender_ip = to,
				  .target_ip = a.link->addr[0]};
		struct eth eth = {.dst = mac_a,
				  .src = mac_b,
				  .tagged = true,
				  .vlan = 5,
				  .type = ETHERTYPE_ARP};
		uint8_t frame[ETH_LEN + VLAN_LEN + ARP_LEN];

		arp_encode(&arp, frame + eth_encode(&eth, frame));
		put_frame(frame, sizeof(frame));
	}
	cr_assert_eq(ngot, 3);
	for (unsigned i = 1; i < 3; i++) {
		struct span in = {got[i].bytes, got[i].len};
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
	static const char *const to[] = {"10.0.0.2", "10.0.0.1", "10.0.0.2",
					 "10.0.0.9", "10.9.9.9", "10.0.0.2"};
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
