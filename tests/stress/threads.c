/* threads [SECONDS]: eight threads use one device context at once.  Four make
 * QPs, regions, windows and the like, talk over them and destroy them; two post
 * to QPs that all share, two poll and post receives for them.  To be run under
 * the sanitizers: a plain program, because theirs do not get on with a test
 * framework's forks.
 *
 * Ends with "N passed, N failed", a thread counting as one.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <infiniband/verbs.h>

#define DEPTH	    64u
#define MESSAGE	    512u
#define PAIRS	    2u
#define GIVE_UP_SEC 120

enum role { CHURN, POST, POLL };

struct worker {
	pthread_t thread;
	enum role role;
	unsigned number;
	unsigned long rounds;
	bool failed;
	char data[2][MESSAGE]; /* its own: written by the NIC for it only */
};

/* Two QPs that are connected to each other. */
struct pair {
	struct ibv_qp *qp[2];
};

static struct ibv_context *ctx;
static struct ibv_pd *pd;
static struct {
	struct ibv_cq *cq;
	struct ibv_srq *srq;
	struct ibv_mr *source, *sink; /* the sink is written, never read */
	struct pair pair[PAIRS];
	char from[MESSAGE], to[MESSAGE];
} shared;

static _Atomic bool stop;
static _Atomic unsigned long posted, completed;
static _Atomic int room = DEPTH / 2; /* requests that may be outstanding */

__attribute__((format(printf, 2, 3))) static bool fail(struct worker *w,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "thread %u: ", w->number);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	w->failed = true;
	return false;
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- queue pairs ---- */

static struct ibv_qp *new_qp(struct ibv_pd *of, struct ibv_cq *cq,
			     struct ibv_srq *srq)
{
	struct ibv_qp_init_attr a = {
		.send_cq = cq,
		.recv_cq = cq,
		.srq = srq,
		.cap = {DEPTH, srq ? 0 : DEPTH, 1, 1, 64},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	return ibv_create_qp(of, &a);
}

static int connect_to(struct ibv_qp *qp, uint32_t peer)
{
	struct ibv_qp_attr a = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags =
			IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer,
		.max_dest_rd_atomic = 4,
		.min_rnr_timer = 1,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 4,
		.ah_attr = {.is_global = 1, .port_num = 1},
	};

	ibv_query_gid(ctx, 1, 0, &a.ah_attr.grh.dgid);
	if (ibv_modify_qp(qp, &a,
			  IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				  IBV_QP_ACCESS_FLAGS))
		return -1;
	a.qp_state = IBV_QPS_RTR;
	if (ibv_modify_qp(qp, &a,
			  IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				  IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				  IBV_QP_MAX_DEST_RD_ATOMIC |
				  IBV_QP_MIN_RNR_TIMER))
		return -1;
	a.qp_state = IBV_QPS_RTS;
	return ibv_modify_qp(qp, &a,
			     IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT |
				     IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				     IBV_QP_MAX_QP_RD_ATOMIC);
}

static bool new_pair(struct pair *p, struct ibv_pd *of, struct ibv_cq *cq,
		     struct ibv_srq *srq)
{
	for (int i = 0; i < 2; i++) {
		p->qp[i] = new_qp(of, cq, srq);
		if (!p->qp[i])
			return false;
	}
	return !connect_to(p->qp[0], p->qp[1]->qp_num) &&
	       !connect_to(p->qp[1], p->qp[0]->qp_num);
}

static int post(struct ibv_qp *qp, enum ibv_wr_opcode op, struct ibv_mr *from,
		struct ibv_mr *to)
{
	struct ibv_sge sge = {.addr = (uintptr_t)from->addr,
			      .length = MESSAGE,
			      .lkey = from->lkey};
	struct ibv_send_wr wr = {.sg_list = &sge,
				 .num_sge = 1,
				 .opcode = op,
				 .wr.rdma = {.remote_addr = (uintptr_t)to->addr,
					     .rkey = to->rkey}},
			   *bad;

	return ibv_post_send(qp, &wr, &bad);
}

/* ---- making and destroying ---- */

/* Waits for @n completions of @cq, which was armed before they began: every
 * other time for their event first.
 */
static bool reap(struct worker *w, struct ibv_comp_channel *ch,
		 struct ibv_cq *cq, unsigned n)
{
	time_t give_up = now() + GIVE_UP_SEC;
	struct ibv_wc wc;
	void *context;

