/* link_udp over real sockets on the loopback interface.  Every test is a
 * process of its own (Criterion) and takes addresses made of its pid, so that
 * tests run beside each other.
 */
#include "nic/link/link.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nic/base/tap.h"
#include "wire/bth.h"
#include "wire/icrc.h"

#define PORT	  14791
#define PATIENCE  2000 /* milliseconds until a test gives up */
#define FRAMES	  300
#define FRAME_MAX 10000

struct frame {
	enum tap_dir dir;
	size_t len;
	uint8_t bytes[FRAME_MAX];
	char note[128];
};

/* A tap that remembers. */
struct recorder {
	struct tap tap;
	unsigned n;
	struct frame frame[FRAMES];
};

/* One end: a link, and what came up it. */
struct end {
	struct link *link;
	struct counters counters;
	unsigned n;
	enum drop verdict; /* to be returned */
	struct dgram dgram[FRAMES];
	uint8_t data[FRAMES][256]; /* the first bytes of each */
};

static struct recorder rec_a, rec_b;
static struct end a, b;
static struct link_config cfg;
static char why[200];

static void record(struct tap *tap, enum tap_dir dir, const struct span *piece,
		   unsigned n, const char *note)
{
	struct recorder *r = (struct recorder *)tap;
	struct frame *f = &r->frame[r->n++];

	cr_assert(r->n < FRAMES);
	f->dir = dir;
	f->len = 0;
	for (unsigned i = 0; i < n; i++) {
		if (f->len + piece[i].len > FRAME_MAX)
			break;
		memcpy(f->bytes + f->len, piece[i].p, piece[i].len);
		f->len += piece[i].len;
	}
	snprintf(f->note, sizeof(f->note), "%s", note ? note : "");
}

static const struct tap_ops recorder_ops = { .frame = record };

static enum drop take(void *ctx, const struct dgram *d, nsec_t now)
{
	struct end *e = ctx;
	size_t len = d->data.len < 256 ? d->data.len : 256;

	cr_assert(e->n < FRAMES);
	memcpy(e->data[e->n], d->data.p, len);
	e->dgram[e->n] = *d;
	e->dgram[e->n++].data.p = NULL;
	return e->verdict;
}

/* 127.x.y.@last, x and y from the pid. */
static struct ip_addr address(uint8_t last)
{
	unsigned pid = (unsigned)getpid();
	uint8_t v4[4] = { 127, (uint8_t)(64 + (pid >> 8) % 128), (uint8_t)pid,
			  last };

	return ip_from_v4(v4);
}

static void open_end(struct end *e, const struct ip_addr *addr, struct tap *tap)
{
	cfg.port = cfg.port ? cfg.port : PORT;
	cfg.addr[0] = *addr;
	cfg.naddr = 1;
	cfg.tap = tap;
	cfg.counters = &e->counters;
	cr_assert_eq(link_udp_new(&cfg, &e->link, why), 0, "%s", why);
	link_set_up(e->link, take, e);
}

/* Two ends that record. */
static void open_both(bool icrc)
{
	struct ip_addr addr_a = address(1), addr_b = address(2);

	rec_a.tap.ops = rec_b.tap.ops = &recorder_ops;
	cfg.icrc = icrc;
	open_end(&a, &addr_a, &rec_a.tap);
	open_end(&b, &addr_b, &rec_b.tap);
}

static void close_both(void)
{
	link_free(a.link);
	link_free(b.link);
}

TestSuite(link_udp, .fini = close_both, .timeout = 60);

/* Until @e has handled @n more datagrams. */
static void receive(struct end *e, unsigned n)
{
	struct pollfd p[LINK_FDS];
	int fd[LINK_FDS];
	unsigned nfd = link_fds(e->link, fd), got = 0;

	for (unsigned i = 0; i < nfd; i++)
		p[i] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	while (got < n) {
		cr_assert_gt(poll(p, nfd, PATIENCE), 0,
			     "%u of %u datagrams arrived", got, n);
		got += link_receive(e->link, n - got, 0);
	}
}

