/* UD: datagrams, their headers as the receiver sees them, and who may hear them. */
#include "tests/support/kinds.h"

#include <errno.h>
#include <string.h>
#include "nic/datagram.h"

static struct duo d;

TestSuite(ud, .timeout = 120);

static void open_it(void)
{
	kind_open(&d, NULL, GN_QPT_UD);
}

static void post(unsigned side, uint64_t wr_id, uint32_t len)
{
	CHECK_EQ(duo_post(&d, side,
			  kind_datagram(&d, side, wr_id, len,
					d.s[!side].qp->qpn)),
		 0);
}

/* ---- what arrives --------------------------------------------------------------- */

Test(ud, send_and_imm)
{
	static const uint32_t sizes[] = { 0, 1, 1000, 4096 };
	struct gn_send_wr wr;
	struct gn_wc wc;

	open_it();
	for (unsigned i = 0; i < 8; i++) {
		uint32_t len = sizes[i / 2];

		duo_fill(&d, A, 0, len, i + 1);
		duo_recv(&d, B, 7, 8192, 4096 + GRH_LEN);
		wr = kind_datagram(&d, A, 1, len, d.s[B].qp->qpn);
		wr.opcode = i & 1 ? GN_WR_SEND_IMM : GN_WR_SEND;
		wr.imm = 0xabcdef01;
		wr.flags |= i & 2 ? GN_SEND_SOLICITED : 0;
		CHECK_EQ(duo_post(&d, A, wr), 0);
		duo_idle(&d);
		CHECK_EQ(duo_sent(&d, A, 1, GN_WC_SUCCESS).opcode, GN_WC_SEND);
		wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
		CHECK_EQ(wc.opcode, GN_WC_RECV);
		CHECK_EQ(wc.byte_len, len + GRH_LEN);
		CHECK_EQ(wc.src_qp, d.s[A].qp->qpn);
		CHECK_EQ(wc.qpn, d.s[B].qp->qpn);
		CHECK_EQ(wc.flags, GN_WC_GRH | (i & 1 ? GN_WC_WITH_IMM : 0));
		CHECK_EQ(wc.solicited, !!(i & 2));
		if (i & 1)
			CHECK_EQ(wc.imm_or_rkey, 0xabcdef01);
		CHECK(ip_equal(&wc.src, &d.s[A].node->link.addr[0]));
		CHECK(duo_same(&d, 0, 8192 + GRH_LEN, len));
	}
	duo_no_more(&d);
	duo_close(&d);
}

/* PSNs go up by one, and are nobody's business. */
Test(ud, psn)
{
	open_it();
	for (unsigned i = 0; i < 3; i++)
		post(A, i, 8);
	fabric_settle(&d.f);
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(d.f.seen[i].roce.bth.psn, d.o.psn[A] + i);
	duo_idle(&d);
	duo_close(&d);
}

/* By the IPv4 header at bytes 20 to 39, checksum included, libibverbs tells the
 * address family.
 */
Test(ud, grh_area_ipv4)
{
	struct span in;
	struct ip_header h;

	open_it();
	memset(d.s[B].mem, 0xee, 200);
	duo_recv(&d, B, 7, 0, 200);
	post(A, 1, 100);
	duo_idle(&d);
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQ(d.s[B].mem[i], 0);
	CHECK_EQ(d.s[B].mem[20], 0x45);
	in = (struct span){ d.s[B].mem + 20, 180 };
	CHECK_EQ(ip_decode(&h, &in), DROP_NONE);
	CHECK(ip_equal(&h.src, &d.s[A].node->link.addr[0]));
	CHECK(ip_equal(&h.dst, &d.s[B].node->link.addr[0]));
	CHECK_EQ(h.protocol, 17);
	CHECK_EQ(h.len, 8 + 12 + 8 + 100 + 4);
	CHECK_EQ(h.ttl, 64);
	duo_close(&d);
}

