/* Completion queues: overrun, arming, and what leaves them with its QP. */
#include "tests/support/duo.h"

static struct duo d;

TestSuite(cq, .timeout = 120);

static void fill_scq(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
}

/* One completion too many: CQ_ERR and QP_FATAL once, the QP goes to ERR, what
 * is in the queue can still be polled, then -EIO.
 */
Test(cq, overrun)
{
	struct duo_options o = duo_defaults();
	struct gn_wc wc;

	o.cqe = 16;
	duo_open(&d, &o);
	fill_scq(40);
	duo_idle(&d);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_CQ_ERR), 1);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_QP_FATAL), 1);
	CHECK_EQ(d.s[A].node->nevent, 2);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
	for (unsigned i = 0; i < 16; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	CHECK_EQ(cq_take(d.s[A].scq, 1, &wc), -EIO);
	CHECK_EQ(d.s[A].qp->req.head, sq_tail(&d.s[A].qp->sq));
	duo_close(&d);
}

/* By a READ's completion, or an error's, or a flush. */
Test(cq, overrun_elsewhere)
{
	for (unsigned how = 0; how < 4; how++) {
		struct duo_options o = duo_defaults();

		o.cqe = 4;
		duo_open(&d, &o);
		fill_scq(4);
		duo_idle(&d);
		if (how == 0) {
			duo_do(&d, A, 4, GN_WR_RDMA_READ, 8);
		} else if (how == 1) {
			struct gn_send_wr wr =
				duo_wr(&d, A, 4, GN_WR_RDMA_WRITE, 8);

			wr.rkey++;
			CHECK_EQ(duo_post(&d, A, wr), 0);
		} else if (how == 2) {
			d.f.faults.lost = 1000;
			duo_do(&d, A, 4, GN_WR_RDMA_WRITE, 8);
		} else {
			duo_do(&d, A, 4, GN_WR_RDMA_WRITE, 8);
			fabric_settle(&d.f);
			CHECK_EQ(duo_move(d.s[A].qp, (struct gn_qp_attr){0},
					  GN_QPS_ERR, GN_QP_STATE),
				 0);
		}
		duo_do(&d, A, 5, GN_WR_RDMA_WRITE, 8);
		duo_idle(&d);
		CHECK_EQ(duo_events(&d, A, GN_EVENT_CQ_ERR), 1);
		CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
		for (unsigned i = 0; i < 4; i++)
			duo_sent(&d, A, i, GN_WC_SUCCESS);
		duo_close(&d);
	}
}

/* A receive completion that finds no room: its sender hears no ACK. */
Test(cq, overrun_of_receives)
{
	struct duo_options o = duo_defaults();

	o.cqe = 4;
	o.retry_cnt = 0;
	duo_open(&d, &o);
	for (unsigned i = 0; i < 6; i++)
		duo_recv(&d, B, i, 0, 8);
	for (unsigned i = 0; i < 6; i++) {
		duo_do(&d, A, i, GN_WR_SEND, 8);
		duo_idle(&d);
		duo_sent(&d, A, i,
			 i < 4	  ? GN_WC_SUCCESS
			 : i == 4 ? GN_WC_RETRY_EXC_ERR
				  : GN_WC_WR_FLUSH_ERR);
	}
	CHECK_EQ(duo_events(&d, B, GN_EVENT_CQ_ERR), 1);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_FATAL), 1);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	duo_close(&d);
}

/* Another QP of the same CQ goes down with it, whatever it is doing. */
Test(cq, overrun_takes_all_qps)
{
	struct duo_options o = duo_defaults();
	struct gn_qp *own, *other;

	o.cqe = 16;
	duo_open(&d, &o);
	own = d.s[A].qp;
	other = duo_qp(&d, A);
	duo_raise(&d, A, other, 99, GN_QPS_RTS);
	d.s[A].qp = other;
	fill_scq(5);
	d.s[A].qp = own;
	fill_scq(20);
	duo_idle(&d);
	CHECK_EQ(qp_state(own), GN_QPS_ERR);
	CHECK_EQ(qp_state(other), GN_QPS_ERR);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_CQ_ERR), 1);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_QP_FATAL), 2);
	qp_free(other);
	duo_close(&d);
}

