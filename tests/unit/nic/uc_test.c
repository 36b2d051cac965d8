/* UC: every operation, and what the loss of a packet costs. */
#include "tests/support/kinds.h"

#include <string.h>

static struct duo d;

TestSuite(uc, .timeout = 120);

#define UC(op) (TRANSPORT_UC | (op))

static void open_it(void)
{
	kind_open(&d, NULL, GN_QPT_UC);
}

static bool arrived(size_t offset, size_t len)
{
	return duo_same(&d, 0, offset, len);
}

/* ---- operations ----------------------------------------------------------------- */

Test(uc, send_and_send_imm)
{
	static const uint32_t sizes[] = { 0, 1, 1024, 1025, 5000 };
	struct gn_send_wr wr;
	struct gn_wc wc;

	open_it();
	for (unsigned i = 0; i < 5; i++)
		for (unsigned imm = 0; imm < 2; imm++) {
			duo_fill(&d, A, 0, sizes[i], i * 2 + imm + 1);
			CHECK_EQ(duo_recv(&d, B, 7, 8192, 8000), 0);
			wr = duo_wr(&d, A, 1,
				    imm ? GN_WR_SEND_IMM : GN_WR_SEND,
				    sizes[i]);
			wr.imm = 5;
			CHECK_EQ(duo_post(&d, A, wr), 0);
			duo_idle(&d);
			CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode,
				 GN_WC_SEND);
			wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
			CHECK_EQ(wc.byte_len, sizes[i]);
			CHECK_EQ(wc.src_qp, d.s[A].qp->qpn);
			CHECK_EQ(wc.flags, imm ? GN_WC_WITH_IMM : 0);
			CHECK(arrived(8192, sizes[i]));
		}
	CHECK_EQ(fabric_count(&d.f, A, UC(OP_SEND_LAST_IMM)), 2);
	duo_no_more(&d);
	duo_close(&d);
}

Test(uc, write_and_write_imm)
{
	static const uint32_t sizes[] = { 0, 1, 1024, 1025, 5000 };
	struct gn_send_wr wr;
	struct gn_wc wc;

	open_it();
	for (unsigned i = 0; i < 5; i++) {
		duo_fill(&d, A, 0, sizes[i], i + 1);
		duo_do(&d, A, 1, GN_WR_RDMA_WRITE, sizes[i]);
		duo_idle(&d);
		CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode,
			 GN_WC_RDMA_WRITE);
		CHECK(arrived(0, sizes[i]));
		duo_no_more(&d);

		duo_recv(&d, B, 7, 60000, 0);
		wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE_IMM, sizes[i]);
		wr.imm = 77;
		wr.remote_addr += 8192;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_idle(&d);
		duo_sent(&d, A, 2, GN_WC_SUCCESS);
		wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
		CHECK_EQ(wc.opcode, GN_WC_RECV_RDMA_WITH_IMM);
		CHECK_EQ(wc.imm_or_rkey, 77);
		CHECK_EQ(wc.byte_len, sizes[i]);
		CHECK(arrived(8192, sizes[i]));
	}
	duo_close(&d);
}

/* What UC does not have is refused when posted. */
Test(uc, refused_operations)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_RDMA_READ, GN_WR_CMP_SWAP, GN_WR_FETCH_ADD,
		GN_WR_SEND_INV,	 GN_WR_FLUSH,	 GN_WR_ATOMIC_WRITE,
	};

	open_it();
	for (unsigned i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		CHECK_EQ(duo_post(&d, A, duo_wr(&d, A, 1, ops[i], 8)), -EINVAL);
	duo_idle(&d);
	duo_no_more(&d);
	duo_close(&d);
}

/* Nothing is ever answered: sent is done, also into nowhere. */
Test(uc, completes_without_ack)
{
	open_it();
	d.f.faults.lost = 1000;
	for (unsigned i = 0; i < 40; i++)
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 5000);
	duo_idle(&d);
	for (unsigned i = 0; i < 40; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	CHECK_EQ(fabric_last(&d.f, B) == NULL, true);
	for (size_t i = 0; i < d.f.nseen; i++)
		CHECK(!d.f.seen[i].roce.bth.ackreq);
	duo_close(&d);
}