static struct ip_addr v6(uint8_t last)
{
	return (struct ip_addr){ { 0xfd, 1, [15] = last } };
}

static void add_address(unsigned side, struct ip_addr a)
{
	struct link *l = &d.s[side].node->link;
	struct engine *e = d.s[side].engine;

	e->gid[e->ngid++] = l->addr[l->naddr++] = a;
}

Test(ud, grh_area_ipv6)
{
	struct gn_ah ah = { .is_global = true, .dgid = v6(2), .sgid_index = 1 };
	struct gn_send_wr wr;
	struct ip_header h;
	struct span in;

	open_it();
	add_address(A, v6(1));
	add_address(B, v6(2));
	duo_recv(&d, B, 7, 0, 200);
	wr = kind_datagram(&d, A, 1, 100, d.s[B].qp->qpn);
	wr.ah = &ah;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 140);
	in = (struct span){ d.s[B].mem, 200 };
	CHECK_EQ(ip_decode(&h, &in), DROP_NONE);
	CHECK_EQ(h.version, 6);
	CHECK(h.src.b[15] == 1 && h.dst.b[15] == 2);
	CHECK_EQ(h.len, 8 + 12 + 8 + 100 + 4);
	duo_close(&d);
}

/* The GRH area may be spread over SGEs like everything else. */
Test(ud, scatter)
{
	struct gn_sge sge[4];
	struct gn_recv_wr wr = { .wr_id = 7, .sge = sge, .nsge = 4 };

	open_it();
	duo_fill(&d, A, 0, 100, 1);
	sge[0] = duo_sge(&d, B, 0, 39);
	sge[1] = duo_sge(&d, B, 100, 0);
	sge[2] = duo_sge(&d, B, 200, 11);
	sge[3] = duo_sge(&d, B, 300, 90);
	CHECK_EQ(qp_post_recv(d.s[B].qp, &wr), 0);
	post(A, 1, 100);
	duo_idle(&d);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 140);
	CHECK(duo_same(&d, 0, 201, 10));
	CHECK(duo_same(&d, 10, 300, 90));
	duo_close(&d);
}

/* One QP talks to many. */
Test(ud, many_destinations)
{
	struct gn_qp *more[10];

	open_it();
	for (unsigned i = 0; i < 10; i++) {
		struct gn_sge sge = duo_sge(&d, B, i * 256, 256);
		struct gn_recv_wr wr = { .wr_id = 100 + i,
					 .sge = &sge,
					 .nsge = 1 };

		more[i] = kind_qp(&d, B, GN_QPT_UD, NULL, NULL);
		kind_raise(&d, B, more[i], 0, GN_QPS_RTR);
		CHECK_EQ(qp_post_recv(more[i], &wr), 0);
	}
	for (unsigned i = 0; i < 10; i++)
		CHECK_EQ(duo_post(&d, A,
				  kind_datagram(&d, A, i, 20 + i,
						more[9 - i]->qpn)),
			 0);
	duo_idle(&d);
	for (unsigned i = 0; i < 10; i++) {
		duo_sent(&d, A, i, GN_WC_SUCCESS);
		CHECK_EQ(duo_received(&d, B, 109 - i, GN_WC_SUCCESS).byte_len,
			 60 + i);
	}
	for (unsigned i = 0; i < 10; i++)
		qp_free(more[i]);
	duo_close(&d);
}

Test(ud, to_itself)
{
	struct gn_send_wr wr;
	struct gn_ah ah;

	open_it();
	duo_recv(&d, A, 7, 1000, 200);
	wr = kind_datagram(&d, A, 1, 50, d.s[A].qp->qpn);
	ah = kind_ah(&d, B);
	wr.ah = &ah;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(duo_received(&d, A, 7, GN_WC_SUCCESS).src_qp, d.s[A].qp->qpn);
	duo_close(&d);
}

/* ---- what does not arrive ------------------------------------------------------- */

static unsigned drops(enum drop v)
{
	return d.s[B].engine->counters.drop[v];
}

