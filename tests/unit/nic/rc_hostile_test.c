/* Packets that cannot come from the peer, or are none at all: they cost
 * themselves and bump a counter, nothing else.
 */
#include "tests/support/duo.h"

#include <string.h>

static struct duo d;
static uint8_t junk[PMTU_MAX + 8];

TestSuite(rc_hostile, .timeout = 120);

/* A request to B's QP, as A would send it next. */
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

/* ---- refused without any effect ------------------------------------------ */

static struct gn_qp before;

static void remember(void)
{
	memcpy(&before, d.s[B].qp, sizeof(before));
}

/* B's QP is as it was, nothing was sent, no memory written, nothing told. */
static void check_untouched(void)
{
	fabric_settle(&d.f);
	CHECK(!memcmp(&before.req, &d.s[B].qp->req, sizeof(before.req)));
	CHECK(!memcmp(&before.resp, &d.s[B].qp->resp, sizeof(before.resp)));
	CHECK_EQ(qp_state(d.s[B].qp), before.state);
	CHECK_EQ(d.f.nseen, 0);
	CHECK_EQ(d.s[B].node->nevent, 0);
	for (unsigned i = 0; i < 4096; i++)
		CHECK_EQ(d.s[B].mem[i], 0);
	duo_no_more(&d);
}

static size_t encode(struct roce *r, uint8_t *out)
{
	size_t n = roce_encode_head(r, out);

	memcpy(out + n, r->payload.p, r->payload.len);
	return n + r->payload.len;
}

static enum drop inject_bytes(const uint8_t *bytes, size_t len)
{
	return fabric_inject(&d.f, B, &d.s[A].node->link.addr[0], bytes, len);
}

static void open_it(void)
{
	memset(junk, 0x5a, sizeof(junk));
	duo_open_default(&d);
	remember();
}

Test(rc_hostile, every_opcode_byte)
{
	uint8_t bytes[ROCE_HEAD_MAX + PMTU_MAX];
	struct roce r;
	size_t len;

	open_it();
	r = request(OP_WRITE_ONLY, 8);
	len = encode(&r, bytes);
	for (unsigned op = 0; op < 256; op++) {
		enum drop v;

		if (opcode_find((uint8_t)op) &&
		    opcode_transport((uint8_t)op) == TRANSPORT_RC)
			continue;
		bytes[0] = (uint8_t)op;
		v = inject_bytes(bytes, len);
		CHECK(v == DROP_OPCODE || v == DROP_TRANSPORT ||
		      v == DROP_SHORT || v == DROP_LENGTH);
		if (!opcode_find((uint8_t)op))
			CHECK_EQ(v, DROP_OPCODE);
		check_untouched();
	}
	CHECK(d.s[B].engine->counters.drop[DROP_OPCODE] > 100);
	duo_close(&d);
}

/* Every truncation of every request's headers. */
Test(rc_hostile, truncated)
{
	uint8_t bytes[ROCE_HEAD_MAX + PMTU_MAX];

	open_it();
	for (unsigned op = 0; op < 32; op++) {
		const struct opcode *row = opcode_find((uint8_t)op);
		struct roce r;

		if (!row)
			continue;
		r = request(op, 0);
		encode(&r, bytes);
		for (size_t len = 0; len < row->len; len++) {
			CHECK_EQ(inject_bytes(bytes, len), DROP_SHORT);
			check_untouched();
		}
	}
	duo_close(&d);
}

Test(rc_hostile, lying_lengths)
{
	uint8_t bytes[ROCE_HEAD_MAX + PMTU_MAX];
	struct roce r;
	size_t len;

	open_it();
	r = request(OP_WRITE_ONLY, 0); /* pad without payload */
	r.bth.pad = 3;
	len = encode(&r, bytes);
	CHECK_EQ(inject_bytes(bytes, len), DROP_PAD);
	CHECK_EQ(inject_bytes(bytes, len + 2), DROP_PAD);
	check_untouched();
	r = request(OP_READ_REQUEST, 4); /* payload where none belongs */
	len = encode(&r, bytes);
	CHECK_EQ(inject_bytes(bytes, len), DROP_LENGTH);
	check_untouched();
	duo_close(&d);
}

