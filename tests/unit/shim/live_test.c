/* Features that rdma-core's own suite does not try, on a real NIC that talks to
 * itself.
 */
#include "tests/unit/shim/world.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* rdma-core 56's, beyond version 44's headers. */
#define QP_EX_WITH_FLUSH (1u << 11)
#define ACCESS_FLUSH	 (3u << 8)
#define WC_FLUSH	 8
#define FLUSH_GLOBAL	 1
#define FLUSH_RANGE	 0

#define PATIENCE 60000 /* milliseconds for what must come */

TestSuite(live, .init = world_open, .timeout = 120);

static struct ibv_wc wait_for(struct ibv_cq *of)
{
	struct ibv_wc wc = {0};
	int n = 0;

	while (!n)
		n = ibv_poll_cq(of, 1, &wc);
	cr_assert_eq(n, 1);
	return wc;
}

static struct ibv_wc wait_ok(struct ibv_cq *of)
{
	struct ibv_wc wc = wait_for(of);

	cr_assert_eq(wc.status, IBV_WC_SUCCESS, "%s",
		     ibv_wc_status_str(wc.status));
	return wc;
}

static void post(struct ibv_qp *qp, struct ibv_send_wr wr)
{
	struct ibv_send_wr *bad;

	wr.send_flags |= IBV_SEND_SIGNALED;
	cr_assert_eq(ibv_post_send(qp, &wr, &bad), 0);
}

static void receive(struct ibv_qp *qp, struct ibv_sge sge)
{
	struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

	cr_assert_eq(ibv_post_recv(qp, &wr, &bad), 0);
}

static struct ibv_qp *rc_to_itself(void)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC);

	to_rts(qp);
	return qp;
}

#define AT(offset) ((uintptr_t)memory + (offset))

/* ---- datagrams ---- */

Test(live, datagram_is_answered_by_an_address_handle_from_it)
{
	struct ibv_qp *asks = make_qp(IBV_QPT_UD),
		      *answers = make_qp(IBV_QPT_UD);
	struct ibv_ah_attr where = own_address();
	struct ibv_ah *ah = ibv_create_ah(pd, &where), *back;
	struct ibv_grh *grh = (struct ibv_grh *)(memory + 1024);
	struct ibv_sge text = sge_at(0, 5);
	struct ibv_wc wc;

	to_rts(asks);
	to_rts(answers);
	strcpy(memory, "hello");
	receive(answers, sge_at(1024, 100));
	receive(asks, sge_at(2048, 100));
	post(asks, (struct ibv_send_wr){.opcode = IBV_WR_SEND,
					.sg_list = &text,
					.num_sge = 1,
					.wr.ud = {ah, answers->qp_num, 1}});
	do
		wc = wait_ok(cq);
	while (wc.opcode != IBV_WC_RECV);
	cr_assert_eq(wc.byte_len, 45);
	cr_assert_eq(wc.src_qp, asks->qp_num);
	cr_assert(wc.wc_flags & IBV_WC_GRH);
	back = ibv_create_ah_from_wc(pd, &wc, grh, 1);
	cr_assert(back, "%m");
	post(answers, (struct ibv_send_wr){.opcode = IBV_WR_SEND_WITH_IMM,
					   .imm_data = 7,
					   .sg_list = &text,
					   .num_sge = 1,
					   .wr.ud = {back, wc.src_qp, 1}});
	do
		wc = wait_ok(cq);
	while (wc.opcode != IBV_WC_RECV);
	cr_assert_eq(wc.qp_num, asks->qp_num);
	cr_assert_eq(wc.imm_data, 7);
	cr_assert_str_eq(memory + 2048 + 40, "hello");
	cr_assert_eq(ibv_destroy_ah(ah), 0);
	cr_assert_eq(ibv_destroy_ah(back), 0);
}

