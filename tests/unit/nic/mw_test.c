/* Memory windows: binding, and what they let through. */
#include "tests/support/kinds.h"
#include "tests/support/windows.h"

static struct duo d;

TestSuite(mw, .timeout = 120);

#define OK GN_WC_SUCCESS
#define NO GN_WC_REM_ACCESS_ERR

static void expect(uint32_t rkey, size_t offset, uint32_t len,
		   enum gn_wr_opcode op, enum gn_wc_status status)
{
	CHECK_EQ(windows_try(&d, rkey, offset, len, op), status);
}

/* ---- access --------------------------------------------------------------------- */

Test(mw, bind_and_use)
{
	for (unsigned type = 1; type <= 2; type++) {
		struct gn_mw *mw;
		uint32_t before;

		windows_open(&d, GN_QPT_RC);
		mw = windows_new(&d, type);
		before = mw->h.key;
		expect(before, 4096, 8, GN_WR_RDMA_READ, NO);
		windows_bind(&d, mw, 4096, 8192, WINDOW_ALL, OK);
		CHECK_EQ(mw->h.key, (before & ~0xffu) | ((before + 1) & 0xff));
		CHECK_EQ(d.s[B].mr->windows, 1);
		duo_fill(&d, A, 0, 8192, 1);
		expect(mw->h.key, 4096, 8192, GN_WR_RDMA_WRITE, OK);
		CHECK(duo_same(&d, 0, 4096, 8192));
		expect(mw->h.key, 4100, 3000, GN_WR_RDMA_READ, OK);
		expect(mw->h.key, 4096, 8, GN_WR_FETCH_ADD, OK);
		expect(mw->h.key, 4096, 8, GN_WR_ATOMIC_WRITE, OK);
		expect(before, 4096, 8, GN_WR_RDMA_READ, NO);
		CHECK_EQ(mw_free(mw), 0);
		CHECK_EQ(d.s[B].mr->windows, 0);
		expect(before + 1, 4096, 8, GN_WR_RDMA_READ, NO);
		duo_close(&d);
	}
}

Test(mw, range)
{
	struct gn_mw *mw;
	uint32_t key;

	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 1);
	windows_bind(&d, mw, 4096, 4096, WINDOW_ALL, OK);
	key = mw->h.key;
	expect(key, 4096, 4096, GN_WR_RDMA_READ, OK);
	expect(key, 4095, 1, GN_WR_RDMA_READ, NO);
	expect(key, 4095, 2, GN_WR_RDMA_READ, NO);
	expect(key, 8191, 1, GN_WR_RDMA_READ, OK);
	expect(key, 8191, 2, GN_WR_RDMA_READ, NO);
	expect(key, 8192, 1, GN_WR_RDMA_WRITE, NO);
	expect(key, 8184, 8, GN_WR_FETCH_ADD, OK);
	expect(key, 8192, 8, GN_WR_FETCH_ADD, NO);
	mw_free(mw);
	duo_close(&d);
}

/* Each right by itself. */
Test(mw, rights)
{
	static const struct {
		unsigned access;
		enum gn_wr_opcode op;
	} rows[] = {
		{ GN_ACCESS_REMOTE_READ, GN_WR_RDMA_READ },
		{ GN_ACCESS_REMOTE_WRITE, GN_WR_RDMA_WRITE },
		{ GN_ACCESS_REMOTE_ATOMIC, GN_WR_FETCH_ADD },
		{ 0, GN_WR_RDMA_READ },
	};
	struct gn_mw *mw;

	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 1);
	for (unsigned i = 0; i < 4; i++) {
		windows_bind(&d, mw, 0, 4096, rows[i].access, OK);
		for (unsigned k = 0; k < 3; k++)
			expect(mw->h.key, 0, 8, rows[k].op, i == k ? OK : NO);
	}
	mw_free(mw);
	duo_close(&d);
}

/* Addresses count from the window's start. */
Test(mw, zero_based)
{
	struct gn_mw *mw;
	struct gn_send_wr wr;

	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 2);
	windows_bind(&d, mw, 4096, 100, WINDOW_ALL | GN_ACCESS_ZERO_BASED, OK);
	duo_fill(&d, A, 0, 50, 1);
	wr = windows_use(&d, mw->h.key, 0, 50, GN_WR_RDMA_WRITE);
	wr.remote_addr = 50;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, OK);
	CHECK(duo_same(&d, 0, 4096 + 50, 50));
	wr.remote_addr = 51;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, NO);
	mw_free(mw);
	duo_close(&d);
}