	if (w->rounds % 2) {
		if (ibv_get_cq_event(ch, &cq, &context))
			return fail(w, "get_cq_event");
		ibv_ack_cq_events(cq, 1);
	}
	while (n) {
		int got = ibv_poll_cq(cq, 1, &wc);

		if (got < 0 || (got && wc.status))
			return fail(w, "poll: %d, %s", got,
				    ibv_wc_status_str(wc.status));
		n -= (unsigned)got;
		if (now() > give_up)
			return fail(w, "%u completions are missing", n);
	}
	return true;
}

static bool talk(struct worker *w, struct pair *p, struct ibv_comp_channel *ch,
		 struct ibv_cq *cq, struct ibv_mr *mr[2])
{
	struct ibv_sge sge = {.addr = (uintptr_t)mr[1]->addr,
			      .length = MESSAGE,
			      .lkey = mr[1]->lkey};
	struct ibv_recv_wr recv = {.sg_list = &sge, .num_sge = 1}, *bad;

	memset(w->data[0], (int)w->rounds, MESSAGE);
	if (ibv_req_notify_cq(cq, 0) || ibv_post_recv(p->qp[1], &recv, &bad) ||
	    post(p->qp[0], IBV_WR_SEND, mr[0], mr[1]) ||
	    post(p->qp[0], IBV_WR_RDMA_WRITE, mr[0], mr[1]) ||
	    post(p->qp[1], IBV_WR_RDMA_READ, mr[1], mr[0]))
		return fail(w, "post");
	if (!reap(w, ch, cq, 4))
		return false;
	return !memcmp(w->data[0], w->data[1], MESSAGE) ||
	       fail(w, "other data arrived");
}

/* Things that come and go beside the QPs. */
static bool sundries(struct worker *w)
{
	struct ibv_ah_attr aa = {.is_global = 1, .port_num = 1};
	struct ibv_srq_init_attr sa = {.attr = {.max_wr = 4, .max_sge = 1}};
	struct ibv_srq *srq = ibv_create_srq(pd, &sa);
	struct ibv_mw *mw = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
	struct ibv_ah *ah;

	ibv_query_gid(ctx, 1, 0, &aa.grh.dgid);
	ah = ibv_create_ah(pd, &aa);
	if (!srq || !mw || !ah || ibv_destroy_srq(srq) || ibv_dealloc_mw(mw) ||
	    ibv_destroy_ah(ah))
		return fail(w, "sundries");
	return true;
}

static bool churn(struct worker *w)
{
	struct ibv_pd *of = ibv_alloc_pd(ctx);
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_cq *cq = ibv_create_cq(ctx, 16, NULL, ch, 0);
	struct ibv_mr *mr[2];
	struct pair p;

	for (int i = 0; i < 2; i++)
		mr[i] = ibv_reg_mr(of, w->data[i], MESSAGE,
				   IBV_ACCESS_LOCAL_WRITE |
					   IBV_ACCESS_REMOTE_WRITE |
					   IBV_ACCESS_REMOTE_READ);
	if (!of || !cq || !mr[0] || !mr[1] || !new_pair(&p, of, cq, NULL))
		return fail(w, "could not make a pair");
	if (!talk(w, &p, ch, cq, mr) || !sundries(w))
		return false;
	if (ibv_destroy_qp(p.qp[0]) || ibv_destroy_qp(p.qp[1]) ||
	    ibv_resize_cq(cq, 40) || ibv_destroy_cq(cq) ||
	    ibv_destroy_comp_channel(ch) || ibv_dereg_mr(mr[0]) ||
	    ibv_dereg_mr(mr[1]) || ibv_dealloc_pd(of))
		return fail(w, "could not destroy a pair");
	return true;
}

/* ---- what is shared ---- */

static bool post_shared(struct worker *w)
{
	struct pair *p = &shared.pair[w->rounds % PAIRS];
	bool send = w->rounds % 3 == 0;

	if (atomic_fetch_sub(&room, 1) <= 0) {
		atomic_fetch_add(&room, 1);
		return true;
	}
	if (post(p->qp[w->rounds / PAIRS % 2],
		 send ? IBV_WR_SEND : IBV_WR_RDMA_WRITE, shared.source,
		 shared.sink))
		return fail(w, "post to a shared QP");
	atomic_fetch_add(&posted, send ? 2 : 1);
	return true;
}

static int post_receive(void)
{
	struct ibv_sge sge = {.addr = (uintptr_t)shared.sink->addr,
			      .length = MESSAGE,
			      .lkey = shared.sink->lkey};
	struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

	return ibv_post_srq_recv(shared.srq, &wr, &bad);
}

