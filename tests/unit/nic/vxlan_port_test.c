/* The VXLAN port: where frames go, and in what. */
#include "tests/unit/nic/vxlan_world.h"

#include <errno.h>

TestSuite(vxlan, .init = start, .fini = stop, .timeout = 120);

Test(vxlan, unknown_destination_is_flooded)
{
	uint32_t vni;
	struct span in;

	send_to(&mac_far, 0, 1, 0);
	cr_assert_eq(nsent, 2);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(ip_equal(&sent[i].dst, &cfg.remote[i]));
		cr_assert(ip_equal(&sent[i].src, &cfg.local));
		cr_assert_eq(sent[i].ttl, 64);
		cr_assert_geq(sent[i].sport, 0xc000);
		in = (struct span){sent[i].bytes, sent[i].len};
		cr_assert_eq(vxlan_decode(&vni, &in), DROP_NONE);
		cr_assert_eq(vni, VNI);
		cr_assert_arr_eq(in.p, mac_far.b, 6);
		cr_assert_eq(in.len, ETH_LEN + IPV4_LEN + UDP_LEN + 4);
	}
}

Test(vxlan, broadcast_is_flooded_even_when_learned)
{
	send_to(&mac_broadcast, 0, 1, 0);
	cr_assert_eq(nsent, 2);
}

Test(vxlan, learned_destination_is_not_flooded)
{
	cr_assert_eq(arrive_from("192.0.2.3", &mac_far, 0), DROP_NONE);
	cr_assert_eq(nup, 1);
	send_to(&mac_far, 0, 1, SEC);
	cr_assert_eq(nsent, 1);
	cr_assert(ip_equal(&sent[0].dst, &cfg.remote[1]));
	send_to(&mac_far, 0, 1, 300 * SEC);
	cr_assert_eq(nsent, 3, "aged: flooded again");
}

Test(vxlan, nothing_is_learned_if_so_configured)
{
	struct port *other;

	cfg.learn = false;
	port_free(port);
	fake = fake_new("192.0.2.1", 1500);
	cr_assert_eq(vxlan_port_new(&cfg, fake, &other, why), 0);
	port = other;
	port_set_up(port, take, NULL);
	cr_assert_eq(arrive_from("192.0.2.3", &mac_far, 0), DROP_NONE);
	send_to(&mac_far, 0, 1, 0);
	cr_assert_eq(nsent, 2);
}

Test(vxlan, static_destination)
{
	struct ip_addr vtep = ip("192.0.2.99"), v6 = ip("fd00::1");

	cr_assert_eq(vxlan_add_static(port, &mac_far, &vtep), 0);
	cr_assert_eq(vxlan_add_static(port, &mac_broadcast, &vtep), -EINVAL);
	cr_assert_eq(vxlan_add_static(port, &mac_far, &cfg.local), -EINVAL);
	cr_assert_eq(vxlan_add_static(port, &mac_far, &v6), -EINVAL);
	arrive_from("192.0.2.3", &mac_far, 0);
	send_to(&mac_far, 0, 1, 1000 * SEC);
	cr_assert_eq(nsent, 1);
	cr_assert(ip_equal(&sent[0].dst, &vtep));
}

/* Who uses our MAC outside does not get what is for us. */
Test(vxlan, own_mac_is_not_learned)
{
	send_to(&mac_far, 0, 1, 0);
	nsent = 0;
	arrive_from("192.0.2.3", &mac_own, 1);
	send_to(&mac_own, 0, 1, 2);
	cr_assert_eq(nsent, 0);
	cr_assert_eq(counters.n[CNT_TX_ERROR], 1);
}

Test(vxlan, one_remote_needs_no_copy)
{
	struct pkt p[3];
	struct port *other;

	cfg.nremote = 1;
	port_free(port);
	cr_assert_eq(
		vxlan_port_new(&cfg, fake_new("192.0.2.1", 1500), &other, why),
		0);
	port = other;
	for (unsigned i = 0; i < 3; i++)
		fill(&p[i], i == 1 ? &mac_broadcast : &mac_far, 0, 1);
	port_send(port, p, 3, 0);
	cr_assert_eq(nsent, 3);
	cr_assert_eq(ncalls, 1);
}