/* A packet to @e: BTH, @len bytes of payload, pad. */
static const uint8_t payload[65536] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

static void make(struct pkt *p, const struct end *from, const struct end *to,
		 size_t len)
{
	struct bth bth = { .opcode = 0x04, .pkey = PKEY_DEFAULT, .dqpn = 0x123,
			   .psn = 7, .pad = -len & 3 };

	pkt_reset(p);
	p->src = from->link->addr[0];
	p->dst = to->link->addr[0];
	p->sport = 0;
	p->tos = 0;
	p->ttl = 0;
	bth_encode(&bth, pkt_push(p, BTH_LEN));
	pkt_add_span(p, payload, len);
	memset(pkt_add_tail(p, -len & 3), 0, -len & 3);
}

static void send_one(size_t len)
{
	struct pkt p;

	make(&p, &a, &b, len);
	link_send(a.link, &p, 1, 0);
}

Test(link_udp, datagram_arrives)
{
	struct pkt p;

	open_both(true);
	make(&p, &a, &b, 6);
	p.sport = 0xc123;
	p.tos = 0x6a;
	p.ttl = 3;
	p.note = "a remark";
	link_send(a.link, &p, 1, 0);
	receive(&b, 1);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.dgram[0].data.len, BTH_LEN + 8);
	cr_assert_arr_eq(b.data[0] + BTH_LEN, payload, 6);
	cr_assert(ip_equal(&b.dgram[0].src, &a.link->addr[0]));
	cr_assert(ip_equal(&b.dgram[0].dst, &b.link->addr[0]));
	cr_assert_eq(b.dgram[0].sport, 0xc123);
	cr_assert_eq(b.dgram[0].tos, 0x6a);
	cr_assert_eq(b.dgram[0].ttl, 3);
	cr_assert_not(b.dgram[0].has_mac);
	cr_assert_str_eq(rec_a.frame[0].note, "a remark");
	cr_assert_str_eq(rec_b.frame[0].note, "");
	for (unsigned i = 0; i < DROP_N; i++)
		cr_assert_eq(b.counters.drop[i], 0);
}

Test(link_udp, without_icrc_bytes_pass_as_they_are)
{
	open_both(false);
	send_one(5);
	receive(&b, 1);
	cr_assert_eq(b.dgram[0].data.len, BTH_LEN + 8);
	cr_assert_eq(rec_b.frame[0].len, 14 + 20 + 8 + BTH_LEN + 8);
}

Test(link_udp, ttl_and_tos_change_back)
{
	struct pkt p[3];

	open_both(true);
	for (unsigned i = 0; i < 3; i++)
		make(&p[i], &a, &b, 4);
	p[1].tos = 2;
	p[1].ttl = 200;
	link_send(a.link, p, 3, 0);
	receive(&b, 3);
	cr_assert_eq(b.dgram[0].ttl, 64);
	cr_assert_eq(b.dgram[1].ttl, 200);
	cr_assert_eq(b.dgram[1].tos, 2);
	cr_assert_eq(b.dgram[2].ttl, 64);
	cr_assert_eq(b.dgram[2].tos, 0);
}

Test(link_udp, large_batch_arrives_in_order)
{
	static struct pkt p[200];

	open_both(true);
	for (unsigned i = 0; i < 200; i++) {
		make(&p[i], &a, &b, 64);
		p[i].room[PKT_ROOM - 1] = (uint8_t)i; /* last byte of the PSN */
	}
	link_send(a.link, p, 200, 0);
	receive(&b, 200);
	for (unsigned i = 0; i < 200; i++)
		cr_assert_eq(b.data[i][BTH_LEN - 1], i);
	cr_assert_eq(a.counters.n[CNT_TX_ERROR], 0);
}

