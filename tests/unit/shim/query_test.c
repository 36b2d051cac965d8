/* What the port says, to callers of any age. */
#include "verbs_shim/port.h"

#include <criterion/criterion.h>
#include <endian.h>
#include "tests/unit/shim/fake_nic.h"
#include "verbs_shim/mtu.h"

static void set_up(void)
{
	fake_open();
	fake_gid_count = 2;
	fake_gids[0].b[15] = 1;
	fake_gids[1].b[15] = 2;
	fake_port = (struct gn_port_info){
		.active = true,
		.max_mtu = 4096,
		.active_mtu = 1024,
		.speed_mbps = 100000,
	};
	fake_limits.pkey_count = 1;
}

TestSuite(query, .init = set_up);

static struct ibv_context *context = &fake_context.verbs.context;

Test(query, port)
{
	struct ibv_port_attr a;

	cr_assert_eq(port_query(context, 1, &a, sizeof(a)), 0);
	cr_assert_eq(a.state, IBV_PORT_ACTIVE);
	cr_assert_eq(a.max_mtu, IBV_MTU_4096);
	cr_assert_eq(a.active_mtu, IBV_MTU_1024);
	cr_assert_eq(a.link_layer, IBV_LINK_LAYER_ETHERNET);
	cr_assert_eq(a.gid_tbl_len, 3);
	cr_assert_eq(port_query(context, 0, &a, sizeof(a)), EINVAL);
	cr_assert_eq(port_query(context, 2, &a, sizeof(a)), EINVAL);
}

Test(query, port_of_an_older_caller_stays_in_its_bytes)
{
	uint8_t bytes[sizeof(struct ibv_port_attr)];

	memset(bytes, 0xaa, sizeof(bytes));
	port_query_compat(context, 1, (struct _compat_ibv_port_attr *)bytes);
	cr_assert_eq(bytes[offsetof(struct ibv_port_attr, link_layer)],
		     IBV_LINK_LAYER_ETHERNET);
	for (size_t i = 48; i < sizeof(bytes); i++)
		cr_assert_eq(bytes[i], 0xaa, "byte %zu was written", i);
}

Test(query, port_of_a_newer_caller_is_zero_in_what_we_do_not_know)
{
	struct {
		struct ibv_port_attr known;
		uint8_t newer[16];
	} a;

	memset(&a, 0xaa, sizeof(a));
	port_query(context, 1, &a.known, sizeof(a));
	for (size_t i = 0; i < sizeof(a.newer); i++)
		cr_assert_eq(a.newer[i], 0);
}

Test(query, gid_of_an_empty_entry)
{
	struct ibv_gid_entry entry;
	union ibv_gid gid, zero = {0};

	cr_assert_eq(ibv_query_gid(context, 1, 2, &gid), 0);
	cr_assert_eq(memcmp(&gid, &zero, sizeof(gid)), 0);
	cr_assert_eq(ibv_query_gid_ex(context, 1, 2, &entry, 0), ENODATA);
	cr_assert_eq(ibv_query_gid(context, 1, 3, &gid), -1);
	cr_assert_eq(errno, EINVAL);
	cr_assert_eq(ibv_query_gid(context, 1, -1, &gid), -1);
	cr_assert_eq(ibv_query_gid(context, 2, 0, &gid), -1);
}

Test(query, gid_table_has_the_entries_that_are_there)
{
	struct ibv_gid_entry e[3];

	cr_assert_eq(ibv_query_gid_table(context, e, 3, 0), 2);
	cr_assert_eq(e[1].gid.raw[15], 2);
	cr_assert_eq(e[1].gid_index, 1);
	cr_assert_eq(e[1].port_num, 1);
	cr_assert_eq(e[1].gid_type, IBV_GID_TYPE_ROCE_V2);
	cr_assert_eq(ibv_query_gid_table(context, e, 1, 0), -EINVAL);
	cr_assert_eq(ibv_query_gid_table(context, e, 3, 1), -EOPNOTSUPP);
}

Test(query, gid_table_walks_by_the_callers_entry_size)
{
	uint8_t e[2][64];

	memset(e, 0xaa, sizeof(e));
	cr_assert_eq(_ibv_query_gid_table(context, (struct ibv_gid_entry *)e, 2,
					  0, sizeof(e[0])),
		     2);
	cr_assert_eq(e[1][15], 2);
	cr_assert_eq(e[1][63], 0);
}

Test(query, pkey)
{
	__be16 pkey;

	cr_assert_eq(ibv_query_pkey(context, 1, 0, &pkey), 0);
	cr_assert_eq(be16toh(pkey), 0xffff);
	cr_assert_eq(ibv_query_pkey(context, 1, 1, &pkey), -1);
	cr_assert_eq(ibv_get_pkey_index(context, 1, htobe16(0xffff)), 0);
	cr_assert_eq(ibv_get_pkey_index(context, 1, htobe16(0x1234)), -1);
}

Test(query, mtu_codes)
{
	cr_assert_eq(mtu_bytes(IBV_MTU_256), 256);
	cr_assert_eq(mtu_bytes(IBV_MTU_4096), 4096);
	cr_assert_eq(mtu_bytes((enum ibv_mtu)0), 0);
	cr_assert_eq(mtu_bytes((enum ibv_mtu)6), 0);
	cr_assert_eq(mtu_code(1500), IBV_MTU_1024);
	cr_assert_eq(mtu_code(9000), IBV_MTU_4096);
	cr_assert_eq(mtu_code(100), IBV_MTU_256);
}
