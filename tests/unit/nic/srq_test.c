/* Shared receive queues. */
#include "tests/support/kinds.h"

static struct duo d;
static struct gn_srq *srq;

TestSuite(srq, .timeout = 120);

/* B's QP receives from an SRQ of @max_wr. */
static void open_it(uint32_t max_wr)
{
	duo_open_default(&d);
	srq = kind_srq(&d, B, max_wr);
	kind_replace(&d, B, kind_qp(&d, B, GN_QPT_RC, srq, NULL));
	kind_replace(&d, A, duo_qp(&d, A));
	kind_connect(&d);
}

static void close_it(void)
{
	if (d.s[B].qp)
		qp_free(d.s[B].qp);
	d.s[B].qp = NULL;
	CHECK_EQ(srq_free(srq), 0);
	duo_close(&d);
}

static void post(uint64_t wr_id, uint32_t len)
{
	CHECK_EQ(kind_post_srq(&d, B, srq, wr_id, 8192 + wr_id * 4096, len), 0);
}

static unsigned limits(void)
{
	return duo_events(&d, B, GN_EVENT_SRQ_LIMIT_REACHED);
}

Test(srq, serves_a_qp)
{
	open_it(16);
	post(1, 3000);
	post(2, 3000);
	duo_fill(&d, A, 0, 2500, 1);
	duo_do(&d, A, 11, GN_WR_SEND, 2500);
	duo_do(&d, A, 12, GN_WR_RDMA_WRITE_IMM, 100);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 1, GN_WC_SUCCESS).byte_len, 2500);
	CHECK_EQ(duo_received(&d, B, 2, GN_WC_SUCCESS).opcode,
		 GN_WC_RECV_RDMA_WITH_IMM);
	CHECK(duo_same(&d, 100, 8192 + 4096 + 100, 2400));
	/* Its credits are nobody's to give (IBTA 9.7.7.2.2). */
	for (size_t i = 0; i < d.f.nseen; i++)
		if (d.f.seen[i].from == B)
			CHECK_EQ(d.f.seen[i].roce.aeth.syndrome, 0x1f);
	duo_sent(&d, A, 11, GN_WC_SUCCESS);
	duo_sent(&d, A, 12, GN_WC_SUCCESS);
	CHECK_EQ(duo_recv(&d, B, 9, 0, 10), -EINVAL);
	close_it();
}

/* A QP takes its request when a message begins, so a short message of one QP
 * completes before a long one of another that began earlier.
 */
Test(srq, out_of_order)
{
	struct gn_qp *qa, *qb;
	struct gn_send_wr wr;

	open_it(16);
	qa = duo_qp(&d, A);
	qb = kind_qp(&d, B, GN_QPT_RC, srq, NULL);
	kind_raise(&d, A, qa, qb->qpn, GN_QPS_RTS);
	kind_raise(&d, B, qb, qa->qpn, GN_QPS_RTS);
	post(1, 4096);
	post(2, 4096);
	duo_lose(&d, A, OP_SEND_LAST, 0);
	duo_do(&d, A, 11, GN_WR_SEND, 3000);
	fabric_run(&d.f, d.f.now + 10 * USEC);
	wr = duo_wr(&d, A, 12, GN_WR_SEND, 50);
	CHECK_EQ(qp_post_send(qa, &wr), 0);
	qp_ring(qa);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 2, GN_WC_SUCCESS).qpn, qb->qpn);
	CHECK_EQ(duo_received(&d, B, 1, GN_WC_SUCCESS).qpn, d.s[B].qp->qpn);
	duo_sent(&d, A, 12, GN_WC_SUCCESS);
	duo_sent(&d, A, 11, GN_WC_SUCCESS);
	d.f.filter = NULL;
	qp_free(qa);
	qp_free(qb);
	close_it();
}

