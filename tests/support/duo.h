/* Two nodes on a fabric, A and B, each with a PD, a region, two CQs and an RC
 * QP, connected; and short ways to post, to run and to look.  A test that fails
 * prints the packets that went before (CHECK, CHECK_EQ).  With DUO_ABORTS it
 * does without Criterion, for programs of another kind: what fails aborts.
 */
#ifndef TESTS_SUPPORT_DUO_H
#define TESTS_SUPPORT_DUO_H

#ifndef DUO_ABORTS
#include <criterion/criterion.h>
#endif
#include <errno.h>
#include "nic/cq.h"
#include "nic/mr.h"
#include "nic/qp.h"
#include "tests/support/fabric.h"
#include "wire/aeth.h"

enum { A, B };

struct duo_options {
	unsigned pmtu;
	uint8_t timeout, retry_cnt, rnr_retry, min_rnr_timer;
	uint8_t rd_atomic, dest_rd_atomic;
	uint32_t psn[2];    /* where A's and B's requests start */
	unsigned qp_access; /* of both QPs */
	unsigned mr_access; /* of both regions */
	struct gn_qp_cap cap;
	unsigned cqe;
	size_t mem; /* bytes of each region */
	bool sig_all;
	bool credits, notes;
	uint32_t window;
	uint64_t seed;
};

struct side {
	struct node *node;
	struct engine *engine;
	struct gn_pd *pd;
	struct gn_cq *scq, *rcq;
	struct gn_qp *qp;
	uint8_t *mem;
	struct gn_mr *mr;
};

struct duo {
	struct duo_options o;
	struct fabric f;
	struct side s[2];
};

#define DUO_COOKIE ((void *)0x50) /* of every QP */

/* The defaults: PMTU 1024, timeout 14, 7 retries of either kind, RNR timer 12,
 * 4 READs and atomics, all access, 64 KiB, everything signaled.
 */
struct duo_options duo_defaults(void);
/* Both QPs reach RTS.  One duo at a time, which CHECK prints. */
void duo_open(struct duo *d, const struct duo_options *o);
void duo_open_default(struct duo *d);
void duo_close(struct duo *d);

/* Makes one more QP on @side, in RESET, with @o's capacities. */
struct gn_qp *duo_qp(struct duo *d, unsigned side);
/* Attributes for a move of @qp of @side, towards QPN @dqpn over there, and the
 * masks that the three moves to RTS require.
 */
struct gn_qp_attr duo_attr(const struct duo *d, unsigned side, uint32_t dqpn);
#define DUO_INIT_MASK \
	(GN_QP_STATE | GN_QP_PKEY_INDEX | GN_QP_PORT | GN_QP_ACCESS_FLAGS)
#define DUO_RTR_MASK                                                \
	(GN_QP_STATE | GN_QP_AV | GN_QP_PATH_MTU | GN_QP_DEST_QPN | \
	 GN_QP_RQ_PSN | GN_QP_MAX_DEST_RD_ATOMIC | GN_QP_MIN_RNR_TIMER)
#define DUO_RTS_MASK                                                    \
	(GN_QP_STATE | GN_QP_SQ_PSN | GN_QP_TIMEOUT | GN_QP_RETRY_CNT | \
	 GN_QP_RNR_RETRY | GN_QP_MAX_QP_RD_ATOMIC)
int duo_move(struct gn_qp *qp, struct gn_qp_attr attr, enum gn_qp_state to,
	     unsigned mask);
/* From where it is to @to; to SQD and ERR by way of RTS. */
void duo_raise(struct duo *d, unsigned side, struct gn_qp *qp, uint32_t dqpn,
	       enum gn_qp_state to);

/* A signaled work request of @len bytes: local memory from 0 on, remote memory
 * from 0 on.  Its one SGE is overwritten by the next duo_wr of that side.
 */
struct gn_send_wr duo_wr(struct duo *d, unsigned side, uint64_t wr_id,
			 enum gn_wr_opcode opcode, uint32_t len);
struct gn_sge duo_sge(const struct duo *d, unsigned side, size_t offset,
		      uint32_t len);
uint64_t duo_va(const struct duo *d, unsigned side, size_t offset);
/* Posts, rings, and returns what the post returned. */
int duo_post(struct duo *d, unsigned side, struct gn_send_wr wr);
int duo_recv(struct duo *d, unsigned side, uint64_t wr_id, size_t offset,
	     uint32_t len);
/* duo_post(duo_wr(...)), which must succeed. */
void duo_do(struct duo *d, unsigned side, uint64_t wr_id,
	    enum gn_wr_opcode opcode, uint32_t len);

/* Fills @len bytes at @offset of @side's region with a pattern of @seed. */
void duo_fill(struct duo *d, unsigned side, size_t offset, size_t len,
	      unsigned seed);
bool duo_same(const struct duo *d, size_t a_off, size_t b_off, size_t len);

/* Runs until all is quiet, and checks that it really is: nothing in flight is
 * charged, no timer armed, nobody waits.
 */
void duo_idle(struct duo *d);
void duo_check_quiet(struct duo *d);

/* The next completion of the send or receive CQ must be this. */
struct gn_wc duo_sent(struct duo *d, unsigned side, uint64_t wr_id,
		      enum gn_wc_status status);
struct gn_wc duo_received(struct duo *d, unsigned side, uint64_t wr_id,
			  enum gn_wc_status status);
/* Neither CQ of either side holds anything. */
void duo_no_more(struct duo *d);
/* How many events of @type node @side has had. */
unsigned duo_events(const struct duo *d, unsigned side,
		    enum gn_event_type type);

/* Loses the @nth packet of @opcode that @from sends from now on, once. */
void duo_lose(struct duo *d, unsigned from, unsigned opcode, unsigned nth);

void duo_fail(const char *file, int line, const char *what, long long got,
	      long long want);

#define CHECK(cond)                                                \
	do {                                                       \
		if (!(cond))                                       \
			duo_fail(__FILE__, __LINE__, #cond, 0, 1); \
	} while (0)
#define CHECK_EQ(got, want)                                              \
	do {                                                             \
		long long got_ = (long long)(got);                       \
		long long want_ = (long long)(want);                     \
		if (got_ != want_)                                       \
			duo_fail(__FILE__, __LINE__, #got, got_, want_); \
	} while (0)

#endif
