/* Posting and polling from other threads than the one that runs the engine, as
 * nic/qp.h and nic/cq.h allow it.
 */
#include "tests/support/duo.h"

#include <pthread.h>
#include <sched.h>

#define MESSAGES 5000u
#define LEN	 64u

static struct duo d;

TestSuite(threads, .timeout = 60);

/* Posts whatever fits and polls what is there, until all are through. */
struct worker {
	struct gn_qp *qp;
	struct gn_cq *cq;
	struct gn_sge sge;
	bool sends;
	_Atomic bool done;
};

static bool post(struct worker *w, uint64_t id)
{
	struct gn_send_wr swr = {.wr_id = id,
				 .opcode = GN_WR_SEND,
				 .flags = GN_SEND_SIGNALED,
				 .sge = &w->sge,
				 .nsge = 1};
	struct gn_recv_wr rwr = {.wr_id = id, .sge = &w->sge, .nsge = 1};
	int rc = w->sends ? qp_post_send(w->qp, &swr)
			  : qp_post_recv(w->qp, &rwr);

	if (w->sends && !rc)
		qp_ring(w->qp);
	return !rc;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t posted = 0, done = 0;
	struct gn_wc wc[8];

	while (done < MESSAGES) {
		int n;

		while (posted < MESSAGES && post(w, posted))
			posted++;
		n = cq_take(w->cq, 8, wc);
		for (int i = 0; i < n; i++) {
			CHECK_EQ(wc[i].status, GN_WC_SUCCESS);
			CHECK_EQ(wc[i].wr_id, done);
			done++;
		}
		if (!n)
			sched_yield();
	}
	w->done = true;
	return NULL;
}

static struct worker worker(unsigned side, bool sends)
{
	struct side *s = &d.s[side];

	return (struct worker){.qp = s->qp,
			       .cq = sends ? s->scq : s->rcq,
			       .sge = duo_sge(&d, side, 0, LEN),
			       .sends = sends};
}

Test(threads, post_and_poll)
{
	struct worker w[4];
	pthread_t thread[4];
	bool busy = true;

	duo_open_default(&d);
	d.f.keep = false;
	d.f.faults.lost = 5;
	for (unsigned i = 0; i < 4; i++)
		w[i] = worker(i / 2, i & 1);
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	while (busy) {
		fabric_step(&d.f, NSEC_NEVER - 1);
		busy = false;
		for (unsigned i = 0; i < 4; i++)
			busy |= !w[i].done;
	}
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(thread[i], NULL), 0);
	duo_idle(&d);
	duo_no_more(&d);
	duo_close(&d);
}
