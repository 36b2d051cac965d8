/* What the verbs of queue pairs answer to nonsense. */
#include "tests/unit/shim/world.h"

#include <unistd.h>

TestSuite(errno_qp, .init = world_open, .timeout = 120);

static struct ibv_qp *create(struct ibv_qp_init_attr a)
{
	return ibv_create_qp(pd, &a);
}

#define WITH(field, value)                                        \
	({                                                        \
		struct ibv_qp_init_attr a_ = qp_attr(IBV_QPT_RC); \
		a_.field = (value);                               \
		a_;                                               \
	})

Test(errno_qp, create_qp)
{
	unsigned wr = (unsigned)limits.max_qp_wr + 1;
	unsigned sge = (unsigned)limits.max_sge + 1;

	NULL_IS(create(WITH(send_cq, NULL)), EINVAL);
	NULL_IS(create(WITH(recv_cq, NULL)), EINVAL);
	NULL_IS(create(WITH(cap.max_send_wr, wr)), EINVAL);
	NULL_IS(create(WITH(cap.max_recv_wr, wr)), EINVAL);
	NULL_IS(create(WITH(cap.max_send_sge, sge)), EINVAL);
	NULL_IS(create(WITH(cap.max_recv_sge, sge)), EINVAL);
	NULL_IS(create(WITH(cap.max_inline_data, 1u << 20)), EINVAL);
	NULL_IS(create(WITH(qp_type, 77)), EOPNOTSUPP);
	NULL_IS(create(WITH(qp_type, IBV_QPT_DRIVER)), EOPNOTSUPP);
	/* There is no Ethernet; but first, only root may. */
	NULL_IS(create(WITH(qp_type, IBV_QPT_RAW_PACKET)),
		geteuid() ? EPERM : EOPNOTSUPP);
}

static struct ibv_qp *create_ex(enum ibv_qp_type type, uint32_t comp_mask,
				uint32_t flags, uint64_t ops)
{
	struct ibv_qp_init_attr_ex a = {.send_cq = cq,
					.recv_cq = cq,
					.cap = {1, 1, 1, 1, 0},
					.qp_type = type,
					.comp_mask = comp_mask,
					.pd = pd,
					.create_flags = flags,
					.send_ops_flags = ops};

	return ibv_create_qp_ex(ctx, &a);
}

Test(errno_qp, create_qp_ex)
{
	uint32_t by_pd = IBV_QP_INIT_ATTR_PD;
	uint32_t ops = by_pd | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;

	NULL_IS(create_ex(IBV_QPT_RC, 0, 0, 0), EINVAL);
	NULL_IS(create_ex(IBV_QPT_XRC_RECV, IBV_QP_INIT_ATTR_XRCD, 0, 0),
		EINVAL);
	NULL_IS(create_ex(IBV_QPT_RC, by_pd | 1 << 20, 0, 0), EOPNOTSUPP);
	NULL_IS(create_ex(IBV_QPT_UD, by_pd | IBV_QP_INIT_ATTR_CREATE_FLAGS,
			  IBV_QP_CREATE_SOURCE_QPN, 0),
		EOPNOTSUPP);
	NULL_IS(create_ex(IBV_QPT_RC, by_pd | IBV_QP_INIT_ATTR_MAX_TSO_HEADER,
			  0, 0),
		EOPNOTSUPP);
	NULL_IS(create_ex(IBV_QPT_UD, ops, 0, IBV_QP_EX_WITH_RDMA_READ),
		EOPNOTSUPP);
	NULL_IS(create_ex(IBV_QPT_UC, ops, 0, IBV_QP_EX_WITH_SEND_WITH_INV),
		EOPNOTSUPP);
	NULL_IS(create_ex(IBV_QPT_RC, ops, 0, 1ull << 50), EOPNOTSUPP);
	cr_expect(create_ex(IBV_QPT_RC, ops, 0, 0xfff & ~IBV_QP_EX_WITH_TSO));
}

