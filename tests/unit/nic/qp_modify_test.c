/* The table of moves, checked against a table of our own (that of the kernel's
 * ib_modify_qp_is_ok, written down again), and the values of attributes.
 */
#include "tests/support/duo.h"

#include <stdlib.h>
#include <string.h>

static struct duo d;

/* The refusals' lines for people would be many. */
static void be_quiet(void)
{
	setenv("GLASSNIC_LOG", "error", 1);
}

TestSuite(qp_modify, .init = be_quiet, .timeout = 120);

#define ALT (GN_QP_ALT_PATH | GN_QP_PATH_MIG_STATE)
#define RTS_OPT \
	(GN_QP_CUR_STATE | GN_QP_ACCESS_FLAGS | GN_QP_MIN_RNR_TIMER | ALT)
#define INIT_ATTR (GN_QP_PKEY_INDEX | GN_QP_PORT | GN_QP_ACCESS_FLAGS)

static const struct {
	enum gn_qp_state from, to;
	unsigned required, optional;
} moves[] = {
	{GN_QPS_RESET, GN_QPS_INIT, INIT_ATTR, 0},
	{GN_QPS_INIT, GN_QPS_INIT, 0, INIT_ATTR},
	{GN_QPS_INIT, GN_QPS_RTR, DUO_RTR_MASK & ~GN_QP_STATE,
	 GN_QP_ALT_PATH | GN_QP_ACCESS_FLAGS | GN_QP_PKEY_INDEX},
	{GN_QPS_RTR, GN_QPS_RTS, DUO_RTS_MASK & ~GN_QP_STATE, RTS_OPT},
	{GN_QPS_RTS, GN_QPS_RTS, 0, RTS_OPT},
	{GN_QPS_RTS, GN_QPS_SQD, 0, GN_QP_EN_SQD_ASYNC_NOTIFY},
	{GN_QPS_SQD, GN_QPS_RTS, 0, RTS_OPT},
	{GN_QPS_SQD, GN_QPS_SQD, 0,
	 GN_QP_PORT | GN_QP_AV | GN_QP_TIMEOUT | GN_QP_RETRY_CNT |
		 GN_QP_RNR_RETRY | GN_QP_MAX_QP_RD_ATOMIC |
		 GN_QP_MAX_DEST_RD_ATOMIC | GN_QP_ACCESS_FLAGS |
		 GN_QP_PKEY_INDEX | GN_QP_MIN_RNR_TIMER | ALT},
};

static const unsigned all_bits[] = {
	GN_QP_CUR_STATE,
	GN_QP_EN_SQD_ASYNC_NOTIFY,
	GN_QP_ACCESS_FLAGS,
	GN_QP_PKEY_INDEX,
	GN_QP_PORT,
	GN_QP_QKEY,
	GN_QP_AV,
	GN_QP_PATH_MTU,
	GN_QP_TIMEOUT,
	GN_QP_RETRY_CNT,
	GN_QP_RNR_RETRY,
	GN_QP_RQ_PSN,
	GN_QP_MAX_QP_RD_ATOMIC,
	GN_QP_ALT_PATH,
	GN_QP_MIN_RNR_TIMER,
	GN_QP_SQ_PSN,
	GN_QP_MAX_DEST_RD_ATOMIC,
	GN_QP_PATH_MIG_STATE,
	GN_QP_CAP,
	GN_QP_DEST_QPN,
	GN_QP_RATE_LIMIT,
	1u << 21,
};

static const enum gn_qp_state states[] = {GN_QPS_RESET, GN_QPS_INIT,
					  GN_QPS_RTR,	GN_QPS_RTS,
					  GN_QPS_SQD,	GN_QPS_ERR};

/* A QP of A in state @s. */
static struct gn_qp *make(enum gn_qp_state s)
{
	struct gn_qp *qp = duo_qp(&d, A);

	if (s != GN_QPS_RESET)
		duo_raise(&d, A, qp, d.s[B].qp->qpn, s);
	CHECK_EQ(qp_state(qp), s);
	return qp;
}

/* Tries the move with @mask, which must come to @rc; when it fails, nothing may
 * have changed.
 */