/* ---- losses --------------------------------------------------------------------- */

/* Message 1 loses the packet @op; message 2 lands in the receive WR that 1 had
 * taken, or would have.
 */
static void lose_of_send(unsigned op)
{
	open_it();
	duo_recv(&d, B, 7, 8192, 8000);
	duo_recv(&d, B, 8, 16384, 8000);
	duo_lose(&d, A, UC(op), 0);
	duo_fill(&d, A, 0, 4000, 1);
	duo_do(&d, A, 1, GN_WR_SEND, 4000);
	duo_idle(&d);
	duo_fill(&d, A, 0, 3000, 2);
	duo_do(&d, A, 2, GN_WR_SEND, 3000);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 3000);
	CHECK(arrived(8192, 3000));
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
	d.f.filter = NULL;
	duo_close(&d);
}

Test(uc, lost_send_first)
{
	lose_of_send(OP_SEND_FIRST);
}

Test(uc, lost_send_middle)
{
	lose_of_send(OP_SEND_MIDDLE);
}

Test(uc, lost_send_last)
{
	lose_of_send(OP_SEND_LAST);
}

static void lose_of_write(unsigned op)
{
	struct gn_send_wr wr;

	open_it();
	duo_recv(&d, B, 7, 0, 0);
	duo_lose(&d, A, UC(op), 0);
	duo_fill(&d, A, 0, 4000, 1);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE_IMM, 4000);
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE_IMM, 100);
	wr.remote_addr += 8192;
	wr.imm = 9;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).imm_or_rkey, 9);
	CHECK(arrived(8192, 100));
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_no_more(&d);
	d.f.filter = NULL;
	duo_close(&d);
}

Test(uc, lost_write_first)
{
	lose_of_write(OP_WRITE_FIRST);
}

Test(uc, lost_write_middle)
{
	lose_of_write(OP_WRITE_MIDDLE);
}

Test(uc, lost_write_last)
{
	lose_of_write(OP_WRITE_LAST_IMM);
}

/* A WRITE behind a broken SEND leaves the receive WR for the next SEND. */
Test(uc, write_after_broken_send)
{
	open_it();
	duo_recv(&d, B, 7, 8192, 8000);
	duo_lose(&d, A, UC(OP_SEND_LAST), 0);
	duo_do(&d, A, 1, GN_WR_SEND, 3000);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 100);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 3000);
	duo_idle(&d);
	for (unsigned i = 1; i <= 3; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_no_more(&d);
	duo_do(&d, A, 4, GN_WR_SEND, 50);
	duo_idle(&d);
	duo_sent(&d, A, 4, GN_WC_SUCCESS);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 50);
	d.f.filter = NULL;
	duo_close(&d);
}

/* A whole message is missing: nobody notices. */
Test(uc, lost_only)
{
	open_it();
	duo_recv(&d, B, 7, 8192, 8000);
	duo_lose(&d, A, UC(OP_SEND_ONLY), 0);
	duo_do(&d, A, 1, GN_WR_SEND, 100);
	duo_do(&d, A, 2, GN_WR_SEND, 200);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 200);
	d.f.filter = NULL;
	duo_close(&d);
}

/* Any PSN begins a message (IBTA 9.8.2.2.1). */
Test(uc, resynchronises_on_any_psn)
{
	uint8_t data[8] = { 1, 2, 3 };

	open_it();
	for (unsigned i = 0; i < 5; i++) {
		struct roce r = {
			.bth = { .opcode = UC(OP_SEND_ONLY),
				 .pkey = PKEY_DEFAULT,
				 .dqpn = d.s[B].qp->qpn,
				 .psn = i * 0x3fffff & PSN_MASK },
			.payload = { data, 8 },
		};

		duo_recv(&d, B, i, 0, 8);
		CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_NONE);
		duo_received(&d, B, i, GN_WC_SUCCESS);
		CHECK_EQ(d.s[B].qp->resp.epsn, psn_add(r.bth.psn, 1));
	}
	duo_close(&d);
}