Test(errno_qp, open_qp)
{
	struct ibv_xrcd_init_attr xa = {
		.comp_mask = 3, .fd = -1, .oflags = 0100};
	struct ibv_qp_open_attr a = {.comp_mask = IBV_QP_OPEN_ATTR_NUM |
						  IBV_QP_OPEN_ATTR_XRCD |
						  IBV_QP_OPEN_ATTR_TYPE,
				     .qp_num = 0x777777,
				     .qp_type = IBV_QPT_XRC_RECV};
	struct ibv_qp_init_attr_ex ia = {.qp_type = IBV_QPT_XRC_RECV,
					 .comp_mask = IBV_QP_INIT_ATTR_XRCD};
	struct ibv_qp *qp, *again;

	NULL_IS(ibv_open_qp(ctx, &a), EINVAL);
	a.xrcd = ia.xrcd = ibv_open_xrcd(ctx, &xa);
	cr_assert(a.xrcd);
	NULL_IS(ibv_open_qp(ctx, &a), EINVAL);
	qp = ibv_create_qp_ex(ctx, &ia);
	cr_assert(qp);
	a.qp_num = qp->qp_num;
	a.qp_type = IBV_QPT_RC;
	NULL_IS(ibv_open_qp(ctx, &a), EINVAL);
	a.qp_type = IBV_QPT_XRC_RECV;
	again = ibv_open_qp(ctx, &a);
	cr_assert(again);
	ERRNO_IS(ibv_close_xrcd(a.xrcd), EBUSY);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
	ERRNO_IS(ibv_close_xrcd(a.xrcd), EBUSY);
	ERRNO_IS(ibv_destroy_qp(again), 0);
	ERRNO_IS(ibv_close_xrcd(a.xrcd), 0);
}

Test(errno_qp, modify_qp)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_qp_attr a = {.qp_state = IBV_QPS_RTS, .port_num = 1};
	int init = IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
		   IBV_QP_ACCESS_FLAGS;

	ERRNO_IS(ibv_modify_qp(qp, &a, IBV_QP_STATE), EINVAL);
	a.qp_state = IBV_QPS_INIT;
	ERRNO_IS(ibv_modify_qp(qp, &a, IBV_QP_STATE), EINVAL);
	ERRNO_IS(ibv_modify_qp(qp, &a, init | IBV_QP_QKEY), EINVAL);
	ERRNO_IS(ibv_modify_qp(qp, &a, init | 1 << 30), EINVAL);
	a.port_num = 2;
	ERRNO_IS(ibv_modify_qp(qp, &a, init), EINVAL);
	a.port_num = 1;
	a.pkey_index = 100;
	ERRNO_IS(ibv_modify_qp(qp, &a, init), EINVAL);
	a.pkey_index = 0;
	a.qp_state = 55;
	ERRNO_IS(ibv_modify_qp(qp, &a, init), EINVAL);
	cr_expect_eq(qp->state, IBV_QPS_RESET);
	a.qp_state = IBV_QPS_INIT;
	ERRNO_IS(ibv_modify_qp(qp, &a, init), 0);
	cr_expect_eq(qp->state, IBV_QPS_INIT);
}

static int post(struct ibv_qp *qp, struct ibv_send_wr wr)
{
	struct ibv_send_wr *bad = NULL;
	int err = ibv_post_send(qp, &wr, &bad);

	cr_expect_eq(bad, err ? &wr : NULL);
	return err;
}

static int receive(struct ibv_qp *qp, struct ibv_recv_wr wr)
{
	struct ibv_recv_wr *bad = NULL;
	int err = ibv_post_recv(qp, &wr, &bad);

	cr_expect_eq(bad, err ? &wr : NULL);
	return err;
}

#define SEND(...) ((struct ibv_send_wr){.opcode = IBV_WR_SEND, __VA_ARGS__})
#define RECV(...) ((struct ibv_recv_wr){__VA_ARGS__})

Test(errno_qp, post_in_a_wrong_state)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);

	ERRNO_IS(post(qp, SEND()), EINVAL);
	ERRNO_IS(receive(qp, RECV()), EINVAL);
	to_init(qp);
	ERRNO_IS(post(qp, SEND()), EINVAL);
	ERRNO_IS(receive(qp, RECV()), 0);
}