static void try_move(enum gn_qp_state from, enum gn_qp_state to, unsigned mask,
		     int rc)
{
	struct gn_qp *qp = make(from);
	struct gn_qp_attr attr = duo_attr(&d, A, d.s[B].qp->qpn);
	struct gn_qp_attr old = qp->attr;
	const struct peer *peer = qp->peer;

	attr.state = to;
	attr.cur_state = from;
	attr.rq_psn = 0x777;
	attr.timeout = 11;
	CHECK_EQ(qp_modify(qp, &attr, mask), rc);
	CHECK_EQ(qp_state(qp), rc ? from : to);
	if (rc) {
		CHECK(!memcmp(&qp->attr, &old, sizeof(old)));
		CHECK(qp->peer == peer);
	}
	qp_free(qp);
}

Test(qp_modify, moves_of_the_table)
{
	duo_open_default(&d);
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		enum gn_qp_state from = moves[i].from, to = moves[i].to;
		unsigned req = moves[i].required | GN_QP_STATE;

		try_move(from, to, req, 0);
		try_move(from, to, req | moves[i].optional, 0);
		for (size_t k = 0; k < sizeof(all_bits) / sizeof(*all_bits);
		     k++) {
			unsigned bit = all_bits[k];

			if (moves[i].required & bit)
				try_move(from, to, req & ~bit, -EINVAL);
			else if (moves[i].optional & bit)
				try_move(from, to, req | bit, 0);
			else
				try_move(from, to, req | bit, -EINVAL);
		}
	}
	duo_close(&d);
}

static bool in_table(enum gn_qp_state from, enum gn_qp_state to)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++)
		if (moves[i].from == from && moves[i].to == to)
			return true;
	return false;
}

Test(qp_modify, all_other_moves)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 6; i++)
		for (unsigned to = 0; to <= GN_QPS_N; to++) {
			bool down = to == GN_QPS_RESET || to == GN_QPS_ERR;

			if (in_table(states[i], to))
				continue;
			try_move(states[i], to, GN_QP_STATE,
				 down ? 0 : -EINVAL);
			try_move(states[i], to, ~0u, -EINVAL);
			if (!down)
				continue;
			try_move(states[i], to, GN_QP_STATE | GN_QP_CUR_STATE,
				 0);
			try_move(states[i], to, GN_QP_STATE | GN_QP_TIMEOUT,
				 -EINVAL);
		}
	duo_close(&d);
}

/* ---- values -------------------------------------------------------------- */

#define REFUSED(from, to, mask, field, value, rc)                            \
	do {                                                                 \
		struct gn_qp *qp_ = make(from);                              \
		struct gn_qp_attr a_ = duo_attr(&d, A, 9), old_ = qp_->attr; \
		a_.state = to;                                               \
		a_.cur_state = from;                                         \
		a_.field = value;                                            \
		CHECK_EQ(qp_modify(qp_, &a_, mask), rc);                     \
		CHECK_EQ(qp_state(qp_), from);                               \
		CHECK(!memcmp(&qp_->attr, &old_, sizeof(old_)));             \
		CHECK(from >= GN_QPS_RTR || !qp_->peer);                     \
		qp_free(qp_);                                                \
	} while (0)
#define INIT_REFUSES(field, value) \
	REFUSED(GN_QPS_RESET, GN_QPS_INIT, DUO_INIT_MASK, field, value, -EINVAL)
#define RTR_REFUSES(field, value) \
	REFUSED(GN_QPS_INIT, GN_QPS_RTR, DUO_RTR_MASK, field, value, -EINVAL)
#define RTS_REFUSES(field, value) \
	REFUSED(GN_QPS_RTR, GN_QPS_RTS, DUO_RTS_MASK, field, value, -EINVAL)

