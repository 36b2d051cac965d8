/* XRC domains, and QPs that several programs share. */
#include "tests/support/kinds.h"

static struct duo d;
static struct engine *e;

TestSuite(xrc_life, .timeout = 120);

static struct gn_xrcd *open_domain(uint64_t key)
{
	struct gn_xrcd *x;

	CHECK_EQ(xrcd_open(e, key, true, false, &x), 0);
	return x;
}

static void open_it(void)
{
	duo_open_default(&d);
	e = d.s[B].engine;
}

Test(xrc_life, domains)
{
	struct gn_xrcd *a, *b, *p, *q;

	open_it();
	CHECK_EQ(xrcd_open(e, 5, false, false, &a), -ENOENT);
	a = open_domain(5);
	b = open_domain(5);
	CHECK(a == b);
	CHECK_EQ(xrcd_open(e, 5, true, true, &b), -EEXIST);
	CHECK_EQ(xrcd_open(e, 5, false, false, &b), 0);
	p = open_domain(0);
	q = open_domain(0);
	CHECK(p != q && p != a);
	CHECK_EQ(xrcd_close(p), 0);
	CHECK_EQ(xrcd_close(q), 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(xrcd_close(a), 0);
	CHECK_EQ(xrcd_open(e, 5, false, false, &a), -ENOENT);
	e->cfg.limits.max_xrcd = 1;
	a = open_domain(5);
	CHECK_EQ(xrcd_open(e, 6, true, false, &b), -ENOMEM);
	CHECK(open_domain(5) == a);
	CHECK_EQ(xrcd_close(a), 0);
	CHECK_EQ(xrcd_close(a), 0);
	duo_close(&d);
}

/* The last close waits for what is in it. */
Test(xrc_life, domain_in_use)
{
	struct gn_xrcd *x;
	struct gn_srq *srq;
	struct gn_qp *qp;

	open_it();
	x = open_domain(5);
	open_domain(5);
	srq = kind_xrc_srq(&d, B, 8, x, d.s[B].rcq);
	qp = kind_qp(&d, B, GN_QPT_XRC_RECV, NULL, x);
	CHECK_EQ(xrcd_close(x), 0);
	CHECK_EQ(xrcd_close(x), -EBUSY);
	CHECK_EQ(cq_free(d.s[B].rcq), -EBUSY);
	CHECK_EQ(srq_free(srq), 0);
	CHECK_EQ(xrcd_close(x), -EBUSY);
	qp_free(qp);
	CHECK_EQ(xrcd_close(x), 0);
	duo_close(&d);
}

/* Who opens a target QP keeps it alive; the last one to leave frees it. */
Test(xrc_life, shared_target)
{
	struct gn_xrcd *x, *other;
	struct gn_qp *qp, *again, *rc;
	uint32_t qpn;

	open_it();
	x = open_domain(5);
	other = open_domain(6);
	qp = kind_qp(&d, B, GN_QPT_XRC_RECV, NULL, x);
	qpn = qp->qpn;
	CHECK_EQ(qp_open(x, qpn, &again), 0);
	CHECK(again == qp);
	CHECK_EQ(qp_open(x, qpn ^ 1, &again), -EINVAL);
	CHECK_EQ(qp_open(other, qpn, &again), -EINVAL);
	rc = duo_qp(&d, B);
	CHECK_EQ(qp_open(x, rc->qpn, &again), -EINVAL);
	qp_free(rc);
	kind_raise(&d, B, qp, 5, GN_QPS_RTR);
	qp_free(qp);
	CHECK_EQ(qp_state(qp), GN_QPS_RTR);
	CHECK(engine_find_qp(e, qpn) == qp);
	CHECK_EQ(xrcd_close(x), -EBUSY);
	qp_free(qp);
	CHECK(!engine_find_qp(e, qpn));
	CHECK_EQ(xrcd_close(x), 0);
	CHECK_EQ(xrcd_close(other), 0);
	duo_close(&d);
}

/* Completions of a QP that goes leave the CQs of its domain's SRQs. */
Test(xrc_life, completions_go_along)
{
	struct gn_xrcd *x;
	struct gn_srq *srq;
	struct gn_send_wr wr;

	open_it();
	x = open_domain(0);
	srq = kind_xrc_srq(&d, B, 8, x, d.s[B].rcq);
	kind_replace(&d, A, kind_qp(&d, A, GN_QPT_XRC_SEND, NULL, NULL));
	kind_replace(&d, B, kind_qp(&d, B, GN_QPT_XRC_RECV, NULL, x));
	kind_connect(&d);
	kind_post_srq(&d, B, srq, 1, 0, 100);
	wr = duo_wr(&d, A, 1, GN_WR_SEND, 8);
	wr.remote_srqn = srq->srqn;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK(!cq_is_empty(d.s[B].rcq));
	qp_free(d.s[B].qp);
	d.s[B].qp = NULL;
	CHECK(cq_is_empty(d.s[B].rcq));
	CHECK_EQ(srq_free(srq), 0);
	CHECK_EQ(xrcd_close(x), 0);
	duo_close(&d);
}

/* Neither end has what belongs to the other. */
Test(xrc_life, posting)
{
	struct gn_recv_wr recv = { 0 };
	struct gn_send_wr send = { .opcode = GN_WR_SEND };
	struct gn_xrcd *x;
	struct gn_qp *ini, *tgt;

	open_it();
	x = open_domain(0);
	ini = kind_qp(&d, B, GN_QPT_XRC_SEND, NULL, NULL);
	tgt = kind_qp(&d, B, GN_QPT_XRC_RECV, NULL, x);
	kind_raise(&d, B, ini, tgt->qpn, GN_QPS_RTS);
	kind_raise(&d, B, tgt, ini->qpn, GN_QPS_RTS);
	CHECK_EQ(tgt->init.cap.max_send_wr, 0);
	CHECK_EQ(ini->init.cap.max_recv_wr, 0);
	CHECK(qp_post_recv(ini, &recv) < 0);
	CHECK(qp_post_recv(tgt, &recv) < 0);
	CHECK_EQ(qp_post_send(tgt, &send), -EINVAL);
	qp_free(ini);
	qp_free(tgt);
	CHECK_EQ(xrcd_close(x), 0);
	duo_close(&d);
}

static int make(enum gn_qp_type type, struct gn_xrcd *x, struct gn_srq *srq,
		bool scq, bool rcq)
{
	struct gn_qp_init init = { .type = type,
				   .xrcd = x,
				   .srq = srq,
				   .send_cq = scq ? d.s[B].scq : NULL,
				   .recv_cq = rcq ? d.s[B].rcq : NULL };
	struct gn_qp *qp;
	int rc = qp_new(d.s[B].pd, &init, &qp);

	if (!rc)
		qp_free(qp);
	return rc;
}

/* What each type must be given, and must not. */
Test(xrc_life, init_attributes)
{
	struct gn_xrcd *x;
	struct gn_srq *srq, *xsrq;

	open_it();
	x = open_domain(0);
	srq = kind_srq(&d, B, 4);
	xsrq = kind_xrc_srq(&d, B, 4, x, d.s[B].rcq);
	CHECK_EQ(make(GN_QPT_XRC_RECV, x, NULL, false, false), 0);
	CHECK_EQ(make(GN_QPT_XRC_RECV, NULL, NULL, false, false), -EINVAL);
	CHECK_EQ(make(GN_QPT_XRC_RECV, x, srq, false, false), -EINVAL);
	CHECK_EQ(make(GN_QPT_XRC_SEND, NULL, NULL, true, false), 0);
	CHECK_EQ(make(GN_QPT_XRC_SEND, NULL, NULL, false, false), -EINVAL);
	CHECK_EQ(make(GN_QPT_XRC_SEND, x, NULL, true, false), -EINVAL);
	CHECK_EQ(make(GN_QPT_XRC_SEND, NULL, srq, true, false), -EINVAL);
	CHECK_EQ(make(GN_QPT_RC, x, NULL, true, true), -EINVAL);
	CHECK_EQ(make(GN_QPT_RC, NULL, xsrq, true, true), -EINVAL);
	CHECK_EQ(make(GN_QPT_RC, NULL, srq, true, true), 0);
	CHECK_EQ(make(GN_QPT_RC, NULL, srq, true, false), -EINVAL);
	CHECK_EQ(make(GN_QPT_UD, NULL, NULL, false, true), -EINVAL);
	CHECK_EQ(make(GN_QPT_RAW_PACKET, NULL, NULL, true, true), -EOPNOTSUPP);
	CHECK_EQ(make(7, NULL, NULL, true, true), -EOPNOTSUPP);
	CHECK_EQ(make(99, NULL, NULL, true, true), -EOPNOTSUPP);
	CHECK_EQ(srq_free(srq), 0);
	CHECK_EQ(srq_free(xsrq), 0);
	CHECK_EQ(xrcd_close(x), 0);
	duo_close(&d);
}
