/* Several links of one address over real sockets on the loopback interface.  In
 * one process they are as apart as in several: locks are of descriptors.
 */
#include "nic/link/share.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "nic/link/link.h"
#include "nic/link/share_steer.h"
#include "wire/bth.h"
#include "tests/unit/nic/child.h"

#define PORT	 14791
#define MEMBERS	 6
#define PATIENCE (60 * SEC)

static struct member {
	struct share *share;
	struct link *link;
	struct counters counters;
	uint32_t qpn;
	unsigned mine, others; /* datagrams that came up, by DestQP */
	struct dgram last;
} m[MEMBERS];

static char dir[] = "/tmp/share-test-XXXXXX", why[200];
static struct ip_addr addr;
static int outside; /* a socket of nobody's, that sends */

static nsec_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (nsec_t)ts.tv_sec * SEC + (nsec_t)ts.tv_nsec;
}

static enum drop deliver(void *ctx, const struct dgram *d, nsec_t at)
{
	struct member *one = ctx;

	if (get_be24(d->data.p + 5) == one->qpn)
		one->mine++;
	else
		one->others++;
	one->last = *d;
	return DROP_NONE;
}

static int try_join(struct member *one, const char *where)
{
	struct link_config cfg = {.port = PORT,
				  .addr = {addr},
				  .naddr = 1,
				  .counters = &one->counters};
	struct share_what what = {STEER_ROCE, addr, PORT, ""};
	int rc = share_open(where, &what, now(), &one->share, why);

	cr_assert_eq(rc, 0, "%s", why);
	cfg.share = one->share;
	rc = link_udp_new(&cfg, &one->link, why);
	if (rc) {
		share_free(one->share);
		return rc;
	}
	link_set_up(one->link, deliver, one);
	one->qpn = share_qpn(one->share, 0);
	return 0;
}

static void join(struct member *one)
{
	cr_assert_eq(try_join(one, dir), 0, "%s", why);
}

static void leave(struct member *one)
{
	link_free(one->link);
	share_free(one->share);
	one->link = NULL;
}

static void begin(void)
{
	unsigned pid = (unsigned)getpid();
	char text[40];

	cr_assert_not_null(mkdtemp(dir));
	snprintf(text, sizeof(text), "127.98.%u.%u", pid >> 8 & 255,
		 pid % 253 + 1);
	ip_parse(&addr, text);
	outside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void end(void)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		if (m[i].link)
			leave(&m[i]);
	close(outside);
	cr_expect_eq(rmdir(dir), 0, "something is left in %s", dir);
}

TestSuite(share, .init = begin, .fini = end, .timeout = 240);

static void run_all(void)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (!m[i].link)
			continue;
		link_receive(m[i].link, 64, now());
		if (link_deadline(m[i].link) <= now())
			link_tick(m[i].link, now());
	}
}

static void send_bytes(const void *p, size_t len)
{
	union udp_name to;
	socklen_t n = udp_name_of(&to, &addr, PORT, 0);

	cr_assert_eq(sendto(outside, p, len, 0, &to.any, n), (ssize_t)len);
}

static void send_to(uint32_t qpn)
{
	uint8_t bth[BTH_LEN + 4] = {4, 0, 0xff, 0xff};

	put_be24(bth + 5, qpn);
	send_bytes(bth, sizeof(bth));
}

static uint64_t passed(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MEMBERS; i++)
		n += m[i].counters.n[CNT_PASSED_ON];
	return n;
}

/* @each datagrams to every member arrive there and nowhere else; returns how
 * many of them made a detour.
 */
static uint64_t exchange(unsigned each)
{
	uint64_t before = passed();
	nsec_t until = now() + PATIENCE;
	unsigned want[MEMBERS], missing = 1;

	for (unsigned i = 0; i < MEMBERS; i++)
		want[i] = m[i].mine + each;
	for (unsigned k = 0; k < each; k++)
		for (unsigned i = 0; i < MEMBERS; i++)
			if (m[i].link)
				send_to(m[i].qpn);
	while (missing && now() < until) {
		run_all();
		missing = 0;
		for (unsigned i = 0; i < MEMBERS; i++)
			missing += m[i].link && m[i].mine != want[i];
	}
	cr_assert_eq(missing, 0, "of %u members", missing);
	for (unsigned i = 0; i < MEMBERS; i++)
		cr_assert_eq(m[i].others, 0);
	return passed() - before;
}

/* After a while no datagram makes a detour. */
static void settle(void)
{
	nsec_t until = now() + PATIENCE;
	unsigned calm = 0;

	while (calm < 3) {
		cr_assert_lt(now(), until);
		calm = exchange(5) ? 0 : calm + 1;
		for (nsec_t t = now() + 5 * MSEC; now() < t;)
			run_all();
	}
}

Test(share, each_gets_its_own)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		join(&m[i]);
		cr_assert_eq(exchange(20), 0);
	}
}

