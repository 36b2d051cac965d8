/* What goes wrong on the requester's own side, and how a QP empties itself. */
#include "tests/support/duo.h"

#include <sys/mman.h>
#include "nic/mem.h"

static struct duo d;

TestSuite(rc_local_error, .timeout = 120);

/* A bad lkey fails its request when all before it are complete; nothing of it
 * goes on the wire.
 */
static void bad_memory(struct gn_sge sge, enum gn_wr_opcode op,
		       enum gn_wc_status status)
{
	struct gn_send_wr wr;

	duo_recv(&d, A, 9, 0, 8);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 5000);
	duo_do(&d, A, 2, GN_WR_RDMA_READ, 5000);
	wr = duo_wr(&d, A, 3, op, 0);
	wr.sge = &sge;
	wr.flags = 0;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_do(&d, A, 4, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	duo_no_more(&d);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_sent(&d, A, 3, status);
	duo_sent(&d, A, 4, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, A, 9, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
	CHECK_EQ(d.s[A].qp->req.nxt, 0x1000 + 10);
	duo_close(&d);
}

Test(rc_local_error, lkey)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_SEND, GN_WR_RDMA_WRITE, GN_WR_RDMA_READ, GN_WR_FETCH_ADD};

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 3; k++) {
			struct gn_sge sge;

			duo_open_default(&d);
			sge = duo_sge(&d, A, 0, 8);
			if (k == 0)
				sge.lkey ^= 0x100;
			else if (k == 1)
				sge.addr += d.o.mem - 7;
			else
				sge.lkey = 0;
			bad_memory(sge, ops[i], GN_WC_LOC_PROT_ERR);
		}
}

/* What a READ brings must be written: a region without LOCAL_WRITE is no place.
 */
Test(rc_local_error, read_into_readonly)
{
	struct gn_mr *mr;
	struct gn_send_wr wr;
	struct gn_sge sge;

	duo_open_default(&d);
	CHECK_EQ(mr_new(d.s[A].pd, d.s[A].mem, 4096, 0, GN_ACCESS_REMOTE_READ,
			&mr),
		 0);
	sge = (struct gn_sge){0, 8, mr->h.key};
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	wr.sge = &sge;
	CHECK_EQ(duo_post(&d, A, wr), 0); /* reading from it is fine */
	wr.wr_id = 2;
	wr.opcode = GN_WR_RDMA_READ;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_LOC_PROT_ERR);
	CHECK_EQ(fabric_count(&d.f, A, OP_READ_REQUEST), 0);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

Test(rc_local_error, no_initiator_depth)
{
	struct duo_options o = duo_defaults();

	o.rd_atomic = 0;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 2, GN_WR_RDMA_READ, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_LOC_QP_OP_ERR);
	duo_close(&d);
}

/* Deregistered while the message is half out. */
Test(rc_local_error, deregistered_in_flight)
{
	struct duo_options o = duo_defaults();

	o.mem = 1u << 20;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 1u << 20);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(mr_free(d.s[A].mr), 0);
	d.s[A].mr = NULL;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_LOC_PROT_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	duo_close(&d);
}

/* And with the answer of a READ under way. */
Test(rc_local_error, deregistered_under_answer)
{
	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 3000);
	fabric_settle(&d.f);
	CHECK_EQ(mr_free(d.s[A].mr), 0);
	d.s[A].mr = NULL;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_LOC_PROT_ERR);
	duo_no_more(&d);
	duo_close(&d);
}

/* Went back after a loss, the memory is gone meanwhile, and then the old ACK
 * comes after all: nothing has failed.
 */
Test(rc_local_error, fault_forgotten_when_acked)
{
	struct roce ack = {.bth = {.opcode = OP_ACKNOWLEDGE,
				   .pkey = PKEY_DEFAULT,
				   .psn = 0x1001},
			   .aeth = {.syndrome = 0x1f, .msn = 2}};
	struct gn_mr *mr;
	struct gn_send_wr wr;
	struct gn_sge sge;

	duo_open_default(&d);
	ack.bth.dqpn = d.s[A].qp->qpn;
	CHECK_EQ(mr_new(d.s[A].pd, d.s[A].mem, 4096, 0, 0, &mr), 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	sge = (struct gn_sge){0, 8, mr->h.key};
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	wr.sge = &sge;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	d.f.faults.lost = 1000;
	fabric_settle(&d.f);
	CHECK_EQ(mr_free(mr), 0);
	fabric_run(&d.f, d.f.now + ((nsec_t)4096 << 14) + USEC);
	d.f.faults.lost = 0;
	CHECK_EQ(fabric_inject_roce(&d.f, B, A, &ack), DROP_NONE);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_RTS);
	duo_close(&d);
}

/* ---- memory that is unmapped --------------------------------------------- */

