/* Multicast groups of UD QPs. */
#include "tests/support/kinds.h"

#include "nic/datagram.h"
#include "nic/mcast.h"

#define GROUP_QPN 0xffffffu

static struct duo d;

TestSuite(mcast, .timeout = 120);

static struct ip_addr group(uint8_t last)
{
	const uint8_t v4[4] = { 239, 1, 2, last };

	return ip_from_v4(v4);
}

static void post_to(const struct ip_addr *to, uint32_t dqpn)
{
	struct gn_send_wr wr = kind_datagram(&d, A, 1, 32, dqpn);
	struct gn_ah ah = kind_ah(&d, A);

	ah.dgid = *to;
	wr.ah = &ah;
	CHECK_EQ(duo_post(&d, A, wr), 0);
	duo_idle(&d);
	duo_sent(&d, A, 1, GN_WC_SUCCESS);
}

static void post_group(uint8_t last)
{
	struct ip_addr g = group(last);

	post_to(&g, GROUP_QPN);
}

static int attach(struct gn_qp *qp, uint8_t last)
{
	struct ip_addr g = group(last);

	return mcast_attach(qp, &g);
}

static int detach(struct gn_qp *qp, uint8_t last)
{
	struct ip_addr g = group(last);

	return mcast_detach(qp, &g);
}

static void post_recv(struct gn_qp *qp, unsigned side, uint64_t wr_id)
{
	struct gn_sge sge = duo_sge(&d, side, 4096 + wr_id * 128, 100);
	struct gn_recv_wr wr = { .wr_id = wr_id, .sge = &sge, .nsge = 1 };

	CHECK_EQ(qp_post_recv(qp, &wr), 0);
}

static struct gn_qp *one_more(void)
{
	struct gn_qp *qp = kind_qp(&d, B, GN_QPT_UD, NULL, NULL);

	kind_raise(&d, B, qp, 0, GN_QPS_RTR);
	return qp;
}

Test(mcast, attach_and_detach)
{
	struct gn_wc wc;

	kind_open(&d, NULL, GN_QPT_UD);
	CHECK_EQ(attach(d.s[B].qp, 1), 0);
	CHECK_EQ(attach(d.s[B].qp, 1), 0); /* is in already */
	CHECK_EQ(d.s[B].node->ngroup, 1);
	post_recv(d.s[B].qp, B, 7);
	post_recv(d.s[B].qp, B, 8);
	duo_fill(&d, A, 0, 32, 1);
	post_group(1);
	wc = duo_received(&d, B, 7, GN_WC_SUCCESS);
	CHECK_EQ(wc.byte_len, 72);
	CHECK_EQ(wc.src_qp, d.s[A].qp->qpn);
	CHECK(duo_same(&d, 0, 4096 + 7 * 128 + GRH_LEN, 32));
	duo_no_more(&d); /* once */
	post_group(2);
	duo_no_more(&d);

	CHECK_EQ(detach(d.s[B].qp, 1), 0);
	CHECK_EQ(detach(d.s[B].qp, 1), -EINVAL);
	CHECK_EQ(detach(d.s[B].qp, 2), -EINVAL);
	CHECK_EQ(d.s[B].node->ngroup, 0);
	post_group(1);
	duo_no_more(&d);
	duo_close(&d);
}

/* Each member hears it once; one without a receive WR takes none from others. */
Test(mcast, several_members)
{
	struct gn_qp *more[3];

	kind_open(&d, NULL, GN_QPT_UD);
	for (unsigned i = 0; i < 3; i++) {
		more[i] = one_more();
		CHECK_EQ(attach(more[i], 1), 0);
		if (i)
			post_recv(more[i], B, 10 + i);
	}
	CHECK_EQ(attach(d.s[B].qp, 1), 0);
	CHECK_EQ(attach(d.s[A].qp, 1), 0); /* the sender hears itself, too */
	post_recv(d.s[B].qp, B, 20);
	post_recv(d.s[A].qp, A, 30);
	post_group(1);
	duo_received(&d, A, 30, GN_WC_SUCCESS);
	duo_received(&d, B, 20, GN_WC_SUCCESS);
	duo_received(&d, B, 12, GN_WC_SUCCESS);
	duo_received(&d, B, 11, GN_WC_SUCCESS);
	duo_no_more(&d);
	CHECK_EQ(fabric_last(&d.f, A)->verdict, DROP_NONE);
	for (unsigned i = 0; i < 3; i++)
		qp_free(more[i]);
	CHECK_EQ(d.s[B].node->ngroup, 1);
	duo_close(&d);
}