Test(errno_qp, post_send)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_sge sge[3] = {sge_at(0, 8), sge_at(8, 8), sge_at(16, 8)};
	struct ibv_sge big = sge_at(0, 64);

	to_rts(qp);
	ERRNO_IS(post(qp, SEND(.sg_list = sge, .num_sge = 3)), EINVAL);
	ERRNO_IS(post(qp, SEND(.sg_list = sge, .num_sge = -1)), EINVAL);
	ERRNO_IS(post(qp, SEND(.sg_list = &big, .num_sge = 1,
			       .send_flags = IBV_SEND_INLINE)),
		 EINVAL);
	ERRNO_IS(post(qp, SEND(.send_flags = 1u << 9)), EINVAL);
	ERRNO_IS(post(qp, SEND(.send_flags = IBV_SEND_IP_CSUM)), EINVAL);
	for (unsigned op = IBV_WR_TSO; op <= 40; op++)
		ERRNO_IS(post(qp, (struct ibv_send_wr){.opcode = op}), EINVAL);
	ERRNO_IS(post(qp, (struct ibv_send_wr){.opcode = IBV_WR_BIND_MW}),
		 EINVAL);
	ERRNO_IS(
		post(qp,
		     (struct ibv_send_wr){.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
					  .sg_list = &big,
					  .num_sge = 1}),
		EINVAL);
	ERRNO_IS(post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_READ,
					       .send_flags = IBV_SEND_INLINE,
					       .sg_list = sge,
					       .num_sge = 1}),
		 EINVAL);
}

Test(errno_qp, queues_that_are_full)
{
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct ibv_qp *qp = ibv_create_qp(pd, &a);
	struct ibv_sge sge[3] = {sge_at(0, 8), sge_at(8, 8), sge_at(16, 8)};

	to_rts(qp);
	ERRNO_IS(receive(qp, RECV(.sg_list = sge, .num_sge = 3)), EINVAL);
	for (unsigned i = 0; i < a.cap.max_recv_wr; i++)
		ERRNO_IS(receive(qp, RECV(.sg_list = sge, .num_sge = 1)), 0);
	ERRNO_IS(receive(qp, RECV(.sg_list = sge, .num_sge = 1)), ENOMEM);
	/* Unsignaled requests give nothing to poll that would free slots. */
	for (unsigned i = 0; i < a.cap.max_send_wr; i++)
		ERRNO_IS(
			post(qp,
			     (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE}),
			0);
	ERRNO_IS(post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE}),
		 ENOMEM);
}

Test(errno_qp, opcodes_of_other_types)
{
	struct ibv_qp *ud = make_qp(IBV_QPT_UD);
	struct ibv_ah_attr where = own_address();
	struct ibv_ah *ah = ibv_create_ah(pd, &where);

	cr_assert(ah);
	to_rts(ud);
	ERRNO_IS(post(ud, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_READ,
					       .wr.ud.ah = ah}),
		 EINVAL);
	ERRNO_IS(post(ud, SEND(.wr.ud = {.ah = NULL})), EINVAL);
	ERRNO_IS(post(ud, SEND(.wr.ud = {.ah = ah, .remote_qpn = 1})), 0);
	ERRNO_IS(ibv_destroy_ah(ah), 0);
}

Test(errno_qp, srq)
{
	struct ibv_srq_init_attr sa = {.attr = {.max_wr = 4, .max_sge = 1}};
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_UC);
	struct ibv_qp *qp;

	a.srq = ibv_create_srq(pd, &sa);
	NULL_IS(ibv_create_qp(pd, &a), EINVAL); /* neither RC nor UD */
	a.qp_type = IBV_QPT_RC;
	qp = ibv_create_qp(pd, &a);
	to_init(qp);
	ERRNO_IS(receive(qp, RECV()), EINVAL);
}