Test(qp_modify, values_out_of_range)
{
	struct ip_addr v6, none = {{0}};

	duo_open_default(&d);
	CHECK(ip_parse(&v6, "fe80::2"));
	INIT_REFUSES(port_num, 0);
	INIT_REFUSES(port_num, 2);
	INIT_REFUSES(pkey_index, 1);
	RTR_REFUSES(path_mtu, 0);
	RTR_REFUSES(path_mtu, 128);
	RTR_REFUSES(path_mtu, 1000);
	RTR_REFUSES(path_mtu, 8192);
	RTR_REFUSES(dest_qpn, 0x1000000);
	RTR_REFUSES(min_rnr_timer, 32);
	RTR_REFUSES(max_dest_rd_atomic, 129);
	RTR_REFUSES(ah.is_global, false);
	RTR_REFUSES(ah.sgid_index, 1);
	RTR_REFUSES(ah.dgid, none);
	RTR_REFUSES(ah.dgid, v6);
	RTS_REFUSES(timeout, 32);
	RTS_REFUSES(retry_cnt, 8);
	RTS_REFUSES(rnr_retry, 8);
	RTS_REFUSES(max_rd_atomic, 129);
	REFUSED(GN_QPS_RTS, GN_QPS_RTS, GN_QP_STATE | GN_QP_CUR_STATE,
		cur_state, GN_QPS_RTR, -EINVAL);
	duo_close(&d);
}

/* The PMTU must fit what the port carries. */
Test(qp_modify, path_mtu_of_the_port)
{
	static const struct {
		unsigned ip_mtu, pmtu;
	} fits[] = {{1500, 1024}, {4180, 4096}, {4179, 2048}, {1450, 1024},
		    {600, 512},	  {400, 256},	{300, 256}};

	duo_open_default(&d);
	for (size_t i = 0; i < sizeof(fits) / sizeof(*fits); i++) {
		d.s[A].node->link.ip_mtu = fits[i].ip_mtu;
		if (fits[i].pmtu < 4096)
			RTR_REFUSES(path_mtu, 2 * fits[i].pmtu);
		d.o.pmtu = fits[i].pmtu;
		qp_free(make(GN_QPS_RTR));
	}
	duo_close(&d);
}

static int reaches_nobody(const struct link *l, const struct ip_addr *dst)
{
	return -ENETUNREACH;
}

Test(qp_modify, unreachable_peer)
{
	struct link_ops ops;

	duo_open_default(&d);
	ops = *d.s[A].node->link.ops;
	ops.reaches = reaches_nobody;
	d.s[A].node->link.ops = &ops;
	REFUSED(GN_QPS_INIT, GN_QPS_RTR, DUO_RTR_MASK, ah.hop_limit, 3,
		-ENETUNREACH);
	duo_close(&d);
}

/* ---- what a move brings about -------------------------------------------- */

static struct ip_addr prepared;
static void note_prepared(struct link *l, const struct ip_addr *dst, nsec_t now)
{
	prepared = *dst;
}

/* The first message of an unreliable QP may be longer than what a link keeps
 * while it asks for the peer's MAC.
 */
Test(qp_modify, link_is_prepared_for_the_peer)
{
	struct link_ops ops;
	struct gn_qp_attr attr;

	duo_open_default(&d);
	ops = *d.s[A].node->link.ops;
	ops.prepare = note_prepared;
	d.s[A].node->link.ops = &ops;
	qp_free(make(GN_QPS_INIT));
	CHECK(ip_is_any(&prepared));
	attr = duo_attr(&d, A, d.s[B].qp->qpn);
	qp_free(make(GN_QPS_RTR));
	CHECK(ip_equal(&prepared, &attr.ah.dgid));
	duo_close(&d);
}

