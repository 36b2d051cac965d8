/* ATOMIC WRITE and FLUSH (IBTA Annex A19). */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;

TestSuite(placement, .timeout = 120);

#define FLUSHES (GN_ACCESS_FLUSH_GLOBAL | GN_ACCESS_FLUSH_PERSISTENT)

static void open_with(unsigned qp_access, unsigned mr_access)
{
	struct duo_options o = duo_defaults();

	o.qp_access |= qp_access;
	o.mr_access |= mr_access;
	o.timeout = 8;
	duo_open(&d, &o);
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

static struct roce request(unsigned op, uint64_t va, uint32_t len,
			   uint32_t payload)
{
	static uint8_t junk[4096];

	memset(junk, 0x5a, sizeof(junk));
	return (struct roce){ .bth = { .opcode = (uint8_t)op,
				       .pkey = PKEY_DEFAULT,
				       .dqpn = d.s[B].qp->qpn,
				       .psn = d.s[B].qp->resp.epsn },
			      .reth = { va, d.s[B].mr->h.key, len },
			      .payload = { junk, payload } };
}

static void check_refused(struct roce r, enum drop word_, uint8_t syndrome)
{
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), word_);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, syndrome);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	for (unsigned i = 0; i < 256; i++)
		CHECK_EQ(d.s[B].mem[i], 0);
	duo_close(&d);
}

/* ---- ATOMIC WRITE --------------------------------------------------------------- */

Test(placement, atomic_write)
{
	struct gn_send_wr wr;

	duo_open_default(&d);
	for (unsigned inl = 0; inl < 2; inl++) {
		set_word(A, 0, 0x1122334455667788 + inl);
		wr = duo_wr(&d, A, 1, GN_WR_ATOMIC_WRITE, 8);
		wr.remote_addr += 64;
		if (inl)
			wr.flags |= GN_SEND_INLINE;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_idle(&d);
		CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode,
			 GN_WC_ATOMIC_WRITE);
		CHECK_EQ(word(B, 64), word(A, 0));
	}
	CHECK_EQ(word(B, 56), 0);
	CHECK_EQ(word(B, 72), 0);
	CHECK_EQ(fabric_count(&d.f, B, OP_READ_RESPONSE_ONLY), 2);
	CHECK_EQ(fabric_last(&d.f, B)->roce.payload.len, 0);
	duo_close(&d);
}

Test(placement, atomic_write_of_8_bytes_only)
{
	duo_open_default(&d);
	CHECK_EQ(duo_post(&d, A, duo_wr(&d, A, 1, GN_WR_ATOMIC_WRITE, 7)),
		 -EINVAL);
	CHECK_EQ(duo_post(&d, A, duo_wr(&d, A, 1, GN_WR_ATOMIC_WRITE, 9)),
		 -EINVAL);
	duo_close(&d);
}

/* Linux 1114c87: one without payload sent 8 bytes of kernel memory home. */
Test(placement, atomic_write_lengths)
{
	static const uint32_t bad[][2] = { { 8, 0 },	{ 8, 4 }, { 8, 12 },
					   { 7, 8 },	{ 9, 8 }, { 0, 8 },
					   { 0, 0 },	{ 8, 7 }, { 16, 16 },
					   { 1u << 31, 8 } };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		duo_open_default(&d);
		check_refused(request(OP_ATOMIC_WRITE, duo_va(&d, B, 0),
				      bad[i][0], bad[i][1]),
			      DROP_REQ_LENGTH, 0x61);
	}
}

Test(placement, atomic_write_misaligned)
{
	for (unsigned i = 1; i < 8; i++) {
		duo_open_default(&d);
		check_refused(request(OP_ATOMIC_WRITE, duo_va(&d, B, i), 8, 8),
			      DROP_MISALIGNED, 0x61);
	}
}

