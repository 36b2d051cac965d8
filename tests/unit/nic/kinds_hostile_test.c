/* Packets that no well-behaved peer sends, for every type of QP: nothing crashes,
 * and nothing but the peer's own window is written.
 */
#include "tests/support/kinds.h"

#include <stdlib.h>
#include <string.h>

#define GUARD 4096u /* bytes around B's region that must stay */

static struct duo d;
static struct gn_xrcd *xrcd;
static struct gn_srq *srq, *xsrq;
static struct gn_qp *qp[5];
static uint8_t junk[PMTU_MAX + 8];

TestSuite(kinds_hostile, .timeout = 120);

enum { RC_, UC_, UD_, INI_, TGT_, KINDS };

static const enum gn_qp_type types[KINDS] = { GN_QPT_RC, GN_QPT_UC, GN_QPT_UD,
					      GN_QPT_XRC_SEND,
					      GN_QPT_XRC_RECV };

static void post_recvs(unsigned k)
{
	struct gn_sge sge = duo_sge(&d, B, 8192, 5000);
	struct gn_recv_wr wr = { .wr_id = k, .sge = &sge, .nsge = 1 };

	if (k == INI_)
		return;
	if (k == TGT_)
		rq_post(&xsrq->rq, &wr);
	else if (k == RC_)
		rq_post(&srq->rq, &wr);
	else
		qp_post_recv(qp[k], &wr);
}

/* One of each on B; RC with an SRQ. */
static void open_it(void)
{
	struct duo_options o = duo_defaults();

	o.cqe = 4096;
	o.qp_access |= GN_ACCESS_FLUSH_GLOBAL;
	duo_open(&d, &o);
	d.f.keep = false;
	memset(junk, 0x5a, sizeof(junk));
	CHECK_EQ(xrcd_open(d.s[B].engine, 0, true, false, &xrcd), 0);
	srq = kind_srq(&d, B, 64);
	xsrq = kind_xrc_srq(&d, B, 64, xrcd, d.s[B].rcq);
	for (unsigned k = 0; k < KINDS; k++) {
		qp[k] = kind_qp(&d, B, types[k], k == RC_ ? srq : NULL,
				k == TGT_ ? xrcd : NULL);
		kind_raise(&d, B, qp[k], d.s[A].qp->qpn, GN_QPS_RTS);
		post_recvs(k);
	}
}

static void close_it(void)
{
	for (unsigned k = 0; k < KINDS; k++)
		qp_free(qp[k]);
	CHECK_EQ(srq_free(srq), 0);
	CHECK_EQ(srq_free(xsrq), 0);
	CHECK_EQ(xrcd_close(xrcd), 0);
	duo_close(&d);
}

/* What ERR took comes back. */
static void revive(void)
{
	struct gn_wc wc[64];

	for (unsigned k = 0; k < KINDS; k++) {
		if (qp_state(qp[k]) != GN_QPS_ERR)
			continue;
		kind_raise(&d, B, qp[k], 0, GN_QPS_RESET);
		kind_raise(&d, B, qp[k], d.s[A].qp->qpn, GN_QPS_RTS);
		post_recvs(k);
	}
	while (cq_take(d.s[B].rcq, 64, wc) > 0)
		;
	while (cq_take(d.s[B].scq, 64, wc) > 0)
		;
}

static struct roce packet(unsigned opcode, unsigned k)
{
	return (struct roce){ .bth = { .opcode = (uint8_t)opcode,
				       .pkey = PKEY_DEFAULT,
				       .dqpn = qp[k]->qpn,
				       .psn = qp[k]->resp.epsn },
			      .srqn = xsrq->srqn,
			      .deth = { KIND_QKEY, 5 },
			      .reth = { duo_va(&d, B, 0), d.s[B].mr->h.key, 8 },
			      .atomic = { duo_va(&d, B, 0), d.s[B].mr->h.key, 1,
					  2 },
			      .feth = { FETH_GLOBAL, FETH_RANGE },
			      .payload = { junk, 8 } };
}

static enum drop inject(struct roce r)
{
	return fabric_inject_roce(&d.f, A, B, &r);
}

/* Every opcode to every type: only its own transport gets past the door. */
Test(kinds_hostile, every_opcode)
{
	static const unsigned transports[] = { TRANSPORT_RC, TRANSPORT_UC,
					       TRANSPORT_UD, TRANSPORT_XRC,
					       TRANSPORT_XRC };

	open_it();
	for (unsigned op = 0; op < 256; op++) {
		const struct opcode *row = opcode_find((uint8_t)op);

		if (!row || op == OPCODE_CNP)
			continue;
		for (unsigned k = 0; k < KINDS; k++) {
			struct roce r = packet(op, k);
			enum drop v;

			if (!(row->flags & HAS_PAYLOAD))
				r.payload.len = 0;
			v = inject(r);
			if ((op & 0xe0) != transports[k])
				CHECK_EQ(v, DROP_TRANSPORT);
			fabric_settle(&d.f);
			revive();
		}
	}
	close_it();
}

/* Every length of each opcode, from nothing to more than a packet. */
Test(kinds_hostile, truncated)
{
	uint8_t bytes[ROCE_HEAD_MAX + PMTU_MAX];

	open_it();
	for (unsigned op = 0; op < 256; op++)
		for (unsigned k = 0; k < KINDS; k++) {
			struct roce r;
			size_t n;

			if (!opcode_find((uint8_t)op))
				continue;
			r = packet(op, k);
			memset(bytes, 0, sizeof(bytes));
			n = roce_encode_head(&r, bytes);
			for (size_t len = 0; len < n; len++)
				CHECK(fabric_inject(
					      &d.f, B,
					      &d.s[A].node->link.addr[0], bytes,
					      len) != DROP_NONE);
		}
	for (unsigned k = 0; k < KINDS; k++)
		CHECK_EQ(qp_state(qp[k]), GN_QPS_RTS);
	close_it();
}

