/* led TIMEOUT RETRIES RNR_RETRIES [srq]: an RC QP, led by lines on stdin,
 * for led.py.
 *
 * It prints where it is, "GID QPN ADDR RKEY", reads the same line of the other
 * side, connects and prints "ready".  Then it does what each line says:
 *
 *   flow     WRITEs, READs and atomics, always DEPTH of them outstanding;
 *            "flowing" once FLOWING have completed, and again as many after
 *            each SIGUSR1; ends with the report
 *   send     the same with SENDs
 *   destroy  its QP; "done"
 *   error    its QP's state; "done"
 *   fork     a child that exits; "done"
 *   leave    a child that stays until stdin ends; "done"
 *   exec     "done", and the program becomes cat
 *   part     PARTING WRITEs of one packet, one after the other, while another
 *            thread polls; half-way, a child exits that was made without the
 *            library's knowing; after the last, the program does
 *
 * The report comes after the first completion that is an error, and the program
 * ends: "failed STATUS USEC SENDS RECEIVES STATE EVENTS": microseconds since
 * that request was posted; how many others of both kinds were flushed after it;
 * the QP's state; the asynchronous events, or "none".
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <infiniband/verbs.h>

#define DEPTH	5u
#define RECVS	3u
#define LEN	8192u
#define FLOWING 100 /* completions */
#define PARTING 40

struct place {
	union ibv_gid gid;
	uint32_t qpn, rkey;
	uint64_t addr;
};

static struct {
	unsigned timeout, retries, rnr_retries;
	bool srq;
} settings;

static struct ibv_context *ctx;
static struct ibv_comp_channel *channel;
static struct ibv_cq *cq;
static struct ibv_srq *srq;
static struct ibv_qp *qp;
static struct ibv_mr *mr;
static struct place there;
static _Alignas(8) char memory[LEN];
static uint64_t posted_at[DEPTH]; /* usec */
static volatile sig_atomic_t again;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "led: %s\n", what);
	exit(1);
}

static void *must(void *made, const char *what)
{
	if (!made)
		die(what);
	return made;
}

static uint64_t now_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- set-up ---- */

static void make(void)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_srq_init_attr sa = {.attr = {RECVS, 1, 0}};
	struct ibv_qp_init_attr a = {
		.cap = {DEPTH, RECVS, 1, 1, 0},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};
	struct ibv_pd *pd;

	if (!list || !list[0])
		die("no device");
	ctx = must(ibv_open_device(list[0]), "ibv_open_device");
	ibv_free_device_list(list);
	pd = must(ibv_alloc_pd(ctx), "ibv_alloc_pd");
	mr = must(ibv_reg_mr(pd, memory, LEN,
			     IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
				     IBV_ACCESS_REMOTE_READ |
				     IBV_ACCESS_REMOTE_ATOMIC),
		  "ibv_reg_mr");
	channel = must(ibv_create_comp_channel(ctx), "ibv_create_comp_channel");
	cq = must(ibv_create_cq(ctx, 32, NULL, channel, 0), "ibv_create_cq");
	a.send_cq = a.recv_cq = cq;
	if (settings.srq)
		a.srq = srq = must(ibv_create_srq(pd, &sa), "ibv_create_srq");
	qp = must(ibv_create_qp(pd, &a), "ibv_create_qp");
}

static void tell(void)
{
	char gid[INET6_ADDRSTRLEN];
	struct place p = {.qpn = qp->qp_num, .rkey = mr->rkey};

	if (ibv_query_gid(ctx, 1, 1, &p.gid))
		die("ibv_query_gid");
	inet_ntop(AF_INET6, &p.gid, gid, sizeof(gid));
	printf("%s %u %llu %u\n", gid, p.qpn,
	       (unsigned long long)(uintptr_t)memory, p.rkey);
}

static void hear(void)
{
	char line[128], gid[64];
	unsigned long long addr;

	if (!fgets(line, sizeof(line), stdin) ||
	    sscanf(line, "%63s %u %llu %u", gid, &there.qpn, &addr,
		   &there.rkey) != 4 ||
	    inet_pton(AF_INET6, gid, &there.gid) != 1)
		die("no \"GID QPN ADDR RKEY\" on stdin");
	there.addr = addr;
}

static void modify(struct ibv_qp_attr *a, enum ibv_qp_state state, int mask)
{
	a->qp_state = state;
	if (ibv_modify_qp(qp, a, IBV_QP_STATE | mask))
		die("ibv_modify_qp");
}