/* Aligned as the peer sees it, but not in memory. */
Test(placement, atomic_write_misaligned_region)
{
	struct gn_mr *mr;
	struct roce r;

	duo_open_default(&d);
	CHECK_EQ(mr_new(d.s[B].pd, d.s[B].mem + 4, 1000, 0, d.o.mr_access, &mr),
		 0);
	r = request(OP_ATOMIC_WRITE, 0, 8, 8);
	r.reth.rkey = mr->h.key;
	CHECK_EQ(fabric_inject_roce(&d.f, A, B, &r), DROP_MISALIGNED);
	fabric_settle(&d.f);
	CHECK_EQ(fabric_last(&d.f, B)->roce.aeth.syndrome, 0x61);
	CHECK_EQ(d.s[B].mem[4], 0);
	CHECK_EQ(mr_free(mr), 0);
	duo_close(&d);
}

Test(placement, atomic_write_rights)
{
	struct duo_options o = duo_defaults();

	o.mr_access &= ~GN_ACCESS_REMOTE_WRITE;
	duo_open(&d, &o);
	check_refused(request(OP_ATOMIC_WRITE, duo_va(&d, B, 0), 8, 8),
		      DROP_RIGHTS, 0x62);
	o = duo_defaults();
	o.qp_access &= ~GN_ACCESS_REMOTE_WRITE;
	duo_open(&d, &o);
	check_refused(request(OP_ATOMIC_WRITE, duo_va(&d, B, 0), 8, 8),
		      DROP_OP_DISABLED, 0x61);
	/* It is a write: no atomic right is needed. */
	o = duo_defaults();
	o.mr_access &= ~GN_ACCESS_REMOTE_ATOMIC;
	o.qp_access &= ~GN_ACCESS_REMOTE_ATOMIC;
	duo_open(&d, &o);
	duo_do(&d, A, 1, GN_WR_ATOMIC_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_close(&d);
}

/* The answer is lost; the program over there changes the word; the duplicate
 * must not bring the old one back.
 */
Test(placement, atomic_write_exactly_once)
{
	open_with(0, 0);
	set_word(A, 0, 5);
	duo_lose(&d, B, OP_READ_RESPONSE_ONLY, 0);
	duo_do(&d, A, 1, GN_WR_ATOMIC_WRITE, 8);
	fabric_run(&d.f, d.f.now + 10 * USEC);
	CHECK_EQ(word(B, 0), 5);
	set_word(B, 0, 99);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(word(B, 0), 99);
	CHECK_EQ(fabric_count(&d.f, A, OP_ATOMIC_WRITE), 2);
	d.f.filter = NULL;
	duo_close(&d);
}

/* ---- FLUSH ---------------------------------------------------------------------- */

static struct gn_send_wr flush(unsigned type, unsigned level, size_t offset,
			       uint32_t len)
{
	struct gn_send_wr wr = duo_wr(&d, A, 1, GN_WR_FLUSH, 0);

	wr.nsge = 0;
	wr.remote_addr += offset;
	wr.flush_len = len;
	wr.flush_type = (uint8_t)type;
	wr.flush_level = (uint8_t)level;
	return wr;
}

static void do_flush(struct gn_send_wr wr, enum gn_wc_status status)
{
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_sent(&d, A, 1, status).opcode, GN_WC_FLUSH);
}

Test(placement, flush)
{
	open_with(FLUSHES, FLUSHES);
	for (unsigned type = 1; type <= 3; type++)
		for (unsigned level = 0; level < 2; level++) {
			do_flush(flush(type, level, 100, 5000), GN_WC_SUCCESS);
			CHECK_EQ(fabric_last(&d.f, A)->roce.feth.type, type);
			CHECK_EQ(fabric_last(&d.f, A)->roce.feth.selectivity,
				 level);
			CHECK_EQ(fabric_last(&d.f, A)->roce.reth.len, 5000);
		}
	do_flush(flush(1, 0, 100, 0), GN_WC_SUCCESS);
	/* A whole region needs no range. */
	do_flush(flush(3, 1, (size_t)1 << 40, UINT32_MAX >> 1), GN_WC_SUCCESS);
	CHECK_EQ(fabric_count(&d.f, B, OP_READ_RESPONSE_ONLY), 8);
	duo_close(&d);
}

