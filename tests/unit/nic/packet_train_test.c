/* Packets to a train and back: what is cut must be what was joined. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nic/port/packet_train.h"

#define BODY  1000u
#define TRAIN 65600u
#define CARS  80u

static struct pkt pkt[CARS];
static uint8_t body[CARS][BODY];
static uint8_t wire[TRAIN];
static size_t wire_len;
static struct virtio_net_hdr vnet;
static struct train train;

static uint8_t car[CARS][BODY + 200];
static size_t car_len[CARS];
static unsigned ncars;

/* What differs from packet to packet. */
struct way {
	bool v6, vlan;
	uint16_t id, sport, checksum;
	uint8_t tos;
};

static void make(unsigned i, const struct way *w, size_t len)
{
	struct pkt *p = &pkt[i];
	struct udp udp = {w->sport ? w->sport : 50000, 4791,
			  (uint16_t)(UDP_LEN + len), w->checksum};
	struct ip_header h = {.version = w->v6 ? 6 : 4,
			      .tos = w->tos,
			      .ttl = 64,
			      .protocol = IPPROTO_UDP_,
			      .len = udp.len,
			      .df = true,
			      .id = w->id};
	struct eth e = {.dst = {{2, 1}},
			.src = {{2, 2}},
			.tagged = w->vlan,
			.vlan = 5,
			.type = w->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4};

	ip_parse(&h.src, w->v6 ? "fd00::1" : "10.0.0.1");
	ip_parse(&h.dst, w->v6 ? "fd00::2" : "10.0.0.2");
	for (unsigned j = 0; j < len; j++)
		body[i][j] = (uint8_t)(i * 7 + j);
	pkt_reset(p);
	pkt_add_span(p, body[i] + 12, len > 12 ? len - 12 : 0);
	memcpy(pkt_push(p, 12), body[i], 12);
	udp_encode(&udp, pkt_push(p, UDP_LEN));
	ip_encode(&h, pkt_push(p, ip_header_len(&h)));
	eth_encode(&e, pkt_push(p, w->vlan ? ETH_LEN + VLAN_LEN : ETH_LEN));
}

/* @n packets of 500 bytes, the last of @last. */
static void make_row(unsigned n, struct way w, size_t last)
{
	for (unsigned i = 0; i < n; i++, w.id++)
		make(i, &w, i == n - 1 ? last : 500);
}

/* The frame that the kernel gets. */
static void join(unsigned n)
{
	cr_assert(train_begin(&train, &pkt[0]));
	for (unsigned i = 1; i < n; i++)
		cr_assert(train_add(&train, &pkt[i]), "packet %u", i);
	train_finish(&train, &vnet);
	memcpy(wire, train.head, train.head_len);
	wire_len = train.head_len;
	for (unsigned i = 0; i < n; i++) {
		uint8_t flat[BODY + 200];

		pkt_flatten(&pkt[i], flat);
		memcpy(wire + wire_len, flat + train.head_len,
		       pkt[i].len - train.head_len);
		wire_len += pkt[i].len - train.head_len;
	}
}

static void take(void *ctx, struct span frame)
{
	cr_assert_lt(ncars, CARS);
	cr_assert_leq(frame.len, sizeof(car[0]));
	memcpy(car[ncars], frame.p, frame.len);
	car_len[ncars++] = frame.len;
}

/* The UDP checksum of car @i is right; then it is taken out. */
static void check_udp(unsigned i)
{
	size_t at = train.head_len - UDP_LEN;
	struct span in = {car[i] + train.ip_at, car_len[i] - train.ip_at};
	struct ip_header h;

	cr_assert_eq(ip_decode(&h, &in), DROP_NONE, "packet %u", i);
	cr_assert_eq(checksum_fold(checksum_add(
			     checksum_pseudo(&h, IPPROTO_UDP_, h.len), in.p,
			     in.len)),
		     0, "packet %u", i);
	cr_assert_neq(get_be16(car[i] + at + 6), 0);
	put_be16(car[i] + at + 6, 0);
}

/* Whether the train has been on a wire, where it had checksums. */
static bool on_wire;

static void check_round(unsigned n, struct way w, size_t last)
{
	make_row(n, w, last);
	join(n);
	if (on_wire)
		vnet.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	ncars = 0;
	cr_assert(train_cut(wire, wire_len, &vnet, take, NULL));
	cr_assert_eq(ncars, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t flat[BODY + 200];

		pkt_flatten(&pkt[i], flat);
		if (on_wire)
			check_udp(i);
		cr_assert_eq(car_len[i], pkt[i].len);
		cr_assert_arr_eq(car[i], flat, pkt[i].len, "packet %u", i);
	}
}

