/* The NIC's capture against what the kernel shows of lo, byte for byte. */
#include "tests/unit/nic/udp_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

TestSuite(wire, .fini = close_both, .timeout = 60);

/* A socket that sees the frames of @from alone, whatever else is on lo: of an
 * IPv4 address (offset 26), or of an IPv6 frame to our UDP port (offset 56).
 */
static int sniff(const struct ip_addr *from)
{
	bool v4 = ip_is_v4(from);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v4 ? 0x0800 : 0x86dd, 0, 3),
		BPF_STMT(BPF_LD | BPF_ABS | (v4 ? BPF_W : BPF_H), v4 ? 26 : 56),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 v4 ? get_be32(from->b + 12) : cfg.port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};
	struct sockaddr_ll lo = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex("lo")};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	if (fd < 0 && (errno == EPERM || errno == EACCES))
		skip("needs CAP_NET_RAW to listen on lo");
	cr_assert_geq(fd, 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
				sizeof(filter)),
		     0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&lo, sizeof(lo)), 0);
	return fd;
}

/* The next frame on its way out; lo shows it once more on its way in. */
static size_t sniff_next(int fd, uint8_t *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct sockaddr_ll who;
	ssize_t n;

	do {
		socklen_t len = sizeof(who);

		cr_assert_gt(poll(&p, 1, PATIENCE), 0, "nothing on lo");
		n = recvfrom(fd, out, FRAME_MAX, 0, (struct sockaddr *)&who,
			     &len);
	} while (who.sll_pkttype != PACKET_OUTGOING);
	cr_assert_gt(n, 0);
	return (size_t)n;
}

/* Decodes from scratch: nothing of the sender's own reckoning is used. */
static struct udp check_wire(const uint8_t *frame, size_t len, uint16_t id)
{
	struct span in = {frame, len};
	struct ip_header ip;
	struct udp udp;
	struct eth eth;

	cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(&ip, &in), DROP_NONE);
	cr_assert_eq(udp_decode(&udp, &in), DROP_NONE);
	cr_assert_eq(ip.id, id);
	cr_assert_eq(ip.df, ip.version == 4);
	cr_assert_eq(
		icrc_get(in.p + in.len - ICRC_LEN),
		icrc_of(&ip, &udp, (struct span){in.p, in.len - ICRC_LEN}));
	return udp;
}

static const struct shape {
	size_t len;
	uint16_t sport;
	uint8_t tos, ttl;
} shapes[] = {
	{0, 0, 0, 0},	     {1, 0xc000, 2, 64},   {2, 0xffff, 3, 1},
	{3, 0xc000, 0, 255}, {256, 0xd171, 1, 64}, {4096, 0xd172, 0xb9, 9},
	{1024, 0, 0, 64},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void compare_with_wire(void)
{
	int fd = sniff(&a.link->addr[0]);
	struct pkt p[SHAPES];
	static uint8_t seen[FRAME_MAX];

	for (unsigned i = 0; i < SHAPES; i++) {
		make(&p[i], &a, &b, shapes[i].len);
		p[i].sport = shapes[i].sport;
		p[i].tos = shapes[i].tos;
		p[i].ttl = shapes[i].ttl;
	}
	link_send(a.link, p, SHAPES, 0);
	receive(&b, SHAPES);
	cr_assert_eq(rec_a.n, SHAPES);
	cr_assert_eq(rec_b.n, SHAPES);
	for (unsigned i = 0; i < SHAPES; i++) {
		size_t len = sniff_next(fd, seen);
		const struct frame *out = &rec_a.frame[i],
				   *in = &rec_b.frame[i];

		cr_assert_eq(out->dir, TAP_OUT);
		cr_assert_eq(in->dir, TAP_IN);
		cr_assert_eq(out->len, len);
		cr_assert_eq(in->len, len);
		cr_assert_arr_eq(out->bytes, seen, len, "packet %u", i);
		cr_assert_arr_eq(in->bytes, seen, len, "packet %u", i);
		cr_assert_eq(check_wire(seen, len, 0).checksum, 0);
	}
	close(fd);
}

Test(wire, capture_is_what_lo_shows)
{
	open_both(true);
	compare_with_wire();
}

Test(wire, capture_is_what_lo_shows_ipv6)
{
	static uint8_t seen[FRAME_MAX];
	struct pkt p;
	int fd;

	open_to_itself(15000);
	fd = sniff(&a.link->addr[0]);
	make(&p, &a, &a, 77);
	p.sport = 0xd123;
	p.tos = 0x22;
	p.ttl = 9;
	link_send(a.link, &p, 1, 0);
	receive(&a, 1);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.dgram[0].tos, 0x22);
	cr_assert_eq(b.dgram[0].ttl, 9);
	cr_assert_eq(b.dgram[0].sport, 0xd123);
	cr_assert_eq(sniff_next(fd, seen), rec_a.frame[0].len);
	cr_assert_arr_eq(seen, rec_a.frame[0].bytes, rec_a.frame[0].len);
	cr_assert_arr_eq(seen, rec_a.frame[1].bytes, rec_a.frame[1].len);
	check_wire(seen, rec_a.frame[0].len, 0);
}

/* lo computes no checksums, and shows what its sockets left there. */
static void blank_checksum(uint8_t *frame)
{
	put_be16(frame + 14 + 20 + 6, 0);
}

/* A device that can cut no trains has the kernel do it, and a sniffer sees what
 * comes of it.
 */
Test(wire, trains_in_single_packets)
{
	/* Two trains: of 10, whose last is shorter, and of 4. */
	static const size_t len[] = {256, 256, 256, 256, 256, 256, 256,
				     256, 256, 100, 999, 999, 999, 999};
	static uint8_t seen[FRAME_MAX];
	struct pkt p[14];
	int fd;

	own_network();
	if (system("ip link set dev lo gso_max_segs 1"))
		skip("needs iproute2");
	cfg.gso = GSO_ON;
	open_both(true);
	fd = sniff(&a.link->addr[0]);
	for (unsigned i = 0; i < 14; i++) {
		make(&p[i], &a, &b, len[i]);
		p[i].room[PKT_ROOM - 1] = (uint8_t)i;
	}
	link_send(a.link, p, 14, 0);
	receive(&b, 14);
	for (unsigned i = 0; i < 14; i++) {
		struct frame *out = &rec_a.frame[i], *in = &rec_b.frame[i];
		uint16_t id = (uint16_t)(i < 10 ? i : i - 10);

		cr_assert_eq(sniff_next(fd, seen), out->len);
		cr_assert_eq(in->len, out->len);
		check_wire(seen, out->len, id);
		cr_assert_neq(check_wire(out->bytes, out->len, id).checksum, 0);
		blank_checksum(seen);
		blank_checksum(out->bytes);
		cr_assert_arr_eq(out->bytes, seen, out->len, "packet %u", i);
		cr_assert_arr_eq(in->bytes, seen, out->len, "packet %u", i);
	}
	close(fd);
}
