/* RAW_PACKET QPs: frames out, frames in, and who gets them first. */
#include "tests/unit/nic/raw_world.h"

TestSuite(raw, .timeout = 120);

static struct gn_qp *tx, *rx;

static void open_it(void)
{
	raw_open();
	tx = raw_qp(&ra);
	rx = raw_qp(&rb);
}

static void close_it(void)
{
	qp_free(tx);
	qp_free(rx);
	raw_close();
}

static struct gn_flow_match to_mac(const struct mac *m)
{
	struct gn_flow_match f = { .priority = 5 };

	memcpy(f.dst_mac, m->b, 6);
	memset(f.dst_mac_mask, 0xff, 6);
	return f;
}

static const struct raw_frame plain = { .dst = {{2, 0, 0, 0, 0, 0xb}},
					.type = 0x88b5 };

Test(raw, whole_frames)
{
	struct gn_flow_match m;
	static const uint32_t sizes[] = { 14, 60, 1500, 1514 };

	open_it();
	m = to_mac(&mac_b);
	raw_flow(rx, &m);
	for (unsigned i = 0; i < 4; i++) {
		struct raw_frame f = plain;

		f.len = sizes[i];
		raw_recv(&rb, rx, 3, 2000);
		raw_post(tx, &f);
		raw_take(ra.scq, 1, GN_WC_SUCCESS, 0);
		raw_take(rb.rcq, 3, GN_WC_SUCCESS, sizes[i]);
		cr_assert(!memcmp(ra.mem, rb.mem + 2048 * 3, sizes[i]));
	}
	close_it();
}

/* What cannot be a frame. */
Test(raw, bad_sizes)
{
	static const uint32_t sizes[] = { 13, 1519, 9000, 20000 };

	open_it();
	for (unsigned i = 0; i < 4; i++) {
		struct raw_frame f = plain;

		f.len = sizes[i];
		raw_post(tx, &f);
		raw_take(ra.scq, 1, GN_WC_LOC_LEN_ERR, 0);
		cr_assert_eq(qp_state(tx), GN_QPS_SQE);
		raw_move(tx, GN_QPS_RTS, 0);
	}
	close_it();
}

/* Only SEND; only UD-like attributes; only where there is Ethernet. */
Test(raw, refused)
{
	struct gn_send_wr wr = { .opcode = GN_WR_SEND_IMM };
	struct gn_flow_match m = { 0 };
	struct gn_flow *flow;
	struct gn_qp *ud;

	open_it();
	cr_assert_eq(qp_post_send(tx, &wr), -EINVAL);
	wr.opcode = GN_WR_RDMA_WRITE;
	cr_assert_eq(qp_post_send(tx, &wr), -EINVAL);
	ud = raw_make(&ra, GN_QPT_UD, NULL);
	cr_assert_eq(flow_new(ud, &m, &flow), -EINVAL);
	qp_free(ud);
	cr_assert(ra.engine.cfg.limits.raw_packet);
	close_it();
}

/* A small buffer takes nothing and says so; no buffer: the frame is lost. */
Test(raw, receive_errors)
{
	struct gn_flow_match m;

	open_it();
	m = to_mac(&mac_b);
	raw_flow(rx, &m);
	raw_post(tx, &plain);
	cr_assert(raw_empty(rb.rcq));
	cr_assert_eq(rb.engine.counters.drop[DROP_NO_RECV], 1);
	raw_recv(&rb, rx, 3, 59);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 3, GN_WC_LOC_LEN_ERR, 0);
	raw_recv(&rb, rx, 3, 60);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 3, GN_WC_SUCCESS, 60);
	close_it();
}

/* An SRQ's limit counts, and a receive error of memory ends the QP. */
Test(raw, shared_receive_queue)
{
	struct gn_srq_init init = { .max_wr = 4, .max_sge = 1 };
	struct gn_recv_wr wr = { .wr_id = 8 };
	struct gn_flow_match m;
	struct gn_srq *srq;
	struct gn_sge sge;

	open_it();
	cr_assert_eq(srq_new(rb.pd, &init, &srq), 0);
	qp_free(rx);
	rx = raw_make(&rb, GN_QPT_RAW_PACKET, srq);
	m = to_mac(&mac_b);
	raw_flow(rx, &m);
	sge = (struct gn_sge){ (uintptr_t)rb.mem, 100, rb.mr->h.key };
	wr.sge = &sge;
	wr.nsge = 1;
	cr_assert_eq(rq_post(&srq->rq, &wr), 0);
	cr_assert_eq(srq_set_limit(srq, 1), 0);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 8, GN_WC_SUCCESS, 60);
	cr_assert_eq(srq->init.limit, 0);
	sge.lkey ^= 1;
	cr_assert_eq(rq_post(&srq->rq, &wr), 0);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 8, GN_WC_LOC_PROT_ERR, 0);
	cr_assert_eq(qp_state(rx), GN_QPS_ERR);
	qp_free(rx);
	rx = raw_qp(&rb);
	cr_assert_eq(srq_free(srq), 0);
	close_it();
}