/* A SEND without a receive WR vanishes, whole. */
Test(uc, no_receive)
{
	open_it();
	duo_do(&d, A, 1, GN_WR_SEND, 3000);
	duo_idle(&d);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_NO_RECV], 1);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_UC_BROKEN], 2);
	duo_recv(&d, B, 7, 0, 4000);
	duo_do(&d, A, 2, GN_WR_SEND, 2500);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 2500);
	CHECK_EQ(d.s[B].node->nevent, 0);
	duo_close(&d);
}

/* ---- errors --------------------------------------------------------------------- */

/* The receive WR says so; the sender never hears. */
Test(uc, send_too_long)
{
	open_it();
	duo_recv(&d, B, 7, 8192, 1500);
	duo_recv(&d, B, 8, 16384, 1500);
	duo_do(&d, A, 1, GN_WR_SEND, 4000);
	duo_do(&d, A, 2, GN_WR_SEND, 1500);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	duo_received(&d, B, 7, GN_WC_LOC_LEN_ERR);
	CHECK_EQ(duo_received(&d, B, 8, GN_WC_SUCCESS).byte_len, 1500);
	duo_no_more(&d);
	duo_close(&d);
}

Test(uc, bad_rkey_is_dropped)
{
	struct gn_send_wr wr;

	open_it();
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 3000);
	wr.rkey ^= 0x55;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE, 3000);
	wr.remote_addr += d.o.mem - 2999;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_RKEY], 1);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_UC_BROKEN], 4);
	CHECK_EQ(d.s[B].node->nevent, 0);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
	duo_fill(&d, A, 0, 3000, 3);
	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 3000);
	duo_idle(&d);
	CHECK(arrived(0, 3000));
	duo_close(&d);
}

Test(uc, write_not_enabled)
{
	struct duo_options o = duo_defaults();

	o.qp_access = 0;
	kind_open(&d, &o, GN_QPT_UC);
	duo_fill(&d, A, 0, 8, 1);
	duo_do(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(d.s[B].engine->counters.drop[DROP_OP_DISABLED], 1);
	CHECK_EQ(d.s[B].mem[0], 0);
	duo_close(&d);
}

/* A receive WR's own memory is not there: it fails, and the QP with it. */
Test(uc, receive_memory_is_gone)
{
	struct gn_sge sge = { 64, 1000, 0xdead };
	struct gn_recv_wr wr = { .wr_id = 7, .sge = &sge, .nsge = 1 };

	open_it();
	CHECK_EQ(qp_post_recv(d.s[B].qp, &wr), 0);
	duo_recv(&d, B, 8, 0, 100);
	duo_do(&d, A, 1, GN_WR_SEND, 100);
	duo_idle(&d);
	duo_received(&d, B, 7, GN_WC_LOC_PROT_ERR);
	duo_received(&d, B, 8, GN_WC_WR_FLUSH_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_RTS);
	duo_close(&d);
}

/* A local error stops the send queue only (SQE): what is posted flushes, the
 * receive queue lives, and RTS is one move away.
 */
Test(uc, local_error_leads_to_sqe)
{
	struct gn_send_wr wr;

	open_it();
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 8);
	((struct gn_sge *)wr.sge)->lkey ^= 1;
	qp_post_send(d.s[A].qp, &wr);
	duo_do(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_LOC_PROT_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_SQE);

	duo_do(&d, A, 3, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 3, GN_WC_WR_FLUSH_ERR);
	duo_recv(&d, A, 7, 0, 100);
	duo_do(&d, B, 4, GN_WR_SEND, 50);
	duo_idle(&d);
	duo_received(&d, A, 7, GN_WC_SUCCESS);
	duo_sent(&d, B, 4, GN_WC_SUCCESS);

	CHECK_EQ(duo_move(d.s[A].qp, (struct gn_qp_attr){ 0 }, GN_QPS_RTS,
			  GN_QP_STATE),
		 0);
	duo_fill(&d, A, 0, 2000, 1);
	duo_do(&d, A, 5, GN_WR_RDMA_WRITE, 2000);
	duo_idle(&d);
	duo_sent(&d, A, 5, GN_WC_SUCCESS);
	CHECK(arrived(0, 2000));
	duo_no_more(&d);
	duo_close(&d);
}