Test(live, multicast_reaches_who_is_attached)
{
	struct ibv_qp *from = make_qp(IBV_QPT_UD), *to = make_qp(IBV_QPT_UD);
	struct ibv_ah_attr where = own_address();
	struct ibv_sge text = sge_at(0, 5);
	struct ibv_ah *ah;
	struct ibv_wc wc;

	where.grh.dgid =
		(union ibv_gid){.raw = {[10] = 0xff, 0xff, 239, 1, 2, 3}};
	ah = ibv_create_ah(pd, &where);
	to_rts(from);
	to_rts(to);
	cr_assert_eq(ibv_attach_mcast(to, &where.grh.dgid, 0), 0);
	receive(to, sge_at(1024, 100));
	post(from, (struct ibv_send_wr){.opcode = IBV_WR_SEND,
					.sg_list = &text,
					.num_sge = 1,
					.wr.ud = {ah, 0xffffff, 1}});
	do
		wc = wait_ok(cq);
	while (wc.opcode != IBV_WC_RECV);
	cr_assert_eq(wc.qp_num, to->qp_num);
	cr_assert_eq(wc.byte_len, 45);
	cr_assert_eq(ibv_destroy_ah(ah), 0);
}

/* ---- requests ---- */

Test(live, atomic_write_and_flush)
{
	struct ibv_qp_init_attr_ex a = {
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {4, 4, 1, 1, 0},
		.qp_type = IBV_QPT_RC,
		.comp_mask =
			IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = pd,
		.send_ops_flags =
			IBV_QP_EX_WITH_ATOMIC_WRITE | QP_EX_WITH_FLUSH};
	struct ibv_mr *flushable =
		ibv_reg_mr(pd, memory, 4096, ALL_RIGHTS | ACCESS_FLUSH);
	struct ibv_qp *qp = ibv_create_qp_ex(ctx, &a);
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(qp);
	void (*flush)(struct ibv_qp_ex *, uint32_t, uint64_t, size_t, uint8_t,
		      uint8_t);
	struct ibv_qp_attr rights = {.qp_access_flags =
					     ALL_RIGHTS | ACCESS_FLUSH};
	uint64_t value = 0x1122334455667788;

	cr_assert(flushable && ex);
	to_rts(qp);
	cr_assert_eq(ibv_modify_qp(qp, &rights, IBV_QP_ACCESS_FLAGS), 0);
	memcpy(&flush, &ex->wr_atomic_write + 1, sizeof(flush));
	ibv_wr_start(ex);
	ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_atomic_write(ex, flushable->rkey, AT(64), &value);
	flush(ex, flushable->rkey, AT(0), 128, FLUSH_GLOBAL, FLUSH_RANGE);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(wait_ok(cq).opcode, IBV_WC_ATOMIC_WRITE);
	cr_assert_eq((int)wait_ok(cq).opcode, WC_FLUSH);
	cr_assert_eq(memcmp(memory + 64, &value, 8), 0);
}

Test(live, batch_with_inline_data)
{
	struct ibv_qp_init_attr_ex a = {
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {4, 4, 1, 1, 64},
		.qp_type = IBV_QPT_RC,
		.comp_mask =
			IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = pd,
		.send_ops_flags = IBV_QP_EX_WITH_RDMA_WRITE};
	struct ibv_qp *qp = ibv_create_qp_ex(ctx, &a);
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(qp);
	char one[] = "one", two[] = "two";
	struct ibv_data_buf both[] = {{one, 3}, {two, 3}};

	to_rts(qp);
	ibv_wr_start(ex);
	ex->wr_flags = IBV_SEND_SIGNALED;
	ex->wr_id = 5;
	ibv_wr_rdma_write(ex, mr->rkey, AT(100));
	ibv_wr_set_inline_data_list(ex, 2, both);
	memset(one, 'x', 3);
	cr_assert_eq(ibv_wr_complete(ex), 0);
	cr_assert_eq(wait_ok(cq).wr_id, 5);
	cr_assert_str_eq(memory + 100, "onetwo");
}

Test(live, null_region)
{
	struct ibv_mr *null = ibv_alloc_null_mr(pd);
	struct ibv_qp *qp = rc_to_itself();
	struct ibv_sge from = {.addr = 0x1000, .length = 8, .lkey = null->lkey};

	cr_assert(null);
	memset(memory, 'x', 16);
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE,
				      .sg_list = &from,
				      .num_sge = 1,
				      .wr.rdma = {AT(0), mr->rkey}});
	wait_ok(cq);
	cr_assert_eq(memcmp(memory, "\0\0\0\0\0\0\0\0xxxxxxxx", 16), 0);
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_READ,
				      .sg_list = &from,
				      .num_sge = 1,
				      .wr.rdma = {AT(8), mr->rkey}});
	wait_ok(cq); /* into nowhere */
	cr_assert_eq(ibv_dereg_mr(null), 0);
}