static void run_until(unsigned want)
{
	nsec_t until = now() + PATIENCE;

	while (m[0].others + m[1].others < want && now() < until)
		run_all();
	cr_assert_eq(m[0].others + m[1].others, want);
}

Test(share, what_nobody_has_is_whoevers_gets_it)
{
	unsigned slot = 1;

	join(&m[0]);
	join(&m[1]);
	while (slot == m[0].qpn >> QPN_LOCAL_BITS ||
	       slot == m[1].qpn >> QPN_LOCAL_BITS)
		slot++;
	send_to(slot << QPN_LOCAL_BITS);
	run_until(1);
	cr_assert_eq(passed(), 0);
}

Test(share, management_is_for_all)
{
	join(&m[0]);
	join(&m[1]);
	send_to(1);
	run_until(2);
	cr_assert_eq(m[0].others, 1);
	cr_assert_eq(passed(), 1);
}

Test(share, who_leaves_is_not_missed)
{
	static const unsigned order[] = {0, 3, 5, 1, 0, 3, 2, 4};

	for (unsigned i = 0; i < MEMBERS; i++)
		join(&m[i]);
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++) {
		struct member *one = &m[order[i]];

		if (one->link)
			leave(one);
		else
			join(one);
		exchange(3);
		settle();
	}
}

/* A member in a process of its own. */
static pid_t child(void)
{
	static struct member other;
	int end;
	pid_t pid = child_fork(&end);

	if (!pid) {
		for (unsigned i = 0; i < MEMBERS; i++)
			if (m[i].link)
				leave(&m[i]);
		if (try_join(&other, dir) || !child_says(end))
			_exit(1);
		for (;;) {
			link_receive(other.link, 64, now());
			if (link_deadline(other.link) <= now())
				link_tick(other.link, now());
			usleep(100);
		}
	}
	child_await(end);
	return pid;
}

Test(share, what_a_forked_child_closes_stays_open)
{
	pid_t pid;

	join(&m[0]);
	join(&m[1]);
	pid = child();
	exchange(20);
	child_kill(pid);
	settle();
}

/* The dead come between, before and behind the living; one time two at once. */
Test(share, deaths_are_mended)
{
	pid_t pid[4];

	pid[0] = child();
	join(&m[0]);
	pid[1] = child();
	pid[2] = child();
	join(&m[1]);
	join(&m[2]);
	pid[3] = child();
	join(&m[3]);
	child_kill(pid[0]);
	exchange(3);
	settle();
	child_kill(pid[2]);
	child_kill(pid[1]);
	exchange(3);
	settle();
	child_kill(pid[3]);
	join(&m[4]);
	exchange(3);
	settle();
}

Test(share, numbers_of_one_program_never_repeat)
{
	static uint8_t seen[1u << 24];

	join(&m[0]);
	join(&m[1]);
	for (uint32_t i = 0; i < 50000; i++) {
		uint32_t qpn = share_qpn(m[0].share, i);

		cr_assert(qpn > 1 && qpn < 0xffffff);
		while (seen[qpn]) /* it has come around in one of its slots */
			qpn = share_qpn(m[0].share, i);
		seen[qpn] = 1;
		m[0].qpn = qpn;
		if (i % 5000 == 0)
			cr_assert_eq(exchange(1), 0);
	}
}

Test(share, who_does_not_know_the_others_is_refused)
{
	char elsewhere[] = "/tmp/share-test-XXXXXX";

	cr_assert_not_null(mkdtemp(elsewhere));
	join(&m[0]);
	cr_assert_eq(try_join(&m[1], elsewhere), -EADDRINUSE);
	cr_assert_not_null(strstr(why, "UDP port 14791 is taken"), "%s", why);
	exchange(3);
	leave(&m[0]);
	m[1].link = NULL;
	cr_assert_eq(try_join(&m[0], elsewhere), 0);
	leave(&m[0]);
	rmdir(elsewhere);
}

/* Whoever does not know the secret can neither move members nor speak for
 * others.
 */
Test(share, forgeries_are_ignored)
{
	static uint8_t probe[20], parcel[64];
	union udp_name to;
	socklen_t len = sizeof(to);

	join(&m[0]);
	join(&m[1]);
	put_be32(probe, STEER_BY_INDEX);
	for (unsigned i = 0; i < 50; i++) {
		put_be32(probe + 4, i % 3);
		put_be32(probe + 8, i / 3);
		send_bytes(probe, sizeof(probe));
	}
	cr_assert_eq(getsockname(share_aside(m[0].share)->fd, &to.any, &len),
		     0);
	put_be32(parcel, 0xff676c70);
	for (unsigned i = 0; i < sizeof(parcel); i++)
		sendto(outside, parcel, i, 0, &to.any, len);
	cr_assert_eq(exchange(20), 0);
	settle();
}
