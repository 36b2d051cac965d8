/* Local operations (BIND_MW, LOCAL_INV) and remote invalidation, among the
 * requests around them.
 */
#include "tests/support/kinds.h"
#include "tests/support/windows.h"

static struct duo d;
static struct gn_mw *mw;

TestSuite(mw_order, .timeout = 120);

static void open_it(void)
{
	windows_open(&d, GN_QPT_RC);
	mw = windows_new(&d, 2);
}

static void close_it(void)
{
	d.f.filter = NULL;
	mw_free(mw);
	duo_close(&d);
}

static void bind(void)
{
	windows_bind(&d, mw, 0, 4096, WINDOW_ALL, GN_WC_SUCCESS);
}

static struct gn_send_wr local_inv(uint64_t wr_id, uint32_t key)
{
	return (struct gn_send_wr){ .wr_id = wr_id,
				    .opcode = GN_WR_LOCAL_INV,
				    .flags = GN_SEND_SIGNALED,
				    .imm = key };
}

/* ---- local invalidation --------------------------------------------------------- */

Test(mw_order, local_invalidate)
{
	open_it();
	bind();
	CHECK_EQ(duo_post(&d, B, local_inv(5, mw->h.key)), 0);
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, B, 5, GN_WC_SUCCESS).opcode, GN_WC_LOCAL_INV);
	CHECK_EQ(d.s[B].mr->windows, 0);
	CHECK_EQ(d.f.nseen, 0);
	CHECK_EQ(windows_try(&d, mw->h.key, 0, 8, GN_WR_RDMA_READ),
		 GN_WC_REM_ACCESS_ERR);
	bind();
	CHECK_EQ(windows_try(&d, mw->h.key, 0, 8, GN_WR_RDMA_READ),
		 GN_WC_SUCCESS);
	close_it();
}

/* Twice; a region's key; type 1; nothing at all. */
Test(mw_order, local_invalidate_refused)
{
	struct gn_mw *one;
	uint32_t keys[4];

	open_it();
	one = windows_new(&d, 1);
	windows_bind(&d, one, 0, 8, WINDOW_ALL, GN_WC_SUCCESS);
	keys[0] = mw->h.key;
	keys[1] = d.s[B].mr->h.key;
	keys[2] = one->h.key;
	keys[3] = 0;
	for (unsigned i = 0; i < 4; i++) {
		CHECK_EQ(duo_post(&d, B, local_inv(i, keys[i])), 0);
		duo_idle(&d);
		duo_sent(&d, B, i, GN_WC_LOC_PROT_ERR);
		CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
		for (unsigned s = 0; s < 2; s++)
			kind_raise(&d, s, d.s[s].qp, 0, GN_QPS_RESET);
		kind_connect(&d);
	}
	mw_free(one);
	close_it();
}

