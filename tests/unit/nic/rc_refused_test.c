/* Requests that the responder refuses: the NAK on the wire, what completes how
 * on both sides, events, states.
 */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(rc_refused, .timeout = 120);

/* What must come of a bad request of A, posted between two good ones. */
struct outcome {
	uint8_t syndrome;
	enum gn_wc_status status;
	enum gn_event_type event;
};

static const struct outcome access_error = {0x62, GN_WC_REM_ACCESS_ERR,
					    GN_EVENT_QP_ACCESS_ERR};
static const struct outcome invalid = {0x61, GN_WC_REM_INV_REQ_ERR,
				       GN_EVENT_QP_REQ_ERR};

/* Two receive WRs wait at B, one at A. */
static void expect(struct gn_send_wr bad, const struct outcome *o)
{
	const struct gn_sge sge = *bad.sge; /* duo_wr is about to reuse it */
	const struct seen *nak;

	duo_recv(&d, A, 50, 0, 10);
	duo_recv(&d, B, 60, 0, 10);
	duo_recv(&d, B, 61, 0, 10);
	duo_do(&d, B, 40, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, B, 40, GN_WC_SUCCESS);
	bad.wr_id = 2;
	bad.flags = 0; /* an error completes all the same */
	bad.sge = &sge;
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 8);
	CHECK_EQ(duo_post(&d, A, bad), 0);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	duo_do(&d, A, 4, GN_WR_SEND, 8);
	duo_idle(&d);

	nak = fabric_last(&d.f, B);
	CHECK_EQ(nak->roce.bth.opcode, OP_ACKNOWLEDGE);
	CHECK_EQ(nak->roce.aeth.syndrome, o->syndrome);
	CHECK_EQ(nak->roce.aeth.msn, 1);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, o->status);
	duo_sent(&d, A, 3, GN_WC_WR_FLUSH_ERR);
	duo_sent(&d, A, 4, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, A, 50, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, B, 60, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, B, 61, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	CHECK_EQ(duo_events(&d, B, o->event), 1);
	CHECK_EQ(d.s[B].node->nevent, 1);
	CHECK(d.s[B].node->event[0].cookie == DUO_COOKIE);
	CHECK_EQ(d.s[A].node->nevent, 0);
}

static const enum gn_wr_opcode remotes[] = {GN_WR_RDMA_WRITE, GN_WR_RDMA_READ,
					    GN_WR_CMP_SWAP, GN_WR_FETCH_ADD};

Test(rc_refused, bad_rkey)
{
	static const uint32_t wrong[] = {1, 0x100, 0x80000000, 0xffffffff};

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 4; k++) {
			struct gn_send_wr wr;

			duo_open_default(&d);
			wr = duo_wr(&d, A, 2, remotes[i], 8);
			wr.rkey ^= wrong[k];
			expect(wr, &access_error);
			duo_close(&d);
		}
}

Test(rc_refused, out_of_range)
{
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 4; k++) {
			struct gn_send_wr wr;

			duo_open_default(&d);
			wr = duo_wr(&d, A, 2, remotes[i], 8);
			switch (k) {
			case 0: wr.remote_addr -= 8; break;
			case 1: wr.remote_addr += d.o.mem; break;
			case 2: wr.remote_addr = 0; break;
			case 3: wr.remote_addr = UINT64_MAX - 7; break;
			}
			expect(wr, &access_error);
			duo_close(&d);
		}
}

/* Only the first packet could tell that the last one would not fit. */
Test(rc_refused, message_does_not_fit)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE, 3000);
	wr.remote_addr += d.o.mem - 2999;
	memset(d.s[A].mem, 1, 3000);
	expect(wr, &access_error);
	duo_close(&d);
}

Test(rc_refused, region_without_rights)
{
	for (unsigned i = 0; i < 4; i++) {
		struct duo_options o = duo_defaults();
		struct gn_mr *mr;
		struct gn_send_wr wr;

		duo_open(&d, &o);
		CHECK_EQ(mr_new(d.s[B].pd, d.s[B].mem, 4096, 0,
				GN_ACCESS_LOCAL_WRITE |
					(i == 1 ? GN_ACCESS_REMOTE_WRITE
						: GN_ACCESS_REMOTE_READ),
				&mr),
			 0);
		wr = duo_wr(&d, A, 2, remotes[i], 8);
		wr.rkey = mr->h.key;
		wr.remote_addr = 0;
		expect(wr, &access_error);
		CHECK_EQ(mr_free(mr), 0);
		duo_close(&d);
	}
}

