/* Link headers, tunnels, trains and cut frames. */
#include <stdlib.h>
#include "tests/unit/trace/talk.h"

static struct dissector *d;
static uint8_t frame[70000];
static size_t len;
static struct packet got;

static void start(void)
{
	d = dissector_new();
	len = 0;
}

static void stop(void)
{
	dissector_free(d);
}

TestSuite(dissect, .init = start, .fini = stop);

static void put(const void *p, size_t n)
{
	memcpy(frame + len, p, n);
	len += n;
}

static void put_ethernet(uint16_t type)
{
	struct eth eth = {.type = type};

	len += eth_encode(&eth, frame + len);
}

static const struct bth bth = {.opcode = OP_SEND_ONLY,
			       .dqpn = 0x12,
			       .psn = 7,
			       .migreq = true,
			       .pkey = PKEY_DEFAULT};

static struct ip_header ip_of(size_t udp_payload, bool v6, uint16_t id)
{
	static const uint8_t v4[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
	struct ip_header ip = {
		.src = ip_from_v4(v4[0]),
		.dst = ip_from_v4(v4[1]),
		.version = v6 ? 6 : 4,
		.ttl = 64,
		.protocol = IPPROTO_UDP_,
		.len = (uint16_t)(UDP_LEN + udp_payload),
		.id = v6 ? 0 : id,
		.df = !v6,
	};

	if (v6) {
		ip_parse(&ip.src, "fd00::1");
		ip_parse(&ip.dst, "fd00::2");
	}
	return ip;
}

static struct udp udp_of(size_t payload, uint16_t dport)
{
	return (struct udp){50000, dport, (uint16_t)(UDP_LEN + payload), 0};
}

/* A RoCEv2 packet of @n payload bytes, as UDP payload with ICRC, which is made
 * for an IPv4 identification of @id.
 */
static size_t roce(uint8_t *out, size_t n, bool v6, uint16_t id)
{
	size_t all = BTH_LEN + n + ICRC_LEN;
	struct ip_header ip = ip_of(all, v6, id);
	struct udp udp = udp_of(all, ROCE_UDP_PORT);

	bth_encode(&bth, out);
	memset(out + BTH_LEN, 0x5a, n);
	icrc_put(icrc_of(&ip, &udp, (struct span){out, BTH_LEN + n}),
		 out + BTH_LEN + n);
	return all;
}

static void put_ip(size_t udp_payload, bool v6, uint16_t id, uint16_t dport)
{
	struct ip_header ip = ip_of(udp_payload, v6, id);
	struct udp udp = udp_of(udp_payload, dport);

	len += ip_encode(&ip, frame + len);
	udp_encode(&udp, frame + len);
	len += UDP_LEN;
}

static void put_packet(bool v6)
{
	uint8_t data[200];
	size_t n = roce(data, 64, v6, 3);

	put_ip(n, v6, 3, ROCE_UDP_PORT);
	put(data, n);
}

static enum frame_kind begin(int linktype, size_t wire_len)
{
	struct frame f = {
		.number = 1,
		.linktype = linktype,
		.bytes = {frame, len},
		.wire_len = wire_len,
	};

