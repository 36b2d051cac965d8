/* Duplicate address detection, over a pair of ports; what a host would say lies
 * there already when the question is asked.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include "nic/host/probe.h"
#include "nic/host/spec.h"
#include "wire/arp.h"

static struct counters counters;
static struct port *near, *far;
static struct link_config cfg;
static char why[SPEC_WHY_MAX];
static const struct mac own = {{2, 0x67, 10, 9, 0, 1}};
static const struct mac other = {{2, 0, 0, 0, 0, 9}};
static unsigned asked_arp, asked_nd;

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	cr_assert(ip_parse(&a, text), "%s", text);
	return a;
}

static enum drop hear(void *ctx, struct span in, struct note *note, nsec_t now)
{
	struct ip_header h;
	struct arp arp;
	struct eth eth;
	struct nd nd;

	cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
	cr_assert(mac_equal(&eth.src, &own));
	cr_assert_eq(eth.vlan, cfg.vlan);
	if (eth.type == ETHERTYPE_ARP) {
		cr_assert_eq(arp_decode(&arp, &in), DROP_NONE);
		cr_assert(ip_is_any(&arp.sender_ip));
		cr_assert(ip_equal(&arp.target_ip, &cfg.addr[0]));
		asked_arp++;
		return DROP_NONE;
	}
	cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
	cr_assert_eq(nd_decode(&nd, &h, &in), DROP_NONE);
	cr_assert(ip_is_any(&h.src) && !nd.has_mac, "RFC 4862, 5.4.2");
	cr_assert(ip_equal(&nd.target, &cfg.addr[1]));
	asked_nd++;
	return DROP_NONE;
}

static void set_up(void)
{
	struct port *end[2];

	cr_assert_eq(port_pair_new(1500, &counters, end), 0);
	near = end[0];
	far = end[1];
	port_set_up(far, hear, NULL);
	cfg = (struct link_config){.addr = {ip("10.9.0.1"), ip("fe80::1")},
				   .naddr = 2,
				   .mac = own};
}

static void say(struct pkt *p, const struct mac *src, uint16_t type)
{
	struct eth eth = {.dst = mac_broadcast,
			  .src = *src,
			  .type = type,
			  .tagged = cfg.vlan != 0,
			  .vlan = cfg.vlan};

	eth_encode(&eth,
		   pkt_push(p, eth.tagged ? ETH_LEN + VLAN_LEN : ETH_LEN));
	port_send(far, p, 1, 0);
}

static void say_arp(const struct mac *from, const char *sender,
		    const char *target)
{
	struct arp arp = {.op = ARP_REQUEST,
			  .sender_mac = *from,
			  .sender_ip = ip(sender),
			  .target_ip = ip(target)};
	struct pkt p = {.len = 0};

	pkt_reset(&p);
	arp_encode(&arp, pkt_push(&p, ARP_LEN));
	say(&p, from, ETHERTYPE_ARP);
}

static void say_nd(uint8_t type, const char *src, const char *target)
{
	struct nd nd = {.type = type,
			.target = ip(target),
			.has_mac = true,
			.mac = other};
	struct ip_header h = {.src = ip(src),
			      .dst = ip("ff02::1"),
			      .version = 6,
			      .ttl = 255,
			      .protocol = IPPROTO_ICMPV6_,
			      .len = ND_LEN};
	struct pkt p = {.len = 0};

	pkt_reset(&p);
	nd_encode(&nd, &h, pkt_push(&p, ND_LEN));
	ip_encode(&h, pkt_push(&p, IPV6_LEN));
	say(&p, &other, ETHERTYPE_IPV6);
}

static int probe(void)
{
	return probe_addresses(near, &cfg, why);
}

TestSuite(probe, .init = set_up);

Test(probe, asks_three_times_and_is_content_with_silence)
{
	cr_assert_eq(probe(), 0);
	port_receive(far, 100, 0);
	cr_assert_eq(asked_arp, 3);
	cr_assert_eq(asked_nd, 3);
}

Test(probe, tags_its_questions)
{
	cfg.vlan = 7;
	cr_assert_eq(probe(), 0);
	port_receive(far, 100, 0);
	cr_assert_eq(asked_arp, 3);
}

Test(probe, somebody_uses_it)
{
	say_arp(&other, "10.9.0.1", "10.9.0.7");
	cr_assert_eq(probe(), -EADDRINUSE);
	cr_assert_str_eq(why, "ip=10.9.0.1: 02:00:00:00:00:09 on this segment "
			      "has this address already; give the NIC another");
}

Test(probe, somebody_with_the_same_mac_uses_it)
{
	say_arp(&own, "10.9.0.1", "0.0.0.0");
	cr_assert_eq(probe(), -EADDRINUSE);
}

Test(probe, somebody_wants_it_at_the_same_time)
{
	say_arp(&other, "0.0.0.0", "10.9.0.1");
	cr_assert_eq(probe(), -EADDRINUSE);
}

Test(probe, an_echo_of_our_question_is_nobody)
{
	say_arp(&own, "0.0.0.0", "10.9.0.1");
	cr_assert_eq(probe(), 0);
}

Test(probe, others_talk_of_others)
{
	say_arp(&other, "10.9.0.2", "10.9.0.1");
	say_nd(ND_ADVERTISE, "fe80::2", "fe80::2");
	cr_assert_eq(probe(), 0);
}

Test(probe, an_ipv6_host_answers)
{
	say_nd(ND_ADVERTISE, "fe80::1", "fe80::1");
	cr_assert_eq(probe(), -EADDRINUSE);
}

Test(probe, an_ipv6_host_wants_it_too)
{
	say_nd(ND_SOLICIT, "::", "fe80::1");
	cr_assert_eq(probe(), -EADDRINUSE);
}