Test(qp_modify, query)
{
	struct gn_qp_attr attr, want;
	struct gn_qp_init init;
	struct gn_qp *qp;

	duo_open_default(&d);
	qp = make(GN_QPS_RTS);
	want = duo_attr(&d, A, d.s[B].qp->qpn);
	qp_query(qp, &attr, &init);
	CHECK_EQ(attr.state, GN_QPS_RTS);
	CHECK_EQ(attr.cur_state, GN_QPS_RTS);
	CHECK_EQ(attr.path_mtu, want.path_mtu);
	CHECK_EQ(attr.dest_qpn, want.dest_qpn);
	CHECK_EQ(attr.sq_psn, want.sq_psn);
	CHECK_EQ(attr.rq_psn, want.rq_psn);
	CHECK_EQ(attr.access, want.access);
	CHECK_EQ(attr.timeout, want.timeout);
	CHECK_EQ(attr.retry_cnt, want.retry_cnt);
	CHECK_EQ(attr.rnr_retry, want.rnr_retry);
	CHECK_EQ(attr.min_rnr_timer, want.min_rnr_timer);
	CHECK_EQ(attr.max_rd_atomic, want.max_rd_atomic);
	CHECK_EQ(attr.max_dest_rd_atomic, want.max_dest_rd_atomic);
	CHECK(ip_equal(&attr.ah.dgid, &want.ah.dgid));
	CHECK_EQ(attr.cap.max_send_wr, 64);
	CHECK(init.send_cq == d.s[A].scq);
	CHECK_EQ(init.type, GN_QPT_RC);
	CHECK_EQ(duo_move(qp, attr, GN_QPS_RESET, GN_QP_STATE), 0);
	qp_query(qp, &attr, &init);
	CHECK_EQ(attr.state, GN_QPS_RESET);
	CHECK_EQ(attr.path_mtu, 0);
	CHECK_EQ(attr.timeout, 0);
	qp_free(qp);
	duo_close(&d);
}

/* In SQD the path can be changed: what is sent afterwards goes there, and only
 * what comes from there is heard.
 */
Test(qp_modify, path_changes_in_sqd)
{
	struct engine_config cfg = engine_config_default();
	struct gn_qp_attr attr;
	struct node *third;

	duo_open_default(&d);
	third = fabric_add(&d.f, &cfg);
	attr = duo_attr(&d, A, d.s[B].qp->qpn);
	CHECK_EQ(duo_move(d.s[A].qp, attr, GN_QPS_SQD, GN_QP_STATE), 0);
	attr.ah.dgid = third->link.addr[0];
	attr.ah.flow_label = 0x12345;
	CHECK_EQ(duo_move(d.s[A].qp, attr, GN_QPS_SQD, GN_QP_STATE | GN_QP_AV),
		 0);
	CHECK_EQ(duo_move(d.s[A].qp, attr, GN_QPS_RTS, GN_QP_STATE), 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	CHECK_EQ(d.f.seen[0].to, 2);
	CHECK_EQ(d.s[A].qp->sport, (0x2345 ^ (0x12345 >> 14)) | 0xc000);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_RETRY_EXC_ERR);
	duo_close(&d);
}

/* So can the number of responder resources; the record of what was answered
 * last stays.
 */
Test(qp_modify, resources_change_in_sqd)
{
	static const uint8_t sizes[] = {128, 3, 1, 0, 16};
	struct gn_qp_attr attr;

	duo_open_default(&d);
	attr = duo_attr(&d, B, d.s[A].qp->qpn);
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 7 && (!i || sizes[i - 1]); k++) {
			duo_do(&d, A, k, GN_WR_FETCH_ADD, 8);
			duo_idle(&d);
			duo_sent(&d, A, k, GN_WC_SUCCESS);
		}
		CHECK_EQ(duo_move(d.s[B].qp, attr, GN_QPS_SQD, GN_QP_STATE), 0);
		attr.max_dest_rd_atomic = sizes[i];
		CHECK_EQ(duo_move(d.s[B].qp, attr, GN_QPS_SQD,
				  GN_QP_STATE | GN_QP_MAX_DEST_RD_ATOMIC),
			 0);
		CHECK_EQ(duo_move(d.s[B].qp, attr, GN_QPS_RTS, GN_QP_STATE), 0);
	}
	/* The lost answer is found again after the ring has been moved. */
	duo_lose(&d, B, OP_ATOMIC_ACKNOWLEDGE, 0);
	duo_do(&d, A, 9, GN_WR_FETCH_ADD, 8);
	fabric_run(&d.f, d.f.now + 10 * USEC);
	CHECK_EQ(duo_move(d.s[B].qp, attr, GN_QPS_SQD, GN_QP_STATE), 0);
	attr.max_dest_rd_atomic = 2;
	CHECK_EQ(duo_move(d.s[B].qp, attr, GN_QPS_SQD,
			  GN_QP_STATE | GN_QP_MAX_DEST_RD_ATOMIC),
		 0);
	duo_idle(&d);
	duo_sent(&d, A, 9, GN_WC_SUCCESS);
	duo_close(&d);
}
