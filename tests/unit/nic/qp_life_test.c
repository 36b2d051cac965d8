/* QPs that come, go, are reset, drained and used again, with work under way. */
#include "tests/support/duo.h"
#include "nic/requester.h"

static struct duo d;

TestSuite(qp_life, .timeout = 120);

static void reset(unsigned side)
{
	CHECK_EQ(duo_move(d.s[side].qp, (struct gn_qp_attr){0}, GN_QPS_RESET,
			  GN_QP_STATE),
		 0);
}

static void work(unsigned side, unsigned first)
{
	duo_recv(&d, side, 100 + first, 0, 5000);
	duo_do(&d, side, first, GN_WR_RDMA_WRITE, 5000);
	duo_do(&d, side, first + 1, GN_WR_RDMA_READ, 5000);
	duo_do(&d, side, first + 2, GN_WR_SEND, 5000);
}

static void expect_work(unsigned side, unsigned first)
{
	for (unsigned i = 0; i < 3; i++)
		duo_sent(&d, side, first + i, GN_WC_SUCCESS);
	duo_received(&d, !side, 100 + first, GN_WC_SUCCESS);
}

/* Reset at any point of the exchange, brought up again, used again: what was on
 * the way does not disturb the new connection.
 */
Test(qp_life, reset_in_flight)
{
	for (unsigned steps = 0; steps < 12; steps++) {
		struct gn_wc wc;

		duo_open_default(&d);
		work(A, 1);
		work(B, 1);
		for (unsigned i = 0; i < steps; i++)
			fabric_step(&d.f, NSEC_NEVER - 1);
		reset(A);
		reset(B);
		while (cq_take(d.s[A].scq, 1, &wc) ||
		       cq_take(d.s[B].scq, 1, &wc))
			cr_assert_fail("a completion survived the reset");
		duo_no_more(&d);
		d.o.psn[A] += 0x5000;
		d.o.psn[B] += 0x5000;
		duo_raise(&d, A, d.s[A].qp, d.s[B].qp->qpn, GN_QPS_RTS);
		duo_raise(&d, B, d.s[B].qp, d.s[A].qp->qpn, GN_QPS_RTS);
		work(A, 10);
		work(B, 10);
		duo_idle(&d);
		expect_work(A, 10);
		expect_work(B, 10);
		duo_no_more(&d);
		duo_close(&d);
	}
}

/* Destroyed at any point; the other side gives up in the end. */
Test(qp_life, destroyed_in_flight)
{
	for (unsigned steps = 0; steps < 12; steps++) {
		struct gn_wc wc;
		unsigned n = 0;

		duo_open_default(&d);
		work(A, 1);
		work(B, 1);
		for (unsigned i = 0; i < steps; i++)
			fabric_step(&d.f, NSEC_NEVER - 1);
		qp_free(d.s[A].qp);
		d.s[A].qp = NULL;
		duo_idle(&d);
		while (cq_take(d.s[B].scq, 1, &wc) == 1)
			CHECK_EQ(wc.wr_id, ++n);
		CHECK_EQ(n, 3);
		CHECK_EQ(cq_take(d.s[A].scq, 1, &wc), 0);
		CHECK_EQ(cq_take(d.s[A].rcq, 1, &wc), 0);
		CHECK_EQ(d.s[A].scq->users + d.s[A].rcq->users, 0);
		duo_close(&d);
	}
}

/* Only the completions of the QP that goes are taken out of a shared CQ. */
Test(qp_life, others_completions_stay)
{
	struct gn_qp *qp[2];

	duo_open_default(&d);
	qp[0] = d.s[A].qp;
	qp[1] = duo_qp(&d, A);
	duo_raise(&d, A, qp[1], 99, GN_QPS_ERR);
	for (unsigned i = 0; i < 10; i++) {
		d.s[A].qp = qp[i & 1];
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 8);
		duo_idle(&d);
	}
	qp_free(qp[1]);
	d.s[A].qp = qp[0];
	for (unsigned i = 0; i < 10; i += 2)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_no_more(&d);
	duo_close(&d);
}

/* ---- SQD ----------------------------------------------------------------- */

static int drain(void)
{
	struct gn_qp_attr attr = {.en_sqd_async_notify = true};

	return duo_move(d.s[A].qp, attr, GN_QPS_SQD,
			GN_QP_STATE | GN_QP_EN_SQD_ASYNC_NOTIFY);
}

/* What has begun ends, nothing new begins, and the event comes once. */
Test(qp_life, drained)
{
	struct duo_options o = duo_defaults();
	struct gn_qp_attr attr;
	struct gn_qp_init init;

	o.mem = 1u << 20;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 1u << 20);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	CHECK_EQ(drain(), 0);
	qp_query(d.s[A].qp, &attr, &init);
	CHECK(attr.sq_draining);
	while (duo_events(&d, A, GN_EVENT_SQ_DRAINED) == 0)
		CHECK(fabric_step(&d.f, NSEC_NEVER - 1));
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_idle(&d);
	duo_no_more(&d);
	qp_query(d.s[A].qp, &attr, &init);
	CHECK(!attr.sq_draining);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_SQ_DRAINED), 1);
	duo_do(&d, A, 4, GN_WR_RDMA_WRITE, 8); /* posting is allowed */
	duo_idle(&d);
	duo_no_more(&d);
	CHECK_EQ(duo_move(d.s[A].qp, attr, GN_QPS_RTS, GN_QP_STATE), 0);
	duo_idle(&d);
	duo_sent(&d, A, 3, GN_WC_SUCCESS);
	duo_sent(&d, A, 4, GN_WC_SUCCESS);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_SQ_DRAINED), 1);
	duo_close(&d);
}

