/* The table of moves for QPs other than RC, checked against a table of our own
 * (that of the kernel's ib_modify_qp_is_ok, written down again).
 */
#include "tests/support/kinds.h"

#include <string.h>

static struct duo d;
static struct gn_xrcd *xrcd;

TestSuite(kinds_modify, .timeout = 60);

#define CUR    GN_QP_CUR_STATE
#define ALT    (GN_QP_ALT_PATH | GN_QP_PATH_MIG_STATE)
#define ACC    GN_QP_ACCESS_FLAGS
#define KEY    GN_QP_PKEY_INDEX
#define RNR    GN_QP_MIN_RNR_TIMER
#define QKEY   GN_QP_QKEY
#define PSN    GN_QP_SQ_PSN
#define NOTIFY GN_QP_EN_SQD_ASYNC_NOTIFY
#define INIT_C (KEY | GN_QP_PORT | ACC)
#define RTR_UC (GN_QP_AV | GN_QP_PATH_MTU | GN_QP_DEST_QPN | GN_QP_RQ_PSN)
#define RTR_RC (RTR_UC | GN_QP_MAX_DEST_RD_ATOMIC | RNR)
#define RETRY                                                                  \
	(GN_QP_TIMEOUT | GN_QP_RETRY_CNT | GN_QP_RNR_RETRY |                   \
	 GN_QP_MAX_QP_RD_ATOMIC)

/* More than the kernel: perftest gives an initiator what only the target needs,
 * and the other way round (RETRY below).
 */
#define OTHER_RTR (GN_QP_MAX_DEST_RD_ATOMIC | RNR)

static const enum gn_qp_type types[] = { GN_QPT_UC, GN_QPT_UD, GN_QPT_XRC_SEND,
					 GN_QPT_XRC_RECV, GN_QPT_RAW_PACKET };
#define TYPES 5

struct row {
	enum gn_qp_state from, to;
	struct {
		bool none;
		unsigned required, optional;
	} m[TYPES]; /* in the order above */
};

static const struct row rows[] = {
	{ GN_QPS_RESET, GN_QPS_INIT,
	  { { 0, INIT_C, 0 }, { 0, KEY | GN_QP_PORT | QKEY, 0 },
	    { 0, INIT_C, 0 }, { 0, INIT_C, 0 }, { 0, GN_QP_PORT, 0 } } },
	{ GN_QPS_INIT, GN_QPS_INIT,
	  { { 0, 0, INIT_C }, { 0, 0, KEY | GN_QP_PORT | QKEY },
	    { 0, 0, INIT_C }, { 0, 0, INIT_C }, { 0, 0, 0 } } },
	{ GN_QPS_INIT, GN_QPS_RTR,
	  { { 0, RTR_UC, GN_QP_ALT_PATH | ACC | KEY }, { 0, 0, KEY | QKEY },
	    { 0, RTR_UC, GN_QP_ALT_PATH | ACC | KEY | OTHER_RTR },
	    { 0, RTR_RC, GN_QP_ALT_PATH | ACC | KEY }, { 0, 0, 0 } } },
	{ GN_QPS_RTR, GN_QPS_RTS,
	  { { 0, PSN, CUR | ALT | ACC }, { 0, PSN, CUR | QKEY },
	    { 0, PSN | RETRY, CUR | ALT | ACC },
	    { 0, PSN | GN_QP_TIMEOUT, CUR | ALT | ACC | RNR | RETRY },
	    { 0, 0, GN_QP_RATE_LIMIT } } },
	{ GN_QPS_RTS, GN_QPS_RTS,
	  { { 0, 0, CUR | ALT | ACC }, { 0, 0, CUR | QKEY },
	    { 0, 0, CUR | ALT | ACC }, { 0, 0, CUR | ALT | ACC | RNR },
	    { 0, 0, GN_QP_RATE_LIMIT } } },
	{ GN_QPS_RTS, GN_QPS_SQD,
	  { { 0, 0, NOTIFY }, { 0, 0, NOTIFY }, { 0, 0, NOTIFY },
	    { 0, 0, NOTIFY }, { 0, 0, 0 } } },
	{ GN_QPS_SQD, GN_QPS_RTS,
	  { { 0, 0, CUR | ALT | ACC }, { 0, 0, CUR | QKEY },
	    { 0, 0, CUR | ALT | ACC }, { 0, 0, CUR | ALT | ACC | RNR },
	    { 0, 0, 0 } } },
	{ GN_QPS_SQD, GN_QPS_SQD,
	  { { 0, 0, GN_QP_AV | ALT | ACC | KEY }, { 0, 0, KEY | QKEY },
	    { 0, 0, GN_QP_PORT | GN_QP_AV | RETRY | ALT | ACC | KEY },
	    { 0, 0, GN_QP_PORT | GN_QP_AV | GN_QP_TIMEOUT |
			    GN_QP_MAX_DEST_RD_ATOMIC | ALT | ACC | KEY | RNR },
	    { 0, 0, 0 } } },
	{ GN_QPS_SQE, GN_QPS_RTS,
	  { { 0, 0, CUR | ACC }, { 0, 0, CUR | QKEY }, { 1, 0, 0 },
	    { 1, 0, 0 }, { 0, 0, 0 } } },
};