Test(mw, over_uc)
{
	struct gn_mw *mw;

	windows_open(&d, GN_QPT_UC);
	mw = windows_new(&d, 2);
	windows_bind(&d, mw, 4096, 100, GN_ACCESS_REMOTE_WRITE, OK);
	duo_fill(&d, A, 0, 100, 1);
	expect(mw->h.key, 4096, 100, GN_WR_RDMA_WRITE, OK);
	CHECK(duo_same(&d, 0, 4096, 100));
	expect(mw->h.key, 4097, 100, GN_WR_RDMA_WRITE, OK);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_RANGE], 1);
	mw_free(mw);
	duo_close(&d);
}

/* A window is for peers only. */
Test(mw, is_no_lkey)
{
	struct gn_mw *mw;
	struct gn_send_wr wr;
	struct gn_sge sge;

	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 1);
	windows_bind(&d, mw, 0, 4096, WINDOW_ALL, OK);
	sge = (struct gn_sge){ duo_va(&d, B, 0), 8, mw->h.key };
	wr = duo_wr(&d, B, 1, GN_WR_RDMA_WRITE, 8);
	wr.sge = &sge;
	CHECK_EQ(duo_post(&d, B, wr), 0);
	duo_idle(&d);
	duo_sent(&d, B, 1, GN_WC_LOC_PROT_ERR);
	mw_free(mw);
	duo_close(&d);
}

/* ---- again and away ------------------------------------------------------------- */

/* Type 1 moves at will; type 2 must be invalid before. */
Test(mw, rebind)
{
	struct gn_mw *mw;
	uint32_t key;

	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 1);
	windows_bind(&d, mw, 0, 4096, WINDOW_ALL, OK);
	key = mw->h.key;
	windows_bind(&d, mw, 8192, 4096, WINDOW_ALL, OK);
	CHECK_EQ(d.s[B].mr->windows, 1);
	expect(key, 0, 8, GN_WR_RDMA_READ, NO);
	expect(mw->h.key, 0, 8, GN_WR_RDMA_READ, NO);
	expect(mw->h.key, 8192, 8, GN_WR_RDMA_READ, OK);
	windows_bind(&d, mw, 0, 0, 0, OK);
	CHECK_EQ(d.s[B].mr->windows, 0);
	expect(mw->h.key, 8192, 8, GN_WR_RDMA_READ, NO);
	mw_free(mw);

	mw = windows_new(&d, 2);
	windows_bind(&d, mw, 0, 4096, WINDOW_ALL, OK);
	windows_bind(&d, mw, 0, 4096, WINDOW_ALL, GN_WC_MW_BIND_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	mw_free(mw);
	duo_close(&d);
}

/* A type 2 window belongs to the QP that it was bound on (2B). */
Test(mw, wrong_qp)
{
	struct gn_qp *qa, *qb;
	struct gn_send_wr wr;
	struct gn_mw *mw;

	for (unsigned type = 1; type <= 2; type++) {
		windows_open(&d, GN_QPT_RC);
		qa = duo_qp(&d, A);
		qb = duo_qp(&d, B);
		duo_raise(&d, A, qa, qb->qpn, GN_QPS_RTS);
		duo_raise(&d, B, qb, qa->qpn, GN_QPS_RTS);
		mw = windows_new(&d, type);
		windows_bind(&d, mw, 0, 4096, WINDOW_ALL, OK);
		wr = windows_use(&d, mw->h.key, 0, 8, GN_WR_RDMA_READ);
		CHECK_EQ(qp_post_send(qa, &wr), 0);
		qp_ring(qa);
		duo_idle(&d);
		duo_sent(&d, A, 1, type == 1 ? OK : NO);
		expect(mw->h.key, 0, 8, GN_WR_RDMA_READ, OK);
		mw_free(mw);
		qp_free(qa);
		qp_free(qb);
		duo_close(&d);
	}
}

/* ---- refused binds -------------------------------------------------------------- */