Test(ud, qkey)
{
	struct gn_send_wr wr;

	open_it();
	duo_recv(&d, B, 7, 0, 200);
	wr = kind_datagram(&d, A, 1, 10, d.s[B].qp->qpn);
	wr.remote_qkey = KIND_QKEY + 1;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(drops(DROP_QKEY), 1);
	duo_no_more(&d);
	/* With the top bit set, the sender's own is meant (IBTA 10.2.5). */
	wr.remote_qkey = 0x80000000;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	CHECK_EQ(fabric_last(&d.f, A)->roce.deth.qkey, KIND_QKEY);
	/* The Q_Key can be changed in RTS. */
	CHECK_EQ(duo_move(d.s[B].qp, (struct gn_qp_attr){ .qkey = 5 }, 0,
			  GN_QP_QKEY),
		 0);
	duo_recv(&d, B, 8, 0, 200);
	wr.remote_qkey = 5;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_received(&d, B, 8, GN_WC_SUCCESS);
	duo_close(&d);
}

/* Too large for the buffer: lost without a word, and the buffer serves the next
 * (Linux f67ac0061c70).
 */
Test(ud, buffer_too_small)
{
	open_it();
	duo_recv(&d, B, 7, 0, 100);
	post(A, 1, 61);
	post(A, 2, 60);
	duo_idle(&d);
	CHECK_EQ(drops(DROP_RECV_SMALL), 1);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_sent(&d, A, 2, GN_WC_SUCCESS);
	CHECK_EQ(duo_received(&d, B, 7, GN_WC_SUCCESS).byte_len, 100);
	duo_no_more(&d);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_RTS);
	CHECK_EQ(d.s[B].node->nevent, 0);
	duo_close(&d);
}

Test(ud, no_receive)
{
	open_it();
	post(A, 1, 10);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	CHECK_EQ(drops(DROP_NO_RECV), 1);
	duo_no_more(&d);
	duo_close(&d);
}

/* Not before RTR, and not in ERR. */
Test(ud, receiver_state)
{
	struct gn_qp *qp;

	open_it();
	qp = kind_qp(&d, B, GN_QPT_UD, NULL, NULL);
	kind_replace(&d, B, qp);
	for (enum gn_qp_state s = GN_QPS_RESET; s <= GN_QPS_ERR; s++) {
		bool hears = s != GN_QPS_RESET && s != GN_QPS_INIT &&
			     s != GN_QPS_ERR;

		if (s == GN_QPS_SQE)
			continue;
		kind_raise(&d, B, qp, 0, s);
		if (hears)
			duo_recv(&d, B, 7, 0, 100);
		post(A, 1, 10);
		duo_idle(&d);
		duo_sent(&d, A, 1, GN_WC_SUCCESS);
		if (hears)
			duo_received(&d, B, 7, GN_WC_SUCCESS);
		duo_no_more(&d);
	}
	CHECK_EQ(drops(DROP_QP_STATE), 3);
	duo_close(&d);
}

/* ---- local errors --------------------------------------------------------------- */

/* A datagram is one packet. */
Test(ud, oversize)
{
	open_it();
	post(A, 1, 4097);
	post(A, 2, 8);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_LOC_LEN_ERR);
	duo_sent(&d, A, 2, GN_WC_WR_FLUSH_ERR);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_SQE);
	CHECK_EQ(d.f.nseen, 0);
	CHECK_EQ(duo_move(d.s[A].qp, (struct gn_qp_attr){ 0 }, GN_QPS_RTS,
			  GN_QP_STATE),
		 0);
	duo_recv(&d, B, 7, 0, 5000);
	post(A, 3, 4096);
	duo_idle(&d);
	duo_sent(&d, A, 3, GN_WC_SUCCESS);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	duo_close(&d);
}

