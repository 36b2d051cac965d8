/* Several QPs of one device: sharing the window of a peer, and talking to each
 * other or to themselves.
 */
#include "tests/support/duo.h"
#include "nic/requester.h"

static struct duo d;

TestSuite(qp_many, .timeout = 120);

#define MANY 20u

/* Many QPs share one window: all of them get through, and a QP that goes gives
 * back its share.
 */
static void share(bool destroy_some)
{
	struct duo_options o = duo_defaults();
	struct gn_qp *qp[2][MANY];

	o.window = 16384;
	o.cqe = 1024;
	duo_open(&d, &o);
	for (unsigned i = 0; i < MANY; i++) {
		for (unsigned s = 0; s < 2; s++)
			qp[s][i] = duo_qp(&d, s);
		duo_raise(&d, A, qp[A][i], qp[B][i]->qpn, GN_QPS_RTS);
		duo_raise(&d, B, qp[B][i], qp[A][i]->qpn, GN_QPS_RTS);
	}
	for (unsigned k = 0; k < 5; k++)
		for (unsigned i = 0; i < MANY; i++) {
			struct gn_send_wr wr = duo_wr(&d, A, k,
						      k & 1 ? GN_WR_RDMA_READ
							    : GN_WR_RDMA_WRITE,
						      20000);

			CHECK_EQ(qp_post_send(qp[A][i], &wr), 0);
			qp_ring(qp[A][i]);
		}
	if (destroy_some) {
		fabric_run(&d.f, d.f.now + 3 * USEC);
		for (unsigned i = 0; i < MANY; i += 2) {
			qp_free(qp[A][i]);
			qp[A][i] = NULL;
		}
	}
	duo_idle(&d);
	CHECK_EQ(d.s[A].engine->counters.n[CNT_TIMEOUT], 0);
	for (unsigned i = 0; i < MANY; i++) {
		if (qp[A][i])
			CHECK_EQ(qp[A][i]->req.head, 5);
		if (qp[A][i])
			qp_free(qp[A][i]);
		qp_free(qp[B][i]);
	}
	duo_close(&d);
}

Test(qp_many, many_share_a_window)
{
	share(false);
	share(true);
}

/* Who is held back by others' bytes goes on as soon as those are acknowledged,
 * or their QP is gone, not only when its own are.
 */
static void held_back(bool destroy)
{
	struct duo_options o = duo_defaults();
	struct gn_qp *qp[2], *own;

	o.window = 16384;
	duo_open(&d, &o);
	for (unsigned s = 0; s < 2; s++)
		qp[s] = duo_qp(&d, s);
	duo_raise(&d, A, qp[A], qp[B]->qpn, GN_QPS_RTS);
	duo_raise(&d, B, qp[B], qp[A]->qpn, GN_QPS_RTS);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 60000);
	fabric_settle(&d.f);
	own = d.s[A].qp;
	d.s[A].qp = qp[A];
	duo_lose(&d, A, OP_WRITE_ONLY, 0);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	CHECK_EQ(requester_hold(qp[A], d.f.now), HOLD_WINDOW);
	if (destroy) {
		qp_free(own);
		own = NULL;
		fabric_settle(&d.f);
		CHECK_EQ(fabric_count(&d.f, A, OP_WRITE_ONLY), 2);
	}
	CHECK(fabric_idle(&d.f, 3600 * SEC));
	CHECK_EQ(d.s[A].engine->counters.n[CNT_TIMEOUT], 0);
	CHECK_EQ(qp[A]->req.head, 2);
	d.s[A].qp = own;
	for (unsigned s = 0; s < 2; s++)
		qp_free(qp[s]);
	duo_close(&d);
}

Test(qp_many, held_back)
{
	held_back(false);
	held_back(true);
}

static struct gn_qp *reader(struct gn_qp_attr attr)
{
	struct gn_qp *qp = duo_qp(&d, A);
	struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_RDMA_READ, 20000);

	CHECK_EQ(duo_move(qp, attr, GN_QPS_INIT, DUO_INIT_MASK), 0);
	CHECK_EQ(duo_move(qp, attr, GN_QPS_RTR, DUO_RTR_MASK), 0);
	CHECK_EQ(duo_move(qp, attr, GN_QPS_RTS, DUO_RTS_MASK), 0);
	CHECK_EQ(qp_post_send(qp, &wr), 0);
	qp_ring(qp);
	return qp;
}

/* Answers of many READs at once would overrun our own receive buffer, although
 * each QP has only one outstanding.
 */
Test(qp_many, reads_wait_for_each_other)
{
	struct duo_options o = duo_defaults();
	struct gn_qp *qp[2][MANY];

	o.window = 16384;
	duo_open(&d, &o);
	for (unsigned i = 0; i < MANY; i++) {
		qp[B][i] = duo_qp(&d, B);
		qp[A][i] = reader(duo_attr(&d, A, qp[B][i]->qpn));
		duo_raise(&d, B, qp[B][i], qp[A][i]->qpn, GN_QPS_RTS);
	}
	fabric_settle(&d.f);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), 1);
	duo_idle(&d);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_EQ(qp[A][i]->req.head, 1);
		qp_free(qp[A][i]);
		qp_free(qp[B][i]);
	}
	duo_close(&d);
}