Test(link_udp, budget_is_kept)
{
	open_both(true);
	for (unsigned i = 0; i < 50; i++)
		send_one(8);
	cr_assert_eq(link_receive(b.link, 40, 0), 40);
	cr_assert_eq(link_receive(b.link, 40, 0), 10);
	cr_assert_eq(link_receive(b.link, 40, 0), 0);
}

/* The NIC's capture against what the kernel shows of the interface. */

static int sniff(void)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex("lo") };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));

	if (fd < 0 && (errno == EPERM || errno == EACCES))
		cr_skip_test("needs CAP_NET_RAW to listen on lo");
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&lo, sizeof(lo)), 0);
	return fd;
}

/* The next frame that @from sent; others are on lo, too. */
static size_t sniff_next(int fd, const struct ip_addr *from, uint8_t *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct sockaddr_ll who;

	for (;;) {
		socklen_t len = sizeof(who);
		ssize_t n;

		cr_assert_gt(poll(&p, 1, PATIENCE), 0, "nothing on lo");
		n = recvfrom(fd, out, FRAME_MAX, 0, (struct sockaddr *)&who,
			     &len);
		if (n < 42 || who.sll_pkttype != PACKET_OUTGOING)
			continue;
		if (ip_is_v4(from) ? get_be16(out + 12) == 0x0800 &&
					     !memcmp(out + 26, from->b + 12, 4) :
				     get_be16(out + 12) == 0x86dd &&
					     get_be16(out + 56) == PORT)
			return (size_t)n;
	}
}

/* Decodes from scratch: nothing of the sender's own reckoning is used. */
static void check_wire(const uint8_t *frame, size_t len)
{
	struct span in = { frame, len };
	struct ip_header ip;
	struct udp udp;
	struct eth eth;

	cr_assert_eq(eth_decode(&eth, &in), DROP_NONE);
	cr_assert_eq(ip_decode(&ip, &in), DROP_NONE);
	cr_assert_eq(udp_decode(&udp, &in), DROP_NONE);
	cr_assert_eq(ip.id, 0);
	cr_assert_eq(ip.df, ip.version == 4);
	cr_assert_eq(udp.checksum, 0);
	cr_assert_eq(icrc_get(in.p + in.len - ICRC_LEN),
		     icrc_of(&ip, &udp,
			     (struct span){ in.p, in.len - ICRC_LEN }));
}

static const struct shape {
	size_t len;
	uint16_t sport;
	uint8_t tos, ttl;
} shapes[] = {
	{ 0, 0, 0, 0 },	      { 1, 0xc000, 2, 64 },  { 2, 0xffff, 3, 1 },
	{ 3, 0xc000, 0, 255 }, { 256, 0xd171, 1, 64 }, { 4096, 0xd172, 0xb9, 9 },
	{ 1024, 0, 0, 64 },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void compare_with_wire(void)
{
	int fd = sniff();
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
		size_t len = sniff_next(fd, &a.link->addr[0], seen);
		const struct frame *out = &rec_a.frame[i], *in = &rec_b.frame[i];

		cr_assert_eq(out->dir, TAP_OUT);
		cr_assert_eq(in->dir, TAP_IN);
		cr_assert_eq(out->len, len);
		cr_assert_eq(in->len, len);
		cr_assert_arr_eq(out->bytes, seen, len, "packet %u", i);
		cr_assert_arr_eq(in->bytes, seen, len, "packet %u", i);
		check_wire(seen, len);
	}
	close(fd);
}

Test(link_udp, capture_is_what_lo_shows)
{
	open_both(true);
	compare_with_wire();
}

