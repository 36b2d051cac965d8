/* What the verbs of completion queues, shared receive queues, XRC and domains
 * answer to nonsense.
 */
#include "tests/unit/shim/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(errno_queue, .init = world_open, .timeout = 120);

Test(errno_queue, create_cq)
{
	NULL_IS(ibv_create_cq(ctx, 0, NULL, NULL, 0), EINVAL);
	NULL_IS(ibv_create_cq(ctx, limits.max_cqe + 1, NULL, NULL, 0), EINVAL);
	NULL_IS(ibv_create_cq(ctx, 1, NULL, NULL, ctx->num_comp_vectors),
		EINVAL);
}

static struct ibv_cq_ex *create_ex(uint32_t comp_mask, uint32_t flags,
				   uint64_t wc_flags)
{
	struct ibv_cq_init_attr_ex a = {.cqe = 4,
					.comp_mask = comp_mask,
					.flags = flags,
					.wc_flags = wc_flags};

	return ibv_create_cq_ex(ctx, &a);
}

Test(errno_queue, create_cq_ex)
{
	struct ibv_cq_ex *ex = create_ex(0, 0, 0);
	struct ibv_poll_cq_attr attr = {.comp_mask = 1};

	NULL_IS(create_ex(1 << 7, 0, 0), EOPNOTSUPP);
	NULL_IS(create_ex(IBV_CQ_INIT_ATTR_MASK_FLAGS, 1 << 7, 0), EOPNOTSUPP);
	NULL_IS(create_ex(0, 0, 1ull << 40), EOPNOTSUPP);
	NULL_IS(create_ex(0, 0, IBV_WC_EX_WITH_TM_INFO), EOPNOTSUPP);
	NULL_IS(create_ex(IBV_CQ_INIT_ATTR_MASK_PD, 0, 0), EINVAL);
	ERRNO_IS(ibv_start_poll(ex, &attr), EINVAL);
	attr.comp_mask = 0;
	ERRNO_IS(ibv_start_poll(ex, &attr), ENOENT);
}

Test(errno_queue, resize_and_modify_cq)
{
	struct ibv_modify_cq_attr bad = {.attr_mask = 1 << 1};
	struct ibv_modify_cq_attr good = {.attr_mask = IBV_CQ_ATTR_MODERATE,
					  .moderate = {4, 10}};

	ERRNO_IS(ibv_resize_cq(cq, 0), EINVAL);
	ERRNO_IS(ibv_resize_cq(cq, -1), EINVAL);
	ERRNO_IS(ibv_resize_cq(cq, limits.max_cqe + 1), EINVAL);
	ERRNO_IS(ibv_resize_cq(cq, 100), 0);
	cr_expect_geq(cq->cqe, 100);
	ERRNO_IS(ibv_modify_cq(cq, &bad), EINVAL);
	ERRNO_IS(ibv_modify_cq(cq, &good), 0);
}

Test(errno_queue, resize_below_what_is_queued)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);
	struct ibv_recv_wr wr = {.wr_id = 1}, *bad;
	struct ibv_qp_attr err = {.qp_state = IBV_QPS_ERR};

	to_rts(qp);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(ibv_post_recv(qp, &wr, &bad), 0);
	cr_assert_eq(ibv_modify_qp(qp, &err, IBV_QP_STATE), 0);
	ERRNO_IS(ibv_resize_cq(cq, 1), EINVAL);
}

Test(errno_queue, destroy_in_use_is_busy)
{
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_cq *with_channel = ibv_create_cq(ctx, 4, NULL, ch, 0);
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);

	ERRNO_IS(ibv_destroy_comp_channel(ch), EBUSY);
	ERRNO_IS(ibv_destroy_cq(with_channel), 0);
	ERRNO_IS(ibv_destroy_comp_channel(ch), 0);
	ERRNO_IS(ibv_destroy_cq(cq), EBUSY);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
	ERRNO_IS(ibv_destroy_cq(cq), 0);
}

Test(errno_queue, events_without_waiting)
{
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_async_event event;
	struct ibv_cq *of;
	void *context;

	fcntl(ch->fd, F_SETFL, O_NONBLOCK);
	fcntl(ctx->async_fd, F_SETFL, O_NONBLOCK);
	MINUS1_IS(ibv_get_cq_event(ch, &of, &context), EAGAIN);
	MINUS1_IS(ibv_get_async_event(ctx, &event), EAGAIN);
	ERRNO_IS(ibv_destroy_comp_channel(ch), 0);
}

/* ---- shared receive queues ---- */

static struct ibv_srq *create_srq(uint32_t wr, uint32_t sge)
{
	struct ibv_srq_init_attr a = {.attr = {.max_wr = wr, .max_sge = sge}};

	return ibv_create_srq(pd, &a);
}

Test(errno_queue, create_srq)
{
	NULL_IS(create_srq((uint32_t)limits.max_srq_wr + 1, 1), EINVAL);
	NULL_IS(create_srq(4, (uint32_t)limits.max_srq_sge + 1), EINVAL);
}

