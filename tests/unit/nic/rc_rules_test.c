/* Packets of a peer that breaks the rules: they cost the connection, by the NAK
 * (or the completion) that says why.
 */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;
static uint8_t junk[PMTU_MAX + 8]; /* and 8 bytes of zero */

TestSuite(rc_rules, .timeout = 120);

/* A packet to B's QP; requests: as A would send it next. */
static struct roce request(unsigned op, uint32_t len)
{
	return (struct roce){
		.bth = {.opcode = (uint8_t)op,
			.pkey = PKEY_DEFAULT,
			.dqpn = d.s[B].qp->qpn,
			.psn = d.s[B].qp->resp.epsn},
		.reth = {duo_va(&d, B, 0), d.s[B].mr->h.key, len},
		.atomic = {duo_va(&d, B, 0), d.s[B].mr->h.key, 0, 0},
		.payload = {junk, len},
	};
}

static enum drop inject(struct roce r)
{
	return fabric_inject_roce(&d.f, A, B, &r);
}

static void open_it(void)
{
	memset(junk, 0x5a, PMTU_MAX);
	duo_open_default(&d);
}

/* ---- requests that break the rules --------------------------------------- */

/* The last packet injected was refused as @word, with NAK @syndrome, and that
 * was B's end.
 */
static void check_fatal(enum drop got, enum drop word, uint8_t syndrome)
{
	uint32_t psn = d.s[B].qp->resp.epsn;

	CHECK_EQ(got, word);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, syndrome);
	CHECK_EQ(fabric_last(&d.f, B)->roce.bth.psn, psn);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	d.f.filter = NULL;
	duo_close(&d);
}

static void open_with_recv(void)
{
	open_it();
	duo_recv(&d, B, 9, 0, 8192);
}

/* What may follow on which packet: none, SEND First, WRITE First. */
Test(rc_rules, opcode_sequence)
{
	static const unsigned begin[] = {OP_SEND_FIRST, OP_WRITE_FIRST};

	for (unsigned op = 0; op < 32; op++) {
		const struct opcode *row = opcode_find((uint8_t)op);

		if (!row || !(row->flags & IS_REQUEST))
			continue;
		for (unsigned k = 0; k < 3; k++) {
			bool inside = row->flags & (IS_MIDDLE | IS_LAST);
			bool kin = k &&
				   (row->flags & (k == 1 ? IS_SEND : IS_WRITE));
			struct roce r;

			if (k ? inside && kin : !inside)
				continue; /* allowed */
			open_with_recv();
			if (k) {
				r = request(begin[k - 1], 1024);
				r.reth.len = 2048;
				CHECK_EQ(inject(r), DROP_NONE);
			}
			r = request(op, row->flags & HAS_PAYLOAD ? 8 : 0);
			check_fatal(inject(r), DROP_OPCODE_SEQ, 0x61);
		}
	}
}

static void bad_length(unsigned op, uint32_t payload, uint32_t dma)
{
	struct roce r;

	open_with_recv();
	r = request(op, payload);
	r.reth.len = dma;
	check_fatal(inject(r), DROP_REQ_LENGTH, 0x61);
}

Test(rc_rules, packet_lengths)
{
	bad_length(OP_SEND_FIRST, 1023, 0);
	bad_length(OP_SEND_FIRST, 1025, 0);
	bad_length(OP_SEND_FIRST, 0, 0);
	bad_length(OP_SEND_ONLY, 1025, 0);
	bad_length(OP_SEND_ONLY_IMM, 4096, 0);
	bad_length(OP_WRITE_FIRST, 1023, 4096);
	bad_length(OP_WRITE_FIRST, 1024, 1024); /* nothing left for a Last */
	bad_length(OP_WRITE_FIRST, 1024, 1000);
	bad_length(OP_WRITE_FIRST, 1024, 0);
	bad_length(OP_WRITE_ONLY, 1025, 1025);
	bad_length(OP_WRITE_ONLY, 8, 7);
	bad_length(OP_WRITE_ONLY, 8, 9);
	bad_length(OP_WRITE_ONLY, 0, 9);
	bad_length(OP_WRITE_ONLY_IMM, 8, 0);
	bad_length(OP_READ_REQUEST, 0, (1u << 31) + 1);
	bad_length(OP_READ_REQUEST, 0, UINT32_MAX);
	bad_length(OP_WRITE_FIRST, 1024, UINT32_MAX);
}