/* Raised once when fewer than the limit are left; then it must be set again. */
Test(srq, limit)
{
	open_it(16);
	for (unsigned i = 0; i < 6; i++)
		post(i, 100);
	CHECK_EQ(srq_set_limit(srq, 4), 0);
	CHECK_EQ(limits(), 0);
	for (unsigned i = 0; i < 4; i++) {
		duo_do(&d, A, i, GN_WR_SEND, 10);
		duo_idle(&d);
		CHECK_EQ(limits(), i >= 2);
	}
	CHECK(d.s[B].node->event[0].cookie == KIND_SRQ_COOKIE);
	CHECK_EQ(srq_set_limit(srq, 2), 0);
	CHECK_EQ(limits(), 1);
	duo_do(&d, A, 9, GN_WR_SEND, 10);
	duo_idle(&d);
	CHECK_EQ(limits(), 2);
	/* There is less already. */
	CHECK_EQ(srq_set_limit(srq, 3), 0);
	CHECK_EQ(limits(), 3);
	CHECK_EQ(srq_set_limit(srq, 17), -EINVAL);
	close_it();
}

Test(srq, limit_of_datagrams)
{
	struct gn_qp *qp;

	kind_open(&d, NULL, GN_QPT_UD);
	srq = kind_srq(&d, B, 8);
	qp = kind_qp(&d, B, GN_QPT_UD, srq, NULL);
	kind_replace(&d, B, qp);
	kind_raise(&d, B, qp, 0, GN_QPS_RTS);
	post(1, 200);
	post(2, 50);
	CHECK_EQ(srq_set_limit(srq, 2), 0);
	CHECK_EQ(duo_post(&d, A, kind_datagram(&d, A, 1, 100, qp->qpn)), 0);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 1, GN_WC_SUCCESS).byte_len, 140);
	CHECK_EQ(limits(), 1);
	/* Too small: it stays. */
	CHECK_EQ(duo_post(&d, A, kind_datagram(&d, A, 2, 100, qp->qpn)), 0);
	duo_idle(&d);
	CHECK_EQ(rq_count(&srq->rq), 1);
	CHECK_EQ(duo_post(&d, A, kind_datagram(&d, A, 3, 10, qp->qpn)), 0);
	duo_idle(&d);
	duo_received(&d, B, 2, GN_WC_SUCCESS);
	close_it();
}

/* An empty SRQ: RNR NAK, as for any receive queue. */
Test(srq, rnr)
{
	open_it(8);
	duo_do(&d, A, 1, GN_WR_SEND, 10);
	fabric_run(&d.f, d.f.now + 100 * USEC);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x2c);
	post(1, 100);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_received(&d, B, 1, GN_WC_SUCCESS);
	close_it();
}

/* In ERR the QP gives up the request that it had taken; those that wait belong
 * to all, and stay.
 */
Test(srq, error_leaves_it_alone)
{
	open_it(8);
	for (unsigned i = 0; i < 4; i++)
		post(i, 4096);
	duo_lose(&d, A, OP_SEND_LAST, 0);
	duo_do(&d, A, 1, GN_WR_SEND, 3000);
	fabric_run(&d.f, d.f.now + 10 * USEC);
	CHECK_EQ(rq_count(&srq->rq), 3);
	kind_raise(&d, B, d.s[B].qp, 0, GN_QPS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_LAST_WQE_REACHED), 1);
	CHECK(d.s[B].node->event[d.s[B].node->nevent - 1].cookie == DUO_COOKIE);
	duo_received(&d, B, 0, GN_WC_WR_FLUSH_ERR);
	CHECK_EQ(rq_count(&srq->rq), 3);
	/* Once. */
	kind_raise(&d, B, d.s[B].qp, 0, GN_QPS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_LAST_WQE_REACHED), 1);
	kind_raise(&d, A, d.s[A].qp, 0, GN_QPS_ERR);
	d.f.filter = NULL;
	close_it();
}

Test(srq, remote_error_says_last_wqe)
{
	struct gn_send_wr wr;

	open_it(8);
	post(0, 100);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	wr.rkey ^= 1;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_ACCESS_ERR), 1);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_LAST_WQE_REACHED), 1);
	CHECK_EQ(rq_count(&srq->rq), 1);
	duo_no_more(&d);
	close_it();
}

