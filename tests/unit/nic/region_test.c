/* Regions of other kinds: null, device memory, registered again. */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(region, .timeout = 120);

static void post_write(const struct gn_sge *sge, unsigned nsge)
{
	struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 0);

	wr.sge = sge;
	wr.nsge = nsge;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
}

/* ---- the null region ------------------------------------------------------------ */

Test(region, null)
{
	struct gn_mr *null;
	struct gn_sge sge[3];
	struct gn_send_wr wr;

	duo_open_default(&d);
	CHECK_EQ(mr_new_null(d.s[A].pd, &null), 0);
	memset(d.s[B].mem, 0xee, 20000);
	duo_fill(&d, A, 0, 200, 1);
	sge[0] = duo_sge(&d, A, 0, 100);
	sge[1] = (struct gn_sge){ 0xdeadbeef, 9000, null->h.key };
	sge[2] = duo_sge(&d, A, 9100, 100);
	duo_fill(&d, A, 9100, 100, 2);
	post_write(sge, 3);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 0, 0, 100));
	for (unsigned i = 100; i < 9100; i++)
		CHECK_EQ(d.s[B].mem[i], 0);
	CHECK(duo_same(&d, 9100, 9100, 100));
	CHECK_EQ(d.s[B].mem[9200], 0xee);
	/* What is read into it vanishes. */
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_READ, 0);
	sge[2] = duo_sge(&d, A, 30000, 100);
	wr.sge = sge;
	wr.nsge = 3;
	duo_fill(&d, B, 0, 9200, 3);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 0, 0, 100));
	CHECK(duo_same(&d, 30000, 9100, 100));
	CHECK_EQ(mr_free(null), 0);
	duo_close(&d);
}

/* A peer has no use for it, and it cannot become another. */
Test(region, null_is_local)
{
	struct gn_mr *null;
	struct gn_send_wr wr;
	struct gn_sge sge;

	duo_open_default(&d);
	CHECK_EQ(mr_new_null(d.s[B].pd, &null), 0);
	sge = (struct gn_sge){ 4096, UINT32_MAX, null->h.key };
	CHECK_EQ(mr_prefetch(d.s[B].pd, &sge, false), 0);
	CHECK_EQ(mr_prefetch(d.s[B].pd, &sge, true), 0);
	CHECK_EQ(mr_rereg(null, GN_REREG_ACCESS, NULL, NULL, 0,
			  GN_ACCESS_ON_DEMAND | GN_ACCESS_LOCAL_WRITE |
				  GN_ACCESS_REMOTE_WRITE),
		 -EINVAL);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	wr.rkey = null->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(mr_free(null), 0);
	duo_close(&d);
}

/* ---- device memory -------------------------------------------------------------- */

Test(region, device_memory)
{
	struct gn_dm *dm;
	struct gn_mr *mr;
	struct gn_send_wr wr;

	duo_open_default(&d);
	CHECK_EQ(dm_new(d.s[B].engine, 1000, &dm), 0);
	CHECK_EQ(mr_new_dm(d.s[B].pd, dm, 96, 500, d.o.mr_access, &mr), 0);
	CHECK_EQ(dm_free(dm), -EBUSY);
	duo_fill(&d, A, 0, 500, 1);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 500);
	wr.remote_addr = 0;
	wr.rkey = mr->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(!memcmp(dm->mem + 96, d.s[A].mem, 500));
	wr = duo_wr(&d, A, 2, GN_WR_FETCH_ADD, 8);
	wr.remote_addr = 8;
	wr.rkey = mr->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	wr = duo_wr(&d, A, 3, GN_WR_RDMA_READ, 8);
	wr.remote_addr = 493;
	wr.rkey = mr->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 3, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(mr_rereg(mr, GN_REREG_TRANSLATION, NULL, d.s[B].mem, 8, 0),
		 -EINVAL);
	CHECK_EQ(mr_free(mr), 0);
	CHECK_EQ(dm_free(dm), 0);
	duo_close(&d);
}