/* They complete in their place, also when done long before. */
Test(mw_order, completions_in_order)
{
	open_it();
	d.f.latency = 50 * USEC;
	duo_do(&d, B, 1, GN_WR_RDMA_READ, 3000);
	CHECK_EQ(duo_post(&d, B, windows_wr(&d, mw, 0, 4096, WINDOW_ALL)), 0);
	duo_do(&d, B, 2, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	CHECK_EQ(d.s[B].mr->windows, 1); /* no fence: it did not wait */
	CHECK_EQ(fabric_count(&d.f, B, OP_WRITE_ONLY), 1);
	duo_no_more(&d);
	duo_idle(&d);
	duo_sent(&d, B, 1, GN_WC_SUCCESS);
	duo_sent(&d, B, 77, GN_WC_SUCCESS);
	duo_sent(&d, B, 2, GN_WC_SUCCESS);
	close_it();
}

/* With a fence the window goes when the READ before is answered. */
Test(mw_order, fence)
{
	struct gn_send_wr wr;

	open_it();
	bind();
	duo_do(&d, B, 1, GN_WR_RDMA_READ, 3000);
	wr = local_inv(2, mw->h.key);
	wr.flags |= GN_SEND_FENCE;
	CHECK_EQ(duo_post(&d, B, wr), 0);
	fabric_settle(&d.f);
	CHECK_EQ(d.s[B].mr->windows, 1);
	duo_idle(&d);
	CHECK_EQ(d.s[B].mr->windows, 0);
	duo_sent(&d, B, 1, GN_WC_SUCCESS);
	duo_sent(&d, B, 2, GN_WC_SUCCESS);
	close_it();
}

/* Unsignaled ones complete silently and free their slots. */
Test(mw_order, unsignaled)
{
	open_it();
	for (unsigned i = 0; i < 200; i++) {
		struct gn_send_wr wr = windows_wr(&d, mw, 0, 64, WINDOW_ALL);

		wr.flags = 0;
		CHECK_EQ(duo_post(&d, B, wr), 0);
		wr = local_inv(i, wr.imm);
		wr.flags = i % 16 == 15 ? GN_SEND_SIGNALED : 0;
		CHECK_EQ(duo_post(&d, B, wr), 0);
		duo_idle(&d);
		if (i % 16 == 15)
			duo_sent(&d, B, i, GN_WC_SUCCESS);
		duo_no_more(&d);
	}
	close_it();
}

/* Nothing local is done while the send queue drains (SQD). */
Test(mw_order, sqd)
{
	open_it();
	duo_raise(&d, B, d.s[B].qp, 0, GN_QPS_SQD);
	CHECK_EQ(duo_post(&d, B, windows_wr(&d, mw, 0, 64, WINDOW_ALL)), 0);
	fabric_settle(&d.f);
	CHECK_EQ(d.s[B].mr->windows, 0);
	duo_raise(&d, B, d.s[B].qp, 0, GN_QPS_RTS);
	CHECK_EQ(duo_move(d.s[B].qp, (struct gn_qp_attr){ 0 }, GN_QPS_RTS,
			  GN_QP_STATE),
		 0);
	duo_idle(&d);
	duo_sent(&d, B, 77, GN_WC_SUCCESS);
	close_it();
}

/* ---- losses --------------------------------------------------------------------- */

/* A bind is passed over when the requester goes back, not done again: meanwhile
 * the window is invalidated, and must stay so.
 */
Test(mw_order, done_once)
{
	for (unsigned lost = 0; lost < 4; lost++) {
		open_it();
		duo_lose(&d, B, OP_WRITE_ONLY, lost);
		for (unsigned i = 0; i < 2; i++)
			duo_do(&d, B, i, GN_WR_RDMA_WRITE, 8);
		CHECK_EQ(duo_post(&d, B, windows_wr(&d, mw, 0, 64, WINDOW_ALL)),
			 0);
		CHECK_EQ(duo_post(&d, B, local_inv(5, mw->h.key + 1)), 0);
		for (unsigned i = 2; i < 4; i++)
			duo_do(&d, B, i, GN_WR_RDMA_WRITE, 8);
		duo_idle(&d);
		CHECK_EQ(d.s[B].mr->windows, 0);
		duo_sent(&d, B, 0, GN_WC_SUCCESS);
		duo_sent(&d, B, 1, GN_WC_SUCCESS);
		duo_sent(&d, B, 77, GN_WC_SUCCESS);
		duo_sent(&d, B, 5, GN_WC_SUCCESS);
		duo_sent(&d, B, 2, GN_WC_SUCCESS);
		duo_sent(&d, B, 3, GN_WC_SUCCESS);
		duo_no_more(&d);
		close_it();
	}
}

/* One that fails does so behind what is in flight, whatever is lost. */
static void failing(unsigned opcode)
{
	open_it();
	if (opcode != 0xff)
		duo_lose(&d, opcode == OP_ACKNOWLEDGE ? A : B, opcode, 0);
	duo_do(&d, B, 1, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, B, 2, GN_WR_RDMA_WRITE, 3000);
	CHECK_EQ(duo_post(&d, B, local_inv(3, 12345)), 0);
	duo_do(&d, B, 4, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, B, 1, GN_WC_SUCCESS);
	duo_sent(&d, B, 2, GN_WC_SUCCESS);
	duo_sent(&d, B, 3, GN_WC_LOC_PROT_ERR);
	duo_sent(&d, B, 4, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	close_it();
}

Test(mw_order, failure_waits_for_its_turn)
{
	failing(0xff);
	failing(OP_WRITE_ONLY);
	failing(OP_WRITE_MIDDLE);
	failing(OP_WRITE_LAST);
	failing(OP_ACKNOWLEDGE);
}

/* An answer comes late, after the requester went back. */
Test(mw_order, late_ack)
{
	open_it();
	d.f.latency = 2 * MSEC; /* longer than the timeout */
	duo_do(&d, B, 1, GN_WR_RDMA_WRITE, 8);
	CHECK_EQ(duo_post(&d, B, windows_wr(&d, mw, 0, 64, WINDOW_ALL)), 0);
	duo_do(&d, B, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, B, 1, GN_WC_SUCCESS);
	duo_sent(&d, B, 77, GN_WC_SUCCESS);
	duo_sent(&d, B, 2, GN_WC_SUCCESS);
	duo_no_more(&d);
	close_it();
}

/* ---- remote invalidation -------------------------------------------------------- */

static struct gn_send_wr send_inv(uint32_t key, uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_SEND_INV, len);

	wr.imm = key;
	return wr;
}

Test(mw_order, remote_invalidate)
{
	static const uint32_t sizes[] = { 0, 100, 3000 };
	struct gn_wc wc;

	open_it();
	for (unsigned i = 0; i < 3; i++) {
		bind();
		duo_recv(&d, B, 7, 8192, 4096);
		CHECK_EQ(duo_post(&d, A, send_inv(mw->h.key, sizes[i])), 0);
		duo_idle(&d);
		CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode, GN_WC_SEND);
		wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
		CHECK_EQ(wc.flags, GN_WC_WITH_INV);
		CHECK_EQ(wc.imm_or_rkey, mw->h.key);
		CHECK_EQ(wc.byte_len, sizes[i]);
		CHECK_EQ(d.s[B].mr->windows, 0);
	}
	CHECK_EQ(fabric_count(&d.f, A, OP_SEND_ONLY_INV), 2);
	CHECK_EQ(fabric_count(&d.f, A, OP_SEND_LAST_INV), 1);
	close_it();
}

