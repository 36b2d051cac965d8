/* All that a NIC with a tunnel does to what arrives: VXLAN, Ethernet, ARP and
 * neighbour discovery, ping, IP, UDP, the ICRC, flows and hashes of RAW_PACKET
 * QPs, groups, and the engine's door.  Below is a link that keeps nothing and
 * judges what is sent: headers, checksums and ICRCs must be right.
 *
 * Input: a series of steps: a frame (of any bytes, its checksums mended or
 * not), a datagram of the tunnel, time, a message of our own, a receive.
 */
#include "tests/fuzz/stack_world.h"

#define STEPS 100u

/* Flags of a frame. */
#define TO_US	  1u /* its destination MAC and IP become ours */
#define MEND_SUMS 2u
#define MEND_ICRC 4u
#define TO_QP	  8u

/* ---- steps -------------------------------------------------------------- */

static void mend_icrc(const struct ip_header *h, uint8_t *p, size_t len)
{
	struct span in = {p, len};
	struct udp udp;

	if (udp_decode(&udp, &in) != DROP_NONE || in.len < BTH_LEN + ICRC_LEN)
		return;
	in.len -= ICRC_LEN;
	icrc_put(icrc_of(h, &udp, in), p + UDP_LEN + in.len);
}

/* Behind the IP header at @p, whose header is @h. */
static void mend_inside(unsigned flags, const struct ip_header *h, uint8_t *p,
			size_t len)
{
	bool v4 = h->version == 4;
	uint32_t sum =
		v4 ? 0 : checksum_pseudo(h, IPPROTO_ICMPV6_, (uint32_t)len);

	if (h->protocol == IPPROTO_UDP_ && len > UDP_LEN + 8) {
		if (flags & TO_QP) {
			put_be16(p + 2, ROCE_UDP_PORT);
			put_be16(p + 4, (uint16_t)len);
			put_be24(p + UDP_LEN + 5, qp[UD]->qpn);
		}
		put_be16(p + 6, 0);
		if (flags & MEND_ICRC)
			mend_icrc(h, p, len);
	} else if (h->protocol == (v4 ? 1 : IPPROTO_ICMPV6_) && len >= 4) {
		put_be16(p + 2, 0);
		put_be16(p + 2, checksum_fold(checksum_add(sum, p, len)));
	}
}

/* The IP packet at @p comes true: length, address, checksums. */
static void mend_ip(unsigned flags, uint8_t *p, size_t len)
{
	bool v4 = len && p[0] >> 4 == 4;
	struct span in = {p, len};
	struct ip_header h;

	if (len < (v4 ? IPV4_LEN : IPV6_LEN))
		return;
	if (v4 && flags & TO_US)
		memcpy(p + 16, own[0].b + 12, 4);
	else if (flags & TO_US)
		memcpy(p + 24, own[1].b, 16);
	if (v4) {
		p[0] = 0x45;
		put_be16(p + 2, (uint16_t)len);
		put_be16(p + 10, 0);
		put_be16(p + 10, checksum_fold(checksum_add(0, p, IPV4_LEN)));
	} else {
		put_be16(p + 4, (uint16_t)(len - IPV6_LEN));
	}
	if (ip_decode(&h, &in) == DROP_NONE)
		mend_inside(flags, &h, p + ip_header_len(&h), h.len);
}

static void mend_frame(unsigned flags, uint8_t *p, size_t len)
{
	struct span in = {p, len};
	struct eth h;

	if (flags & TO_US && len >= 6)
		memcpy(p, own_mac.b, 6);
	if (eth_decode(&h, &in) != DROP_NONE)
		return;
	if (flags & MEND_SUMS)
		mend_ip(flags, p + (in.p - p), in.len);
}

static void datagram(struct fuzz *f)
{
	unsigned flags = fuzz_u8(f), tos = fuzz_u8(f);
	unsigned far = 1 + (tos >> 2) % REMOTES;
	size_t want = fuzz_u16(f) % 2048, len;
	uint8_t *bytes = fuzz_bytes(f, want, &len);
	struct note note = {""};
	struct dgram d = {.src = vtep[far],
			  .dst = vtep[0],
			  .tos = (uint8_t)tos,
			  .data = {bytes, len},
			  .note = &note};

	if (len > VXLAN_LEN && !(flags & 0x80)) {
		vxlan_encode(VNI, bytes);
		mend_frame(flags, bytes + VXLAN_LEN, len - VXLAN_LEN);
	}
	lower->deliver(lower->ctx, &d, now);
	FUZZ_CHECK(memchr(note.text, 0, sizeof(note.text)));
	free(bytes);
}

static void post_recv(struct fuzz *f)
{
	unsigned where = fuzz_u8(f);
	struct gn_sge sge = {(uintptr_t)mem + GUARD + where * 8u,
			     fuzz_u16(f) % MEM, mr->h.key};
	struct gn_recv_wr wr = {.sge = &sge, .nsge = 1};

	switch (where & 3) {
	case 0: qp_post_recv(qp[RAW], &wr); break;
	case 1: qp_post_recv(qp[UD], &wr); break;
	case 2: wq_post(wq[0], &wr); break;
	case 3: wq_post(wq[1], &wr); break;
	}
}

static void post_send(struct fuzz *f)
{
	unsigned bits = fuzz_u8(f);
	struct gn_sge sge = {(uintptr_t)mem + GUARD, fuzz_u8(f), mr->h.key};
	struct gn_ah ah = {.is_global = true,
			   .port_num = 1,
			   .sgid_index = bits & 1,
			   .dgid = own[bits & 1]};
	struct gn_send_wr wr = {.opcode = GN_WR_SEND,
				.flags = GN_SEND_SIGNALED,
				.sge = &sge,
				.nsge = 1,
				.ah = &ah,
				.remote_qpn = qp[UD]->qpn,
				.remote_qkey = QKEY};

	ah.dgid.b[15] ^= (uint8_t)(bits >> 1 & 7);
	ah.dgid.b[14] ^= (uint8_t)(bits >> 4 & 1);
	if (bits & 32) {
		ah.dgid = group;
		wr.remote_qpn = QPN_MASK;
		ah.sgid_index = 0;
	}
	qp_post_send(qp[UD], &wr);
	qp_ring(qp[UD]);
}

static void run(void)
{
	struct gn_wc wc[16];

	while (engine_run(&engine, 64, now))
		;
	if (link_deadline(eth) <= now)
		link_tick(eth, now);
	while (link_receive(eth, 64, now))
		while (engine_run(&engine, 64, now))
			;
	while (cq_take(cq, 16, wc) > 0)
		;
}

static void step(struct fuzz *f)
{
	switch (fuzz_u8(f) & 7) {
	case 5:
		now += (fuzz_u8(f) + 1) * (fuzz_rarely(f, 4) ? SEC : MSEC);
		break;
	case 6: post_send(f); break;
	case 7: post_recv(f); break;
	default: datagram(f); break;
	}
	run();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};

	open_world(&f);
	for (unsigned i = 0; i < STEPS && f.len; i++)
		step(&f);
	now += 3600 * SEC;
	run();
	close_world();
	return 0;
}