Test(live, memory_that_goes_away_is_an_error_and_no_crash)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ibv_mr *gone = ibv_reg_mr(pd, p, 4096, ALL_RIGHTS);
	struct ibv_qp *qp = rc_to_itself();
	struct ibv_sge sge = sge_at(0, 64);
	struct ibv_wc wc;

	munmap(p, 4096);
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE,
				      .sg_list = &sge,
				      .num_sge = 1,
				      .wr.rdma = {(uintptr_t)p, gone->rkey}});
	wc = wait_for(cq);
	cr_assert_neq(wc.status, IBV_WC_SUCCESS);
}

/* Nobody polls, so that it is the NIC's own thread that finds the memory gone. */
Test(live, memory_that_goes_away_under_the_nics_thread)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ibv_mr *gone = ibv_reg_mr(pd, p, 4096, ALL_RIGHTS);
	struct ibv_qp *qp = rc_to_itself();
	struct ibv_sge sge = sge_at(0, 64);
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr = {.qp_state = IBV_QPS_RTS};

	munmap(p, 4096);
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE,
				      .sg_list = &sge,
				      .num_sge = 1,
				      .wr.rdma = {(uintptr_t)p, gone->rkey}});
	for (unsigned i = 0; i < PATIENCE && attr.qp_state == IBV_QPS_RTS;
	     i++) {
		usleep(1000);
		cr_assert_eq(ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), 0);
	}
	cr_assert_eq(attr.qp_state, IBV_QPS_ERR);
}

/* ---- events ---- */

Test(live, srq_limit_event)
{
	struct ibv_srq_init_attr sa = {.attr = {.max_wr = 4, .max_sge = 1}};
	struct ibv_srq_attr limit = {.srq_limit = 2};
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct ibv_sge sge = sge_at(1024, 64), text = sge_at(0, 8);
	struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;
	struct ibv_async_event event;
	struct ibv_qp *qp;

	a.srq = ibv_create_srq(pd, &sa);
	qp = ibv_create_qp(pd, &a);
	to_rts(qp);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(ibv_post_srq_recv(a.srq, &wr, &bad), 0);
	cr_assert_eq(ibv_modify_srq(a.srq, &limit, IBV_SRQ_LIMIT), 0);
	for (int i = 0; i < 2; i++) {
		post(qp, (struct ibv_send_wr){.opcode = IBV_WR_SEND,
					      .sg_list = &text,
					      .num_sge = 1});
		wait_ok(cq);
		wait_ok(cq);
	}
	do {
		cr_assert_eq(ibv_get_async_event(ctx, &event), 0);
		ibv_ack_async_event(&event);
	} while (event.event_type == IBV_EVENT_COMM_EST);
	cr_assert_eq(event.event_type, IBV_EVENT_SRQ_LIMIT_REACHED);
	cr_assert_eq(event.element.srq, a.srq);
	cr_assert_eq(ibv_query_srq(a.srq, &limit), 0);
	cr_assert_eq(limit.srq_limit, 0, "it is raised once");
	cr_assert_eq(ibv_destroy_qp(qp), 0);
	cr_assert_eq(ibv_destroy_srq(a.srq), 0);
}

/* The next event that is no COMM_EST, acknowledged. */
static struct ibv_async_event next_event(void)
{
	struct ibv_async_event event;
	struct pollfd fd = {.fd = ctx->async_fd, .events = POLLIN};

	do {
		cr_assert_eq(poll(&fd, 1, PATIENCE), 1, "no event");
		cr_assert_eq(ibv_get_async_event(ctx, &event), 0);
		ibv_ack_async_event(&event);
	} while (event.event_type == IBV_EVENT_COMM_EST);
	return event;
}

Test(live, last_request_of_a_shared_queue_is_told)
{
	struct ibv_srq_init_attr sa = {.attr = {.max_wr = 4, .max_sge = 1}};
	struct ibv_qp_attr err = {.qp_state = IBV_QPS_ERR};
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct ibv_async_event event;
	struct ibv_qp *qp;

	a.srq = ibv_create_srq(pd, &sa);
	qp = ibv_create_qp(pd, &a);
	to_rts(qp);
	cr_assert_eq(ibv_modify_qp(qp, &err, IBV_QP_STATE), 0);
	event = next_event();
	cr_assert_eq(event.event_type, IBV_EVENT_QP_LAST_WQE_REACHED);
	cr_assert_eq(event.element.qp, qp);
}