Test(link_udp, capture_is_what_lo_shows_ipv6)
{
	struct ip_addr one;

	ip_parse(&one, "::1");
	rec_a.tap.ops = &recorder_ops;
	cfg.icrc = true;
	cfg.port = PORT;
	cfg.addr[0] = one;
	cfg.naddr = 1;
	cfg.counters = &a.counters;
	if (link_udp_new(&cfg, &a.link, why) == -EADDRNOTAVAIL)
		cr_skip_test("this host has no ::1");
	link_free(a.link);
	/* To itself: one end is both. */
	open_end(&a, &one, &rec_a.tap);
	b = a;
	link_set_up(a.link, take, &b);
	{
		struct pkt p;
		static uint8_t seen[FRAME_MAX];
		int fd = sniff();

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
		cr_assert_eq(sniff_next(fd, &one, seen), rec_a.frame[0].len);
		cr_assert_arr_eq(seen, rec_a.frame[0].bytes,
				 rec_a.frame[0].len);
		cr_assert_arr_eq(seen, rec_a.frame[1].bytes,
				 rec_a.frame[1].len);
		check_wire(seen, rec_a.frame[0].len);
	}
	b.link = NULL;
}

/* What a stranger sends: a plain socket at address(3). */

static int stranger(void)
{
	struct ip_addr from = address(3);
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&sin.sin_addr, from.b + 12, 4);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	memcpy(&sin.sin_addr, b.link->addr[0].b + 12, 4);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

/* An ICRC for IP ID @id; @df as the sender's IP header would have it. */
static void send_with_id(int fd, uint16_t id, bool df, uint32_t damage)
{
	uint8_t data[BTH_LEN + 4 + ICRC_LEN] = { 0x04, 0, 0xff, 0xff };
	struct ip_header ip = { .src = address(3), .dst = b.link->addr[0],
				.version = 4, .protocol = IPPROTO_UDP_,
				.len = UDP_LEN + sizeof(data), .id = id,
				.df = df };
	struct udp udp = { PORT, PORT, UDP_LEN + sizeof(data), 0 };
	uint32_t icrc = icrc_of(&ip, &udp, (struct span){ data, BTH_LEN + 4 });

	icrc_put(icrc ^ damage, data + BTH_LEN + 4);
	cr_assert_eq(send(fd, data, sizeof(data), 0), sizeof(data));
	receive(&b, 1);
}

/* The ID in the last frame that b recorded. */
static uint16_t id_shown(void)
{
	return get_be16(rec_b.frame[rec_b.n - 1].bytes + 14 + 4);
}

Test(link_udp, wrong_icrc)
{
	int fd;

	open_both(true);
	fd = stranger();
	/* Damage that no identification explains. */
	send_with_id(fd, 0, true, 0x10000001);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_str_eq(rec_b.frame[0].note, "drop: icrc: wrong ICRC");
	send_with_id(fd, 0, true, 0);
	cr_assert_eq(b.n, 1);
}

Test(link_udp, ids_of_trains_are_ours)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 127, true, 0);
	cr_assert_eq(id_shown(), 127);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.counters.n[CNT_ICRC_FOREIGN], 0);
	send_with_id(fd, 128, true, 0);
	cr_assert_eq(b.n, 1, "a peer that sends our IDs may not send others");
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
}

Test(link_udp, foreign_from_the_first_packet)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 0x2532, true, 0);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(id_shown(), 0x2532);
	send_with_id(fd, 5, true, 0);
	send_with_id(fd, 0xffff, true, 0);
	cr_assert_eq(b.n, 3, "it stays foreign");
	cr_assert_eq(b.counters.n[CNT_ICRC_FOREIGN], 2);
}

Test(link_udp, foreign_without_df)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 1, false, 0);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.counters.n[CNT_ICRC_FOREIGN], 1);
	cr_assert_eq(rec_b.frame[0].bytes[14 + 6], 0, "DF is not set");
	cr_assert_eq(id_shown(), 1);
}

/* Eight in a row convince; seven, with one of ours behind them, do not. */
Test(link_udp, peer_that_turns_foreign)
{
	int fd;

	open_both(true);
	fd = stranger();
	send_with_id(fd, 0, true, 0);
	for (unsigned i = 0; i < 7; i++)
		send_with_id(fd, (uint16_t)(1000 + i), true, 0);
	cr_assert_eq(b.n, 1);
	send_with_id(fd, 0, true, 0);
	cr_assert_eq(b.n, 2);
	for (unsigned i = 0; i < 7; i++)
		send_with_id(fd, (uint16_t)(2000 + i), true, 0);
	cr_assert_eq(b.n, 2);
	send_with_id(fd, 2007, true, 0);
	cr_assert_eq(b.n, 3);
}