Test(rc_refused, region_of_another_pd)
{
	struct gn_pd *pd;
	struct gn_mr *mr;
	struct gn_send_wr wr;

	duo_open_default(&d);
	CHECK_EQ(pd_new(d.s[B].engine, &pd), 0);
	CHECK_EQ(mr_new(pd, d.s[B].mem, 4096, 0, d.o.mr_access, &mr), 0);
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	wr.rkey = mr->h.key;
	wr.remote_addr = 0;
	expect(wr, &access_error);
	CHECK_EQ(mr_free(mr), 0);
	CHECK_EQ(pd_free(pd), 0);
	duo_close(&d);
}

Test(rc_refused, operation_disabled)
{
	for (unsigned i = 0; i < 4; i++) {
		struct duo_options o = duo_defaults();
		struct gn_qp_attr attr = {.access = o.qp_access};

		if (remotes[i] == GN_WR_RDMA_READ)
			continue; /* expect() begins with a good one */
		duo_open(&d, &o);
		attr.access &=
			i ? ~GN_ACCESS_REMOTE_ATOMIC : ~GN_ACCESS_REMOTE_WRITE;
		CHECK_EQ(qp_modify(d.s[B].qp, &attr, GN_QP_ACCESS_FLAGS), 0);
		expect(duo_wr(&d, A, 2, remotes[i], 8), &invalid);
		duo_close(&d);
	}
}

Test(rc_refused, read_disabled)
{
	struct gn_qp_attr attr = {.access = GN_ACCESS_REMOTE_WRITE};

	duo_open_default(&d);
	CHECK_EQ(qp_modify(d.s[B].qp, &attr, GN_QP_ACCESS_FLAGS), 0);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_INV_REQ_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_REQ_ERR), 1);
	duo_close(&d);
}

Test(rc_refused, misaligned_atomic)
{
	for (unsigned i = 1; i < 8; i++) {
		struct gn_send_wr wr;

		duo_open_default(&d);
		wr = duo_wr(&d, A, 2, GN_WR_FETCH_ADD, 8);
		wr.remote_addr += i;
		expect(wr, &invalid);
		duo_close(&d);
	}
}

/* What counts for the CPU is where the memory really is. */
Test(rc_refused, misaligned_memory)
{
	struct gn_mr *mr;
	struct gn_send_wr wr;

	duo_open_default(&d);
	CHECK_EQ(mr_new(d.s[B].pd, d.s[B].mem + 4, 64, 0, d.o.mr_access, &mr),
		 0);
	wr = duo_wr(&d, A, 2, GN_WR_FETCH_ADD, 8);
	wr.rkey = mr->h.key;
	wr.remote_addr = 8;
	expect(wr, &invalid);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

/* Zero bytes need no key. */
Test(rc_refused, not_when_empty)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 2; i++) {
		struct gn_send_wr wr = duo_wr(&d, A, 1, remotes[i], 0);

		wr.rkey = 0xdeadbe;
		wr.remote_addr = 1;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
	}
	duo_close(&d);
}

/* ---- errors that a receive WR carries ------------------------------------ */

/* The receive WR in use completes with @status instead of an event. */
static void expect_recv(uint32_t len, enum gn_wc_status local, uint8_t syndrome,
			enum gn_wc_status remote)
{
	duo_recv(&d, B, 61, 0, 10);
	duo_do(&d, A, 1, GN_WR_SEND, len);
	duo_do(&d, A, 2, GN_WR_SEND, 1);
	duo_idle(&d);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, syndrome);
	duo_sent(&d, A, 1, remote);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	duo_received(&d, B, 60, local);
	duo_received(&d, B, 61, GN_WC_WR_FLUSH_ERR);
	duo_no_more(&d);
	CHECK_EQ(d.s[B].node->nevent, 0);
}

