/* How many, how large, and what one costs. */
#include "tests/support/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct duo d;

TestSuite(qp_limits, .timeout = 120);

/* ---- queues --------------------------------------------------------------------- */

static int make(struct gn_qp_cap cap)
{
	struct gn_qp_init init = { .type = GN_QPT_RC,
				   .send_cq = d.s[A].scq,
				   .recv_cq = d.s[A].rcq,
				   .cap = cap };
	struct gn_qp *qp;
	int rc = qp_new(d.s[A].pd, &init, &qp);

	if (rc)
		return rc;
	CHECK(init.cap.max_send_wr >= cap.max_send_wr);
	CHECK(init.cap.max_recv_wr >= cap.max_recv_wr);
	CHECK(init.cap.max_send_sge >= cap.max_send_sge);
	CHECK(init.cap.max_recv_sge >= cap.max_recv_sge);
	CHECK(init.cap.max_inline >= cap.max_inline);
	qp_free(qp);
	return 0;
}

Test(qp_limits, capacities)
{
	duo_open_default(&d);
	CHECK_EQ(make((struct gn_qp_cap){ 0 }), 0);
	CHECK_EQ(make((struct gn_qp_cap){ 32768, 32768, 32, 32, 1024 }), 0);
	CHECK_EQ(make((struct gn_qp_cap){ .max_send_wr = 32769 }), -EINVAL);
	CHECK_EQ(make((struct gn_qp_cap){ .max_recv_wr = 32769 }), -EINVAL);
	CHECK_EQ(make((struct gn_qp_cap){ .max_send_sge = 33 }), -EINVAL);
	CHECK_EQ(make((struct gn_qp_cap){ .max_recv_sge = 33 }), -EINVAL);
	CHECK_EQ(make((struct gn_qp_cap){ .max_inline = 1025 }), -EINVAL);
	CHECK_EQ(make((struct gn_qp_cap){ .max_send_wr = UINT32_MAX }),
		 -EINVAL);
	duo_close(&d);
}

/* What posting refuses, for each type that can post. */
Test(qp_limits, posting)
{
	static const enum gn_qp_type types[] = { GN_QPT_RC, GN_QPT_UC,
						 GN_QPT_UD };
	struct gn_sge sge[9] = { 0 };
	struct gn_send_wr wr;
	struct gn_recv_wr recv = { .sge = sge, .nsge = 9 };

	for (unsigned i = 0; i < 3; i++) {
		kind_open(&d, NULL, types[i]);
		wr = kind_datagram(&d, A, 1, 8, 5);
		wr.sge = sge;
		wr.nsge = recv.nsge = 9;
		CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
		CHECK_EQ(qp_post_recv(d.s[A].qp, &recv), -EINVAL);
		wr.nsge = 1;
		sge[0].len = 257;
		wr.flags |= GN_SEND_INLINE;
		CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
		wr.flags = 0;
		wr.nsge = 2;
		sge[0].len = sge[1].len = (1u << 30) + 1;
		CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
		wr.opcode = GN_WR_N;
		CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
		wr.opcode = (enum gn_wr_opcode)-1;
		CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
		wr.opcode = 10; /* TSO: none of ours */
		CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
		sge[0].len = sge[1].len = 0;
		recv.nsge = 1;
		for (unsigned k = 0; k < 64; k++)
			CHECK_EQ(qp_post_recv(d.s[A].qp, &recv), 0);
		CHECK_EQ(qp_post_recv(d.s[A].qp, &recv), -ENOMEM);
		wr.opcode = GN_WR_SEND;
		for (unsigned k = 0; k < 64; k++)
			CHECK_EQ(qp_post_send(d.s[A].qp, &wr), 0);
		CHECK_EQ(qp_post_send(d.s[A].qp, &wr), -ENOMEM);
		duo_close(&d);
	}
}

/* A QP without queues can be had, and takes nothing. */
Test(qp_limits, no_queues)
{
	struct duo_options o = duo_defaults();
	struct gn_send_wr wr;
	struct gn_recv_wr recv = { 0 };

	o.cap = (struct gn_qp_cap){ 0 };
	for (unsigned i = 0; i < 3; i++) {
		kind_open(&d, &o, i == 0   ? GN_QPT_RC
				  : i == 1 ? GN_QPT_UC
					   : GN_QPT_UD);
		wr = kind_datagram(&d, A, 1, 0, 5);
		wr.nsge = 0;
		CHECK_EQ(duo_post(&d, A, wr), -ENOMEM);
		CHECK_EQ(qp_post_recv(d.s[A].qp, &recv), -ENOMEM);
		duo_idle(&d);
		duo_close(&d);
	}
}

/* ---- how many ------------------------------------------------------------------- */

#define MANY 65536u

static struct gn_qp *all[MANY];

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, pages;

	CHECK_EQ(fscanf(f, "%lu %lu", &size, &pages), 2);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct gn_qp *one(struct gn_qp_cap cap)
{
	struct gn_qp_init init = { .type = GN_QPT_RC,
				   .send_cq = d.s[A].scq,
				   .recv_cq = d.s[A].rcq,
				   .cap = cap };
	struct gn_qp *qp;

	CHECK_EQ(qp_new(d.s[A].pd, &init, &qp), 0);
	return qp;
}

/* 64 Ki of them, all different, found by number, and not one more. */
Test(qp_limits, many)
{
	struct gn_qp_init init = { .type = GN_QPT_RC };
	unsigned n = MANY - 1; /* the duo has one */

	duo_open_default(&d);
	init.send_cq = init.recv_cq = d.s[A].scq;
	for (unsigned i = 0; i < n; i++)
		all[i] = one((struct gn_qp_cap){ 1, 1, 1, 1, 0 });
	CHECK_EQ(qp_new(d.s[A].pd, &init, &all[n]), -ENOMEM);
	for (unsigned i = 0; i < n; i++)
		CHECK(engine_find_qp(d.s[A].engine, all[i]->qpn) == all[i]);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	for (unsigned i = 0; i < n; i++)
		qp_free(all[i]);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_close(&d);
}

/* An idle, connected QP takes less than 8 KiB, also with deep queues. */
static void check_cost(struct gn_qp_cap cap)
{
	unsigned n = 10000;
	size_t before, each;

	duo_open_default(&d);
	before = resident();
	for (unsigned i = 0; i < n; i++) {
		all[i] = one(cap);
		duo_raise(&d, A, all[i], 5, GN_QPS_RTS);
	}
	each = (resident() - before) / n;
	fprintf(stderr, "%u/%u WRs, %u SGEs: %zu bytes each (struct %zu)\n",
		cap.max_send_wr, cap.max_recv_wr, cap.max_send_sge, each,
		sizeof(struct gn_qp));
	for (unsigned i = 0; i < n; i++)
		qp_free(all[i]);
	duo_close(&d);
#ifndef __SANITIZE_ADDRESS__
	CHECK(each < 8192);
#endif
}

Test(qp_limits, memory_small)
{
	check_cost((struct gn_qp_cap){ 16, 16, 1, 1, 0 });
}

Test(qp_limits, memory_medium)
{
	check_cost((struct gn_qp_cap){ 128, 512, 4, 4, 64 });
}

Test(qp_limits, memory_large)
{
	check_cost((struct gn_qp_cap){ 1024, 4096, 16, 16, 256 });
}