/* A flooded frame in the middle does not overtake. */
Test(vxlan, order_within_a_batch)
{
	struct pkt p[5];

	arrive_from("192.0.2.2", &mac_far, 0);
	for (unsigned i = 0; i < 5; i++)
		fill(&p[i], i == 2 ? &mac_broadcast : &mac_far, 0,
		     (uint16_t)(100 + i));
	port_send(port, p, 5, 0);
	cr_assert_eq(nsent, 6);
	for (unsigned i = 0; i < 6; i++) {
		unsigned frame = i < 3 ? i : i - 1;

		cr_assert_eq(get_be16(sent[i].bytes + VXLAN_LEN + ETH_LEN +
				      IPV4_LEN),
			     100 + frame, "%u", i);
	}
}

Test(vxlan, flows_have_source_ports)
{
	unsigned different = 0;

	arrive_from("192.0.2.2", &mac_far, 0);
	for (unsigned i = 0; i < 20; i++)
		send_to(&mac_far, 0, (uint16_t)(1000 + i / 2), 0);
	for (unsigned i = 0; i < 20; i += 2) {
		cr_assert_geq(sent[i].sport, 0xc000);
		cr_assert_eq(sent[i].sport, sent[i + 1].sport, "same flow");
		different += !i || sent[i].sport != sent[i - 2].sport;
	}
	cr_assert_geq(different, 9);
}

Test(vxlan, tos_is_copied_out)
{
	for (unsigned tos = 0; tos < 256; tos++) {
		nsent = 0;
		send_to(&mac_far, (uint8_t)tos, 1, 0);
		cr_assert_eq(sent[0].tos, tos);
	}
}

Test(vxlan, mtu)
{
	static const uint8_t zeros[1500];
	struct link *six = fake_new("fd00::1", 1500);
	struct port *p6;
	struct pkt p;

	cr_assert_eq(port->mtu, 1450);
	for (unsigned more = 0; more < 2; more++) {
		fill(&p, &mac_far, 0, 1);
		pkt_add_span(&p, zeros, 1450 + ETH_LEN - p.len + more);
		port_send(port, &p, 1, 0);
	}
	cr_assert_eq(nsent, 2, "the first one, to two remotes");
	cr_assert_eq(counters.n[CNT_TX_ERROR], 1);
	cfg.local = ip("fd00::1");
	cfg.nremote = 0;
	cr_assert_eq(vxlan_port_new(&cfg, six, &p6, why), 0);
	cr_assert_eq(p6->mtu, 1430);
	port_free(p6);
}

/* All hosts of a segment may be given the same list. */
Test(vxlan, own_address_in_the_flood_list)
{
	struct port *other;

	cfg.remote[0] = cfg.local;
	port_free(port);
	cr_assert_eq(
		vxlan_port_new(&cfg, fake_new("192.0.2.1", 1500), &other, why),
		0);
	port = other;
	send_to(&mac_broadcast, 0, 1, 0);
	cr_assert_eq(nsent, 1);
	cr_assert(ip_equal(&sent[0].dst, &cfg.remote[1]));
}

Test(vxlan, configurations_that_make_no_sense)
{
	struct vxlan_config bad[3] = {cfg, cfg, cfg};

	bad[0].vni = 1 << 24;
	bad[1].nremote = VXLAN_REMOTES + 1;
	bad[2].remote[0] = ip("fd00::1");
	for (unsigned i = 0; i < 3; i++) {
		struct port *p;

		why[0] = 0;
		cr_assert_eq(vxlan_port_new(&bad[i],
					    fake_new("192.0.2.1", 1500), &p,
					    why),
			     -EINVAL);
		cr_assert_gt(strlen(why), 0);
	}
	cr_assert_eq(port->ops->deadline(port), 77);
}