Test(packet_train, cutting_undoes_joining)
{
	check_round(2, (struct way){.id = 7}, 500);
	check_round(5, (struct way){.id = 7}, 20);
	check_round(64, (struct way){.id = 7}, 500);
	check_round(9, (struct way){.v6 = true}, 500);
	check_round(9, (struct way){.v6 = true, .vlan = true}, 13);
	check_round(9, (struct way){.vlan = true, .id = 9}, 100);
}

Test(packet_train, checksums_are_those_of_the_wire)
{
	on_wire = true;
	check_round(5, (struct way){.id = 7}, 21);
	check_round(9, (struct way){.v6 = true, .vlan = true}, 13);
}

Test(packet_train, identifications_wrap)
{
	check_round(6, (struct way){.id = 0xfffd}, 500);
}

Test(packet_train, the_kernel_is_told_where_to_cut)
{
	make_row(3, (struct way){.id = 1}, 500);
	join(3);
	cr_assert_eq(vnet.gso_type, VIRTIO_NET_HDR_GSO_UDP_L4);
	cr_assert_eq(vnet.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	cr_assert_eq(vnet.gso_size, 500);
	cr_assert_eq(vnet.hdr_len, 42);
	cr_assert_eq(vnet.csum_start, 34);
	cr_assert_eq(vnet.csum_offset, 6);
	cr_assert_eq(get_be16(wire + 16), 20 + 8 + 1500);
	cr_assert_eq(get_be16(wire + 38), 8 + 1500);
	/* 10.0.0.1 + 10.0.0.2 + 17 + 1508, added by hand. */
	cr_assert_eq(get_be16(wire + 40), 0x0a00 * 2 + 3 + 17 + 1508);
	cr_assert_eq(checksum_fold(checksum_add(0, wire + 14, 20)), 0);
}

/* Whether @second can follow @first. */
static bool follows(struct way first, struct way second, size_t len)
{
	make(0, &first, 500);
	make(1, &second, len);
	return train_begin(&train, &pkt[0]) && train_add(&train, &pkt[1]);
}

Test(packet_train, only_what_would_be_cut_to_the_same_is_joined)
{
	const struct way one = {.id = 1}, two = {.id = 2};

	cr_assert(follows(one, two, 500));
	cr_assert(follows(one, two, 499));
	cr_assert_not(follows(one, two, 501), "longer");
	cr_assert_not(follows(one, one, 500), "identification");
	cr_assert_not(follows(one, (struct way){.id = 3}, 500),
		      "identification");
	cr_assert_not(follows(one, (struct way){.id = 2, .sport = 50001}, 500),
		      "source port");
	cr_assert_not(follows(one, (struct way){.id = 2, .tos = 2}, 500),
		      "TOS");
	cr_assert_not(follows(one, (struct way){.id = 2, .vlan = true}, 500),
		      "VLAN");
	cr_assert_not(follows(one, (struct way){.id = 2, .v6 = true}, 500),
		      "version");
	cr_assert_not(follows(one, (struct way){.id = 2, .checksum = 5}, 500),
		      "a checksum of its own");
	cr_assert_not(follows((struct way){.id = 1, .checksum = 5}, two, 500),
		      "a checksum of its own");
}

Test(packet_train, a_shorter_packet_is_the_last)
{
	make_row(2, (struct way){.id = 1}, 400);
	make(2, &(struct way){.id = 3}, 400);
	cr_assert(train_begin(&train, &pkt[0]));
	cr_assert(train_add(&train, &pkt[1]));
	cr_assert_not(train_add(&train, &pkt[2]));
}

Test(packet_train, a_train_ends_at_its_limits)
{
	unsigned n = 1;

	make_row(CARS, (struct way){.id = 1}, 500);
	cr_assert(train_begin(&train, &pkt[0]));
	while (n < CARS && train_add(&train, &pkt[n]))
		n++;
	cr_assert_eq(n, TRAIN_PKTS_MAX);
	for (unsigned i = 0; i < CARS; i++)
		make(i, &(struct way){.id = (uint16_t)i, .v6 = true}, BODY);
	cr_assert(train_begin(&train, &pkt[0]));
	n = 1;
	while (n < CARS && train_add(&train, &pkt[n]))
		n++;
	cr_assert_eq(n, TRAIN_PKTS_MAX);
	train.payload = 65 * BODY;
	train.n = 65;
	train.size = BODY;
	cr_assert_not(train_add(&train, &pkt[0]), "65535 bytes of IP");
}

/* ---- what arrives ---- */

static void hex(const char *text)
{
	unsigned byte;

	for (wire_len = 0; sscanf(text, "%2x", &byte) == 1; text += 2) {
		wire[wire_len++] = (uint8_t)byte;
		while (text[2] == ' ')
			text++;
	}
}

/* TCP, two segments of 4 bytes and one of 2; flags CWR, PSH, ACK. */
Test(packet_train, tcp_is_cut_too)
{
	hex("020000000001 020000000002 0800"
	    "45000032 00ff4000 40060000 0a000001 0a000002"
	    "1234 0050 fffffffe 00000001 5098 1000 0000 0000"
	    "6162636465666768696a");
	vnet = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				       .gso_size = 4};
	ncars = 0;
	cr_assert(train_cut(wire, wire_len, &vnet, take, NULL));
	cr_assert_eq(ncars, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct span in = {car[i] + ETH_LEN, car_len[i] - ETH_LEN};
		struct ip_header h;

		cr_assert_eq(ip_decode(&h, &in), DROP_NONE);
		cr_assert_eq(h.id, 0xff + i);
		cr_assert_eq(h.len, i < 2 ? 24 : 22);
		cr_assert_eq(get_be32(in.p + 4), 0xfffffffe + 4 * i);
		cr_assert_eq(in.p[13], i == 0 ? 0x90 : i == 1 ? 0x10 : 0x18);
		cr_assert_eq(
			checksum_fold(checksum_add(
				checksum_pseudo(&h, 6, h.len), in.p, in.len)),
			0);
		cr_assert_arr_eq(in.p + 20, "abcdefghij" + 4 * i, h.len - 20);
	}
}