/* The second packet of a message of @dma bytes. */
static void bad_second(unsigned first, unsigned op, uint32_t payload,
		       uint32_t dma)
{
	struct roce r;

	open_with_recv();
	r = request(first, 1024);
	r.reth.len = dma;
	CHECK_EQ(inject(r), DROP_NONE);
	check_fatal(inject(request(op, payload)), DROP_REQ_LENGTH, 0x61);
}

Test(rc_rules, second_packet_lengths)
{
	bad_second(OP_SEND_FIRST, OP_SEND_MIDDLE, 1023, 0);
	bad_second(OP_SEND_FIRST, OP_SEND_LAST, 0, 0);
	bad_second(OP_SEND_FIRST, OP_SEND_LAST, 1025, 0);
	bad_second(OP_WRITE_FIRST, OP_WRITE_MIDDLE, 1024, 2048);
	bad_second(OP_WRITE_FIRST, OP_WRITE_MIDDLE, 1024, 1025);
	bad_second(OP_WRITE_FIRST, OP_WRITE_LAST, 7, 1032);
	bad_second(OP_WRITE_FIRST, OP_WRITE_LAST, 9, 1032);
	bad_second(OP_WRITE_FIRST, OP_WRITE_LAST, 0, 1032);
	bad_second(OP_WRITE_FIRST, OP_WRITE_LAST_IMM, 1024, 4096);
}

/* FLUSH and ATOMIC WRITE are not offered. */
Test(rc_rules, flush_of_no_kind)
{
	open_it();
	check_fatal(inject(request(OP_FLUSH, 0)), DROP_OP_DISABLED, 0x61);
}

/* One READ more than the responder has places for, before it answered any. */
Test(rc_rules, too_many_reads)
{
	open_it();
	for (unsigned i = 0; i < 4; i++)
		CHECK_EQ(
			inject((struct roce){
				.bth = request(OP_READ_REQUEST, 0).bth,
				.reth = {duo_va(&d, B, 0), d.s[B].mr->h.key, 8}}),
			DROP_NONE);
	check_fatal(inject((struct roce){
			    .bth = request(OP_READ_REQUEST, 0).bth,
			    .reth = {duo_va(&d, B, 0), d.s[B].mr->h.key, 8}}),
		    DROP_RD_ATOMIC, 0x61);
}

Test(rc_rules, no_reads_at_all)
{
	struct duo_options o = duo_defaults();

	o.dest_rd_atomic = 0;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_RDMA_READ, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_REM_INV_REQ_ERR);
	CHECK_EQ(duo_events(&d, B, GN_EVENT_QP_REQ_ERR), 1);
	duo_close(&d);
}

/* The receive WR in use carries the error. */
Test(rc_rules, send_broken_off)
{
	open_with_recv();
	CHECK_EQ(inject(request(OP_SEND_FIRST, 1024)), DROP_NONE);
	CHECK_EQ(inject(request(OP_SEND_ONLY, 8)), DROP_OPCODE_SEQ);
	fabric_settle(&d.f);
	duo_received(&d, B, 9, GN_WC_LOC_QP_OP_ERR);
	duo_no_more(&d);
	CHECK_EQ(d.s[B].node->nevent, 0);
	duo_close(&d);
}

/* ---- answers that break the rules ---------------------------------------- */

