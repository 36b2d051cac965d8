/* link_udp: datagrams, source ports, groups, and what the kernel refuses. */
#include "tests/unit/nic/udp_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

TestSuite(link_udp, .fini = close_both, .timeout = 60);

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

/* Each alone, and back again, within one batch. */
Test(link_udp, ttl_and_tos_change)
{
	static const uint8_t tos[] = {0, 2, 0, 0, 2},
			     ttl[] = {0, 64, 64, 9, 64};
	struct pkt p[5];

	open_both(true);
	for (unsigned i = 0; i < 5; i++) {
		make(&p[i], &a, &b, 4);
		p[i].tos = tos[i];
		p[i].ttl = ttl[i];
	}
	link_send(a.link, p, 5, 0);
	receive(&b, 5);
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_eq(b.dgram[i].tos, tos[i]);
		cr_assert_eq(b.dgram[i].ttl, ttl[i] ? ttl[i] : 64);
	}
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
	unsigned got;

	open_both(true);
	for (unsigned i = 0; i < 50; i++)
		send_one(8);
	got = link_receive(b.link, 40, 0); /* 40, if all are there by now */
	cr_assert_leq(got, 40);
	cr_assert_eq(b.n, got);
	receive(&b, 50 - got);
	cr_assert_eq(b.n, 50);
	cr_assert_eq(link_receive(b.link, 40, 0), 0);
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

/* Ports that share a place in the table of ports. */
Test(link_udp, source_ports_256_apart)
{
	static struct pkt p[6];

	open_both(true);
	for (unsigned i = 0; i < 6; i++) {
		make(&p[i], &a, &b, 4);
		p[i].sport = (uint16_t)(0xc100 + i % 3 * 256);
	}
	link_send(a.link, p, 6, 0);
	receive(&b, 6);
	for (unsigned i = 0; i < 6; i++)
		cr_assert_eq(b.dgram[i].sport, 0xc100 + i % 3 * 256);
}

Test(link_udp, source_port_that_is_taken)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons(0xc777)};
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

/* How many that were for @e the kernel had no room for. */
static uint32_t dropped(const struct end *e)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	int fd[LINK_FDS];
	socklen_t len = sizeof(info);

	link_fds(e->link, fd);
	cr_assert_eq(getsockopt(fd[0], SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[SK_MEMINFO_DROPS];
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
	while (!dropped(&b))
		usleep(1000);
	while (b.n + dropped(&b) < 100)
		link_receive(b.link, 100, 0);
	cr_assert_gt(b.n, 0);
	send_one(1024); /* the kernel tells with the next that arrives */
	receive(&b, 1);
	cr_assert_eq(b.n + b.counters.n[CNT_RX_OVERFLOW], 101);
}

Test(link_udp, what_cannot_be_sent_is_counted)
{
	struct pkt p[3];

	open_both(true);
	make(&p[0], &a, &b, 65500); /* longer than lo carries */
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
		skip("this host lets everybody bind port 7");
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	cfg.addr[0] = addr;
	cfg.naddr = 1;
	cfg.port = 7;
	cfg.counters = &a.counters;
	cr_assert_eq(link_udp_new(&cfg, &l, why), -EACCES, "%s", why);
	cr_assert_not_null(strstr(why, "needs a privilege"), "%s", why);
	cr_assert_eq(seteuid(getuid()), 0);
}

Test(link_udp, what_it_reaches)
{
	static const struct {
		const char *to;
		int answer;
	} rows[] = {
		{"127.0.0.9", 0},      {"10.0.0.1", -ENETUNREACH},
		{"::1", -ENETUNREACH}, {"0.0.0.0", -ENETUNREACH},
		{"239.1.1.1", 0},
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