static struct ibv_srq *create_srq_ex(uint32_t comp_mask, enum ibv_srq_type type,
				     struct ibv_xrcd *xrcd, struct ibv_cq *of)
{
	struct ibv_srq_init_attr_ex a = {.attr = {.max_wr = 4, .max_sge = 1},
					 .comp_mask = comp_mask,
					 .srq_type = type,
					 .pd = pd,
					 .xrcd = xrcd,
					 .cq = of};

	return ibv_create_srq_ex(ctx, &a);
}

static struct ibv_xrcd *open_xrcd(int fd, int oflags)
{
	struct ibv_xrcd_init_attr a = {.comp_mask = IBV_XRCD_INIT_ATTR_FD |
						    IBV_XRCD_INIT_ATTR_OFLAGS,
				       .fd = fd,
				       .oflags = oflags};

	return ibv_open_xrcd(ctx, &a);
}

#define XRC_BITS                                         \
	(IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | \
	 IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ)

Test(errno_queue, create_srq_ex)
{
	struct ibv_xrcd *xrcd = open_xrcd(-1, O_CREAT);
	struct ibv_srq *srq;
	uint32_t num;

	NULL_IS(create_srq_ex(1 << 9, 0, NULL, NULL), EINVAL);
	NULL_IS(create_srq_ex(IBV_SRQ_INIT_ATTR_TYPE, 0, NULL, NULL), EINVAL);
	NULL_IS(create_srq_ex(XRC_BITS, 9, NULL, NULL), EINVAL);
	NULL_IS(create_srq_ex(XRC_BITS & ~IBV_SRQ_INIT_ATTR_CQ, IBV_SRQT_XRC,
			      xrcd, cq),
		EINVAL);
	NULL_IS(create_srq_ex(XRC_BITS, IBV_SRQT_XRC, NULL, cq), EINVAL);
	NULL_IS(create_srq_ex(XRC_BITS, IBV_SRQT_XRC, xrcd, NULL), EINVAL);
	NULL_IS(create_srq_ex(XRC_BITS | IBV_SRQ_INIT_ATTR_TM, IBV_SRQT_TM,
			      NULL, cq),
		EOPNOTSUPP);
	srq = create_srq_ex(XRC_BITS, IBV_SRQT_XRC, xrcd, cq);
	cr_assert(srq);
	ERRNO_IS(ibv_get_srq_num(srq, &num), 0);
	ERRNO_IS(ibv_close_xrcd(xrcd), EBUSY);
	ERRNO_IS(ibv_destroy_cq(cq), EBUSY);
	ERRNO_IS(ibv_destroy_srq(srq), 0);
	ERRNO_IS(ibv_close_xrcd(xrcd), 0);
}

Test(errno_queue, srq)
{
	struct ibv_srq *srq = create_srq(4, 1);
	struct ibv_srq_attr a = {.max_wr = 8, .srq_limit = 2};
	struct ibv_sge sge[2] = {sge_at(0, 8), sge_at(8, 8)};
	struct ibv_recv_wr wr = {.sg_list = sge, .num_sge = 2}, *bad = NULL;
	struct ibv_ops_wr op, *bad_op;
	uint32_t num;

	ERRNO_IS(ibv_post_srq_recv(srq, &wr, &bad), EINVAL);
	cr_expect_eq(bad, &wr);
	wr.num_sge = 1;
	for (int i = 0; i < 4; i++)
		ERRNO_IS(ibv_post_srq_recv(srq, &wr, &bad), 0);
	bad = NULL;
	ERRNO_IS(ibv_post_srq_recv(srq, &wr, &bad), ENOMEM);
	cr_expect_eq(bad, &wr);
	ERRNO_IS(ibv_modify_srq(srq, &a, 1 << 5), EINVAL);
	ERRNO_IS(ibv_modify_srq(srq, &a, IBV_SRQ_MAX_WR), EOPNOTSUPP);
	ERRNO_IS(ibv_modify_srq(srq, &a, IBV_SRQ_LIMIT), 0);
	a.srq_limit = 1000;
	ERRNO_IS(ibv_modify_srq(srq, &a, IBV_SRQ_LIMIT), EINVAL);
	ERRNO_IS(ibv_query_srq(srq, &a), 0);
	cr_expect_eq(a.srq_limit, 2);
	cr_expect_eq(a.max_wr, 4);
	ERRNO_IS(ibv_get_srq_num(srq, &num), EOPNOTSUPP);
	ERRNO_IS(ibv_post_srq_ops(srq, &op, &bad_op), EOPNOTSUPP);
}

Test(errno_queue, srq_of_a_qp_is_busy)
{
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct ibv_qp *qp;

	a.srq = create_srq(4, 1);
	qp = ibv_create_qp(pd, &a);
	cr_assert(qp);
	ERRNO_IS(ibv_destroy_srq(a.srq), EBUSY);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
	ERRNO_IS(ibv_destroy_srq(a.srq), 0);
}