Test(link_udp, foreign_by_configuration)
{
	int fd;

	cfg.foreign = true;
	open_both(true);
	fd = stranger();
	send_with_id(fd, 0, true, 0);
	send_with_id(fd, 1000, true, 0);
	cr_assert_eq(b.n, 2);
}

Test(link_udp, too_short_for_a_bth)
{
	uint8_t bytes[BTH_LEN + ICRC_LEN - 1] = { 0 };
	int fd;

	open_both(true);
	fd = stranger();
	cr_assert_eq(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	receive(&b, 1);
	cr_assert_eq(send(fd, bytes, 0, 0), 0);
	receive(&b, 1);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_SHORT], 2);
}

Test(link_udp, longer_than_the_buffer)
{
	int fd;

	open_both(true);
	fd = stranger();
	cr_assert_eq(send(fd, payload, 9300, 0), 9300);
	receive(&b, 1);
	cr_assert_eq(b.n, 0);
	cr_assert_eq(b.counters.drop[DROP_LENGTH], 1);
}

Test(link_udp, verdict_is_counted_and_noted)
{
	open_both(true);
	b.verdict = DROP_QPN;
	send_one(4);
	receive(&b, 1);
	cr_assert_eq(b.counters.drop[DROP_QPN], 1);
	cr_assert_str_eq(rec_b.frame[0].note, "drop: qpn: no such QP");
}

Test(link_udp, source_ports_of_many_qps)
{
	static struct pkt p[40];
	unsigned own = 0;

	open_both(true);
	for (unsigned i = 0; i < 40; i++) {
		make(&p[i], &a, &b, 4);
		p[i].sport = (uint16_t)(0xc800 + i);
	}
	link_send(a.link, p, 40, 0);
	receive(&b, 40);
	for (unsigned i = 0; i < 40; i++) {
		own += b.dgram[i].sport == 0xc800 + i;
		cr_assert(b.dgram[i].sport >= 0xc800 &&
			  b.dgram[i].sport < 0xc800 + 40);
	}
	cr_assert_eq(own, 32);
	cr_assert_eq(b.n, 40, "all of them bear the right ICRC");
}

Test(link_udp, source_port_that_is_taken)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(0xc777) };
	struct pkt p[2];
	int fd;

	open_both(true);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	memcpy(&sin.sin_addr, a.link->addr[0].b + 12, 4);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	for (unsigned i = 0; i < 2; i++) {
		make(&p[i], &a, &b, 4);
		p[i].sport = 0xc777;
	}
	link_send(a.link, p, 2, 0);
	receive(&b, 2);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(b.dgram[0].sport, PORT);
	cr_assert_eq(b.dgram[1].sport, PORT);
}

Test(link_udp, full_receive_buffer_is_counted)
{
	open_both(true);
	link_free(b.link);
	cfg.rcvbuf = 20000;
	{
		struct ip_addr addr_b = address(2);

		open_end(&b, &addr_b, &rec_b.tap);
	}
	for (unsigned i = 0; i < 100; i++)
		send_one(1024);
	while (link_receive(b.link, 100, 0))
		;
	cr_assert_gt(b.n, 0);
	cr_assert_lt(b.n, 100);
	send_one(1024); /* the kernel tells with the next that arrives */
	receive(&b, 1);
	cr_assert_eq(b.n + b.counters.n[CNT_RX_OVERFLOW], 101);
}

Test(link_udp, what_cannot_be_sent_is_counted)
{
	struct pkt p[3];

	open_both(true);
	make(&p[0], &a, &b, 65500);  /* longer than lo carries */
	make(&p[1], &a, &b, 8);
	make(&p[2], &a, &b, 8);
	ip_parse(&p[2].dst, "fd00::1"); /* no own address of that family */
	link_send(a.link, p, 3, 0);
	receive(&b, 1);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(a.counters.n[CNT_TX_ERROR], 2);
}

