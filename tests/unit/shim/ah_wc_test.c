/* Whom ibv_init_ah_from_wc would answer. */
#include "verbs_shim/ah.h"

#include <criterion/criterion.h>
#include <endian.h>
#include "tests/unit/shim/fake_nic.h"

static const uint8_t v4_us[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
static const uint8_t v4_peer[16] = {[10] = 0xff, 0xff, 10, 0, 0, 2};
static const uint8_t v6_us[16] = {0xfd, [15] = 1};
static const uint8_t v6_peer[16] = {0xfd, [15] = 2};

static struct ibv_wc wc = {.wc_flags = IBV_WC_GRH, .sl = 3};
static struct ibv_grh grh;
static struct ibv_ah_attr attr;

static void set_up(void)
{
	memcpy(&fake_gids[0], v6_us, 16);
	memcpy(&fake_gids[1], v4_us, 16);
	fake_gid_count = 2;
}

TestSuite(ah_wc, .init = set_up);

static int init_ah(void)
{
	return ibv_init_ah_from_wc(fake_open(), 1, &wc, &grh, &attr);
}

/* 10.0.0.2 to 10.0.0.1, TOS 0x68, TTL 63, UDP. */
static uint8_t *write_ipv4(void)
{
	static const uint8_t header[20] = {
		0x45, 0x68, 0x00, 0x60, 0x00, 0x00, 0x40, 0x00, 0x3f, 0x11,
		0x27, 0x23, 0x0a, 0x00, 0x00, 0x02, 0x0a, 0x00, 0x00, 0x01,
	};

	memset(&grh, 0x60, 20);
	return memcpy((uint8_t *)&grh + 20, header, 20);
}

static void write_ipv6(void)
{
	grh.version_tclass_flow = htobe32(6u << 28 | 0x68u << 20 | 0x12345);
	grh.next_hdr = 17;
	grh.hop_limit = 63;
	memcpy(&grh.sgid, v6_peer, 16);
	memcpy(&grh.dgid, v6_us, 16);
}

Test(ah_wc, answers_ipv4)
{
	write_ipv4();
	cr_assert_eq(init_ah(), 0);
	cr_assert_eq(attr.is_global, 1);
	cr_assert_eq(attr.port_num, 1);
	cr_assert_eq(attr.sl, 3);
	cr_assert_eq(memcmp(&attr.grh.dgid, v4_peer, 16), 0);
	cr_assert_eq(attr.grh.sgid_index, 1);
	cr_assert_eq(attr.grh.traffic_class, 0x68);
	cr_assert_eq(attr.grh.hop_limit, 63);
	cr_assert_eq(attr.grh.flow_label, 0);
}

Test(ah_wc, answers_ipv6)
{
	write_ipv6();
	cr_assert_eq(init_ah(), 0);
	cr_assert_eq(memcmp(&attr.grh.dgid, v6_peer, 16), 0);
	cr_assert_eq(attr.grh.sgid_index, 0);
	cr_assert_eq(attr.grh.traffic_class, 0x68);
	cr_assert_eq(attr.grh.hop_limit, 63);
	cr_assert_eq(attr.grh.flow_label, 0x12345);
}

Test(ah_wc, damaged_ipv4_header_is_no_ipv4)
{
	write_ipv4()[8] ^= 1;
	cr_assert_eq(init_ah(), -1);
	cr_assert_eq(errno, EPROTONOSUPPORT);
}

Test(ah_wc, other_protocol_is_not_roce_v2)
{
	write_ipv6();
	grh.next_hdr = 27;
	cr_assert_eq(init_ah(), -1);
	cr_assert_eq(errno, EPROTONOSUPPORT);
}

Test(ah_wc, multicast_does_not_say_who_we_are)
{
	write_ipv6();
	grh.dgid.raw[0] = 0xff;
	cr_assert_eq(init_ah(), -1);
	cr_assert_eq(errno, EINVAL);
}

Test(ah_wc, not_our_address)
{
	write_ipv6();
	grh.dgid.raw[15] = 9;
	cr_assert_eq(init_ah(), -1);
	cr_assert_eq(errno, ENOENT);
}

Test(ah_wc, without_header_there_is_no_route)
{
	wc.wc_flags = 0;
	cr_assert_eq(init_ah(), 0);
	cr_assert_eq(attr.is_global, 0);
	cr_assert_eq(attr.sl, 3);
}

Test(ah_wc, handle_needs_a_route_and_a_source)
{
	struct ibv_pd pd = {.context = fake_open()};
	struct ibv_ah *ah;

	cr_assert_null(ibv_create_ah(&pd, &attr));
	cr_assert_eq(errno, EINVAL);
	attr.is_global = 1;
	attr.port_num = 1;
	attr.grh.sgid_index = 2;
	cr_assert_null(ibv_create_ah(&pd, &attr));
	cr_assert_eq(errno, EINVAL);
	attr.grh.sgid_index = 1;
	ah = ibv_create_ah(&pd, &attr);
	cr_assert_not_null(ah);
	cr_assert_eq(ibv_destroy_ah(ah), 0);
}
