/* What the verbs of Ethernet frames answer to nonsense; only root may make
 * their QPs.
 */
#include "tests/unit/shim/world.h"

#include <stdio.h>
#include <unistd.h>

static void open_ethernet(void)
{
	/* Each test has its own loopback address: they run at once. */
	char spec[96];

	if (geteuid())
		cr_skip("needs root");
	snprintf(spec, sizeof(spec),
		 "port=vxlan,vni=9,local=127.0.%u.%u,remote=127.0.%u.%u",
		 33 + (unsigned)getpid() / 250 % 200,
		 1 + (unsigned)getpid() % 250,
		 33 + (unsigned)getpid() / 250 % 200,
		 1 + (unsigned)getpid() % 250);
	setenv("GLASSNIC_NIC", spec, 1);
	world_open();
}

TestSuite(errno_raw, .init = open_ethernet, .timeout = 120);

Test(errno_raw, qp_with_a_flow_is_busy)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RAW_PACKET);
	struct ibv_flow_attr a = {
		.size = sizeof(a), .type = IBV_FLOW_ATTR_SNIFFER, .port = 1};
	struct ibv_flow *flow = ibv_create_flow(qp, &a);

	cr_assert(flow);
	ERRNO_IS(ibv_destroy_qp(qp), EBUSY);
	ERRNO_IS(ibv_destroy_flow(flow), 0);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
}

Test(errno_raw, flow)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RAW_PACKET);
	struct {
		struct ibv_flow_attr attr;
		struct ibv_flow_spec_eth eth;
	} rule = {{.size = sizeof(rule), .num_of_specs = 1, .port = 1},
		  {.type = IBV_FLOW_SPEC_ETH, .size = sizeof(rule.eth)}};

	rule.attr.comp_mask = 1;
	NULL_IS(ibv_create_flow(qp, &rule.attr), EINVAL);
	rule.attr.comp_mask = 0;
	rule.eth.size = 3;
	NULL_IS(ibv_create_flow(qp, &rule.attr), EINVAL);
	rule.eth.size = sizeof(rule.eth);
	rule.eth.type = IBV_FLOW_SPEC_MPLS;
	NULL_IS(ibv_create_flow(qp, &rule.attr), EOPNOTSUPP);
	rule.attr.port = 2;
	NULL_IS(ibv_create_flow(qp, &rule.attr), EINVAL);
}

static struct ibv_wq *make_wq(void)
{
	struct ibv_wq_init_attr a = {.wq_type = IBV_WQT_RQ,
				     .max_wr = 4,
				     .max_sge = 1,
				     .pd = pd,
				     .cq = cq};

	return ibv_create_wq(ctx, &a);
}

static int modify(struct ibv_wq *wq, enum ibv_wq_state state)
{
	struct ibv_wq_attr a = {.attr_mask = IBV_WQ_ATTR_STATE,
				.wq_state = state};

	return ibv_modify_wq(wq, &a);
}

Test(errno_raw, wq)
{
	struct ibv_wq *wq = make_wq();
	struct ibv_wq_attr flags = {.attr_mask = IBV_WQ_ATTR_FLAGS};
	struct ibv_wq_attr wrong = {.attr_mask = IBV_WQ_ATTR_CURR_STATE,
				    .curr_wq_state = IBV_WQS_RDY};
	struct ibv_wq_init_attr homeless = {.wq_type = IBV_WQT_RQ, .cq = cq};
	struct ibv_recv_wr wr = {.wr_id = 1}, *bad;

	NULL_IS(ibv_create_wq(ctx, &homeless), EINVAL);
	cr_assert(wq);
	ERRNO_IS(ibv_modify_wq(wq, &flags), EOPNOTSUPP);
	ERRNO_IS(ibv_modify_wq(wq, &wrong), EINVAL);
	ERRNO_IS(ibv_post_wq_recv(wq, &wr, &bad), EINVAL);
	ERRNO_IS(modify(wq, IBV_WQS_RDY), 0);
	ERRNO_IS(ibv_post_wq_recv(wq, &wr, &bad), 0);
	ERRNO_IS(modify(wq, IBV_WQS_ERR), 0);
	ERRNO_IS(modify(wq, IBV_WQS_RDY), EINVAL);
	ERRNO_IS(ibv_destroy_cq(cq), EBUSY);
	ERRNO_IS(ibv_destroy_wq(wq), 0);
	ERRNO_IS(ibv_destroy_cq(cq), 0);
}

Test(errno_raw, rss)
{
	struct ibv_wq *wq[2] = {make_wq(), make_wq()};
	uint8_t key[40] = {1};
	struct ibv_rwq_ind_table_init_attr ta = {
		.log_ind_tbl_size = 1, .ind_tbl = wq, .comp_mask = 1};
	struct ibv_qp_init_attr_ex a = {
		.qp_type = IBV_QPT_RAW_PACKET,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_RX_HASH |
			     IBV_QP_INIT_ATTR_IND_TABLE,
		.pd = pd,
		.rx_hash_conf = {.rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ,
				 .rx_hash_key_len = 39,
				 .rx_hash_key = key,
				 .rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4}};
	struct ibv_rwq_ind_table *table;
	struct ibv_qp *qp;

	NULL_IS(ibv_create_rwq_ind_table(ctx, &ta), EOPNOTSUPP);
	ta.comp_mask = 0;
	table = ibv_create_rwq_ind_table(ctx, &ta);
	cr_assert(table);
	ERRNO_IS(ibv_destroy_wq(wq[0]), EBUSY);
	NULL_IS(ibv_create_qp_ex(ctx, &a), EINVAL); /* no table */
	a.rwq_ind_tbl = table;
	NULL_IS(ibv_create_qp_ex(ctx, &a), EINVAL); /* a short key */
	a.rx_hash_conf.rx_hash_key_len = 40;
	a.qp_type = IBV_QPT_UD;
	NULL_IS(ibv_create_qp_ex(ctx, &a), EINVAL);
	a.qp_type = IBV_QPT_RAW_PACKET;
	qp = ibv_create_qp_ex(ctx, &a);
	cr_assert(qp);
	ERRNO_IS(ibv_destroy_rwq_ind_table(table), EBUSY);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
	ERRNO_IS(ibv_destroy_rwq_ind_table(table), 0);
	ERRNO_IS(ibv_destroy_wq(wq[0]), 0);
	ERRNO_IS(ibv_destroy_wq(wq[1]), 0);
}