/* What goes leaves all its groups. */
Test(mcast, destroyed_member)
{
	struct gn_qp *qp;

	kind_open(&d, NULL, GN_QPT_UD);
	qp = one_more();
	for (uint8_t i = 0; i < 6; i++)
		CHECK_EQ(attach(qp, i), 0);
	for (uint8_t i = 0; i < 6; i += 2)
		CHECK_EQ(attach(d.s[B].qp, i), 0);
	CHECK_EQ(d.s[B].node->ngroup, 6);
	qp_free(qp);
	CHECK_EQ(d.s[B].node->ngroup, 3);
	post_recv(d.s[B].qp, B, 7);
	post_group(1);
	duo_no_more(&d);
	post_group(2);
	duo_received(&d, B, 7, GN_WC_SUCCESS);
	duo_close(&d);
}

Test(mcast, refused)
{
	const uint8_t v4[4] = { 10, 1, 2, 3 };
	struct ip_addr g = group(1), one = ip_from_v4(v4);
	struct gn_qp *rc;

	kind_open(&d, NULL, GN_QPT_UD);
	rc = duo_qp(&d, B);
	CHECK_EQ(mcast_attach(rc, &g), -EINVAL);
	CHECK_EQ(mcast_attach(d.s[B].qp, &one), -EINVAL);
	qp_free(rc);
	d.s[B].engine->cfg.limits.max_mcast_qp_attach = 1;
	CHECK_EQ(attach(d.s[B].qp, 1), 0);
	rc = one_more();
	CHECK_EQ(attach(rc, 1), -ENOMEM);
	qp_free(rc);
	d.s[B].engine->cfg.limits.max_mcast_grp = 1;
	CHECK_EQ(attach(d.s[B].qp, 2), -ENOMEM);
	CHECK_EQ(attach(d.s[A].qp, 1), 0);
	duo_close(&d);
}

/* To a group of nobody; to a group by a QP's own number, which only members
 * may be reached by; to the group's number by an address of ours.
 */
Test(mcast, to_nobody)
{
	struct ip_addr g = group(1);

	kind_open(&d, NULL, GN_QPT_UD);
	post_recv(d.s[B].qp, B, 7);
	post_group(1);
	CHECK_EQ(fabric_last(&d.f, A) == NULL, true);
	d.s[B].node->group[d.s[B].node->ngroup++] = g;
	post_group(1);
	CHECK_EQ(fabric_last(&d.f, A)->verdict, DROP_MCAST);
	post_to(&g, d.s[B].qp->qpn);
	CHECK_EQ(fabric_last(&d.f, A)->verdict, DROP_QPN);
	post_to(&d.s[B].node->link.addr[0], GROUP_QPN);
	CHECK_EQ(fabric_last(&d.f, A)->verdict, DROP_MCAST);
	duo_no_more(&d);
	d.s[B].node->ngroup = 0;
	duo_close(&d);
}

/* Q_Key and state are each member's own. */
Test(mcast, members_judge)
{
	struct gn_qp *qp;

	kind_open(&d, NULL, GN_QPT_UD);
	qp = one_more();
	CHECK_EQ(attach(qp, 1), 0);
	CHECK_EQ(attach(d.s[B].qp, 1), 0);
	post_recv(qp, B, 7);
	post_recv(d.s[B].qp, B, 8);
	CHECK_EQ(duo_move(qp, (struct gn_qp_attr){ .qkey = 9 }, GN_QPS_RTS,
			  GN_QP_STATE | GN_QP_SQ_PSN | GN_QP_QKEY),
		 0);
	post_group(1);
	duo_received(&d, B, 8, GN_WC_SUCCESS);
	duo_no_more(&d);
	qp_free(qp);
	duo_close(&d);
}

/* All kinds of packets for the group's number. */
Test(mcast, hostile)
{
	static uint8_t junk[1024];

	kind_open(&d, NULL, GN_QPT_UD);
	CHECK_EQ(attach(d.s[B].qp, 1), 0);
	post_recv(d.s[B].qp, B, 7);
	for (unsigned op = 0; op < 256; op++) {
		struct roce r = { .bth = { .opcode = (uint8_t)op,
					   .pkey = PKEY_DEFAULT,
					   .dqpn = GROUP_QPN },
				  .payload = { junk, 16 } };

		if (opcode_find((uint8_t)op))
			CHECK(fabric_inject_roce(&d.f, A, B, &r) != DROP_NONE ||
			      op == OPCODE_CNP);
	}
	duo_idle(&d);
	duo_no_more(&d);
	duo_close(&d);
}
