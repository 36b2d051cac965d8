/* The world of the tests of link_udp: two links over real sockets on the
 * loopback interface.  Every test is a process of its own (Criterion) and takes
 * addresses made of its pid, so that tests run beside each other.
 */
#ifndef TESTS_UNIT_NIC_UDP_WORLD_H
#define TESTS_UNIT_NIC_UDP_WORLD_H

#include "nic/link/link.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nic/base/tap.h"
#include "wire/bth.h"
#include "wire/icrc.h"

#define PORT	  14791
#define PATIENCE  40000 /* milliseconds until a test gives up */
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

static const struct tap_ops recorder_ops = {.frame = record};

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
static inline struct ip_addr address(uint8_t last)
{
	unsigned pid = (unsigned)getpid();
	uint8_t v4[4] = {127, (uint8_t)(64 + (pid >> 8) % 128), (uint8_t)pid,
			 last};

	return ip_from_v4(v4);
}

static inline void open_end(struct end *e, const struct ip_addr *addr,
			    struct tap *tap)
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
static inline void open_both(bool icrc)
{
	struct ip_addr addr_a = address(1), addr_b = address(2);

	rec_a.tap.ops = rec_b.tap.ops = &recorder_ops;
	cfg.icrc = icrc;
	open_end(&a, &addr_a, &rec_a.tap);
	open_end(&b, &addr_b, &rec_b.tap);
}

/* Criterion shows why a test was skipped only to who asks. */
static inline void skip(const char *reason)
{
	fprintf(stderr, "skipped: %s\n", reason);
	cr_skip_test("%s", reason);
}

/* One end on ::1, of which there is only one: it is @a and @b, and records.
 * @port: what keeps tests that run at the same time apart.
 */
static inline void open_to_itself(uint16_t port)
{
	struct ip_addr one;

	ip_parse(&one, "::1");
	rec_a.tap.ops = &recorder_ops;
	cfg.icrc = true;
	/* Below those that the kernel gives out. */
	cfg.port = (uint16_t)(port + getpid() % 7000);
	cfg.addr[0] = one;
	cfg.naddr = 1;
	cfg.counters = &a.counters;
	if (link_udp_new(&cfg, &a.link, why) == -EADDRNOTAVAIL)
		skip("this host has no ::1");
	link_free(a.link);
	open_end(&a, &one, &rec_a.tap);
	b = a;
	link_set_up(a.link, take, &b);
}

static inline void close_both(void)
{
	link_free(a.link);
	if (b.link != a.link)
		link_free(b.link);
}

/* Moves the process to a network namespace that nobody else is in. */
static inline void own_network(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		skip("needs CAP_SYS_ADMIN for a network of its own");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &up), 0);
	close(fd);
}

/* Until @e has handled @n more datagrams. */
static inline void receive(struct end *e, unsigned n)
{
	struct pollfd p[LINK_FDS];
	int fd[LINK_FDS];
	unsigned nfd = link_fds(e->link, fd), got = 0;

	for (unsigned i = 0; i < nfd; i++)
		p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
	while (got < n) {
		cr_assert_gt(poll(p, nfd, PATIENCE), 0,
			     "%u of %u datagrams arrived", got, n);
		got += link_receive(e->link, n - got, 0);
	}
}

/* A packet to @e: BTH, @len bytes of payload, pad. */
static const uint8_t payload[65536] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static inline void make(struct pkt *p, const struct end *from,
			const struct end *to, size_t len)
{
	struct bth bth = {.opcode = 0x04,
			  .pkey = PKEY_DEFAULT,
			  .dqpn = 0x123,
			  .psn = 7,
			  .pad = -len & 3};

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

static inline void send_one(size_t len)
{
	struct pkt p;

	make(&p, &a, &b, len);
	link_send(a.link, &p, 1, 0);
}

#endif