/* What may not be invalidated from there: access error for both. */
Test(mw_order, remote_invalidate_refused)
{
	for (unsigned k = 0; k < 4; k++) {
		struct gn_mw *one;
		uint32_t key;

		open_it();
		one = windows_new(&d, 1);
		windows_bind(&d, one, 0, 8, WINDOW_ALL, GN_WC_SUCCESS);
		bind();
		key = k == 0 ? mw->h.key ^ 1 : k == 1 ? one->h.key
				       : k == 2	    ? d.s[B].mr->h.key
						    : 0xffffffff;
		duo_recv(&d, B, 7, 8192, 4096);
		CHECK_EQ(duo_post(&d, A, send_inv(key, 100)), 0);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
		duo_received(&d, B, 7, GN_WC_LOC_ACCESS_ERR);
		CHECK_EQ(d.s[B].mr->windows, 2);
		CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x62);
		mw_free(one);
		close_it();
	}
}

/* A duplicate does not invalidate what was bound since. */
Test(mw_order, remote_invalidate_once)
{
	open_it();
	bind();
	duo_recv(&d, B, 7, 8192, 4096);
	duo_lose(&d, B, OP_ACKNOWLEDGE, 0);
	CHECK_EQ(duo_post(&d, A, send_inv(mw->h.key, 8)), 0);
	fabric_run(&d.f, d.f.now + 10 * USEC);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	CHECK_EQ(d.s[B].mr->windows, 0);
	bind();
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(d.s[B].mr->windows, 1);
	close_it();
}