static void refused(struct gn_mw *mw, struct gn_send_wr wr)
{
	uint32_t key = mw->h.key;
	unsigned windows = d.s[B].mr->windows;

	CHECK_EQ(duo_post(&d, B, wr), 0);
	duo_idle(&d);
	duo_sent(&d, B, wr.wr_id, GN_WC_MW_BIND_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	CHECK_EQ(mw->h.key, key);
	CHECK_EQ(d.s[B].mr->windows, windows);
	for (unsigned i = 0; i < 2; i++)
		kind_raise(&d, i, d.s[i].qp, 0, GN_QPS_RESET);
	kind_connect(&d);
}

Test(mw, refused_binds)
{
	unsigned access;
	struct gn_send_wr wr;
	struct gn_pd *pd;
	struct gn_mw *mw, *other;

	windows_open(&d, GN_QPT_RC);
	access = d.s[B].mr->access;
	mw = windows_new(&d, 2);
	refused(mw, windows_wr(&d, mw, d.o.mem - 4095, 4096, WINDOW_ALL));
	refused(mw, windows_wr(&d, mw, 0, UINT64_MAX, WINDOW_ALL));
	refused(mw, windows_wr(&d, mw, (size_t)-1, 1, WINDOW_ALL));
	wr = windows_wr(&d, mw, 0, 4096, WINDOW_ALL);
	wr.imm += 0x100; /* another index */
	refused(mw, wr);
	wr = windows_wr(&d, mw, 0, 4096, WINDOW_ALL);
	wr.bind_mr = NULL;
	refused(mw, wr);
	d.s[B].mr->access = access & ~GN_ACCESS_MW_BIND;
	refused(mw, windows_wr(&d, mw, 0, 4096, GN_ACCESS_REMOTE_READ));
	d.s[B].mr->access = access & ~GN_ACCESS_LOCAL_WRITE;
	refused(mw, windows_wr(&d, mw, 0, 4096, GN_ACCESS_REMOTE_WRITE));
	refused(mw, windows_wr(&d, mw, 0, 4096, GN_ACCESS_REMOTE_ATOMIC));
	windows_bind(&d, mw, 0, 4096, GN_ACCESS_REMOTE_READ, OK);
	d.s[B].mr->access = access;
	/* Another PD's window, or region. */
	CHECK_EQ(pd_new(d.s[B].engine, &pd), 0);
	CHECK_EQ(mw_new(pd, 2, &other), 0);
	refused(other, windows_wr(&d, other, 0, 4096, WINDOW_ALL));
	mw_free(mw);
	mw = windows_new(&d, 1);
	CHECK_EQ(mr_rereg(d.s[B].mr, GN_REREG_PD, pd, NULL, 0, 0), 0);
	refused(mw, windows_wr(&d, mw, 0, 4096, WINDOW_ALL));
	CHECK_EQ(mr_rereg(d.s[B].mr, GN_REREG_PD, d.s[B].pd, NULL, 0, 0), 0);
	wr = windows_wr(&d, mw, 0, 4096, WINDOW_ALL);
	wr.mw = NULL;
	CHECK_EQ(duo_post(&d, B, wr), -EINVAL);
	CHECK_EQ(pd_free(pd), -EBUSY);
	mw_free(mw);
	mw_free(other);
	CHECK_EQ(pd_free(pd), 0);
	duo_close(&d);
}

/* Window or region are gone when the bind's turn comes. */
Test(mw, freed_before_the_bind)
{
	struct gn_mr *mr;
	struct gn_mw *mw;
	struct gn_send_wr wr;

	for (unsigned k = 0; k < 2; k++) {
		windows_open(&d, GN_QPT_RC);
		mw = windows_new(&d, 1);
		CHECK_EQ(mr_new(d.s[B].pd, d.s[B].mem, 4096,
				(uintptr_t)d.s[B].mem,
				GN_ACCESS_LOCAL_WRITE | GN_ACCESS_MW_BIND, &mr),
			 0);
		wr = windows_wr(&d, mw, 0, 4096, WINDOW_ALL);
		wr.bind_mr = mr;
		CHECK_EQ(duo_post(&d, B, wr), 0);
		CHECK_EQ(mr_free(mr), 0);
		if (k)
			CHECK_EQ(mw_free(mw), 0);
		duo_idle(&d);
		duo_sent(&d, B, 77, GN_WC_MW_BIND_ERR);
		if (!k)
			CHECK_EQ(mw_free(mw), 0);
		duo_close(&d);
	}
}

/* ---- the region under it -------------------------------------------------------- */

Test(mw, region_is_in_use)
{
	struct gn_mw *mw, *two;

	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 1);
	two = windows_new(&d, 2);
	windows_bind(&d, mw, 0, 4096, WINDOW_ALL, OK);
	windows_bind(&d, two, 0, 4096, WINDOW_ALL, OK);
	CHECK_EQ(mr_free(d.s[B].mr), -EBUSY);
	CHECK_EQ(mr_rereg(d.s[B].mr, GN_REREG_ACCESS, NULL, NULL, 0, 0),
		 -EBUSY);
	mw_free(mw);
	CHECK_EQ(mr_free(d.s[B].mr), -EBUSY);
	mw_free(two);
	CHECK_EQ(mr_free(d.s[B].mr), 0);
	d.s[B].mr = NULL;
	duo_close(&d);
}

Test(mw, limits)
{
	struct gn_mw *mw, *no;

	windows_open(&d, GN_QPT_RC);
	d.s[B].engine->cfg.limits.max_mw = 1;
	mw = windows_new(&d, 1);
	CHECK_EQ(mw_new(d.s[B].pd, 1, &no), -ENOMEM);
	CHECK_EQ(mw_new(d.s[B].pd, 0, &no), -EINVAL);
	CHECK_EQ(mw_new(d.s[B].pd, 3, &no), -EINVAL);
	mw_free(mw);
	duo_close(&d);
}