Test(region, device_memory_limits)
{
	struct gn_dm *dm, *no;
	struct gn_mr *mr;
	struct engine *e;

	duo_open_default(&d);
	e = d.s[B].engine;
	CHECK(dm_new(e, 0, &no) < 0);
	CHECK_EQ(dm_new(e, e->cfg.limits.max_dm_size + 1, &no), -ENOMEM);
	CHECK_EQ(dm_new(e, UINT64_MAX, &no), -ENOMEM);
	CHECK_EQ(dm_new(e, e->cfg.limits.max_dm_size, &dm), 0);
	CHECK_EQ(dm_new(e, 1, &no), -ENOMEM);
	CHECK_EQ(dm_free(dm), 0);
	CHECK_EQ(dm_new(e, 100, &dm), 0);
	CHECK_EQ(mr_new_dm(d.s[B].pd, dm, 0, 101, 0, &mr), -EINVAL);
	CHECK_EQ(mr_new_dm(d.s[B].pd, dm, 101, 0, 0, &mr), -EINVAL);
	CHECK_EQ(mr_new_dm(d.s[B].pd, dm, 60, UINT64_MAX, 0, &mr), -EINVAL);
	CHECK_EQ(mr_new_dm(d.s[B].pd, dm, 0, 8, GN_ACCESS_REMOTE_WRITE, &mr),
		 -EINVAL);
	CHECK_EQ(dm_free(dm), 0);
	duo_close(&d);
}

/* ---- registering again ---------------------------------------------------------- */

static enum gn_wc_status try_write(uint64_t va, uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, len);
	struct gn_wc wc;

	wr.remote_addr = va;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(cq_take(d.s[A].scq, 1, &wc), 1);
	if (wc.status == GN_WC_SUCCESS)
		return wc.status;
	for (unsigned s = 0; s < 2; s++)
		duo_raise(&d, s, d.s[s].qp, 0, GN_QPS_RESET);
	for (unsigned s = 0; s < 2; s++)
		duo_raise(&d, s, d.s[s].qp, d.s[!s].qp->qpn, GN_QPS_RTS);
	return wc.status;
}

Test(region, again)
{
	struct gn_mr *mr;
	struct gn_pd *pd;
	uint64_t va;
	uint32_t key;

	duo_open_default(&d);
	mr = d.s[B].mr;
	key = mr->h.key;
	va = duo_va(&d, B, 0);
	CHECK_EQ(try_write(va, 8), GN_WC_SUCCESS);
	CHECK_EQ(mr_rereg(mr, GN_REREG_ACCESS, NULL, NULL, 0,
			  GN_ACCESS_LOCAL_WRITE),
		 0);
	CHECK_EQ(mr->h.key, key);
	CHECK_EQ(try_write(va, 8), GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(mr_rereg(mr, GN_REREG_ACCESS | GN_REREG_TRANSLATION, NULL,
			  d.s[B].mem + 8192, 4096, d.o.mr_access),
		 0);
	CHECK_EQ(try_write(va, 8), GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(try_write(va + 8192, 4096), GN_WC_SUCCESS);
	CHECK_EQ(try_write(va + 8192, 4097), GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(pd_new(d.s[B].engine, &pd), 0);
	CHECK_EQ(mr_rereg(mr, GN_REREG_PD, pd, NULL, 0, 0), 0);
	CHECK_EQ(try_write(va + 8192, 8), GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(pd_free(pd), -EBUSY);
	CHECK_EQ(mr_rereg(mr, GN_REREG_PD | GN_REREG_ACCESS, d.s[B].pd, NULL,
			  0, d.o.mr_access),
		 0);
	CHECK_EQ(pd_free(pd), 0);
	CHECK_EQ(try_write(va + 8192, 8), GN_WC_SUCCESS);
	duo_close(&d);
}

Test(region, again_refused)
{
	struct gn_mr *mr, before;

	duo_open_default(&d);
	mr = d.s[B].mr;
	before = *mr;
	CHECK_EQ(mr_rereg(mr, 0, NULL, NULL, 0, 0), -EINVAL);
	CHECK_EQ(mr_rereg(mr, 8, NULL, NULL, 0, 0), -EINVAL);
	CHECK_EQ(mr_rereg(mr, GN_REREG_PD, NULL, NULL, 0, 0), -EINVAL);
	CHECK_EQ(mr_rereg(mr, GN_REREG_ACCESS, NULL, NULL, 0,
			  GN_ACCESS_REMOTE_WRITE),
		 -EINVAL);
	CHECK_EQ(mr_rereg(mr, GN_REREG_ACCESS, NULL, NULL, 0, 1u << 30),
		 -EINVAL);
	CHECK_EQ(mr_rereg(mr, GN_REREG_TRANSLATION, NULL, (void *)4096, 4096,
			  0),
		 -EFAULT);
	CHECK_EQ(mr_rereg(mr, GN_REREG_TRANSLATION, NULL, d.s[B].mem,
			  UINT64_MAX, 0),
		 -EINVAL);
	CHECK(!memcmp(&before, mr, sizeof(before)));
	duo_close(&d);
}
