/* A real NIC (port=udp) and, on it, one object of each kind that most verbs
 * need.
 */
#ifndef TESTS_UNIT_SHIM_WORLD_H
#define TESTS_UNIT_SHIM_WORLD_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <infiniband/verbs.h>

#define WORLD_WR 4u

static struct ibv_context *ctx;
static struct ibv_pd *pd, *other_pd;
static struct ibv_cq *cq;
static struct ibv_mr *mr;
static struct ibv_device_attr limits;
static char memory[8192] __attribute__((aligned(4096)));

#define ALL_RIGHTS                                           \
	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |  \
	 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC | \
	 IBV_ACCESS_MW_BIND)

/* @call must give errno value @err. */
#define ERRNO_IS(call, err)                                       \
	do {                                                      \
		int got_ = (call);                                \
		cr_expect_eq(got_, err, "%s: %s, not %s", #call,  \
			     strerrorname_np(got_) ?: "?", #err); \
	} while (0)

/* @call must give NULL and set errno to @err. */
#define NULL_IS(call, err)                                         \
	do {                                                       \
		errno = 0;                                         \
		cr_expect_null(call, "%s: not NULL", #call);       \
		cr_expect_eq(errno, err, "%s: %s, not %s", #call,  \
			     strerrorname_np(errno) ?: "?", #err); \
	} while (0)

/* @call must give -1 and set errno to @err. */
#define MINUS1_IS(call, err)                                       \
	do {                                                       \
		errno = 0;                                         \
		cr_expect_eq(call, -1, "%s: not -1", #call);       \
		cr_expect_eq(errno, err, "%s: %s, not %s", #call,  \
			     strerrorname_np(errno) ?: "?", #err); \
	} while (0)

static inline void world_open(void)
{
	struct ibv_device **list;

	setenv("GLASSNIC_NIC", "port=udp", 0);
	list = ibv_get_device_list(NULL);
	cr_assert(list && list[0]);
	ctx = ibv_open_device(list[0]);
	cr_assert(ctx);
	ibv_free_device_list(list);
	pd = ibv_alloc_pd(ctx);
	other_pd = ibv_alloc_pd(ctx);
	cq = ibv_create_cq(ctx, 16, NULL, NULL, 0);
	mr = ibv_reg_mr(pd, memory, sizeof(memory), ALL_RIGHTS);
	cr_assert(pd && other_pd && cq && mr);
	ibv_query_device(ctx, &limits);
}

static inline struct ibv_qp_init_attr qp_attr(enum ibv_qp_type type)
{
	return (struct ibv_qp_init_attr){
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {.max_send_wr = WORLD_WR,
			.max_recv_wr = WORLD_WR,
			.max_send_sge = 2,
			.max_recv_sge = 2,
			.max_inline_data = 32},
		.qp_type = type,
	};
}

static inline struct ibv_qp *make_qp(enum ibv_qp_type type)
{
	struct ibv_qp_init_attr attr = qp_attr(type);
	struct ibv_qp *qp = ibv_create_qp(pd, &attr);

	cr_assert(qp);
	return qp;
}

static inline struct ibv_ah_attr own_address(void)
{
	struct ibv_ah_attr a = {
		.is_global = 1, .port_num = 1, .grh.hop_limit = 64};

	ibv_query_gid(ctx, 1, 0, &a.grh.dgid);
	return a;
}

/* RC, to itself; UD. */
static inline void to_init(struct ibv_qp *qp)
{
	struct ibv_qp_attr a = {.qp_state = IBV_QPS_INIT,
				.port_num = 1,
				.qkey = 1,
				.qp_access_flags = IBV_ACCESS_REMOTE_READ |
						   IBV_ACCESS_REMOTE_WRITE};
	int mask =
		IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
		(qp->qp_type == IBV_QPT_UD ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS);

	cr_assert_eq(ibv_modify_qp(qp, &a, mask), 0);
}

static inline void connect_to(struct ibv_qp *qp, struct ibv_ah_attr where,
			      uint32_t peer)
{
	struct ibv_qp_attr a = {.qp_state = IBV_QPS_RTR,
				.path_mtu = IBV_MTU_1024,
				.dest_qp_num = peer,
				.max_dest_rd_atomic = 1,
				.min_rnr_timer = 12,
				.ah_attr = where};
	bool rc = qp->qp_type == IBV_QPT_RC;

	to_init(qp);
	cr_assert_eq(
		ibv_modify_qp(qp, &a,
			      !rc ? IBV_QP_STATE
				  : IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
					      IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
					      IBV_QP_MAX_DEST_RD_ATOMIC |
					      IBV_QP_MIN_RNR_TIMER),
		0);
	a = (struct ibv_qp_attr){.qp_state = IBV_QPS_RTS,
				 .timeout = 14,
				 .retry_cnt = 7,
				 .rnr_retry = 7,
				 .max_rd_atomic = 1};
	cr_assert_eq(ibv_modify_qp(
			     qp, &a,
			     IBV_QP_STATE | IBV_QP_SQ_PSN |
				     (!rc ? 0
					  : IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
						      IBV_QP_RNR_RETRY |
						      IBV_QP_MAX_QP_RD_ATOMIC)),
		     0);
}

static inline void to_rts(struct ibv_qp *qp)
{
	connect_to(qp, own_address(), qp->qp_num);
}

static inline void connect_pair(struct ibv_qp *a, struct ibv_qp *b)
{
	connect_to(a, own_address(), b->qp_num);
	connect_to(b, own_address(), a->qp_num);
}

static inline struct ibv_sge sge_at(size_t at, uint32_t len)
{
	return (struct ibv_sge){.addr = (uintptr_t)memory + at,
				.length = len,
				.lkey = mr->lkey};
}

#endif