Test(link_udp, bind_errors_are_explained)
{
	struct link *l;
	char text[IP_TEXT_MAX];

	open_both(true);
	cr_assert_eq(link_udp_new(&cfg, &l, why), -EADDRINUSE);
	cr_assert_not_null(strstr(why, ip_format(&cfg.addr[0], text)), "%s",
			   why);
	cr_assert_not_null(strstr(why, "UDP port 14791 is taken"), "%s", why);
	ip_parse(&cfg.addr[0], "198.51.100.1");
	cr_assert_eq(link_udp_new(&cfg, &l, why), -EADDRNOTAVAIL);
	cr_assert_not_null(strstr(why, "does not have the address"), "%s", why);
	ip_parse(&cfg.addr[0], "0.0.0.0");
	cr_assert_eq(link_udp_new(&cfg, &l, why), -EINVAL);
	cfg.naddr = 0;
	cr_assert_eq(link_udp_new(&cfg, &l, why), -EINVAL);
}

Test(link_udp, privileged_port_is_explained)
{
	struct ip_addr addr = address(1);
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
	int first = 1024;
	struct link *l;

	if (f && fscanf(f, "%d", &first) == 1 && first <= 7)
		cr_skip_test("this host lets everybody bind port 7");
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	cfg.addr[0] = addr;
	cfg.naddr = 1;
	cfg.port = 7;
	cfg.counters = &a.counters;
	cr_assert_eq(link_udp_new(&cfg, &l, why), -EACCES, "%s", why);
	cr_assert_not_null(strstr(why, "needs a privilege"), "%s", why);
}

Test(link_udp, what_it_reaches)
{
	static const struct {
		const char *to;
		int answer;
	} rows[] = {
		{ "127.0.0.9", 0 },
		{ "10.0.0.1", -ENETUNREACH },
		{ "::1", -ENETUNREACH },
		{ "0.0.0.0", -ENETUNREACH },
		{ "239.1.1.1", 0 },
	};
	struct ip_addr to;

	open_both(true);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ip_parse(&to, rows[i].to);
		cr_assert_eq(a.link->ops->reaches(a.link, &to), rows[i].answer,
			     "%s", rows[i].to);
	}
	cr_assert_eq(a.link->ip_mtu, 65535);
}

Test(link_udp, multicast)
{
	struct ip_addr group, other;
	struct pollfd p;
	int fd[LINK_FDS];
	struct pkt pkt;

	open_both(true);
	ip_parse(&group, "239.91.7.7");
	ip_parse(&other, "239.91.7.8");
	cr_assert_eq(b.link->ops->join(b.link, &other, true), 0);
	cr_assert_eq(b.link->ops->join(b.link, &group, true), 0);
	cr_assert_eq(b.link->ops->join(b.link, &group, true), 0);
	make(&pkt, &a, &b, 4);
	pkt.dst = group;
	pkt.ttl = 5;
	link_send(a.link, &pkt, 1, 0);
	receive(&b, 1);
	cr_assert_eq(b.n, 1);
	cr_assert(ip_equal(&b.dgram[0].dst, &group));
	cr_assert_eq(b.dgram[0].ttl, 5);

	cr_assert_eq(b.link->ops->join(b.link, &group, false), 0);
	cr_assert_eq(b.link->ops->join(b.link, &group, false), -ENOENT);
	make(&pkt, &a, &b, 4);
	pkt.dst = group;
	link_send(a.link, &pkt, 1, 0);
	/* What lo carries is there when send returns. */
	p.fd = fd[link_fds(b.link, fd) - 1];
	p.events = POLLIN;
	cr_assert_eq(poll(&p, 1, 0), 0);
	cr_assert_eq(link_receive(b.link, 10, 0), 0);
}