/* A READ that nobody answers, and no timer ends, holds up others a while only.
 */
Test(qp_many, reads_do_not_wait_for_the_dead)
{
	struct duo_options o = duo_defaults();
	struct gn_qp *peer, *dead, *qp;
	struct gn_qp_attr nobody;

	o.window = 16384;
	duo_open(&d, &o);
	nobody = duo_attr(&d, A, 0x123456);
	nobody.timeout = 0;
	dead = reader(nobody);
	peer = duo_qp(&d, B);
	qp = reader(duo_attr(&d, A, peer->qpn));
	duo_raise(&d, B, peer, qp->qpn, GN_QPS_RTS);
	fabric_settle(&d.f);
	CHECK_EQ(requester_hold(qp, d.f.now), HOLD_WINDOW);
	fabric_run(&d.f, d.f.now + 2 * PEER_PATIENCE);
	CHECK_EQ(qp->req.head, 1);
	CHECK_EQ(dead->req.head, 0);
	CHECK_EQ(d.s[A].engine->counters.n[CNT_TIMEOUT], 0);
	qp_free(dead);
	qp_free(qp);
	qp_free(peer);
	duo_close(&d);
}

/* ---- on one device ------------------------------------------------------- */

static void connect(struct gn_qp *qp, const struct gn_qp *to)
{
	struct gn_qp_attr attr = duo_attr(&d, A, to->qpn);

	attr.ah.dgid = d.s[A].node->link.addr[0];
	attr.rq_psn = attr.sq_psn;
	CHECK_EQ(duo_move(qp, attr, GN_QPS_INIT, DUO_INIT_MASK), 0);
	CHECK_EQ(duo_move(qp, attr, GN_QPS_RTR, DUO_RTR_MASK), 0);
	CHECK_EQ(duo_move(qp, attr, GN_QPS_RTS, DUO_RTS_MASK), 0);
}

/* A writes, reads and sends to where it is itself. */
static struct gn_send_wr self_wr(uint64_t id, enum gn_wr_opcode op,
				 uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, id, op, len);

	wr.remote_addr = duo_va(&d, A, 32768);
	wr.rkey = d.s[A].mr->h.key;
	return wr;
}

static void work(struct gn_qp *from, struct gn_qp *to)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_SEND, GN_WR_RDMA_WRITE, GN_WR_RDMA_READ, GN_WR_FETCH_ADD};

	for (unsigned i = 0; i < 40; i++) {
		enum gn_wr_opcode op = ops[i % 4];
		struct gn_send_wr wr =
			self_wr(i, op, op == GN_WR_FETCH_ADD ? 8 : 20000);

		if (op == GN_WR_SEND) {
			d.s[A].qp = to;
			CHECK_EQ(duo_recv(&d, A, i, 32768, 20000), 0);
		}
		d.s[A].qp = from;
		CHECK_EQ(duo_post(&d, A, wr), 0);
	}
}

static void talk(bool to_itself, struct faults faults)
{
	struct gn_qp *own, *qp[2];

	duo_open_default(&d);
	own = d.s[A].qp;
	qp[0] = duo_qp(&d, A);
	qp[1] = to_itself ? qp[0] : duo_qp(&d, A);
	connect(qp[0], qp[1]);
	if (!to_itself)
		connect(qp[1], qp[0]);
	d.f.faults = faults;
	work(qp[0], qp[1]);
	duo_idle(&d);
	for (unsigned i = 0; i < 40; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	for (unsigned i = 0; i < 40; i += 4)
		CHECK_EQ(duo_received(&d, A, i, GN_WC_SUCCESS).byte_len, 20000);
	duo_no_more(&d);
	d.s[A].qp = own;
	for (unsigned i = 0; i < (to_itself ? 1u : 2u); i++)
		qp_free(qp[i]);
	duo_close(&d);
}

Test(qp_many, on_one_device)
{
	talk(false, (struct faults){0});
	talk(false, (struct faults){20, 20, 20, 30 * USEC});
}

Test(qp_many, to_itself)
{
	talk(true, (struct faults){0});
	talk(true, (struct faults){20, 20, 20, 30 * USEC});
}

/* Its own responder's NAK finds it in ERR already: all is flushed, once. */
Test(qp_many, to_itself_refused)
{
	struct gn_qp *own;
	struct gn_send_wr wr;

	duo_open_default(&d);
	own = d.s[A].qp;
	d.s[A].qp = duo_qp(&d, A);
	connect(d.s[A].qp, d.s[A].qp);
	CHECK_EQ(duo_recv(&d, A, 5, 0, 8), 0);
	wr = self_wr(1, GN_WR_RDMA_WRITE, 8);
	wr.rkey++;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	CHECK_EQ(duo_post(&d, A, self_wr(2, GN_WR_SEND, 8)), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_WR_FLUSH_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, A, 5, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	CHECK_EQ(duo_events(&d, A, GN_EVENT_QP_ACCESS_ERR), 1);
	qp_free(d.s[A].qp);
	d.s[A].qp = own;
	duo_close(&d);
}