Test(packet_train, no_checksum_stays_none)
{
	make_row(3, (struct way){.id = 1}, 500);
	join(3);
	put_be16(wire + 40, 0);
	vnet.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	ncars = 0;
	cr_assert(train_cut(wire, wire_len, &vnet, take, NULL));
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(get_be16(car[i] + 40), 0);
}

Test(packet_train, a_checksum_left_to_hardware_is_computed)
{
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				   .csum_start = 34,
				   .csum_offset = 6};

	make_row(2, (struct way){.id = 1}, 500);
	join(2);
	ncars = 0;
	vnet.gso_size = 1000; /* one piece */
	cr_assert(train_checksum(wire, wire_len, &v));
	take(NULL, (struct span){wire, wire_len});
	check_udp(0);
	v.csum_start = 5000;
	cr_assert_not(train_checksum(wire, wire_len, &v));
	v.csum_start = (uint16_t)(wire_len - 1);
	cr_assert_not(train_checksum(wire, wire_len, &v));
}

Test(packet_train, what_makes_no_sense_is_not_cut)
{
	struct virtio_net_hdr v;

	make_row(3, (struct way){.id = 1}, 500);
	join(3);
	ncars = 0;
	v = vnet;
	v.gso_size = 0;
	cr_assert_not(train_cut(wire, wire_len, &v, take, NULL));
	v = vnet;
	v.gso_type = 3; /* UDP fragments */
	cr_assert_not(train_cut(wire, wire_len, &v, take, NULL));
	v.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	cr_assert_not(train_cut(wire, wire_len, &v, take, NULL));
	for (size_t len = 0; len < 42; len++)
		cr_assert_not(train_cut(wire, len, &vnet, take, NULL));
	wire[14] = 0x4f; /* a header that hides all */
	cr_assert_not(train_cut(wire, 60, &vnet, take, NULL));
	cr_assert_eq(ncars, 0);
}

/* A frame without payload is one frame. */
Test(packet_train, nothing_to_cut)
{
	make_row(3, (struct way){.id = 1}, 500);
	join(3);
	ncars = 0;
	cr_assert(train_cut(wire, 42, &vnet, take, NULL));
	cr_assert_eq(ncars, 1);
	cr_assert_eq(car_len[0], 42);
}

static uint8_t *buffer;
static size_t buffer_len;

static void stays_inside(void *ctx, struct span f)
{
	cr_assert(f.p >= buffer && f.p + f.len <= buffer + buffer_len);
	ncars++;
}

/* Headers and offsets that lie.  The buffer ends where the frame does. */
Test(packet_train, nothing_goes_past_the_frame)
{
	static const uint8_t gso[] = {VIRTIO_NET_HDR_GSO_UDP_L4,
				      VIRTIO_NET_HDR_GSO_TCPV4,
				      VIRTIO_NET_HDR_GSO_TCPV6};

	srand(7);
	for (unsigned round = 0; round < 20000; round++) {
		struct virtio_net_hdr v;

		make_row(3, (struct way){.id = 1, .v6 = round & 1}, 500);
		join(3);
		v = vnet;
		v.gso_type = gso[rand() % 3];
		v.gso_size = (uint16_t)(1 + rand() % 600);
		v.csum_start = (uint16_t)(rand() % 1700);
		for (unsigned i = rand() % 6; i; i--)
			wire[12 + rand() % 60] = (uint8_t)rand();
		buffer_len = (size_t)rand() % (wire_len + 1);
		buffer = malloc(buffer_len);
		memcpy(buffer, wire, buffer_len);
		ncars = 0;
		train_checksum(buffer, buffer_len, &v);
		cr_assert_eq(
			train_cut(buffer, buffer_len, &v, stays_inside, NULL),
			ncars > 0);
		free(buffer);
	}
}