/* An idle QP is drained at once. */
Test(qp_life, drained_at_once)
{
	duo_open_default(&d);
	CHECK_EQ(drain(), 0);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_SQ_DRAINED), 1);
	duo_close(&d);
}

/* Not while a retransmission or an RNR wait is pending, though nothing is in
 * flight at that moment.
 */
Test(qp_life, not_drained_in_rnr_wait)
{
	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_SEND, 8);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(requester_hold(d.s[A].qp, d.f.now), HOLD_RNR);
	CHECK_EQ(drain(), 0);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_SQ_DRAINED), 0);
	duo_recv(&d, B, 9, 0, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_SQ_DRAINED), 1);
	duo_close(&d);
}

/* A loss during the drain is repaired. */
Test(qp_life, drains_over_loss)
{
	duo_open_default(&d);
	duo_lose(&d, A, OP_WRITE_LAST, 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 5000);
	fabric_settle(&d.f);
	CHECK_EQ(drain(), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_SQ_DRAINED), 1);
	duo_close(&d);
}

/* ---- beginnings ---------------------------------------------------------- */

/* The first request in RTR raises COMM_EST; answers leave in RTR, too. */
Test(qp_life, established)
{
	struct gn_qp *qp;

	duo_open_default(&d);
	reset(B);
	qp = d.s[B].qp;
	duo_raise(&d, B, qp, d.s[A].qp->qpn, GN_QPS_RTR);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 8);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_COMM_EST), 1);
	duo_close(&d);
}

/* Posting: by state. */
Test(qp_life, posting_by_state)
{
	static const struct {
		enum gn_qp_state s;
		int send, recv;
	} rows[] = {
		{GN_QPS_RESET, -EINVAL, -EINVAL},
		{GN_QPS_INIT, -EINVAL, 0},
		{GN_QPS_RTR, -EINVAL, 0},
		{GN_QPS_RTS, 0, 0},
		{GN_QPS_SQD, 0, 0},
		{GN_QPS_ERR, 0, 0},
	};
	struct gn_qp *own;

	duo_open_default(&d);
	own = d.s[A].qp;
	for (unsigned i = 0; i < 6; i++) {
		struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_SEND, 8);

		d.s[A].qp = duo_qp(&d, A);
		duo_raise(&d, A, d.s[A].qp, d.s[B].qp->qpn, rows[i].s);
		CHECK_EQ(duo_post(&d, A, wr), rows[i].send);
		CHECK_EQ(duo_recv(&d, A, 2, 0, 8), rows[i].recv);
		fabric_settle(&d.f);
		qp_free(d.s[A].qp);
	}
	d.s[A].qp = own;
	duo_close(&d);
}

/* Limits of the device and of the QP. */
Test(qp_life, limits)
{
	struct gn_qp_init init;
	struct gn_qp *qp;

	duo_open_default(&d);
	for (unsigned i = 0; i < 5; i++) {
		init = (struct gn_qp_init){.type = GN_QPT_RC,
					   .send_cq = d.s[A].scq,
					   .recv_cq = d.s[A].rcq};
		switch (i) {
		case 0: init.cap.max_send_wr = 32769; break;
		case 1: init.cap.max_recv_wr = 32769; break;
		case 2: init.cap.max_send_sge = 33; break;
		case 3: init.cap.max_recv_sge = 33; break;
		case 4: init.cap.max_inline = 1025; break;
		}
		CHECK_EQ(qp_new(d.s[A].pd, &init, &qp), -EINVAL);
	}
	init = (struct gn_qp_init){.type = GN_QPT_RC};
	CHECK_EQ(qp_new(d.s[A].pd, &init, &qp), -EINVAL);
	init.send_cq = d.s[A].scq;
	init.recv_cq = d.s[A].rcq;
	init.cap.max_send_wr = 5;
	CHECK_EQ(qp_new(d.s[A].pd, &init, &qp), 0);
	CHECK(init.cap.max_send_wr >= 5);
	CHECK_EQ(init.cap.max_recv_wr, 0);
	CHECK_EQ(cq_free(d.s[A].scq), -EBUSY);
	CHECK_EQ(pd_free(d.s[A].pd), -EBUSY);
	/* Without room nothing can be posted. */
	CHECK_EQ(qp_post_recv(qp, &(struct gn_recv_wr){0}), -EINVAL);
	duo_raise(&d, A, qp, 9, GN_QPS_RTS);
	CHECK_EQ(qp_post_recv(qp, &(struct gn_recv_wr){0}), -ENOMEM);
	qp_free(qp);
	duo_close(&d);
}