Test(ud, sqe_hears)
{
	open_it();
	post(A, 1, 5000);
	duo_idle(&d);
	CHECK_EQ(qp_state(d.s[A].qp), GN_QPS_SQE);
	duo_recv(&d, A, 7, 0, 100);
	post(B, 2, 10);
	duo_idle(&d);
	duo_received(&d, A, 7, GN_WC_SUCCESS);
	duo_close(&d);
}

/* In SQD nothing leaves; in RTS again, it does. */
Test(ud, sqd)
{
	open_it();
	duo_recv(&d, B, 7, 0, 100);
	kind_raise(&d, A, d.s[A].qp, 0, GN_QPS_SQD);
	post(A, 1, 10);
	fabric_settle(&d.f);
	CHECK_EQ(d.f.nseen, 0);
	kind_raise(&d, A, d.s[A].qp, 0, GN_QPS_RTS);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	duo_close(&d);
}

/* No address handle, or one with a GID that is not there, or of two families. */
Test(ud, bad_address_handles)
{
	struct gn_send_wr wr;
	struct gn_ah ah;

	open_it();
	wr = kind_datagram(&d, A, 1, 8, 5);
	wr.ah = NULL;
	CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
	ah = kind_ah(&d, A);
	ah.sgid_index = 1;
	wr.ah = &ah;
	CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
	ah = kind_ah(&d, A);
	ah.dgid = v6(2);
	CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
	duo_idle(&d);
	duo_no_more(&d);
	duo_close(&d);
}

Test(ud, receive_memory_is_gone)
{
	struct gn_sge sge = { 64, 1000, 0xdead };
	struct gn_recv_wr wr = { .wr_id = 7, .sge = &sge, .nsge = 1 };

	open_it();
	CHECK_EQ(qp_post_recv(d.s[B].qp, &wr), 0);
	duo_recv(&d, B, 8, 0, 100);
	post(A, 1, 10);
	duo_idle(&d);
	duo_received(&d, B, 7, GN_WC_LOC_PROT_ERR);
	duo_received(&d, B, 8, GN_WC_WR_FLUSH_ERR);
	CHECK_EQ(qp_state(d.s[B].qp), GN_QPS_ERR);
	duo_close(&d);
}

/* ---- LIDs, for programs that know nothing else ---------------------------------- */

/* A LID means the host of that number in our own prefix; without the option, an
 * address without a GRH is refused as on any RoCE NIC.
 */
Test(ud, lids)
{
	struct gn_send_wr wr;
	struct gn_ah ah;

	open_it();
	wr = kind_datagram(&d, A, 1, 100, d.s[B].qp->qpn);
	ah = (struct gn_ah){ .dlid = get_be16(
				     d.s[B].node->link.addr[0].b + 14),
			     .port_num = 1 };
	wr.ah = &ah;
	CHECK_EQ(duo_post(&d, A, wr), -EINVAL);
	d.s[A].engine->cfg.lids = true;
	CHECK_EQ(engine_lid(d.s[A].engine),
		 get_be16(d.s[A].node->link.addr[0].b + 14));
	duo_recv(&d, B, 7, 8192, 4096 + GRH_LEN);
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	duo_no_more(&d);
	duo_close(&d);
}

/* ---- pace --------------------------------------------------------------------------- */

/* Nobody acknowledges datagrams: they leave in bursts, whatever the program
 * posts.
 */
Test(ud, bursts_are_paced)
{
	nsec_t start, gap;

	open_it();
	gap = d.s[A].engine->pace.gap;
	start = d.f.now;
	for (unsigned i = 0; i < 60; i++) {
		duo_recv(&d, B, i, 8192, 4096 + GRH_LEN);
		post(A, i, 4096);
		if (i % 15 == 14) {
			duo_idle(&d);
			for (unsigned k = i - 14; k <= i; k++) {
				duo_sent(&d, A, k, GN_WC_SUCCESS);
				duo_received(&d, B, k, GN_WC_SUCCESS);
			}
		}
	}
	CHECK(d.f.now - start >= 3 * gap);
	CHECK(d.f.now - start < 20 * gap);
	duo_close(&d);
}
