/* link_eth where the kernel has the same addresses, and where routes say what
 * is how far.
 */
#include "tests/unit/nic/eth_world.h"

static struct port_wants wanted;
static struct mac groups[64];

static void note_wants(struct port *p, const struct port_wants *w)
{
	wanted = *w;
	memcpy(groups, w->group, w->ngroup * sizeof(*groups));
}

static void share(void)
{
	static struct port_ops ops;

	start();
	cfg_a.shared = true;
	ops = *wire[0]->ops;
	ops.want = note_wants;
	wire[0]->ops = &ops;
}

TestSuite(shared, .init = share, .fini = stop, .timeout = 120);

Test(shared, announces_nothing)
{
	cr_assert_eq(link_eth_new(&cfg_a, wire[0], &a.link, why), 0);
	link_set_up(a.link, take, &a);
	port_set_up(wire[1], take_frame, NULL);
	settle();
	cr_assert_eq(ngot, 0);
	cr_assert_eq(link_deadline(a.link), NSEC_NEVER);
}

Test(shared, answers_nobody_but_learns)
{
	one_host();
	send_arp(ARP_REQUEST, "10.0.0.2", "10.0.0.1");
	cr_assert_eq(ngot, 0, "the kernel answers");
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1);
	cr_assert_eq(get_be16(got[0].bytes + 12), ETHERTYPE_IPV4);
}

Test(shared, asks_for_itself)
{
	struct eth eth;
	struct arp arp;

	one_host();
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(ngot, 1);
	arp = arp_got(0, &eth);
	cr_assert_eq(arp.op, ARP_REQUEST);
	send_arp(ARP_REPLY, "10.0.0.2", "10.0.0.1");
	settle();
	cr_assert_eq(ngot, 2);
}

Test(shared, tells_the_port_what_it_wants)
{
	struct ip_addr group = ip("224.1.2.3");
	struct mac mac = mac_of_multicast(&group);

	one_host();
	cr_assert_eq(wanted.ngroup, 2, "those of neighbour discovery");
	cr_assert_eq(a.link->ops->join(a.link, &group, true), 0);
	cr_assert_eq(wanted.ngroup, 3);
	cr_assert(mac_equal(&groups[2], &mac));
	cr_assert_not(wanted.all);
	link_want_all(a.link, true);
	cr_assert(wanted.all && wanted.ngroup == 3);
	link_want_all(a.link, false);
	cr_assert_eq(a.link->ops->join(a.link, &group, false), 0);
	cr_assert(!wanted.all && wanted.ngroup == 2);
}

static struct link_route route(const char *dst, unsigned len,
			       const char *gateway)
{
	return (struct link_route){ip(dst), len, ip(gateway)};
}

/* Who is asked for when something is to go to @dst. */
static void expect_hop(const char *dst, const char *hop)
{
	struct ip_addr want = ip(hop);
	struct eth eth;
	struct arp arp;

	ngot = 0;
	send_to(&a, dst);
	settle();
	cr_assert_eq(ngot, 1, "%s", dst);
	arp = arp_got(0, &eth);
	cr_assert(ip_equal(&arp.target_ip, &want), "%s", dst);
}

Test(shared, the_longest_route_decides)
{
	struct ip_addr far = ip("8.8.8.8");

	cfg_a.route[0] = route("172.16.0.0", 96 + 12, "10.0.0.3");
	cfg_a.route[1] = route("172.16.5.0", 96 + 24, "0.0.0.0");
	cfg_a.route[2] = route("172.16.5.9", 96 + 32, "10.0.0.4");
	cfg_a.nroute = 3;
	one_host();
	expect_hop("172.20.1.1", "10.0.0.3");
	expect_hop("172.16.5.7", "172.16.5.7");
	expect_hop("172.16.5.9", "10.0.0.4");
	expect_hop("10.0.0.5", "10.0.0.5");
	cr_assert_eq(a.link->ops->reaches(a.link, &far), -ENETUNREACH);
}
