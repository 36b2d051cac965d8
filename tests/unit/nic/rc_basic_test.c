/* Every operation on a network that loses nothing. */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(rc_basic, .timeout = 120);

Test(rc_basic, send)
{
	struct gn_wc wc;

	duo_open_default(&d);
	duo_fill(&d, A, 0, 100, 1);
	CHECK_EQ(duo_recv(&d, B, 7, 500, 200), 0);
	duo_do(&d, A, 1, GN_WR_SEND, 100);
	duo_idle(&d);
	wc = duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(wc.opcode, GN_WC_SEND);
	CHECK_EQ(wc.qpn, d.s[A].qp->qpn);
	CHECK(wc.qp == d.s[A].qp);
	wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
	CHECK_EQ(wc.opcode, GN_WC_RECV);
	CHECK_EQ(wc.byte_len, 100);
	CHECK_EQ(wc.flags, 0);
	CHECK_EQ(wc.qpn, d.s[B].qp->qpn);
	CHECK_EQ(wc.src_qp, d.s[A].qp->qpn);
	CHECK(duo_same(&d, 0, 500, 100));
	duo_no_more(&d);
	duo_close(&d);
}

Test(rc_basic, send_imm)
{
	struct gn_send_wr wr;
	struct gn_wc wc;

	duo_open_default(&d);
	wr = duo_wr(&d, A, 1, GN_WR_SEND_IMM, 2500);
	wr.imm = 0x12345678;
	duo_recv(&d, B, 7, 0, 4000);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
	CHECK_EQ(wc.flags, GN_WC_WITH_IMM);
	CHECK_EQ(wc.imm_or_rkey, 0x12345678);
	CHECK_EQ(wc.byte_len, 2500);
	CHECK_EQ(fabric_count(&d.f, A, OP_SEND_LAST_IMM), 1);
	duo_close(&d);
}

Test(rc_basic, write)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	duo_fill(&d, A, 0, 3000, 1);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 3000);
	wr.remote_addr += 4096;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode, GN_WC_RDMA_WRITE);
	CHECK(duo_same(&d, 0, 4096, 3000));
	CHECK_EQ(d.s[B].mem[4095], 0);
	CHECK_EQ(d.s[B].mem[4096 + 3000], 0);
	duo_no_more(&d);
	duo_close(&d);
}

/* A WRITE with immediate takes a receive WR, and leaves its memory alone. */
Test(rc_basic, write_imm)
{
	static const uint32_t sizes[] = {0, 10, 3000};
	struct gn_send_wr wr;
	struct gn_wc wc;

	duo_open_default(&d);
	for (unsigned i = 0; i < 3; i++) {
		duo_recv(&d, B, 7, 60000, i ? 100 : 0);
		duo_fill(&d, A, 0, 3000, i + 1);
		wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE_IMM, sizes[i]);
		wr.imm = 77 + i;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_idle(&d);
		wc = duo_sent(&d, A, 1, GN_WC_SUCCESS);
		CHECK_EQ(wc.opcode, GN_WC_RDMA_WRITE);
		wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
		CHECK_EQ(wc.opcode, GN_WC_RECV_RDMA_WITH_IMM);
		CHECK_EQ(wc.flags, GN_WC_WITH_IMM);
		CHECK_EQ(wc.imm_or_rkey, 77 + i);
		CHECK_EQ(wc.byte_len, sizes[i]);
		CHECK(duo_same(&d, 0, 0, sizes[i]));
		CHECK_EQ(d.s[B].mem[60000], 0);
	}
	duo_no_more(&d);
	duo_close(&d);
}

Test(rc_basic, read)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	duo_fill(&d, B, 5000, 2600, 9);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_READ, 2600);
	wr.remote_addr += 5000;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode, GN_WC_RDMA_READ);
	CHECK(duo_same(&d, 0, 5000, 2600));
	CHECK_EQ(fabric_count(&d.f, B, OP_READ_RESPONSE_FIRST), 1);
	CHECK_EQ(fabric_count(&d.f, B, OP_READ_RESPONSE_MIDDLE), 1);
	CHECK_EQ(fabric_count(&d.f, B, OP_READ_RESPONSE_LAST), 1);
	CHECK_EQ(d.f.nseen, 4);
	duo_no_more(&d);
	duo_close(&d);
}

static uint64_t word(unsigned side, size_t offset)
{
	uint64_t v;

	memcpy(&v, d.s[side].mem + offset, 8);
	return v;
}

static void set_word(unsigned side, size_t offset, uint64_t v)
{
	memcpy(d.s[side].mem + offset, &v, 8);
}

Test(rc_basic, compare_swap)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	set_word(B, 64, 1111);
	wr = duo_wr(&d, A, 1, GN_WR_CMP_SWAP, 8);
	wr.remote_addr += 64;
	wr.compare_add = 1111;
	wr.swap = 2222;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode, GN_WC_COMP_SWAP);
	CHECK_EQ(word(A, 0), 1111);
	CHECK_EQ(word(B, 64), 2222);
	CHECK_EQ(duo_post(&d, A, wr), 0); /* compare fails */
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).byte_len, 8);
	CHECK_EQ(word(A, 0), 2222);
	CHECK_EQ(word(B, 64), 2222);
	duo_close(&d);
}