/* Kinds that are none, ranges that are not there. */
Test(placement, flush_refused)
{
	static const struct {
		unsigned type, level;
		size_t offset;
		uint32_t len;
		enum gn_wc_status status;
	} rows[] = {
		{ 0, 0, 0, 8, GN_WC_REM_INV_REQ_ERR },
		{ 4, 0, 0, 8, GN_WC_REM_INV_REQ_ERR },
		{ 7, 0, 0, 8, GN_WC_REM_INV_REQ_ERR },
		{ 1, 2, 0, 8, GN_WC_REM_INV_REQ_ERR },
		{ 1, 3, 0, 8, GN_WC_REM_INV_REQ_ERR },
		{ 1, 0, 65530, 8, GN_WC_REM_ACCESS_ERR },
		{ 1, 0, 0, 65537, GN_WC_REM_ACCESS_ERR },
		{ 1, 0, (size_t)-8, 8, GN_WC_REM_ACCESS_ERR },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_with(FLUSHES, FLUSHES);
		do_flush(flush(rows[i].type, rows[i].level, rows[i].offset,
			       rows[i].len),
			 rows[i].status);
		duo_close(&d);
	}
	open_with(FLUSHES, FLUSHES);
	{
		struct gn_send_wr wr = flush(1, 1, 0, 8);

		wr.rkey ^= 1;
		do_flush(wr, GN_WC_REM_ACCESS_ERR);
	}
	duo_close(&d);
}

/* Each kind needs its right, of the QP and of the region. */
Test(placement, flush_rights)
{
	static const unsigned right[] = { 0, GN_ACCESS_FLUSH_GLOBAL,
					  GN_ACCESS_FLUSH_PERSISTENT, FLUSHES };

	for (unsigned type = 1; type <= 3; type++)
		for (unsigned has = 0; has <= 3; has++) {
			bool ok = (has & type) == type;

			open_with(right[has], FLUSHES);
			do_flush(flush(type, 0, 0, 64),
				 ok ? GN_WC_SUCCESS : GN_WC_REM_INV_REQ_ERR);
			duo_close(&d);
			for (unsigned level = 0; level < 2; level++) {
				open_with(FLUSHES, right[has]);
				do_flush(flush(type, level, 0, 64),
					 ok ? GN_WC_SUCCESS
					    : GN_WC_REM_ACCESS_ERR);
				duo_close(&d);
			}
		}
}

/* After the WRITEs before it, in order; counts as a READ. */
Test(placement, flush_is_ordered)
{
	open_with(FLUSHES, FLUSHES);
	duo_fill(&d, A, 0, 5000, 1);
	duo_lose(&d, A, OP_WRITE_MIDDLE, 1);
	duo_do(&d, A, 9, GN_WR_RDMA_WRITE, 5000);
	CHECK_EQ(duo_post(&d, A, flush(3, 0, 0, 5000)), 0);
	duo_idle(&d);
	duo_sent(&d, A, 9, GN_WC_SUCCESS);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK(duo_same(&d, 0, 0, 5000));
	d.f.filter = NULL;
	duo_close(&d);
}

Test(placement, flush_answered_again)
{
	open_with(FLUSHES, FLUSHES);
	duo_lose(&d, B, OP_READ_RESPONSE_ONLY, 0);
	do_flush(flush(3, 1, 0, 0), GN_WC_SUCCESS);
	CHECK_EQ(fabric_count(&d.f, A, OP_FLUSH), 2);
	CHECK_EQ(d.s[B].engine->counters.n[CNT_DUPLICATE], 1);
	CHECK_EQ(d.s[B].qp->resp.msn, 1);
	d.f.filter = NULL;
	duo_close(&d);
}