	return dissect_begin(d, &f);
}

static void expect_packet(int linktype)
{
	cr_expect_eq(begin(linktype, len), FRAME_ROCE, "link type %d",
		     linktype);
	cr_assert(dissect_next(d, &got));
	cr_expect_eq(got.drop, DROP_NONE);
	cr_expect_eq(got.icrc, ICRC_OK);
	cr_expect_eq(got.roce.bth.psn, 7);
	cr_expect_eq(got.roce.payload.len, 64);
	cr_expect_eq(got.segments, 0);
	cr_expect(!dissect_next(d, &got));
}

Test(dissect, ethernet)
{
	put_ethernet(ETHERTYPE_IPV4);
	put_packet(false);
	expect_packet(LINK_ETHERNET);
	len = 0;
	put_ethernet(ETHERTYPE_IPV6);
	put_packet(true);
	expect_packet(LINK_ETHERNET);
}

Test(dissect, tags)
{
	const uint8_t inner[4] = {0x20, 0x05, 0x81, 0x00};
	const uint8_t vlan[4] = {0x20, 0x06, 0x08, 0x00};

	put_ethernet(ETHERTYPE_QINQ);
	put(inner, 4);
	put(vlan, 4);
	put_packet(false);
	expect_packet(LINK_ETHERNET);
}

Test(dissect, padded_to_the_smallest_frame)
{
	put_ethernet(ETHERTYPE_IPV4);
	put_packet(false);
	put((uint8_t[20]){0}, 20);
	expect_packet(LINK_ETHERNET);
}

Test(dissect, cooked_and_raw)
{
	uint8_t sll[16] = {[14] = 0x08, [15] = 0x00};
	uint8_t sll2[20] = {0x86, 0xdd};

	put(sll, 16);
	put_packet(false);
	expect_packet(LINK_LINUX_SLL);
	len = 0;
	put(sll2, 20);
	put_packet(true);
	expect_packet(LINK_LINUX_SLL2);
	len = 0;
	put_packet(false);
	expect_packet(LINK_RAW);
}

/* A frame for a tunnel to carry; its length. */
static size_t make_inner(uint8_t inner[300])
{
	size_t n;

	put_ethernet(ETHERTYPE_IPV4);
	put_packet(false);
	n = len;
	memcpy(inner, frame, n);
	len = 0;
	return n;
}

/* Linux' old port; a group policy, of which we know nothing. */
Test(dissect, vxlan_of_others)
{
	uint8_t inner[300];
	size_t n = make_inner(inner);

	put_ethernet(ETHERTYPE_IPV4);
	put_ip(VXLAN_LEN + n, false, 0, 8472);
	put((uint8_t[VXLAN_LEN]){0x88, 0, 0, 5, 0, 0, 7, 0}, VXLAN_LEN);
	put(inner, n);
	expect_packet(LINK_ETHERNET);
	cr_expect_eq(got.vni, 7);
	frame[len - n - VXLAN_LEN] = 0x80; /* no VNI */
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_OTHER);
}

Test(dissect, vxlan)
{
	uint8_t inner[300];
	size_t n = make_inner(inner);

	put_ethernet(ETHERTYPE_IPV6);
	put_ip(VXLAN_LEN + n, true, 0, VXLAN_UDP_PORT);
	vxlan_encode(100, frame + len);
	len += VXLAN_LEN;
	put(inner, n);
	expect_packet(LINK_ETHERNET);
	cr_expect(got.tunnelled);
	cr_expect_eq(got.vni, 100);
	cr_expect_eq(got.outer_dst.b[15], 2);
	cr_expect_eq(got.ip.version, 4);
}

/* A checksum that the NIC is to fill in. */
Test(dissect, header_checksum_offloaded)
{
	put_ethernet(ETHERTYPE_IPV4);
	put_packet(false);
	put_be16(frame + ETH_LEN + 10, 0);
	expect_packet(LINK_ETHERNET);
	put_be16(frame + ETH_LEN + 10, 1);
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_OTHER);
}

Test(dissect, other_frames)
{
	put_ethernet(ETHERTYPE_ARP);
	put_packet(false);
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_OTHER);
	cr_expect(!dissect_next(d, &got));
	len = 0;
	put_ethernet(ETHERTYPE_IPV4);
	put_ip(8, false, 3, 53);
	put((uint8_t[8]){0}, 8);
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_OTHER);
}

Test(dissect, nearly_rocev2)
{
	put_ethernet(ETHERTYPE_VLAN);
	put((uint8_t[]){0, 5, 0x89, 0x15}, VLAN_LEN);
	put_packet(true);
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_ROCE_V1);
	len = 0;
	put_ethernet(ETHERTYPE_IPV4);
	put_packet(false);
	frame[ETH_LEN + 6] = 0x20; /* more fragments */
	put_be16(frame + ETH_LEN + 10, 0);
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_FRAGMENT);
	cr_expect(!dissect_next(d, &got));
}

/* snaplen: the lengths are those on the wire, the ICRC nobody can tell. */
Test(dissect, cut_frame)
{
	size_t whole;

	put_ethernet(ETHERTYPE_IPV4);
	put_packet(false);
	whole = len;
	len = 64;
	cr_expect_eq(begin(LINK_ETHERNET, whole), FRAME_ROCE);
	cr_assert(dissect_next(d, &got));
	cr_expect_eq(got.icrc, ICRC_CUT);
	cr_expect_eq(got.drop, DROP_NONE);
	cr_expect_eq(got.roce.payload.len, 64);
	len = 50; /* within the BTH */
	begin(LINK_ETHERNET, whole);
	cr_assert(dissect_next(d, &got));
	cr_expect_eq(got.icrc, ICRC_CUT);
	cr_expect_eq(got.drop, DROP_SHORT);
}