static bool poll_shared(struct worker *w)
{
	struct ibv_wc wc[8];
	int n = ibv_poll_cq(shared.cq, 8, wc);

	if (n < 0)
		return fail(w, "poll of the shared CQ: %d", n);
	for (int i = 0; i < n; i++) {
		if (wc[i].status)
			return fail(w, "shared CQ: %s",
				    ibv_wc_status_str(wc[i].status));
		if (wc[i].opcode != IBV_WC_RECV)
			atomic_fetch_add(&room, 1);
		else if (post_receive())
			return fail(w, "post to the shared SRQ");
	}
	atomic_fetch_add(&completed, (unsigned long)n);
	return true;
}

/* All that was posted completes. */
static bool drain(struct worker *w)
{
	time_t give_up = now() + GIVE_UP_SEC;

	while (atomic_load(&completed) != atomic_load(&posted)) {
		if (!poll_shared(w))
			return false;
		if (now() > give_up)
			return fail(w, "%lu posted, %lu completed",
				    atomic_load(&posted),
				    atomic_load(&completed));
	}
	return true;
}

static bool make_shared(void)
{
	struct ibv_srq_init_attr a = {.attr = {.max_wr = DEPTH, .max_sge = 1}};

	shared.cq = ibv_create_cq(ctx, 4 * DEPTH, NULL, NULL, 0);
	shared.srq = ibv_create_srq(pd, &a);
	shared.source = ibv_reg_mr(pd, shared.from, MESSAGE, 0);
	shared.sink =
		ibv_reg_mr(pd, shared.to, MESSAGE,
			   IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
	if (!shared.cq || !shared.srq || !shared.source || !shared.sink)
		return false;
	for (unsigned i = 0; i < DEPTH; i++)
		if (post_receive())
			return false;
	for (unsigned i = 0; i < PAIRS; i++)
		if (!new_pair(&shared.pair[i], pd, shared.cq, shared.srq))
			return false;
	return true;
}

static bool destroy_shared(void)
{
	for (unsigned i = 0; i < PAIRS; i++)
		if (ibv_destroy_qp(shared.pair[i].qp[0]) ||
		    ibv_destroy_qp(shared.pair[i].qp[1]))
			return false;
	return !ibv_destroy_srq(shared.srq) && !ibv_destroy_cq(shared.cq) &&
	       !ibv_dereg_mr(shared.source) && !ibv_dereg_mr(shared.sink) &&
	       !ibv_dealloc_pd(pd) && !ibv_close_device(ctx);
}

/* ---- main ---- */

static void *work(void *arg)
{
	static bool (*const round[])(struct worker *) = {churn, post_shared,
							 poll_shared};
	struct worker *w = arg;

	/* One in any case, however late it gets a CPU. */
	do {
		if (!round[w->role](w))
			break;
		w->rounds++;
	} while (!atomic_load(&stop));
	return NULL;
}

static bool open_device(void)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	if (!list || !list[0])
		return false;
	ctx = ibv_open_device(list[0]);
	ibv_free_device_list(list);
	pd = ctx ? ibv_alloc_pd(ctx) : NULL;
	return pd != NULL;
}

int main(int argc, char **argv)
{
	static struct worker w[] = {
		{.role = CHURN}, {.role = CHURN}, {.role = CHURN},
		{.role = CHURN}, {.role = POST},  {.role = POST},
		{.role = POLL},	 {.role = POLL},
	};
	enum { N = sizeof(w) / sizeof(*w) };
	static const char *const names[] = {"made and destroyed",
					    "tried to post", "polled"};
	struct timespec nap = {.tv_sec = argc > 1 ? atoi(argv[1]) : 5};
	unsigned failed = 0;

	if (!open_device() || !make_shared()) {
		fprintf(stderr, "threads: no device to work on\n");
		return 1;
	}
	for (unsigned i = 0; i < N; i++) {
		w[i].number = i;
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	nanosleep(&nap, NULL);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < N; i++)
		pthread_join(w[i].thread, NULL);
	drain(&w[N - 1]);
	for (unsigned i = 0; i < N; i++) {
		printf("thread %u %s %lu times\n", i, names[w[i].role],
		       w[i].rounds);
		if (w[i].failed || !w[i].rounds)
			failed++;
	}
	if (!destroy_shared())
		failed++;
	printf("%u passed, %u failed\n", N - (failed < N ? failed : N), failed);
	return failed != 0;
}
