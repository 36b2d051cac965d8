/* link_eth asking for neighbours and answering: ARP, IPv6 neighbour discovery.
 */
#include "tests/unit/nic/eth_world.h"

TestSuite(resolve, .init = start, .fini = stop, .timeout = 120);

Test(resolve, announces_itself)
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
Test(resolve, nobody_answers)
{
	static const nsec_t after[] = {0, 100 * MSEC, 300 * MSEC, SEC, SEC};
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

Test(resolve, queue_of_a_neighbour_is_bounded)
{
	one_host();
	for (unsigned i = 0; i < NEIGH_HELD_MAX + 10; i++)
		send_to(&a, "10.0.0.2");
	cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], 10);
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	settle();
	cr_assert_eq(ngot, 1 + NEIGH_HELD_MAX);
}

/* What is sent again while it waits leaves once, and in its place. */
Test(resolve, waits_once)
{
	struct ip_addr to = ip("10.0.0.2");
	struct pkt p;

	one_host();
	for (unsigned round = 0; round < 3; round++)
		for (uint64_t id = 0; id < 4; id++) {
			make(&p, &a, &to, 8 + 4 * id);
			p.id = id; /* 0: nobody knows it again */
			link_send(a.link, &p, 1, now);
		}
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	settle();
	cr_assert_eq(ngot, 1 + 3 + 3);
	cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], 0);
	for (uint8_t i = 0; i < 4; i++)
		cr_assert_eq(got[1 + i].len, got[1].len + 4 * i);
	make(&p, &a, &to, 8); /* and is no copy of what has left */
	p.id = 1;
	link_send(a.link, &p, 1, now);
	settle();
	cr_assert_eq(ngot, 1 + 3 + 3 + 1);
}

/* More neighbours, one after the other, than there are queues: some answer,
 * some do not.
 */
/* More than fits into the queue of a neighbour goes out at once, if it has been
 * asked for beforehand.
 */
Test(resolve, prepared_for_a_long_message)
{
	struct ip_addr to = ip("10.0.0.2"), self = ip("10.0.0.1"),
		       group = ip("239.1.1.1"), far = ip("192.0.2.1");

	one_host();
	link_prepare(a.link, &self, now);
	link_prepare(a.link, &group, now);
	link_prepare(a.link, &far, now);
	settle();
	cr_assert_eq(ngot, 0);
	link_prepare(a.link, &to, now);
	settle();
	cr_assert_eq(ngot, 1);
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	settle();
	for (unsigned i = 0; i < NEIGH_HELD_MAX + 10; i++)
		send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1 + NEIGH_HELD_MAX + 10);
	cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], 0);
}

Test(resolve, queues_are_used_again)
{
	char text[IP_TEXT_MAX];

	one_host();
	for (unsigned i = 10; i < 10 + 3 * NEIGH_QUEUES; i++) {
		uint64_t failed = a.counters.n[CNT_NEIGH_FAIL];

		snprintf(text, sizeof(text), "10.0.0.%u", i);
		ngot = 0;
		send_to(&a, text);
		settle();
		if (i % 2) {
			send_arp(ARP_REPLY, text, "10.0.0.1");
			cr_assert_eq(ngot, 2, "%s", text);
			continue;
		}
		for (unsigned s = 0; s < 4; s++) {
			cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], failed);
			now += SEC;
			settle();
		}
		cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], failed + 1);
	}
}

/* At one time, those beyond the queues are asked for, but nothing waits. */
Test(resolve, more_at_a_time_than_queues)
{
	char text[IP_TEXT_MAX];

	one_host();
	for (unsigned i = 0; i < NEIGH_QUEUES + 3; i++) {
		snprintf(text, sizeof(text), "10.0.0.%u", 10 + i);
		send_to(&a, text);
	}
	settle();
	cr_assert_eq(ngot, NEIGH_QUEUES + 3);
	cr_assert_eq(a.counters.n[CNT_NEIGH_FAIL], 3);
	send_arp(ARP_REPLY, text, "10.0.0.1");
	ngot = 0;
	send_to(&a, text);
	settle();
	cr_assert_eq(ngot, 1, "the next packet gets through");
}

Test(resolve, late_answer_releases_what_waits)
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
Test(resolve, old_entry_is_probed)
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

Test(resolve, probe_that_is_answered)
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

Test(resolve, answers_arp_for_its_own_address_only)
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
Test(resolve, does_not_learn_from_chatter)
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

Test(resolve, our_address_used_by_another)
{
	one_host();
	send_arp(ARP_REPLY, "10.0.0.1", "10.0.0.1");
	cr_assert_eq(a.counters.drop[DROP_SOURCE], 1);
}

Test(resolve, through_the_gateway)
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

Test(resolve, without_a_gateway_others_are_out_of_reach)
{
	static const struct {
		const char *to;
		int answer;
	} rows[] = {
		{"10.0.0.99", 0},
		{"10.0.1.1", -ENETUNREACH},
		{"0.0.0.0", -ENETUNREACH},
		{"10.0.0.1", 0},
		{"239.1.1.1", 0},
		{"fe80::99", 0},
		{"2001:db8::1", -ENETUNREACH},
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

Test(resolve, prefix_that_ends_within_a_byte)
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
	struct ip_header h = {.src = ip(src),
			      .dst = ip(dst),
			      .version = 6,
			      .ttl = 255,
			      .protocol = IPPROTO_ICMPV6_,
			      .len = ND_LEN};
	struct nd nd = {.type = type,
			.target = ip(target),
			.has_mac = true,
			.mac = mac_b,
			.solicited = true,
			.override = override};
	struct eth eth = {.dst = mac_a, .src = mac_b, .type = ETHERTYPE_IPV6};
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
	struct span in = {got[i].bytes, got[i].len};
	struct nd nd;

	cr_assert(i < ngot);
	cr_assert_eq(eth_decode(eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(h, &in), DROP_NONE);
	cr_assert_eq(nd_decode(&nd, h, &in), DROP_NONE);
	return nd;
}

Test(resolve, neighbour_solicitation)
{
	struct ip_addr target = ip("fe80::b"),
		       group = nd_solicited_node(&target);
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

Test(resolve, answers_neighbour_solicitation)
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
Test(resolve, answers_who_tries_our_address)
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

Test(resolve, weak_advertisement_corrects_nothing)
{
	one_host();
	send_nd(ND_SOLICIT, "fe80::b", "fe80::a", "fe80::a", false, true);
	got[0].len = ngot = 0;
	{
		/* Another station claims fe80::b without override. */
		uint8_t frame[ETH_LEN + IPV6_LEN + ND_LEN], *p = frame;
		struct mac other = {{2, 0, 0, 0, 0, 0xc}};
		struct ip_header h = {.src = ip("fe80::b"),
				      .dst = ip("fe80::a"),
				      .version = 6,
				      .ttl = 255,
				      .protocol = IPPROTO_ICMPV6_,
				      .len = ND_LEN};
		struct nd nd = {.type = ND_ADVERTISE,
				.target = ip("fe80::b"),
				.has_mac = true,
				.mac = other,
				.solicited = true};
		struct eth eth = {
			.dst = mac_a, .src = other, .type = ETHERTYPE_IPV6};

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