/* @n segments of @size payload bytes, the last of 8. */
static void put_train(unsigned n, size_t size, bool v6, bool counts)
{
	static uint8_t data[66000];
	size_t all = 0;

	for (unsigned i = 0; i < n; i++)
		all += roce(data + all, i + 1 < n ? size : 8, v6,
			    (uint16_t)(3 + (counts ? i : 0)));
	put_ethernet(v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	put_ip(all, v6, 3, ROCE_UDP_PORT);
	put(data, all);
}

static void expect_train(unsigned n, size_t size)
{
	cr_assert_eq(begin(LINK_ETHERNET, len), FRAME_TRAIN);
	for (unsigned i = 1; i <= n; i++) {
		cr_assert(dissect_next(d, &got));
		cr_expect_eq(got.drop, DROP_NONE);
		cr_expect_eq(got.icrc, ICRC_OK);
		cr_expect_eq(got.segment, i);
		cr_expect_eq(got.segments, n);
		cr_expect_eq(got.roce.payload.len, i < n ? size : 8);
	}
	cr_expect(!dissect_next(d, &got));
}

Test(dissect, trains)
{
	static const struct {
		unsigned n;
		size_t size;
		bool v6, counts;
	} rows[] = {
		{15, 4096, false, true}, {2, 1024, false, true},
		{40, 1024, true, true},	 {5, 256, false, false},
		{3, 8, true, false},	 {64, 8, false, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		len = 0;
		put_train(rows[i].n, rows[i].size, rows[i].v6, rows[i].counts);
		expect_train(rows[i].n, rows[i].size);
	}
}

/* One wrong bit in a segment is that segment's fault. */
Test(dissect, train_with_a_bad_segment)
{
	put_train(4, 1024, false, true);
	frame[ETH_LEN + IPV4_LEN + UDP_LEN + 2 * 1040 + 100] ^= 1;
	cr_assert_eq(begin(LINK_ETHERNET, len), FRAME_TRAIN);
	for (unsigned i = 1; i <= 4; i++) {
		cr_assert(dissect_next(d, &got));
		cr_expect_eq(got.icrc, i == 3 ? ICRC_BAD : ICRC_OK);
	}
}

Test(dissect, huge_datagram_that_is_no_train)
{
	put_train(15, 4096, false, true);
	memset(frame + 60, 0x33, len - 60);
	cr_expect_eq(begin(LINK_ETHERNET, len), FRAME_ROCE);
	cr_assert(dissect_next(d, &got));
	cr_expect_eq(got.icrc, ICRC_BAD);
}

/* Whatever the bytes: no crash, and spans within the frame (ASan looks). */
Test(dissect, any_bytes)
{
	static const int linktypes[] = {LINK_NULL,	 LINK_ETHERNET,
					LINK_RAW,	 LINK_LINUX_SLL,
					LINK_LINUX_SLL2, 9999};
	struct check *c = check_new();
	unsigned sum = 0;

	srand(1);
	for (int i = 0; i < 60000; i++) {
		uint8_t *copy;
		size_t n;

		len = 0;
		if (i % 3)
			put_train(1 + (unsigned)i % 4, 64, i & 1, i & 2);
		else
			expect_packet((put_ethernet(ETHERTYPE_IPV4),
				       put_packet(false), LINK_ETHERNET));
		for (int k = rand() % 6; k >= 0; k--)
			frame[(size_t)rand() % len] = (uint8_t)rand();
		n = (size_t)rand() % (len + 1);
		copy = malloc(n ? n : 1);
		memcpy(copy, frame, n);
		dissect_begin(
			d,
			&(struct frame){
				.number = (uint64_t)i + 1,
				.nsec = i * 1000,
				.linktype = linktypes[i % 6],
				.bytes = {copy, n},
				.wire_len = rand() % 3 ? len : (size_t)rand(),
			});
		while (dissect_next(d, &got)) {
			check_packet(c, &got);
			for (size_t b = 0; b < got.data.len; b++)
				sum += got.data.p[b];
		}
		free(copy);
	}
	check_finish(c);
	check_free(c);
	cr_expect(sum != 1);
}