static void open_it(void)
{
	duo_open_default(&d);
	d.s[A].engine->cfg.limits.raw_packet = true;
	CHECK_EQ(xrcd_open(d.s[A].engine, 0, true, false, &xrcd), 0);
}

static void close_it(void)
{
	CHECK_EQ(xrcd_close(xrcd), 0);
	duo_close(&d);
}

static struct gn_qp *make(enum gn_qp_type type, enum gn_qp_state s)
{
	struct gn_qp *qp = kind_qp(&d, A, type, NULL,
				   type == GN_QPT_XRC_RECV ? xrcd : NULL);

	if (s == GN_QPS_SQE) {
		kind_raise(&d, A, qp, d.s[B].qp->qpn, GN_QPS_RTS);
		qp_set_sqe(qp);
	} else if (s != GN_QPS_RESET) {
		kind_raise(&d, A, qp, d.s[B].qp->qpn, s);
	}
	CHECK_EQ(qp_state(qp), s);
	return qp;
}

/* As in qp_modify_test.c: when it fails, nothing may have changed. */
static void try_move(enum gn_qp_type type, enum gn_qp_state from,
		     enum gn_qp_state to, unsigned mask, int rc)
{
	struct gn_qp *qp = make(type, from);
	struct gn_qp_attr attr = duo_attr(&d, A, d.s[B].qp->qpn);
	struct gn_qp_attr old = qp->attr;
	const struct peer *peer = qp->peer;

	attr.state = to;
	attr.cur_state = from;
	attr.qkey = 77;
	CHECK_EQ(qp_modify(qp, &attr, mask), rc);
	CHECK_EQ(qp_state(qp), rc ? from : to);
	if (rc) {
		CHECK(!memcmp(&qp->attr, &old, sizeof(old)));
		CHECK(qp->peer == peer);
	} else if (mask & QKEY) {
		CHECK_EQ(qp->attr.qkey, 77);
	}
	qp_free(qp);
}

static void try_row(const struct row *r, unsigned t)
{
	unsigned required = r->m[t].required, optional = r->m[t].optional;
	unsigned mask = required | GN_QP_STATE;

	if (r->m[t].none)
		return;
	try_move(types[t], r->from, r->to, mask, 0);
	try_move(types[t], r->from, r->to, mask | optional, 0);
	for (unsigned i = 1; i < 26; i++) {
		unsigned bit = 1u << i;

		if (required & bit)
			try_move(types[t], r->from, r->to, mask & ~bit,
				 -EINVAL);
		else
			try_move(types[t], r->from, r->to, mask | bit,
				 optional & bit ? 0 : -EINVAL);
	}
}

Test(kinds_modify, moves_of_the_table)
{
	open_it();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (unsigned t = 0; t < TYPES; t++)
			try_row(&rows[i], t);
	close_it();
}

static bool in_table(enum gn_qp_state from, enum gn_qp_state to)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].from == from && rows[i].to == to)
			return true;
	return false;
}

Test(kinds_modify, all_other_moves)
{
	open_it();
	for (unsigned t = 0; t < TYPES; t++)
		for (unsigned from = 0; from < GN_QPS_N; from++)
			for (unsigned to = 0; to <= GN_QPS_N; to++) {
				bool down = to == GN_QPS_RESET ||
					    to == GN_QPS_ERR;

				if (in_table(from, to))
					continue;
				try_move(types[t], from, to, GN_QP_STATE,
					 down ? 0 : -EINVAL);
				try_move(types[t], from, to, ~0u, -EINVAL);
			}
	close_it();
}

/* Each comes back to life after RESET. */
Test(kinds_modify, reset_and_again)
{
	open_it();
	for (unsigned t = 0; t < TYPES; t++) {
		struct gn_qp *qp = make(types[t], GN_QPS_RTS);

		for (unsigned i = 0; i < 3; i++) {
			kind_raise(&d, A, qp, 5, GN_QPS_ERR);
			kind_raise(&d, A, qp, 5, GN_QPS_RESET);
			CHECK(!qp->peer);
			kind_raise(&d, A, qp, 5, GN_QPS_RTS);
		}
		qp_free(qp);
	}
	close_it();
}