static void connect_qp(void)
{
	struct ibv_qp_attr a = {
		.port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE |
				   IBV_ACCESS_REMOTE_READ |
				   IBV_ACCESS_REMOTE_ATOMIC,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = there.qpn,
		.max_dest_rd_atomic = DEPTH,
		.max_rd_atomic = DEPTH,
		.min_rnr_timer = 24, /* 40.96 ms */
		.timeout = (uint8_t)settings.timeout,
		.retry_cnt = (uint8_t)settings.retries,
		.rnr_retry = (uint8_t)settings.rnr_retries,
		.ah_attr = {.is_global = 1,
			    .port_num = 1,
			    .grh = {.dgid = there.gid,
				    .sgid_index = 1,
				    .hop_limit = 64}},
	};

	modify(&a, IBV_QPS_INIT,
	       IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	modify(&a, IBV_QPS_RTR,
	       IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
		       IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	modify(&a, IBV_QPS_RTS,
	       IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
		       IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

/* ---- requests and completions ---- */

static void post_receives(void)
{
	struct ibv_sge s = {(uintptr_t)memory, 1, mr->lkey};
	struct ibv_recv_wr wr = {.sg_list = &s, .num_sge = 1}, *bad;

	for (wr.wr_id = DEPTH; wr.wr_id < DEPTH + RECVS; wr.wr_id++)
		if (settings.srq ? ibv_post_srq_recv(srq, &wr, &bad)
				 : ibv_post_recv(qp, &wr, &bad))
			die("post a receive");
}

static void post(unsigned slot, bool sends)
{
	static const enum ibv_wr_opcode kinds[] = {IBV_WR_RDMA_WRITE,
						   IBV_WR_RDMA_READ,
						   IBV_WR_ATOMIC_FETCH_AND_ADD};
	static unsigned n;
	enum ibv_wr_opcode op = sends ? IBV_WR_SEND : kinds[n++ % 3];
	bool atomic = op == IBV_WR_ATOMIC_FETCH_AND_ADD;
	struct ibv_sge s = {(uintptr_t)memory, atomic ? 8 : LEN, mr->lkey};
	struct ibv_send_wr wr = {.wr_id = slot,
				 .sg_list = &s,
				 .num_sge = 1,
				 .opcode = op},
			   *bad;

	if (atomic) {
		wr.wr.atomic.remote_addr = there.addr;
		wr.wr.atomic.rkey = there.rkey;
		wr.wr.atomic.compare_add = 1;
	} else {
		wr.wr.rdma.remote_addr = there.addr;
		wr.wr.rdma.rkey = there.rkey;
	}
	posted_at[slot] = now_usec();
	if (ibv_post_send(qp, &wr, &bad))
		die("ibv_post_send");
}

/* The next completion.  It sleeps until there is one. */
static struct ibv_wc next(void)
{
	struct ibv_wc wc;
	struct ibv_cq *of;
	void *context;
	int n;

	while (!(n = ibv_poll_cq(cq, 1, &wc))) {
		if (ibv_req_notify_cq(cq, 0))
			die("ibv_req_notify_cq");
		n = ibv_poll_cq(cq, 1, &wc);
		if (n)
			break;
		if (ibv_get_cq_event(channel, &of, &context))
			die("ibv_get_cq_event");
		ibv_ack_cq_events(of, 1);
	}
	if (n < 0)
		die("ibv_poll_cq");
	return wc;
}

/* What comes within a moment. */
static void print_events(void)
{
	struct pollfd fd = {.fd = ctx->async_fd, .events = POLLIN};
	struct ibv_async_event e;
	unsigned n = 0;

	for (; poll(&fd, 1, 100) == 1; n++) {
		if (ibv_get_async_event(ctx, &e))
			die("ibv_get_async_event");
		printf("%s%s", n ? ", " : "", ibv_event_type_str(e.event_type));
		ibv_ack_async_event(&e);
	}
	printf("%s\n", n ? "" : "none");
}

static void report(const struct ibv_wc *first)
{
	static const char *const states[] = {"RESET", "INIT", "RTR", "RTS",
					     "SQD",   "SQE",  "ERR"};
	uint64_t took = now_usec() - posted_at[first->wr_id % DEPTH];
	unsigned receives = settings.srq ? 0 : RECVS, flushed[2] = {0, 0};
	struct ibv_qp_attr a;
	struct ibv_qp_init_attr ia;

	if (first->wr_id >= DEPTH)
		die("the first error is a receive's");
	for (unsigned left = DEPTH - 1 + receives; left; left--) {
		struct ibv_wc wc = next();

		if (wc.status != IBV_WC_WR_FLUSH_ERR)
			die("a completion after the error is no flush");
		flushed[wc.wr_id >= DEPTH]++;
	}
	if (ibv_query_qp(qp, &a, IBV_QP_STATE, &ia))
		die("ibv_query_qp");
	printf("failed %d %llu %u %u %s ", first->status,
	       (unsigned long long)took, flushed[0], flushed[1],
	       a.qp_state <= IBV_QPS_ERR ? states[a.qp_state] : "?");
	print_events();
}

static void count_again(int sig)
{
	again = 1;
}

static void flow(bool sends)
{
	unsigned completed = 0;
	struct ibv_wc wc;

	post_receives();
	for (unsigned i = 0; i < DEPTH; i++)
		post(i, sends);
	while ((wc = next()).status == IBV_WC_SUCCESS) {
		if (again) {
			again = 0;
			completed = 0;
		}
		if (completed <= FLOWING && ++completed == FLOWING)
			puts("flowing");
		post((unsigned)wc.wr_id, sends);
	}
	report(&wc);
}

/* Its child runs what was left for the end of a program, as any would. */
static void fork_child(bool stays)
{
	int status, child = fork();

	if (child < 0)
		die("fork");
	if (!child) {
		while (stays && getchar() != EOF)
			;
		exit(0);
	}
	if (!stays && (waitpid(child, &status, 0) != child || status))
		die("its child did not exit with 0");
}

static void *poll_forever(void *unused)
{
	struct ibv_cq *idle =
		must(ibv_create_cq(ctx, 1, NULL, NULL, 0), "ibv_create_cq");
	struct ibv_wc wc;

	while (!ibv_poll_cq(idle, 1, &wc))
		;
	die("a completion of nothing");
}

static void write_one(void)
{
	struct ibv_sge s = {(uintptr_t)memory, 8, mr->lkey};
	struct ibv_send_wr wr = {.sg_list = &s,
				 .num_sge = 1,
				 .opcode = IBV_WR_RDMA_WRITE,
				 .wr.rdma = {there.addr, there.rkey}},
			   *bad;
	struct ibv_wc wc;
	int n;

	if (ibv_post_send(qp, &wr, &bad))
		die("ibv_post_send");
	while (!(n = ibv_poll_cq(cq, 1, &wc)))
		;
	if (n < 0 || wc.status)
		die("a WRITE");
}

static _Noreturn void part(void)
{
	pthread_t poller;
	int status, child;

	if (pthread_create(&poller, NULL, poll_forever, NULL))
		die("pthread_create");
	for (unsigned i = 0; i < PARTING / 2; i++)
		write_one();
	child = (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!child)
		exit(0);
	if (waitpid(child, &status, 0) != child || status)
		die("its child did not exit with 0");
	for (unsigned i = 0; i < PARTING / 2; i++)
		write_one();
	exit(0);
}

static void obey(const char *line)
{
	struct ibv_qp_attr a = {0};

	if (!strcmp(line, "flow\n") || !strcmp(line, "send\n")) {
		flow(line[0] == 's');
		exit(0);
	}
	if (!strcmp(line, "part\n"))
		part();
	if (!strcmp(line, "destroy\n") && ibv_destroy_qp(qp))
		die("ibv_destroy_qp");
	if (!strcmp(line, "error\n"))
		modify(&a, IBV_QPS_ERR, 0);
	if (!strcmp(line, "fork\n") || !strcmp(line, "leave\n"))
		fork_child(line[0] == 'l');
	puts("done");
	if (!strcmp(line, "exec\n") && execlp("cat", "cat", (char *)NULL))
		die("cannot become cat");
}

int main(int argc, char **argv)
{
	char line[32];

	signal(SIGUSR1, count_again);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4)
		die("led TIMEOUT RETRIES RNR_RETRIES [srq]");
	settings.timeout = (unsigned)atoi(argv[1]);
	settings.retries = (unsigned)atoi(argv[2]);
	settings.rnr_retries = (unsigned)atoi(argv[3]);
	settings.srq = argc > 4;
	make();
	tell();
	hear();
	connect_qp();
	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
