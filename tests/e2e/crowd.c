/* crowd QPS: that many RC QPs, each connected to its neighbour of the same NIC,
 * for show_test.py.  Prints "ready"; at each line on stdin it sends a message
 * through every QP, and prints "sent" when all have arrived.  "open" instead of
 * QPS: only opens the device; "domain": and allocates a protection domain.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <infiniband/verbs.h>

static struct ibv_context *ctx;
static struct ibv_pd *pd;
static struct ibv_mr *mr;
static struct ibv_cq *cq;
static struct ibv_qp **qp;
static unsigned n;
static char memory[64];

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "crowd: %s\n", what);
	exit(1);
}

static void *must(void *made, const char *what)
{
	if (!made)
		die(what);
	return made;
}

static void open_device(void)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	if (!list || !list[0])
		die("no device");
	ctx = must(ibv_open_device(list[0]), "ibv_open_device");
	ibv_free_device_list(list);
}

static void make_qp(unsigned i)
{
	struct ibv_qp_init_attr a = {
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {2, 2, 1, 1, 0},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	qp[i] = must(ibv_create_qp(pd, &a), "ibv_create_qp");
}

static void connect_qp(struct ibv_qp *from, const struct ibv_qp *to)
{
	struct ibv_qp_attr a = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = to->qp_num,
		.max_dest_rd_atomic = 1,
		.max_rd_atomic = 1,
		.min_rnr_timer = 12,
		.timeout = 18,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.ah_attr = {.is_global = 1,
			    .port_num = 1,
			    .grh = {.sgid_index = 1, .hop_limit = 64}},
	};
	int rc = ibv_query_gid(ctx, 1, 1, &a.ah_attr.grh.dgid);

	rc |= ibv_modify_qp(from, &a,
			    IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				    IBV_QP_ACCESS_FLAGS);
	a.qp_state = IBV_QPS_RTR;
	rc |= ibv_modify_qp(from, &a,
			    IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				    IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				    IBV_QP_MAX_DEST_RD_ATOMIC |
				    IBV_QP_MIN_RNR_TIMER);
	a.qp_state = IBV_QPS_RTS;
	rc |= ibv_modify_qp(from, &a,
			    IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
				    IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				    IBV_QP_MAX_QP_RD_ATOMIC);
	if (rc)
		die("cannot connect a QP");
}

static void make_crowd(void)
{
	mr = must(
		ibv_reg_mr(pd, memory, sizeof(memory), IBV_ACCESS_LOCAL_WRITE),
		"ibv_reg_mr");
	cq = must(ibv_create_cq(ctx, (int)(2 * n), NULL, NULL, 0),
		  "ibv_create_cq");
	qp = must(calloc(n, sizeof(struct ibv_qp *)), "no memory");
	for (unsigned i = 0; i < n; i++)
		make_qp(i);
	for (unsigned i = 0; i < n; i++)
		connect_qp(qp[i], qp[i ^ 1]);
}

static void post(struct ibv_qp *q)
{
	struct ibv_sge s = {(uintptr_t)memory, 8, mr->lkey};
	struct ibv_recv_wr r = {.sg_list = &s, .num_sge = 1}, *bad_r;
	struct ibv_send_wr w = {.sg_list = &s,
				.num_sge = 1,
				.opcode = IBV_WR_SEND},
			   *bad_w;

	if (ibv_post_recv(q, &r, &bad_r) || ibv_post_send(q, &w, &bad_w))
		die("post");
}

static void send_all(void)
{
	struct ibv_wc wc;
	int got;

	for (unsigned i = 0; i < n; i++)
		post(qp[i]);
	for (unsigned left = 2 * n; left; left -= (unsigned)got) {
		got = ibv_poll_cq(cq, 1, &wc);
		if (got < 0 || (got && wc.status != IBV_WC_SUCCESS))
			die("a completion with an error");
	}
}

int main(int argc, char **argv)
{
	char line[32];

	if (argc != 2)
		die("crowd QPS");
	setvbuf(stdout, NULL, _IOLBF, 0);
	n = ((unsigned)atoi(argv[1]) + 1) & ~1u;
	open_device();
	if (strcmp(argv[1], "open"))
		pd = must(ibv_alloc_pd(ctx), "ibv_alloc_pd");
	if (n)
		make_crowd();
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		send_all();
		puts("sent");
	}
	return 0;
}
