/* XRC: one connection, and many SRQs behind it. */
#include "tests/support/kinds.h"

#include <string.h>

#define XRC(op) (TRANSPORT_XRC | (op))
#define SRQS 3

static struct duo d;
static struct gn_xrcd *xrcd;
static struct gn_srq *srq[SRQS];

TestSuite(xrc, .timeout = 120);

/* A is the initiator, B the target, with SRQs in a domain. */
static void open_with(const struct duo_options *o)
{
	duo_open(&d, o);
	CHECK_EQ(xrcd_open(d.s[B].engine, 0, true, false, &xrcd), 0);
	for (unsigned i = 0; i < SRQS; i++)
		srq[i] = kind_xrc_srq(&d, B, 16, xrcd, d.s[B].rcq);
	kind_replace(&d, A, kind_qp(&d, A, GN_QPT_XRC_SEND, NULL, NULL));
	kind_replace(&d, B, kind_qp(&d, B, GN_QPT_XRC_RECV, NULL, xrcd));
	kind_connect(&d);
}

static void open_it(void)
{
	struct duo_options o = duo_defaults();

	open_with(&o);
}

static void close_it(void)
{
	if (d.s[B].qp)
		qp_free(d.s[B].qp);
	d.s[B].qp = NULL;
	for (unsigned i = 0; i < SRQS; i++)
		if (srq[i])
			CHECK_EQ(srq_free(srq[i]), 0);
	if (xrcd)
		CHECK_EQ(xrcd_close(xrcd), 0);
	duo_close(&d);
}

static struct gn_send_wr to(unsigned i, uint64_t wr_id, enum gn_wr_opcode op,
			    uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, wr_id, op, len);

	wr.remote_srqn = srq[i]->srqn;
	return wr;
}

static void post(unsigned i, uint64_t wr_id)
{
	CHECK_EQ(kind_post_srq(&d, B, srq[i], wr_id, 16384, 8192), 0);
}

/* ---- messages ------------------------------------------------------------------- */

Test(xrc, send_to_several)
{
	struct gn_wc wc;

	open_it();
	for (unsigned i = 0; i < SRQS; i++)
		post(i, 10 + i);
	for (unsigned i = 0; i < SRQS; i++) {
		duo_fill(&d, A, 0, 5000, i + 1);
		CHECK_EQ(duo_post(&d, A, to(2 - i, i, GN_WR_SEND, 3000 + i)),
			 0);
		duo_idle(&d);
		duo_sent(&d, A, i, GN_WC_SUCCESS);
		wc = duo_received(&d, B, 12 - i, GN_WC_SUCCESS);
		CHECK_EQ(wc.byte_len, 3000 + i);
		CHECK_EQ(wc.qpn, d.s[B].qp->qpn);
		CHECK(duo_same(&d, 0, 16384, 3000));
	}
	for (size_t i = 0; i < d.f.nseen; i++)
		CHECK_EQ(opcode_transport(d.f.seen[i].roce.bth.opcode),
			 TRANSPORT_XRC);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x1f);
	close_it();
}

Test(xrc, write_read_and_atomics)
{
	struct gn_send_wr wr;
	uint64_t v = 7;

	open_it();
	duo_fill(&d, A, 0, 3000, 1);
	CHECK_EQ(duo_post(&d, A, to(0, 1, GN_WR_RDMA_WRITE, 3000)), 0);
	duo_idle(&d);
	CHECK(duo_same(&d, 0, 0, 3000));
	duo_fill(&d, B, 8000, 3000, 2);
	wr = to(1, 2, GN_WR_RDMA_READ, 3000);
	wr.remote_addr += 8000;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK(duo_same(&d, 0, 8000, 3000));
	memcpy(d.s[B].mem, &v, 8);
	wr = to(2, 3, GN_WR_FETCH_ADD, 8);
	wr.compare_add = 5;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	wr = to(2, 4, GN_WR_CMP_SWAP, 8);
	wr.compare_add = 12;
	wr.swap = 100;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	memcpy(&v, d.s[B].mem, 8);
	CHECK_EQ(v, 100);
	memcpy(&v, d.s[A].mem, 8);
	CHECK_EQ(v, 12);
	for (unsigned i = 1; i <= 4; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	post(1, 9);
	CHECK_EQ(duo_post(&d, A, to(1, 5, GN_WR_RDMA_WRITE_IMM, 0)), 0);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 9, GN_WC_SUCCESS).opcode,
		 GN_WC_RECV_RDMA_WITH_IMM);
	close_it();
}