Test(rc_basic, fetch_add)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	set_word(B, 8, UINT64_MAX);
	wr = duo_wr(&d, A, 1, GN_WR_FETCH_ADD, 8);
	wr.remote_addr += 8;
	wr.compare_add = 5;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode, GN_WC_FETCH_ADD);
	CHECK_EQ(word(A, 0), UINT64_MAX);
	CHECK_EQ(word(B, 8), 4);
	duo_close(&d);
}

/* An atomic's result may land in two halves. */
Test(rc_basic, atomic_two_sges)
{
	struct gn_sge sge[2];
	struct gn_send_wr wr;

	duo_open_default(&d);
	set_word(B, 0, 0x1122334455667788);
	wr = duo_wr(&d, A, 1, GN_WR_FETCH_ADD, 8);
	sge[0] = duo_sge(&d, A, 100, 3);
	sge[1] = duo_sge(&d, A, 200, 5);
	wr.sge = sge;
	wr.nsge = 2;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(!memcmp(d.s[A].mem + 100, d.s[B].mem, 3));
	CHECK(!memcmp(d.s[A].mem + 200, d.s[B].mem + 3, 5));
	duo_close(&d);
}

/* Inline data is taken at post time, and needs no key. */
Test(rc_basic, inline_data)
{
	uint8_t local[200], copy[200];
	struct gn_sge sge[2] = {{(uintptr_t)local, 150, 0},
				{(uintptr_t)local + 150, 50, 0}};
	struct gn_send_wr wr;

	duo_open_default(&d);
	for (unsigned i = 0; i < 200; i++)
		local[i] = copy[i] = (uint8_t)(i * 7);
	wr = duo_wr(&d, A, 1, GN_WR_RDMA_WRITE, 0);
	wr.sge = sge;
	wr.nsge = 2;
	wr.flags |= GN_SEND_INLINE;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	memset(local, 0, sizeof(local));
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(!memcmp(d.s[B].mem, copy, 200));
	duo_close(&d);
}

/* An unsignaled request completes silently; a signaled one behind it frees both
 * slots.
 */
Test(rc_basic, unsignaled)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 64; i++) {
			wr = duo_wr(&d, A, i, GN_WR_RDMA_WRITE, 8);
			if (i != 63)
				wr.flags = 0;
			CHECK_EQ(duo_post(&d, A, wr), 0);
		}
		wr = duo_wr(&d, A, 64, GN_WR_RDMA_WRITE, 8);
		CHECK_EQ(duo_post(&d, A, wr), -ENOMEM);
		duo_idle(&d);
		CHECK_EQ(duo_post(&d, A, wr), -ENOMEM);
		duo_sent(&d, A, 63, GN_WC_SUCCESS);
		duo_no_more(&d);
	}
	duo_close(&d);
}

/* A fenced request leaves when the READs and atomics before it are answered. */
Test(rc_basic, fence)
{
	const struct seen *write, *atomic;
	struct gn_send_wr wr;

	duo_open_default(&d);
	duo_do(&d, A, 1, GN_WR_FETCH_ADD, 8);
	wr = duo_wr(&d, A, 2, GN_WR_RDMA_WRITE, 8);
	wr.flags |= GN_SEND_FENCE;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	write = fabric_find(&d.f, A, OP_WRITE_ONLY, 0);
	atomic = fabric_find(&d.f, A, OP_FETCH_ADD, 0);
	CHECK_EQ(write->at, atomic->at + 2 * d.f.latency);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);

	/* Without a fence it does not wait. */
	fabric_forget(&d.f);
	duo_do(&d, A, 3, GN_WR_FETCH_ADD, 8);
	duo_do(&d, A, 4, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	write = fabric_find(&d.f, A, OP_WRITE_ONLY, 0);
	atomic = fabric_find(&d.f, A, OP_FETCH_ADD, 0);
	CHECK_EQ(write->at, atomic->at);
	duo_close(&d);
}

/* No more READs and atomics are outstanding than max_rd_atomic. */
Test(rc_basic, initiator_depth)
{
	struct duo_options o = duo_defaults();

	o.rd_atomic = o.dest_rd_atomic = 2;
	duo_open(&d, &o);
	for (unsigned i = 0; i < 6; i++)
		duo_do(&d, A, i, i & 1 ? GN_WR_FETCH_ADD : GN_WR_RDMA_READ, 8);
	fabric_settle(&d.f);
	CHECK_EQ(d.f.nseen, 2);
	duo_idle(&d);
	for (unsigned i = 0; i < 6; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* Both directions at once, all completions in posting order. */
Test(rc_basic, both_ways)
{
	static const enum gn_wr_opcode ops[] = {
		GN_WR_SEND, GN_WR_RDMA_WRITE, GN_WR_RDMA_READ, GN_WR_FETCH_ADD};

	duo_open_default(&d);
	for (unsigned i = 0; i < 64; i++)
		for (unsigned s = 0; s < 2; s++) {
			enum gn_wr_opcode op = ops[(i + s) % 4];

			duo_recv(&d, !s, i, 0, 5000);
			duo_do(&d, s, i, op, op == GN_WR_FETCH_ADD ? 8 : 5000);
		}
	duo_idle(&d);
	for (unsigned i = 0; i < 64; i++)
		for (unsigned s = 0; s < 2; s++)
			duo_sent(&d, s, i, GN_WC_SUCCESS);
	duo_close(&d);
}