Test(live, drained_send_queue_is_told)
{
	struct ibv_qp_attr sqd = {.qp_state = IBV_QPS_SQD,
				  .en_sqd_async_notify = 1},
			   rts = {.qp_state = IBV_QPS_RTS};
	struct ibv_qp *qp = rc_to_itself();
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_wc wc;

	cr_assert_eq(ibv_modify_qp(qp, &sqd,
				   IBV_QP_STATE | IBV_QP_EN_SQD_ASYNC_NOTIFY),
		     0);
	cr_assert_eq(next_event().event_type, IBV_EVENT_SQ_DRAINED);
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE});
	usleep(20000);
	cr_assert_eq(ibv_poll_cq(cq, 1, &wc), 0, "sent from SQD");
	cr_assert_eq(ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), 0);
	cr_assert_eq(attr.qp_state, IBV_QPS_SQD);
	cr_assert_eq(attr.sq_draining, 0);
	cr_assert_eq(ibv_modify_qp(qp, &rts, IBV_QP_STATE), 0);
	wait_ok(cq);
}

Test(live, overrun_of_a_cq_is_told)
{
	struct ibv_cq *small = ibv_create_cq(ctx, 1, NULL, NULL, 0);
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct ibv_async_event event;
	struct ibv_qp *qp;

	a.cap.max_send_wr = 64;
	a.send_cq = a.recv_cq = small;
	qp = ibv_create_qp(pd, &a);
	to_rts(qp);
	for (int i = 0; i <= small->cqe; i++)
		post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE});
	event = next_event();
	cr_assert_eq(event.event_type, IBV_EVENT_CQ_ERR);
	cr_assert_eq(event.element.cq, small);
}

Test(live, access_error_of_the_responder_is_told)
{
	struct ibv_qp *qp = make_qp(IBV_QPT_RC), *peer = make_qp(IBV_QPT_RC);
	struct ibv_sge sge = sge_at(0, 8);
	struct ibv_async_event event;

	connect_pair(qp, peer);
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE,
				      .sg_list = &sge,
				      .num_sge = 1,
				      .wr.rdma = {AT(0), 0xdead00}});
	cr_assert_eq(wait_for(cq).status, IBV_WC_REM_ACCESS_ERR);
	event = next_event();
	cr_assert_eq(event.event_type, IBV_EVENT_QP_ACCESS_ERR);
	cr_assert_eq(event.element.qp, peer);
}

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

Test(live, moderated_events)
{
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_cq *slow = ibv_create_cq(ctx, 16, NULL, ch, 0);
	struct ibv_modify_cq_attr by3 = {.attr_mask = IBV_CQ_ATTR_MODERATE,
					 .moderate = {3, 65535}};
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct pollfd fd = {.fd = ch->fd, .events = POLLIN};
	struct ibv_qp *qp;
	uint64_t begin;

	a.send_cq = a.recv_cq = slow;
	qp = ibv_create_qp(pd, &a);
	to_rts(qp);
	cr_assert_eq(ibv_modify_cq(slow, &by3), 0);
	cr_assert_eq(ibv_req_notify_cq(slow, 0), 0);
	begin = monotonic();
	cr_assert_eq(poll(&fd, 1, 10), 0);
	for (int i = 0; i < 3; i++) {
		/* Sooner only because of the time that it may take. */
		if (poll(&fd, 1, 10))
			cr_assert_geq(monotonic() - begin, 65535000, "after %d",
				      i);
		post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE});
	}
	cr_assert_eq(poll(&fd, 1, PATIENCE), 1);
}