Test(rc_refused, send_too_long)
{
	for (unsigned len = 100; len < 4000; len += 333) {
		duo_open_default(&d);
		duo_recv(&d, B, 60, 0, len - 1);
		expect_recv(len, GN_WC_LOC_LEN_ERR, 0x61,
			    GN_WC_REM_INV_REQ_ERR);
		duo_close(&d);
	}
}

/* The receive WR's own memory is not there: remote operational error. */
Test(rc_refused, receive_lkey)
{
	struct gn_sge sge;
	struct gn_recv_wr wr = {.wr_id = 60, .sge = &sge, .nsge = 1};

	for (unsigned i = 0; i < 2; i++) {
		duo_open_default(&d);
		sge = duo_sge(&d, B, 0, 100);
		if (i)
			sge.addr += d.o.mem;
		else
			sge.lkey ^= 0x100;
		CHECK_EQ(qp_post_recv(d.s[B].qp, &wr), 0);
		expect_recv(100, GN_WC_LOC_PROT_ERR, 0x63, GN_WC_REM_OP_ERR);
		duo_close(&d);
	}
}

/* Memory that may not be written to cannot receive. */
Test(rc_refused, receive_into_readonly_region)
{
	struct duo_options o = duo_defaults();
	struct gn_mr *mr;
	struct gn_sge sge;
	struct gn_recv_wr wr = {.wr_id = 60, .sge = &sge, .nsge = 1};

	duo_open(&d, &o);
	CHECK_EQ(mr_new(d.s[B].pd, d.s[B].mem, 4096, 0, 0, &mr), 0);
	sge = (struct gn_sge){0, 100, mr->h.key};
	CHECK_EQ(qp_post_recv(d.s[B].qp, &wr), 0);
	expect_recv(100, GN_WC_LOC_PROT_ERR, 0x63, GN_WC_REM_OP_ERR);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

/* No memory windows yet: nothing can be invalidated. */
Test(rc_refused, send_invalidate)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	duo_recv(&d, B, 60, 0, 10);
	wr = duo_wr(&d, A, 1, GN_WR_SEND_INV, 8);
	wr.imm = d.s[B].mr->h.key;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(fabric_find(&d.f, A, OP_SEND_ONLY_INV, 0)->roce.inv_rkey,
		 d.s[B].mr->h.key);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x62);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	duo_received(&d, B, 60, GN_WC_LOC_ACCESS_ERR);
	duo_close(&d);
}

/* ---- memory that goes away ----------------------------------------------- */

/* Deregistered between the READ request and the answer. */
Test(rc_refused, deregistered_under_a_read)
{
	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 60000);
	fabric_settle(&d.f);
	fabric_land_next(&d.f);
	CHECK(engine_run(d.s[B].engine, 16, d.f.now)); /* some of it left */
	CHECK_EQ(mr_free(d.s[B].mr), 0);
	d.s[B].mr = NULL;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_ACCESS_ERR), 1);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	duo_close(&d);
}

/* The same when a later request was refused already: one NAK, and nothing after
 * it.
 */
Test(rc_refused, deregistered_before_the_nak)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 3000);
	duo_do(&d, A, 2, GN_WR_RDMA_READ, 0);
	wr = duo_wr(&d, A, 3, GN_WR_FETCH_ADD, 8);
	wr.remote_addr++;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	fabric_settle(&d.f);
	for (unsigned i = 0; i < 3; i++)
		fabric_land_next(&d.f);
	CHECK_EQ(mr_free(d.s[B].mr), 0);
	d.s[B].mr = NULL;
	duo_idle(&d);
	CHECK_EQ(d.f.nseen, 3 + 1);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x62);
	CHECK_EQ(fabric_last(&d.f, B)->roce.bth.psn, 0x1000);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	duo_sent(&d, A, 3, GN_WC_WR_FLUSH_ERR);
	duo_close(&d);
}

/* In the middle of a WRITE. */
Test(rc_refused, deregistered_under_a_write)
{
	struct duo_options o = duo_defaults();

	o.mem = 1u << 20;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 1u << 20);
	fabric_run(&d.f, d.f.now + 5 * USEC);
	CHECK_EQ(mr_free(d.s[B].mr), 0);
	d.s[B].mr = NULL;
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_ACCESS_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_ACCESS_ERR), 1);
	duo_close(&d);
}