/* What no flow matches goes to the host: ARP is answered, RoCE delivered. */
Test(raw, rest_goes_to_the_host)
{
	struct gn_flow_match m = { .ethertype = 0x88b5, .ethertype_mask = 0xffff };
	struct gn_qp *ua, *ub;
	struct gn_ah ah = { .is_global = true, .dgid = ip("10.0.0.2") };
	struct gn_sge sge;
	struct gn_send_wr wr = { .wr_id = 9, .opcode = GN_WR_SEND, .sge = &sge,
				 .nsge = 1, .ah = &ah, .remote_qkey = 5,
				 .flags = GN_SEND_SIGNALED };

	open_it();
	raw_flow(rx, &m);
	ua = raw_make(&ra, GN_QPT_UD, NULL);
	ub = raw_make(&rb, GN_QPT_UD, NULL);
	raw_recv(&rb, ub, 4, 200);
	raw_recv(&rb, rx, 3, 200);
	sge = (struct gn_sge){ (uintptr_t)ra.mem, 32, ra.mr->h.key };
	wr.remote_qpn = ub->qpn;
	cr_assert_eq(qp_post_send(ua, &wr), 0);
	qp_ring(ua);
	raw_settle();
	raw_take(ra.scq, 9, GN_WC_SUCCESS, 0);
	raw_take(rb.rcq, 4, GN_WC_SUCCESS, 72);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 3, GN_WC_SUCCESS, 60);
	cr_assert(raw_empty(rb.rcq));
	qp_free(ua);
	qp_free(ub);
	close_it();
}

/* A program sees its own frames if a flow of this NIC matches; they do not leave
 * then.
 */
Test(raw, loopback)
{
	struct gn_flow_match m;
	struct gn_qp *own;

	open_it();
	own = raw_qp(&ra);
	m = to_mac(&mac_b);
	raw_flow(own, &m);
	raw_flow(rx, &m);
	raw_recv(&ra, own, 2, 100);
	raw_recv(&rb, rx, 3, 100);
	raw_post(tx, &plain);
	raw_take(ra.rcq, 2, GN_WC_SUCCESS, 60);
	cr_assert(raw_empty(rb.rcq));
	qp_free(own);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 3, GN_WC_SUCCESS, 60);
	close_it();
}

/* For a group: both hear it.  For its own address: once, also to a sniffer. */
Test(raw, loopback_of_groups_and_own)
{
	struct gn_flow_match m = { .ethertype = 0x88b5, .ethertype_mask = 0xffff };
	struct gn_flow_match all = { .sniffer = true };
	struct raw_frame f = { .dst = mac_broadcast, .type = 0x88b5 };
	struct gn_qp *own, *sniffer;

	open_it();
	own = raw_qp(&ra);
	sniffer = raw_qp(&ra);
	raw_flow(sniffer, &all);
	raw_flow(own, &m);
	raw_flow(rx, &m);
	raw_recv(&ra, own, 2, 100);
	raw_recv(&rb, rx, 3, 100);
	raw_recv(&ra, sniffer, 4, 100);
	raw_post(tx, &f);
	raw_take(ra.rcq, 4, GN_WC_SUCCESS, 60);
	raw_take(ra.rcq, 2, GN_WC_SUCCESS, 60);
	raw_take(rb.rcq, 3, GN_WC_SUCCESS, 60);
	f.dst = mac_a;
	for (unsigned i = 0; i < 2; i++) {
		raw_recv(&ra, own, 2, 100);
		raw_recv(&ra, sniffer, 4, 100);
	}
	raw_post(tx, &f);
	raw_take(ra.rcq, 4, GN_WC_SUCCESS, 60);
	raw_take(ra.rcq, 2, GN_WC_SUCCESS, 60);
	cr_assert(raw_empty(ra.rcq));
	cr_assert(raw_empty(rb.rcq));
	qp_free(own);
	qp_free(sniffer);
	close_it();
}

/* The frame comes back to the CQ that its own completion goes to, and both do
 * not fit.
 */
Test(raw, loopback_overruns)
{
	struct gn_qp_init init = { .type = GN_QPT_RAW_PACKET,
				   .cap = { 8, 8, 1, 1, 0 } };
	struct gn_flow_match m;
	struct gn_cq *cq;
	struct gn_qp *qp;

	open_it();
	cr_assert_eq(cq_new(&ra.engine, 1, NULL, NULL, &cq), 0);
	init.send_cq = init.recv_cq = cq;
	cr_assert_eq(qp_new(ra.pd, &init, &qp), 0);
	raw_move(qp, GN_QPS_INIT, GN_QP_PORT);
	raw_move(qp, GN_QPS_RTR, 0);
	raw_move(qp, GN_QPS_RTS, 0);
	m = to_mac(&mac_b);
	raw_flow(qp, &m);
	for (unsigned i = 0; i < 3; i++)
		raw_recv(&ra, qp, i, 100);
	raw_post(qp, &plain);
	raw_post(qp, &plain);
	cr_assert_eq(qp_state(qp), GN_QPS_ERR);
	cr_assert_eq(qp->req.head, sq_tail(&qp->sq));
	cr_assert_eq(qp->req.cur, sq_tail(&qp->sq));
	qp_free(qp);
	cr_assert_eq(cq_free(cq), 0);
	close_it();
}

/* In SQE and SQD it hears, in ERR and INIT not. */
Test(raw, states)
{
	struct gn_flow_match m;

	open_it();
	m = to_mac(&mac_b);
	raw_flow(rx, &m);
	raw_recv(&rb, rx, 3, 100);
	raw_move(rx, GN_QPS_SQD, 0);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 3, GN_WC_SUCCESS, 60);
	qp_set_sqe(rx);
	raw_recv(&rb, rx, 3, 100);
	raw_post(tx, &plain);
	raw_take(rb.rcq, 3, GN_WC_SUCCESS, 60);
	raw_move(rx, GN_QPS_ERR, 0);
	raw_post(tx, &plain);
	cr_assert(raw_empty(rb.rcq));
	close_it();
}