Test(errno_qp, batch)
{
	struct ibv_qp *qp =
		create_ex(IBV_QPT_RC,
			  IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
			  0, IBV_QP_EX_WITH_RDMA_WRITE);
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(qp);
	struct ibv_wc wc[2];

	ibv_wr_start(ex);
	ibv_wr_rdma_write(ex, 0, 0);
	ERRNO_IS(ibv_wr_complete(ex), EINVAL); /* RESET */
	to_rts(qp);
	ibv_wr_start(ex);
	ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_write(ex, 0, 0);
	ibv_wr_send(ex); /* not asked for */
	ERRNO_IS(ibv_wr_complete(ex), EOPNOTSUPP);
	ibv_wr_start(ex);
	ibv_wr_rdma_write(ex, 0, 0);
	ibv_wr_rdma_write(ex, 0, 0); /* max_send_wr is 1 */
	ERRNO_IS(ibv_wr_complete(ex), ENOMEM);
	cr_expect_eq(ibv_poll_cq(cq, 2, wc), 0, "nothing was posted");
	cr_expect_null(ibv_qp_to_qp_ex(make_qp(IBV_QPT_RC)));
}

Test(errno_qp, multicast)
{
	struct ibv_qp *ud = make_qp(IBV_QPT_UD), *rc = make_qp(IBV_QPT_RC);
	union ibv_gid group = {.raw = {[10] = 0xff, 0xff, 230, 1, 2, 3}};
	union ibv_gid unicast = {.raw = {[10] = 0xff, 0xff, 10, 1, 2, 3}};

	ERRNO_IS(ibv_attach_mcast(rc, &group, 0), EINVAL);
	ERRNO_IS(ibv_attach_mcast(ud, &unicast, 0), EINVAL);
	ERRNO_IS(ibv_detach_mcast(ud, &group, 0), EINVAL);
	ERRNO_IS(ibv_attach_mcast(ud, &group, 0), 0);
	ERRNO_IS(ibv_attach_mcast(ud, &group, 0), 0); /* one copy, says man */
	ERRNO_IS(ibv_destroy_qp(ud), EBUSY);
	while (!ibv_detach_mcast(ud, &group, 0))
		;
	ERRNO_IS(ibv_destroy_qp(ud), 0);
}

static struct ibv_ah *create_ah(struct ibv_ah_attr a)
{
	return ibv_create_ah(pd, &a);
}

Test(errno_qp, address_handles)
{
	struct ibv_ah_attr a = own_address();

	a.is_global = 0;
	NULL_IS(create_ah(a), EINVAL);
	a.is_global = 1;
	a.port_num = 2;
	NULL_IS(create_ah(a), EINVAL);
	a.port_num = 1;
	a.grh.sgid_index = 200;
	NULL_IS(create_ah(a), EINVAL);
}

Test(errno_qp, ece_and_rate)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_qp_rate_limit_attr rate = {.comp_mask = 1};
	struct ibv_ece ece = {.vendor_id = 0};
	struct ibv_qp_attr attr;
	struct ibv_qp_init_attr init;

	ERRNO_IS(ibv_set_ece(qp, &ece), EOPNOTSUPP);
	ece.vendor_id = 0x02c9;
	ERRNO_IS(ibv_set_ece(qp, &ece), EINVAL);
	ERRNO_IS(ibv_query_ece(qp, &ece), 0);
	cr_expect_neq(ece.vendor_id, 0);
	ERRNO_IS(ibv_set_ece(qp, &ece), 0);
	ERRNO_IS(ibv_modify_qp_rate_limit(qp, &rate), EINVAL);
	to_rts(qp);
	rate = (struct ibv_qp_rate_limit_attr){.rate_limit = 1000};
	ERRNO_IS(ibv_modify_qp_rate_limit(qp, &rate), 0);
	ERRNO_IS(ibv_query_qp(qp, &attr, IBV_QP_RATE_LIMIT, &init), 0);
	cr_expect_eq(attr.rate_limit, 1000);
}

Test(errno_qp, flow_of_a_qp_that_takes_no_frames)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_flow_attr a = {.size = sizeof(a), .port = 1};

	NULL_IS(ibv_create_flow(qp, &a), EINVAL);
	a.comp_mask = 1;
	NULL_IS(ibv_create_flow(qp, &a), EINVAL);
}