/* Remote keys are looked up in the PD of the SRQ that the request names. */
Test(xrc, pd_of_the_srq)
{
	struct gn_srq_init init = { .max_wr = 4, .max_sge = 1 };
	struct gn_srq *other;
	struct gn_send_wr wr;
	struct gn_pd *pd;

	open_it();
	CHECK_EQ(pd_new(d.s[B].engine, &pd), 0);
	init.xrcd = xrcd;
	init.cq = d.s[B].rcq;
	CHECK_EQ(srq_new(pd, &init, &other), 0);
	CHECK_EQ(duo_post(&d, A, to(0, 1, GN_WR_RDMA_WRITE, 8)), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	wr = to(0, 2, GN_WR_RDMA_READ, 8);
	wr.remote_srqn = other->srqn;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 2, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(srq_free(other), 0);
	CHECK_EQ(pd_free(pd), 0);
	close_it();
}

Test(xrc, rnr)
{
	open_it();
	post(1, 9);
	CHECK_EQ(duo_post(&d, A, to(0, 1, GN_WR_SEND, 8)), 0);
	fabric_run(&d.f, d.f.now + 100 * USEC);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x2c);
	duo_no_more(&d);
	post(0, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_received(&d, B, 8, GN_WC_SUCCESS);
	close_it();
}

Test(xrc, losses)
{
	struct duo_options o = duo_defaults();

	o.timeout = 8;
	open_with(&o);
	d.f.faults = (struct faults){ .lost = 100, .twice = 100, .late = 100,
				      .max_delay = 50 * USEC };
	for (unsigned i = 0; i < 16; i++) {
		post(i % SRQS, i);
		CHECK_EQ(duo_post(&d, A, to(i % SRQS, i, GN_WR_SEND, 3000)), 0);
		duo_idle(&d);
		duo_sent(&d, A, i, GN_WC_SUCCESS);
		duo_received(&d, B, i, GN_WC_SUCCESS);
	}
	duo_no_more(&d);
	close_it();
}

/* ---- refusals ------------------------------------------------------------------- */

static void check_refused(struct gn_send_wr wr)
{
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, wr.wr_id, GN_WC_REM_INV_REQ_ERR);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x61);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_REQ_ERR), 1);
	close_it();
}

Test(xrc, unknown_srqn)
{
	struct gn_send_wr wr;

	open_it();
	wr = to(0, 1, GN_WR_SEND, 8);
	wr.remote_srqn = 0x777777;
	check_refused(wr);
}

Test(xrc, ordinary_srq)
{
	struct gn_srq *plain;
	struct gn_send_wr wr;

	open_it();
	plain = kind_srq(&d, B, 8);
	wr = to(0, 1, GN_WR_RDMA_WRITE, 8);
	wr.remote_srqn = plain->srqn;
	CHECK_EQ(srq_free(plain), 0);
	plain = kind_srq(&d, B, 8);
	wr.remote_srqn = plain->srqn;
	qp_post_send(d.s[A].qp, &wr);
	qp_ring(d.s[A].qp);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_INV_REQ_ERR);
	CHECK_EQ(srq_free(plain), 0);
	close_it();
}

Test(xrc, srq_of_another_domain)
{
	struct gn_xrcd *x;
	struct gn_srq *s;
	struct gn_send_wr wr;

	open_it();
	CHECK_EQ(xrcd_open(d.s[B].engine, 0, true, false, &x), 0);
	s = kind_xrc_srq(&d, B, 4, x, d.s[B].rcq);
	wr = to(0, 1, GN_WR_SEND, 8);
	wr.remote_srqn = s->srqn;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_INV_REQ_ERR);
	CHECK_EQ(xrcd_close(x), -EBUSY);
	CHECK_EQ(srq_free(s), 0);
	CHECK_EQ(xrcd_close(x), 0);
	close_it();
}

static struct roce request(unsigned op, uint32_t srqn, uint32_t len)
{
	static uint8_t junk[4096];

	return (struct roce){ .bth = { .opcode = (uint8_t)XRC(op),
				       .pkey = PKEY_DEFAULT,
				       .dqpn = d.s[B].qp->qpn,
				       .psn = d.s[B].qp->resp.epsn },
			      .srqn = srqn,
			      .reth = { duo_va(&d, B, 0), d.s[B].mr->h.key, len },
			      .payload = { junk, len } };
}