/* Its PD is that of its requests' memory. */
Test(srq, own_pd)
{
	struct gn_srq_init init = { .max_wr = 4, .max_sge = 1 };
	struct gn_pd *pd;
	struct gn_mr *mr;
	struct gn_sge sge;
	struct gn_recv_wr wr = { .wr_id = 1, .sge = &sge, .nsge = 1 };

	duo_open_default(&d);
	CHECK_EQ(pd_new(d.s[B].engine, &pd), 0);
	CHECK_EQ(mr_new(pd, d.s[B].mem, 4096, 0, GN_ACCESS_LOCAL_WRITE, &mr),
		 0);
	CHECK_EQ(srq_new(pd, &init, &srq), 0);
	CHECK_EQ(pd_free(pd), -EBUSY);
	kind_replace(&d, B, kind_qp(&d, B, GN_QPT_RC, srq, NULL));
	kind_replace(&d, A, duo_qp(&d, A));
	kind_connect(&d);
	sge = (struct gn_sge){ 0, 4096, mr->h.key };
	CHECK_EQ(rq_post(&srq->rq, &wr), 0);
	duo_fill(&d, A, 0, 100, 1);
	duo_do(&d, A, 1, GN_WR_SEND, 100);
	duo_idle(&d);
	duo_received(&d, B, 1, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 0, 0, 100));
	qp_free(d.s[B].qp);
	d.s[B].qp = NULL;
	CHECK_EQ(mr_free(mr), 0);
	CHECK_EQ(srq_free(srq), 0);
	CHECK_EQ(pd_free(pd), 0);
	duo_close(&d);
}

Test(srq, in_use)
{
	open_it(8);
	CHECK_EQ(srq_free(srq), -EBUSY);
	CHECK_EQ(pd_free(d.s[B].pd), -EBUSY);
	close_it();
}

Test(srq, bad_attributes)
{
	static const struct gn_srq_init bad[] = {
		{ .max_wr = 0, .max_sge = 1 },
		{ .max_wr = 32769, .max_sge = 1 },
		{ .max_wr = 8, .max_sge = 33 },
		{ .max_wr = 8, .max_sge = 1, .limit = 9 },
		{ .max_wr = 8, .max_sge = 1, .xrcd = (struct gn_xrcd *)1 },
		{ .max_wr = 8, .max_sge = 1, .cq = (struct gn_cq *)1 },
	};
	struct gn_recv_wr wr = { .nsge = 5 };
	struct gn_srq_init good = { .max_wr = 5, .max_sge = 4 };

	open_it(1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct gn_srq_init init = bad[i];
		struct gn_srq *s;

		CHECK_EQ(srq_new(d.s[B].pd, &init, &s), -EINVAL);
	}
	CHECK_EQ(rq_post(&srq->rq, &wr), -EINVAL);
	post(1, 8);
	CHECK_EQ(kind_post_srq(&d, B, srq, 2, 0, 8), -ENOMEM);
	close_it();

	duo_open_default(&d);
	d.s[B].engine->cfg.limits.max_srq = 1;
	CHECK_EQ(srq_new(d.s[B].pd, &good, &srq), 0);
	CHECK_EQ(good.max_wr, 8);
	{
		struct gn_srq *s;

		CHECK_EQ(srq_new(d.s[B].pd, &good, &s), -ENOMEM);
	}
	close_it();
}

/* UC keeps the request of a broken message for the next. */
Test(srq, unreliable_connection)
{
	open_it(8);
	kind_replace(&d, B, kind_qp(&d, B, GN_QPT_UC, srq, NULL));
	kind_replace(&d, A, kind_qp(&d, A, GN_QPT_UC, NULL, NULL));
	kind_connect(&d);
	post(1, 4096);
	duo_lose(&d, A, TRANSPORT_UC | OP_SEND_LAST, 0);
	duo_do(&d, A, 1, GN_WR_SEND, 3000);
	duo_do(&d, A, 2, GN_WR_SEND, 2000);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 1, GN_WC_SUCCESS).byte_len, 2000);
	d.f.filter = NULL;
	close_it();
}
