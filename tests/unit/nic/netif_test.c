/* Lines of the kernel's route tables, and questions about the loopback
 * interface, which every machine has.
 */
#include <criterion/criterion.h>

#include <endian.h>
#include <errno.h>
#include "nic/host/netif.h"
#include "nic/host/spec.h"

static struct link_route r;

static void expect(const char *dst, unsigned len, const char *gateway)
{
	char text[IP_TEXT_MAX];

	cr_expect_str_eq(ip_format(&r.dst, text), dst);
	cr_expect_eq(r.len, len);
	cr_expect_str_eq(ip_format(&r.gateway, text), gateway);
}

/* As x86 and other little-endian machines print them. */
Test(netif, ipv4_routes)
{
	if (htobe16(1) == 1)
		cr_skip_test();
	cr_assert(netif_route_v4(
		"eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
		"eth0", &r));
	expect("0.0.0.0", 96, "192.168.2.1");
	cr_assert(netif_route_v4(
		"eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
		"eth0", &r));
	expect("192.168.2.0", 120, "0.0.0.0");
	cr_assert(ip_is_any(&r.gateway));
	cr_assert_not(netif_route_v4(
		"eth1\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
		"eth0", &r));
	cr_assert_not(netif_route_v4("Iface\tDestination\tGateway \tFlags",
				     "Iface", &r));
	cr_assert_not(netif_route_v4("", "eth0", &r));
}

#define ZERO "00000000000000000000000000000000"

Test(netif, ipv6_routes)
{
	cr_assert(netif_route_v6(
		"fd000077000000000000000000000000 40 " ZERO " 00 " ZERO
		" 00000100 00000001 00000000 00000001     eth0",
		"eth0", &r));
	expect("fd00:77::", 64, "::");
	cr_assert(netif_route_v6(
		ZERO " 00 " ZERO " 00 fd000077000000000000000000000001"
		     " 00000400 00000001 00000000 00000003     eth0",
		"eth0", &r));
	expect("::", 0, "fd00:77::1");
	cr_assert_not(
		netif_route_v6("fd000077000000000000000000000001 80 " ZERO
			       " 00 " ZERO
			       " 00000000 00000001 00000000 80200001     eth0",
			       "eth0", &r),
		"an own address");
	cr_assert_not(
		netif_route_v6("ff000000000000000000000000000000 08 " ZERO
			       " 00 " ZERO
			       " 00000100 00000001 00000000 00000001     eth0",
			       "eth0", &r),
		"multicast");
	cr_assert_not(netif_route_v6("fd00 40", "eth0", &r));
}

Test(netif, the_loopback_interface)
{
	char why[SPEC_WHY_MAX], name[NETIF_NAME_MAX];
	struct ip_addr ip;
	struct netif n;

	cr_assert_eq(netif_look("lo", &n, why), 0, "%s", why);
	cr_assert(n.index && n.mtu >= NETIF_MTU_MIN);
	netif_addresses(&n);
	cr_assert_geq(n.naddr, 1);
	ip_parse(&ip, "127.0.0.1");
	cr_assert(ip_equal(&n.addr[0], &ip));
	cr_assert_eq(n.len[0], 8);
	cr_assert(netif_owner(&ip, name));
	cr_assert_str_eq(name, "lo");
	ip_parse(&ip, "203.0.113.7");
	cr_assert_not(netif_owner(&ip, name));
}

Test(netif, what_is_not_there)
{
	char why[SPEC_WHY_MAX];
	struct netif n;

	cr_assert_eq(netif_look("no-such-thing", &n, why), -ENODEV);
	cr_assert_eq(netif_look("a-name-that-no-interface-can-have", &n, why),
		     -ENODEV);
	cr_assert_str_eq(why, "no such interface; `ip link' lists them");
}