static enum drop inject(struct roce r)
{
	return fabric_inject_roce(&d.f, A, B, &r);
}

/* A message stays with the SRQ that it began with. */
Test(xrc, srqn_changes_in_a_message)
{
	open_it();
	post(0, 1);
	post(1, 2);
	CHECK_EQ(inject(request(OP_SEND_FIRST, srq[0]->srqn, 1024)), DROP_NONE);
	CHECK_EQ(inject(request(OP_SEND_LAST, srq[1]->srqn, 8)), DROP_XRC_SRQ);
	fabric_settle(&d.f);
	duo_received(&d, B, 1, GN_WC_LOC_QP_OP_ERR);
	CHECK_EQ(rq_count(&srq[1]->rq), 1);
	duo_no_more(&d);
	close_it();
}

/* A duplicate does not disturb a message for another SRQ, and one for an SRQ
 * that has gone since is answered all the same.
 */
Test(xrc, duplicates)
{
	struct roce old;

	open_it();
	post(0, 1);
	post(1, 2);
	old = request(OP_SEND_ONLY, srq[0]->srqn, 8);
	CHECK_EQ(inject(old), DROP_NONE);
	duo_received(&d, B, 1, GN_WC_SUCCESS);
	CHECK_EQ(inject(request(OP_SEND_FIRST, srq[1]->srqn, 1024)), DROP_NONE);
	CHECK_EQ(inject(old), DROP_NONE);
	CHECK_EQ(inject(request(OP_SEND_LAST, srq[1]->srqn, 8)), DROP_NONE);
	duo_received(&d, B, 2, GN_WC_SUCCESS);
	CHECK_EQ(srq_free(srq[0]), 0);
	srq[0] = NULL;
	CHECK_EQ(inject(old), DROP_NONE);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
	fabric_settle(&d.f);
	close_it();
}

/* The SRQ goes in the middle of a message. */
Test(xrc, srq_freed_in_a_message)
{
	for (unsigned k = 0; k < 3; k++) {
		uint32_t srqn;

		open_it();
		post(0, 1);
		srqn = srq[0]->srqn;
		CHECK_EQ(inject(request(OP_SEND_FIRST, srqn, 1024)), DROP_NONE);
		CHECK_EQ(srq_free(srq[0]), 0);
		srq[0] = NULL;
		if (k == 0)
			CHECK_EQ(inject(request(OP_SEND_LAST, srqn, 8)),
				 DROP_XRC_SRQ);
		else if (k == 1)
			kind_raise(&d, B, d.s[B].qp, 0, GN_QPS_ERR);
		fabric_settle(&d.f);
		duo_no_more(&d);
		close_it();
	}
}

/* Its completions go with their CQ's overrun. */
Test(xrc, completion_queue_overruns)
{
	struct gn_cq *cq;
	struct gn_srq *s;
	struct gn_send_wr wr;

	open_it();
	CHECK_EQ(cq_new(d.s[B].engine, 1, NULL, NULL, &cq), 0);
	s = kind_xrc_srq(&d, B, 4, xrcd, cq);
	wr = to(0, 1, GN_WR_SEND, 8);
	wr.remote_srqn = s->srqn;
	for (unsigned i = 0; i < 2; i++) {
		kind_post_srq(&d, B, s, i, 0, 100);
		CHECK_EQ(duo_post(&d, A, wr), 0);
	}
	duo_idle(&d);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_FATAL), 1);
	CHECK_EQ(cq_free(cq), -EBUSY);
	CHECK_EQ(srq_free(s), 0);
	CHECK_EQ(cq_free(cq), 0);
	close_it();
}

/* An initiator is not asked, and a target gets no answers. */
Test(xrc, wrong_end)
{
	struct roce r;

	open_it();
	for (unsigned op = 0; op < 32; op++) {
		const struct opcode *row = opcode_find((uint8_t)XRC(op));

		if (!row)
			continue;
		r = request(op, srq[0]->srqn, 0);
		if (row->flags & IS_RESPONSE) {
			CHECK_EQ(inject(r), DROP_TRANSPORT);
			continue;
		}
		r.bth.dqpn = d.s[A].qp->qpn;
		CHECK_EQ(fabric_inject_roce(&d.f, B, A, &r), DROP_TRANSPORT);
	}
	CHECK_EQ(d.f.nseen, 0);
	close_it();
}