/* A free slot in the CQ is enough, again and again; indices wrap. */
Test(cq, wraps)
{
	struct duo_options o = duo_defaults();

	o.cqe = 4;
	duo_open(&d, &o);
	atomic_store(&d.s[A].scq->head, UINT32_MAX - 5);
	atomic_store(&d.s[A].scq->tail, UINT32_MAX - 5);
	for (unsigned k = 0; k < 10; k++) {
		fill_scq(4);
		duo_idle(&d);
		for (unsigned i = 0; i < 4; i++)
			duo_sent(&d, A, i, GN_WC_SUCCESS);
	}
	CHECK_EQ(d.s[A].node->nevent, 0);
	duo_close(&d);
}

Test(cq, sizes)
{
	struct gn_cq *cq;

	duo_open_default(&d);
	CHECK_EQ(cq_new(d.s[A].engine, 0, NULL, NULL, &cq), -EINVAL);
	CHECK_EQ(cq_new(d.s[A].engine, (1u << 22) + 1, NULL, NULL, &cq),
		 -EINVAL);
	CHECK_EQ(cq_new(d.s[A].engine, 5, NULL, NULL, &cq), 0);
	CHECK(cq->size >= 5);
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

/* ---- notification -------------------------------------------------------- */

static unsigned events(void)
{
	return d.s[B].node->comp_events;
}

static void send_one(unsigned flags)
{
	struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_SEND, 8);

	wr.flags |= flags;
	duo_recv(&d, B, 1, 0, 8);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
}

static void open_with_channel(void)
{
	duo_open_default(&d);
	d.s[B].rcq->channel = (struct gn_channel *)&d; /* only looked at */
}

/* One event for each arming, for the next completion. */
Test(cq, armed)
{
	open_with_channel();
	send_one(0);
	CHECK_EQ(events(), 0);
	cq_arm(d.s[B].rcq, false);
	CHECK_EQ(events(), 0);
	send_one(0);
	CHECK_EQ(events(), 1);
	CHECK(d.s[B].node->comp_cq == d.s[B].rcq);
	send_one(0);
	CHECK_EQ(events(), 1);
	duo_close(&d);
}

/* Solicited: from a SEND or WRITE with immediate that says so; from errors. */
Test(cq, armed_for_solicited)
{
	struct gn_send_wr wr;

	open_with_channel();
	cq_arm(d.s[B].rcq, true);
	send_one(0);
	CHECK_EQ(events(), 0);
	send_one(GN_SEND_SOLICITED);
	CHECK_EQ(events(), 1);
	send_one(GN_SEND_SOLICITED);
	CHECK_EQ(events(), 1);
	cq_arm(d.s[B].rcq, true);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE_IMM, 3000);
	wr.flags |= GN_SEND_SOLICITED;
	duo_recv(&d, B, 1, 0, 0);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(events(), 2);
	CHECK(!fabric_find(&d.f, A, OP_WRITE_FIRST, 0)->roce.bth.se);
	CHECK(fabric_find(&d.f, A, OP_WRITE_LAST_IMM, 0)->roce.bth.se);
	/* Armed for all stays armed for all. */
	cq_arm(d.s[B].rcq, false);
	cq_arm(d.s[B].rcq, true);
	send_one(0);
	CHECK_EQ(events(), 3);
	/* And the other way round. */
	cq_arm(d.s[B].rcq, true);
	cq_arm(d.s[B].rcq, false);
	send_one(0);
	CHECK_EQ(events(), 4);
	cq_arm(d.s[B].rcq, true);
	duo_recv(&d, B, 1, 0, 8);
	CHECK_EQ(duo_move(d.s[B].qp, (struct gn_qp_attr){0}, GN_QPS_ERR,
			  GN_QP_STATE),
		 0);
	CHECK_EQ(events(), 5);
	duo_close(&d);
}