/* ---- XRC domains ---- */

Test(errno_queue, xrcd)
{
	struct ibv_xrcd_init_attr half = {.comp_mask = IBV_XRCD_INIT_ATTR_FD,
					  .fd = -1};
	int fd = fileno(tmpfile());
	struct ibv_xrcd *first, *again;

	NULL_IS(ibv_open_xrcd(ctx, &half), EINVAL);
	NULL_IS(open_xrcd(-1, 0), EINVAL);
	NULL_IS(open_xrcd(-1, O_CREAT | O_APPEND), EINVAL);
	NULL_IS(open_xrcd(987654, O_CREAT), EBADF);
	NULL_IS(open_xrcd(fd, 0), ENOENT);
	first = open_xrcd(fd, O_CREAT);
	cr_assert(first);
	NULL_IS(open_xrcd(fd, O_CREAT | O_EXCL), EEXIST);
	again = open_xrcd(dup(fd), 0);
	cr_assert(again, "by its inode");
	ERRNO_IS(ibv_close_xrcd(first), 0);
	ERRNO_IS(ibv_close_xrcd(again), 0);
	NULL_IS(open_xrcd(fd, 0), ENOENT);
}

/* ---- domains ---- */

static struct ibv_pd *alloc_parent(struct ibv_pd *of, struct ibv_td *td,
				   uint32_t comp_mask)
{
	struct ibv_parent_domain_init_attr a = {
		.pd = of, .td = td, .comp_mask = comp_mask};

	return ibv_alloc_parent_domain(ctx, &a);
}

Test(errno_queue, parent_and_thread_domains)
{
	struct ibv_td_init_attr td_attr = {.comp_mask = 1};
	struct ibv_td *td;
	struct ibv_pd *parent;

	NULL_IS(ibv_alloc_td(ctx, &td_attr), EINVAL);
	td_attr.comp_mask = 0;
	td = ibv_alloc_td(ctx, &td_attr);
	cr_assert(td);
	NULL_IS(alloc_parent(NULL, td, 0), EINVAL);
	NULL_IS(alloc_parent(pd, td, 1 << 5), EINVAL);
	NULL_IS(alloc_parent(pd, td, IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS),
		EINVAL);
	parent = alloc_parent(other_pd, td, 0);
	cr_assert(parent);
	NULL_IS(alloc_parent(parent, NULL, 0), EINVAL);
	ERRNO_IS(ibv_dealloc_td(td), EBUSY);
	ERRNO_IS(ibv_dealloc_pd(other_pd), EBUSY);
	ERRNO_IS(ibv_dealloc_pd(parent), 0);
	ERRNO_IS(ibv_dealloc_pd(other_pd), 0);
	ERRNO_IS(ibv_dealloc_td(td), 0);
}

static unsigned allocated, freed;
static void *answer;

static void *count_alloc(struct ibv_pd *of, void *pd_context, size_t size,
			 size_t alignment, uint64_t type)
{
	allocated++;
	return answer ? answer : NULL;
}

static void count_free(struct ibv_pd *of, void *pd_context, void *p,
		       uint64_t type)
{
	freed++;
}

Test(errno_queue, parent_domain_in_use_is_busy)
{
	static char room[4096] __attribute__((aligned(64)));
	struct ibv_parent_domain_init_attr a = {
		.pd = pd,
		.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS,
		.alloc = count_alloc,
		.free = count_free};
	struct ibv_pd *parent = ibv_alloc_parent_domain(ctx, &a);
	struct ibv_qp_init_attr attr = qp_attr(IBV_QPT_RC);
	struct ibv_qp *qp;

	NULL_IS(ibv_create_qp(parent, &attr), ENOMEM);
	answer = room;
	qp = ibv_create_qp(parent, &attr);
	cr_assert_eq(allocated, 2);
	cr_expect((char *)qp >= room && (char *)qp < room + sizeof(room));
	ERRNO_IS(ibv_dealloc_pd(parent), EBUSY);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
	cr_expect_eq(freed, 1);
	answer = IBV_ALLOCATOR_USE_DEFAULT;
	qp = ibv_create_qp(parent, &attr);
	ERRNO_IS(ibv_destroy_qp(qp), 0);
	cr_expect_eq(freed, 1, "that was not the program's memory");
	ERRNO_IS(ibv_dealloc_pd(parent), 0);
}

/* ---- what a port without Ethernet, or no NIC of this kind, has ---- */

Test(errno_queue, not_supported)
{
	struct ibv_wq_init_attr wq = {.wq_type = IBV_WQT_RQ,
				      .max_wr = 1,
				      .max_sge = 1,
				      .pd = pd,
				      .cq = cq};
	struct ibv_counters_init_attr counters = {0};

	NULL_IS(ibv_create_counters(ctx, &counters), EOPNOTSUPP);
	NULL_IS(ibv_create_wq(ctx, &wq), EOPNOTSUPP);
}
