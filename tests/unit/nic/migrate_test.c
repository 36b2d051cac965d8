/* Automatic path migration: two addresses a side, of which the first can fail. */
#include "tests/support/duo.h"

#include <errno.h>
#include "nic/migrate.h"

static struct duo d;
static bool first_path_fails;

TestSuite(migrate, .timeout = 120);

/* The second addresses are 10.9.9.1 and 10.9.9.2. */
static void second_address(unsigned side)
{
	uint8_t v4[4] = { 10, 9, 9, (uint8_t)(side + 1) };
	struct node *n = d.s[side].node;

	n->link.addr[1] = n->engine.gid[1] = ip_from_v4(v4);
	n->link.naddr = n->engine.ngid = 2;
}

static void fail_first(void *ctx, struct flight *f)
{
	if (first_path_fails && f->dst.b[13] != 9)
		f->copies = 0;
}

static void load(unsigned side, enum mig_state state)
{
	struct gn_qp_attr a = duo_attr(&d, side, 0);

	a.alt_ah = (struct gn_ah){ .is_global = true,
				   .dgid = d.s[!side].node->link.addr[1],
				   .sgid_index = 1,
				   .port_num = 1 };
	a.alt_timeout = 12;
	a.alt_port_num = 1;
	a.mig_state = state;
	CHECK_EQ(duo_move(d.s[side].qp, a, GN_QPS_RTS,
			  GN_QP_STATE | GN_QP_ALT_PATH |
				  GN_QP_PATH_MIG_STATE),
		 0);
}

static void open_it(enum mig_state state)
{
	first_path_fails = false;
	duo_open_default(&d);
	d.f.filter = fail_first;
	for (unsigned side = 0; side < 2; side++)
		second_address(side);
	for (unsigned side = 0; side < 2; side++)
		load(side, state);
}

static void write_one(uint64_t wr_id)
{
	duo_do(&d, A, wr_id, GN_WR_RDMA_WRITE, 5000);
	duo_idle(&d);
	duo_sent(&d, A, wr_id, GN_WC_SUCCESS);
}

/* The first path dies: after the last retry the second carries on, in both
 * directions, and nobody's work request fails.
 */
Test(migrate, when_the_path_fails)
{
	open_it(MIG_ARMED);
	write_one(1);
	first_path_fails = true;
	write_one(2);
	for (unsigned side = 0; side < 2; side++) {
		CHECK_EQ(d.s[side].qp->attr.mig_state, MIG_MIGRATED);
		CHECK_EQ(d.s[side].qp->attr.ah.sgid_index, 1);
		CHECK_EQ(duo_events(&d, side, GN_EVENT_PATH_MIG), 1);
		CHECK_EQ(qp_state(d.s[side].qp), GN_QPS_RTS);
	}
	duo_do(&d, B, 3, GN_WR_RDMA_READ, 3000);
	duo_idle(&d);
	duo_sent(&d, B, 3, GN_WC_SUCCESS);
	duo_close(&d);
}

/* Told to: the peer follows the MigReq bit. */
Test(migrate, when_told)
{
	struct gn_qp_attr a;

	open_it(MIG_ARMED);
	a = duo_attr(&d, A, 0);
	a.mig_state = MIG_MIGRATED;
	CHECK_EQ(duo_move(d.s[A].qp, a, GN_QPS_RTS,
			  GN_QP_STATE | GN_QP_PATH_MIG_STATE),
		 0);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_PATH_MIG), 1);
	first_path_fails = true;
	write_one(1);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_PATH_MIG), 1);
	duo_close(&d);
}

/* REARM becomes ARMED when the peer says that it has rearmed, too. */
Test(migrate, rearm)
{
	open_it(MIG_REARM);
	write_one(1);
	for (unsigned side = 0; side < 2; side++)
		CHECK_EQ(d.s[side].qp->attr.mig_state, MIG_ARMED);
	duo_close(&d);
}

/* Not armed, a QP neither moves nor listens on its other path. */
Test(migrate, not_armed)
{
	struct gn_qp_attr a;

	open_it(MIG_ARMED);
	d.s[B].qp->attr.mig_state = MIG_MIGRATED;
	CHECK_EQ(migrate(d.s[B].qp), false);
	a = duo_attr(&d, A, 0);
	a.mig_state = MIG_MIGRATED;
	CHECK_EQ(duo_move(d.s[A].qp, a, GN_QPS_RTS,
			  GN_QP_STATE | GN_QP_PATH_MIG_STATE),
		 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 100);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_RETRY_EXC_ERR);
	CHECK(d.s[B].engine->counters.drop[DROP_PEER_ADDR] > 0);
	duo_close(&d);
}

Test(migrate, needs_a_path)
{
	struct gn_qp_attr a;

	duo_open_default(&d);
	a = duo_attr(&d, A, 0);
	a.mig_state = MIG_ARMED;
	CHECK_EQ(duo_move(d.s[A].qp, a, GN_QPS_RTS,
			  GN_QP_STATE | GN_QP_PATH_MIG_STATE),
		 -EINVAL);
	duo_close(&d);
}