/* B waits for the answer to @op; what A's side makes of @r is the end of B. */
static void bad_answer(enum gn_wr_opcode op, uint32_t len, unsigned answer,
		       uint32_t payload)
{
	struct roce r;

	open_it();
	d.f.faults.lost = 1000;
	duo_do(&d, B, 1, op, len);
	fabric_settle(&d.f);
	r = request(answer, payload);
	r.bth.psn = 0x2000;
	r.aeth.syndrome = 0x1f;
	CHECK_EQ(inject(r), DROP_BAD_RESPONSE);
	duo_sent(&d, B, 1, GN_WC_BAD_RESP_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	d.f.faults.lost = 0;
	duo_idle(&d);
	for (unsigned i = 0; i < 64; i++)
		CHECK_EQ(d.s[B].mem[i], 0);
	duo_close(&d);
}

Test(rc_rules, bad_responses)
{
	bad_answer(GN_WR_RDMA_READ, 8, OP_READ_RESPONSE_ONLY, 7);
	bad_answer(GN_WR_RDMA_READ, 8, OP_READ_RESPONSE_ONLY, 12);
	bad_answer(GN_WR_RDMA_READ, 8, OP_READ_RESPONSE_MIDDLE, 8);
	bad_answer(GN_WR_RDMA_READ, 8, OP_ATOMIC_ACKNOWLEDGE, 0);
	bad_answer(GN_WR_RDMA_READ, 3000, OP_READ_RESPONSE_FIRST, 1023);
	bad_answer(GN_WR_RDMA_READ, 3000, OP_READ_RESPONSE_FIRST, 1028);
	bad_answer(GN_WR_RDMA_READ, 3000, OP_READ_RESPONSE_ONLY, 1024);
	bad_answer(GN_WR_FETCH_ADD, 8, OP_READ_RESPONSE_ONLY, 8);
	bad_answer(GN_WR_RDMA_WRITE, 8, OP_READ_RESPONSE_ONLY, 8);
	bad_answer(GN_WR_RDMA_WRITE, 8, OP_ATOMIC_ACKNOWLEDGE, 0);
}

/* Reserved syndromes say nothing. */
Test(rc_rules, reserved_syndromes)
{
	open_it();
	d.f.faults.lost = 1000;
	duo_do(&d, B, 1, GN_WR_RDMA_WRITE, 8);
	fabric_settle(&d.f);
	d.f.faults.lost = 0;
	for (unsigned syn = 0x40; syn < 0x80; syn++) {
		struct roce r = request(OP_ACKNOWLEDGE, 0);

		if (syn >= 0x60 && syn < 0x64)
			continue;
		r.bth.psn = 0x2000;
		r.aeth.syndrome = (uint8_t)syn;
		CHECK_EQ(inject(r), DROP_AETH);
	}
	duo_idle(&d);
	duo_sent(&d, B, 1, GN_WC_SUCCESS);
	duo_close(&d);
}

/* ---- anything at all ----------------------------------------------------- */

static struct random rnd = {11};

static uint64_t pick(uint64_t n)
{
	return random_next(&rnd) % n;
}

/* Something near an edge of B's region, whose middle half alone is registered.
 */
static uint64_t some_va(void)
{
	static const unsigned edges[] = {16384, 49152, 20000};

	return duo_va(&d, B, edges[pick(3)] + pick(64) - pick(3000));
}

static struct roce anything(void)
{
	uint32_t len = (uint32_t)pick(pick(2) ? 1025 : 3000);
	const struct opcode *op;
	struct roce r;

	do
		r = request((unsigned)pick(32), len);
	while (!(op = opcode_find(r.bth.opcode)));
	r.bth.psn = psn_add(r.bth.psn, (uint32_t)(pick(5) ? 0 : pick(7) - 3));
	r.bth.se = pick(2);
	r.bth.ackreq = pick(2);
	r.reth.va = r.atomic.va = some_va();
	r.reth.len = (uint32_t)(pick(3) ? len : pick(9000));
	if (!pick(20))
		r.reth.rkey ^= 1;
	r.aeth.syndrome = (uint8_t)pick(256);
	if (!(op->flags & HAS_PAYLOAD))
		r.payload.len = 0;
	else if (op->flags & (IS_FIRST | IS_MIDDLE) && pick(8))
		r.payload.len = 1024;
	return r;
}

/* Whatever comes: only registered memory changes, and all ends well. */
Test(rc_rules, anything)
{
	for (unsigned round = 0; round < 2000; round++) {
		struct gn_mr *mr;

		open_it();
		CHECK_EQ(mr_free(d.s[B].mr), 0);
		CHECK_EQ(mr_new(d.s[B].pd, d.s[B].mem + 16384, 32768,
				duo_va(&d, B, 16384), d.o.mr_access, &mr),
			 0);
		d.s[B].mr = mr;
		for (unsigned i = 0; i < 4; i++)
			duo_recv(&d, B, i, 20000, (uint32_t)pick(4000));
		duo_do(&d, B, 9, GN_WR_RDMA_WRITE, 0);
		fabric_settle(&d.f);
		for (unsigned i = 0;
		     i < 60 && qp_state(d.s[B].qp) == GN_QPS_RTS; i++) {
			inject(anything());
			if (pick(2))
				fabric_settle(&d.f);
		}
		duo_idle(&d);
		for (unsigned i = 0; i < 16384; i += 8) {
			CHECK(!memcmp(d.s[B].mem + i, junk + 4096, 8));
			CHECK(!memcmp(d.s[B].mem + 49152 + i, junk + 4096, 8));
		}
		duo_close(&d);
	}
}