static unsigned rnd_state = 1;

static uint64_t rnd(uint64_t n)
{
	rnd_state = rnd_state * 1103515245u + 12345u;
	return (rnd_state >> 8) % n;
}

static uint64_t bad_address(void)
{
	static const uint64_t edges[] = { 0, 7, 0xffffffffffffffff,
					  0xfffffffffffffff0, 1ull << 63 };

	switch (rnd(3)) {
	case 0: return edges[rnd(5)];
	case 1: return duo_va(&d, B, rnd(d.o.mem + 64) - 32);
	}
	return duo_va(&d, B, rnd(8) * 8192);
}

static uint32_t bad_length(void)
{
	static const uint32_t edges[] = { 0, 1, 8, 1023, 1024, 1025, 4096, 1u << 31,
					  (1u << 31) + 1, UINT32_MAX };

	return edges[rnd(10)];
}

/* Any headers in any order; the region is the only thing written. */
Test(kinds_hostile, random_headers)
{
	uint8_t *around;
	struct gn_mr *mr;

	open_it();
	/* A region with guards on both sides. */
	around = malloc(GUARD * 3);
	memset(around, 0xee, GUARD * 3);
	CHECK_EQ(mr_new(d.s[B].pd, around + GUARD, GUARD,
			(uintptr_t)around + GUARD, d.o.mr_access, &mr),
		 0);
	for (unsigned i = 0; i < 400000; i++) {
		unsigned op = (unsigned)rnd(256), k = (unsigned)rnd(KINDS);
		const struct opcode *row = opcode_find((uint8_t)op);
		struct roce r;

		if (!row || op == OPCODE_CNP)
			continue;
		r = packet(op, k);
		if (rnd(2))
			r.bth.opcode = (uint8_t)((op & 0x1f) |
						 qp_transport(qp[k]));
		row = opcode_find(r.bth.opcode);
		if (!row)
			continue;
		r.bth.psn = psn_add(r.bth.psn, (uint32_t)rnd(5) - 2);
		r.bth.ackreq = rnd(2);
		r.reth.va = rnd(3) ? bad_address()
				   : (uintptr_t)around + GUARD + rnd(GUARD);
		r.reth.len = bad_length();
		r.reth.rkey = rnd(3) ? mr->h.key : (uint32_t)rnd(1u << 24);
		r.atomic.va = r.reth.va;
		r.atomic.rkey = r.reth.rkey;
		r.feth = (struct feth){ (uint8_t)rnd(16), (uint8_t)rnd(4) };
		r.inv_rkey = (uint32_t)rnd(1u << 24);
		r.aeth = (struct aeth){ (uint8_t)rnd(256), (uint32_t)rnd(10) };
		r.srqn = rnd(4) ? xsrq->srqn : (uint32_t)rnd(1u << 24);
		r.deth.qkey = rnd(4) ? KIND_QKEY : 0;
		r.payload.len = row->flags & HAS_PAYLOAD
					? (rnd(2) ? 1024 : rnd(PMTU_MAX + 1))
					: 0;
		inject(r);
		fabric_settle(&d.f);
		revive();
		post_recvs(k);
	}
	for (unsigned i = 0; i < GUARD; i++) {
		CHECK_EQ(around[i], 0xee);
		CHECK_EQ(around[2 * GUARD + i], 0xee);
	}
	CHECK_EQ(mr_free(mr), 0);
	free(around);
	close_it();
}

/* Any bytes at all. */
Test(kinds_hostile, random_bytes)
{
	uint8_t bytes[600];

	open_it();
	for (unsigned i = 0; i < 100000; i++) {
		size_t len = rnd(sizeof(bytes));

		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)rnd(256);
		if (len > 8) {
			bytes[1] &= 0xf0;
			put_be16(bytes + 2, PKEY_DEFAULT);
			put_be32(bytes + 4, qp[rnd(KINDS)]->qpn);
		}
		fabric_inject(&d.f, B, &d.s[A].node->link.addr[0], bytes, len);
		fabric_settle(&d.f);
		revive();
	}
	close_it();
}

/* Before it is connected, and after it is gone. */
Test(kinds_hostile, states)
{
	open_it();
	for (unsigned k = 0; k < KINDS; k++) {
		struct roce r = packet(qp_transport(qp[k]) | OP_SEND_ONLY, k);

		kind_raise(&d, B, qp[k], 0, GN_QPS_RESET);
		CHECK(inject(r) != DROP_NONE);
		kind_raise(&d, B, qp[k], 0, GN_QPS_INIT);
		CHECK(inject(r) != DROP_NONE);
		kind_raise(&d, B, qp[k], d.s[A].qp->qpn, GN_QPS_ERR);
		CHECK(inject(r) != DROP_NONE);
		fabric_settle(&d.f);
	}
	close_it();
}

/* Others may not write to connected QPs. */
Test(kinds_hostile, wrong_source)
{
	static const uint8_t v4[4] = { 10, 0, 0, 99 };
	struct ip_addr stranger = ip_from_v4(v4);
	uint8_t bytes[ROCE_HEAD_MAX + 8];

	open_it();
	for (unsigned k = 0; k < KINDS; k++) {
		struct roce r = packet(qp_transport(qp[k]) |
					       (k == INI_ ? OP_ACKNOWLEDGE
							  : OP_SEND_ONLY),
				       k);
		size_t n = roce_encode_head(&r, bytes);

		if (k == UD_)
			continue;
		CHECK_EQ(fabric_inject(&d.f, B, &stranger, bytes, n),
			 DROP_PEER_ADDR);
	}
	close_it();
}