/* Nobody calls in while the program sleeps. */
Test(live, silent_peer_is_told_to_who_waits_for_the_descriptor)
{
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct pollfd fd = {.fd = ch->fd, .events = POLLIN};
	struct ibv_ah_attr nobody = own_address();
	struct ibv_wc wc;
	struct ibv_qp *qp;

	memcpy(nobody.grh.dgid.raw + 12, (uint8_t[]){127, 9, 9, 9}, 4);
	a.send_cq = ibv_create_cq(ctx, 16, NULL, ch, 0);
	qp = ibv_create_qp(pd, &a);
	connect_to(qp, nobody, 17);
	cr_assert_eq(ibv_req_notify_cq(a.send_cq, 0), 0);
	usleep(300000); /* the NIC's thread, too, goes to sleep */
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE});
	cr_assert_eq(poll(&fd, 1, PATIENCE), 1);
	cr_assert_eq(ibv_poll_cq(a.send_cq, 1, &wc), 1);
	cr_assert_eq(wc.status, IBV_WC_RETRY_EXC_ERR);
}

/* ---- clocks ---- */

static uint64_t raw_clock(void)
{
	struct ibv_values_ex v = {.comp_mask = IBV_VALUES_MASK_RAW_CLOCK};

	cr_assert_eq(ibv_query_rt_values_ex(ctx, &v), 0);
	return (uint64_t)v.raw_clock.tv_sec * 1000000000 +
	       (uint64_t)v.raw_clock.tv_nsec;
}

Test(live, completion_times)
{
	struct ibv_cq_init_attr_ex ca = {
		.cqe = 4,
		.wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP |
			    IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK |
			    IBV_WC_EX_WITH_CVLAN | IBV_WC_EX_WITH_FLOW_TAG};
	struct ibv_cq_ex *timed = ibv_create_cq_ex(ctx, &ca);
	struct ibv_qp_init_attr a = qp_attr(IBV_QPT_RC);
	struct ibv_poll_cq_attr pa = {0};
	uint64_t before, after, wall;
	struct timespec now;
	struct ibv_qp *qp;

	cr_assert(timed);
	a.send_cq = a.recv_cq = ibv_cq_ex_to_cq(timed);
	qp = ibv_create_qp(pd, &a);
	to_rts(qp);
	before = raw_clock();
	post(qp, (struct ibv_send_wr){.opcode = IBV_WR_RDMA_WRITE});
	while (ibv_start_poll(timed, &pa))
		;
	after = raw_clock();
	clock_gettime(CLOCK_REALTIME, &now);
	wall = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	cr_expect_geq(ibv_wc_read_completion_ts(timed), before);
	cr_expect_leq(ibv_wc_read_completion_ts(timed), after);
	cr_expect_leq(ibv_wc_read_completion_wallclock_ns(timed), wall);
	cr_expect_geq(ibv_wc_read_completion_wallclock_ns(timed),
		      wall - 10000000000);
	cr_expect_eq(ibv_wc_read_cvlan(timed), 0);
	cr_expect_eq(ibv_wc_read_flow_tag(timed), 0);
	ibv_end_poll(timed);
}

/* ---- XRC across opened domains ---- */

Test(live, xrc_target_is_opened_by_its_number)
{
	struct ibv_xrcd_init_attr xa = {
		.comp_mask = 3, .fd = -1, .oflags = O_CREAT};
	struct ibv_qp_init_attr_ex ta = {.qp_type = IBV_QPT_XRC_RECV,
					 .comp_mask = IBV_QP_INIT_ATTR_XRCD};
	struct ibv_qp_open_attr oa = {.comp_mask = IBV_QP_OPEN_ATTR_NUM |
						   IBV_QP_OPEN_ATTR_XRCD |
						   IBV_QP_OPEN_ATTR_TYPE,
				      .qp_type = IBV_QPT_XRC_RECV};
	struct ibv_qp_attr attr;
	struct ibv_qp_init_attr init;
	struct ibv_qp *made, *opened;

	ta.xrcd = oa.xrcd = ibv_open_xrcd(ctx, &xa);
	made = ibv_create_qp_ex(ctx, &ta);
	cr_assert(made);
	oa.qp_num = made->qp_num;
	opened = ibv_open_qp(ctx, &oa);
	cr_assert(opened);
	to_init(made);
	cr_assert_eq(ibv_destroy_qp(made), 0);
	cr_assert_eq(ibv_query_qp(opened, &attr, IBV_QP_STATE, &init), 0);
	cr_assert_eq(attr.qp_state, IBV_QPS_INIT, "it lives on");
	cr_assert_eq(ibv_destroy_qp(opened), 0);
	cr_assert_eq(ibv_close_xrcd(ta.xrcd), 0);
}