/* No region's fault is a fault of the program. */
static void vanish(unsigned side, enum gn_wr_opcode op,
		   enum gn_wc_status status)
{
	duo_open_default(&d);
	mem_guard_install();
	CHECK_EQ(mprotect(d.s[side].mem, d.o.mem, PROT_NONE), 0);
	duo_do(&d, A, 1, op, 3000);
	duo_idle(&d);
	duo_sent(&d, A, 1, status);
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
	CHECK_EQ(mprotect(d.s[side].mem, d.o.mem, PROT_READ | PROT_WRITE), 0);
	duo_close(&d);
}

Test(rc_local_error, unmapped)
{
	vanish(A, GN_WR_RDMA_WRITE, GN_WC_LOC_PROT_ERR);
	vanish(A, GN_WR_RDMA_READ, GN_WC_LOC_PROT_ERR);
	vanish(B, GN_WR_RDMA_WRITE, GN_WC_REM_ACCESS_ERR);
	vanish(B, GN_WR_RDMA_READ, GN_WC_REM_ACCESS_ERR);
}

Test(rc_local_error, unmapped_atomic)
{
	duo_open_default(&d);
	mem_guard_install();
	CHECK_EQ(mprotect(d.s[B].mem, d.o.mem, PROT_READ), 0);
	duo_do(&d, A, 1, GN_WR_FETCH_ADD, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	duo_close(&d);
}

/* ---- flush --------------------------------------------------------------- */

/* Everything completes once, in order; what is posted in ERR, too. */
Test(rc_local_error, flush)
{
	duo_open_default(&d);
	d.f.faults.lost = 1000;
	for (unsigned i = 0; i < 40; i++) {
		struct gn_send_wr wr = duo_wr(&d, A, i, GN_WR_RDMA_WRITE, 5000);

		wr.flags = 0;
		duo_recv(&d, A, i, 0, 8);
		CHECK_EQ(duo_post(&d, A, wr), 0);
	}
	fabric_settle(&d.f);
	CHECK_EQ(duo_move(d.s[A].qp, (struct gn_qp_attr){0}, GN_QPS_ERR,
			  GN_QP_STATE),
		 0);
	for (unsigned i = 40; i < 50; i++) {
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 8);
		CHECK_EQ(duo_recv(&d, A, i, 0, 8), 0);
	}
	duo_idle(&d);
	for (unsigned i = 0; i < 50; i++) {
		duo_sent(&d, A, i, GN_WC_WR_FLUSH_ERR);
		duo_received(&d, A, i, GN_WC_WR_FLUSH_ERR);
	}
	duo_no_more(&d);
	CHECK_EQ(d.s[A].node->nevent, 0);
	duo_close(&d);
}

/* What is posted to a QP in ERR is flushed even if another QP is reset before
 * the engine looks at the doorbell.
 */
Test(rc_local_error, flush_survives_reset_of_another)
{
	struct gn_qp *other;

	duo_open_default(&d);
	other = duo_qp(&d, A);
	CHECK_EQ(duo_move(d.s[A].qp, (struct gn_qp_attr){0}, GN_QPS_ERR,
			  GN_QP_STATE),
		 0);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	CHECK_EQ(duo_move(other, (struct gn_qp_attr){0}, GN_QPS_RESET,
			  GN_QP_STATE),
		 0);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	qp_free(other);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_WR_FLUSH_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	duo_close(&d);
}

/* A receive WR that half a message went into is flushed first. */
Test(rc_local_error, flush_half_received)
{
	duo_open_default(&d);
	duo_recv(&d, B, 1, 0, 5000);
	duo_recv(&d, B, 2, 0, 5000);
	duo_lose(&d, A, OP_SEND_LAST, 0);
	duo_do(&d, A, 1, GN_WR_SEND, 3000);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(duo_move(d.s[B].qp, (struct gn_qp_attr){0}, GN_QPS_ERR,
			  GN_QP_STATE),
		 0);
	duo_received(&d, B, 1, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, B, 2, GN_WC_WR_FLUSH_ERR);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_RETRY_EXC_ERR);
	duo_no_more(&d);
	duo_close(&d);
}

/* In ERR a QP says nothing, not even what it owed. */
Test(rc_local_error, silent_in_err)
{
	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 60000);
	fabric_settle(&d.f);
	fabric_land_next(&d.f);
	CHECK_EQ(duo_move(d.s[B].qp, (struct gn_qp_attr){0}, GN_QPS_ERR,
			  GN_QP_STATE),
		 0);
	CHECK_EQ(mr_free(d.s[B].mr), 0);
	d.s[B].mr = NULL;
	duo_idle(&d);
	CHECK(fabric_last(&d.f, B) == NULL);
	CHECK_EQ(d.s[B].node->nevent, 0);
	duo_sent(&d, A, 1, GN_WC_RETRY_EXC_ERR);
	duo_close(&d);
}