Test(rc_hostile, header_fields)
{
	struct roce r;

	open_it();
	r = request(OP_WRITE_ONLY, 8);
	r.bth.tver = 1;
	CHECK_EQ(inject(r), DROP_TVER);
	r.bth.tver = 0;
	r.bth.dqpn++;
	CHECK_EQ(inject(r), DROP_QPN);
	r.bth.dqpn = QPN_MASK;
	CHECK_EQ(inject(r), DROP_MCAST);
	r.bth.dqpn = 0;
	CHECK_EQ(inject(r), DROP_QPN);
	r.bth.dqpn = d.s[B].qp->qpn;
	r.bth.pkey = 0xfffe;
	CHECK_EQ(inject(r), DROP_PKEY);
	r.bth.pkey = 0x8000;
	CHECK_EQ(inject(r), DROP_PKEY);
	check_untouched();
	r.bth.pkey = 0x7fff; /* a limited member may talk to a full one */
	CHECK_EQ(inject(r), DROP_NONE);
	duo_close(&d);
}

Test(rc_hostile, wrong_address)
{
	struct roce r;
	uint8_t bytes[ROCE_HEAD_MAX + PMTU_MAX];
	struct ip_addr other;
	size_t len;

	open_it();
	r = request(OP_WRITE_ONLY, 8);
	len = encode(&r, bytes);
	CHECK(ip_parse(&other, "10.0.0.3"));
	CHECK_EQ(fabric_inject(&d.f, B, &other, bytes, len), DROP_PEER_ADDR);
	CHECK(ip_parse(&other, "fe80::1"));
	CHECK_EQ(fabric_inject(&d.f, B, &other, bytes, len), DROP_PEER_ADDR);
	/* To an address of this NIC that is not the connection's. */
	d.s[B].node->link.addr[0] = other;
	CHECK_EQ(inject_bytes(bytes, len), DROP_PEER_ADDR);
	check_untouched();
	duo_close(&d);
}

Test(rc_hostile, state_that_does_not_receive)
{
	struct gn_qp *qp;

	open_it();
	for (unsigned s = GN_QPS_RESET; s <= GN_QPS_INIT; s++) {
		struct roce r = request(OP_WRITE_ONLY, 8);

		qp = duo_qp(&d, B);
		if (s == GN_QPS_INIT)
			duo_raise(&d, B, qp, 5, GN_QPS_INIT);
		r.bth.dqpn = qp->qpn;
		CHECK_EQ(inject(r), DROP_QP_STATE);
		check_untouched();
		qp_free(qp);
	}
	CHECK_EQ(duo_move(d.s[B].qp, (struct gn_qp_attr){0}, GN_QPS_ERR,
			  GN_QP_STATE),
		 0);
	fabric_settle(&d.f);
	remember();
	CHECK_EQ(inject(request(OP_WRITE_ONLY, 8)), DROP_QP_STATE);
	CHECK_EQ(inject(request(OP_ACKNOWLEDGE, 0)), DROP_QP_STATE);
	check_untouched();
	duo_close(&d);
}

/* Answers to nothing: every kind, for every PSN nearby. */
Test(rc_hostile, ghosts)
{
	static const unsigned ops[] = {OP_ACKNOWLEDGE, OP_ATOMIC_ACKNOWLEDGE,
				       OP_READ_RESPONSE_ONLY,
				       OP_READ_RESPONSE_MIDDLE};

	open_it();
	duo_do(&d, B, 1, GN_WR_RDMA_WRITE, 8);
	duo_idle(&d);
	duo_sent(&d, B, 1, GN_WC_SUCCESS);
	fabric_forget(&d.f);
	remember();
	for (unsigned i = 0; i < 4; i++)
		for (unsigned syn = 0; syn < 128; syn += 31)
			for (uint32_t k = 0; k < 8; k++) {
				struct roce r = request(ops[i], 0);

				r.bth.psn = psn_add(0x2001, k - 4);
				r.aeth.syndrome = (uint8_t)syn;
				CHECK_EQ(inject(r), DROP_GHOST);
				r.bth.psn = psn_add(r.bth.psn, 1u << 23);
				CHECK_EQ(inject(r), DROP_GHOST);
			}
	check_untouched();
	duo_close(&d);
}
