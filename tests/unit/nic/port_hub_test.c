/* Stations on a hub: who gets which frame, who wakes whom, and what the death
 * or the madness of one costs the others.
 */
#include "nic/port/port_hub.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "nic/link/link.h"
#include "nic/port/capture.h"

#define STATIONS 4
#define GUEST	 STATIONS /* comes and goes */

/* A station and what it got last. */
struct end {
	struct port *port;
	struct counters counters;
	unsigned n;
	size_t len;
	uint8_t bytes[HUB_FRAME_MAX];
};

static struct end end[STATIONS + 1];
static char where[64], path[HUB_PATH_MAX], why[HUB_WHY_MAX];
static nsec_t now = 10 * SEC;

static enum drop take(void *ctx, struct span frame, struct note *note,
		      nsec_t at)
{
	struct end *e = ctx;

	e->n++;
	e->len = frame.len;
	memcpy(e->bytes, frame.p, frame.len);
	return DROP_NONE;
}

static struct mac mac_of(unsigned i)
{
	return (struct mac){{2, 0, 0, 0, 0, (uint8_t)i}};
}

static struct hub_member member(unsigned i)
{
	return (struct hub_member){where, 0600, mac_of(i),
				   ip_from_v4((uint8_t[]){10, 9, 0, i})};
}

static void open_end(unsigned i)
{
	struct hub_member m = member(i);

	cr_assert_eq(port_hub_new(&m, &end[i].counters, &end[i].port, why), 0,
		     "%s", why);
	port_set_up(end[i].port, take, &end[i]);
}

static void name_it(void)
{
	snprintf(where, sizeof(where), "test-port-%d", (int)getpid());
	cr_assert_eq(hub_path(where, path, why), 0);
	for (unsigned i = 0; i < STATIONS; i++)
		open_end(i);
}

static void sweep(void)
{
	for (unsigned i = 0; i < STATIONS; i++)
		port_free(end[i].port);
	cr_assert(access(path, F_OK), "the last one removes the file");
}

TestSuite(port_hub, .init = name_it, .fini = sweep, .timeout = 120);

static void send_frame(struct port *port, struct mac dst, uint8_t mark,
		       size_t len)
{
	uint8_t bytes[HUB_FRAME_MAX + 1];
	struct pkt p;

	memset(bytes, mark, sizeof(bytes));
	memcpy(bytes, dst.b, sizeof(dst.b));
	pkt_reset(&p);
	pkt_add_span(&p, bytes, len);
	port_send(port, &p, 1, now);
}

static unsigned receive_all(unsigned i)
{
	unsigned before = end[i].n;

	while (port_receive(end[i].port, 64, now))
		;
	return end[i].n - before;
}

Test(port_hub, unicast_goes_to_its_station_only)
{
	send_frame(end[0].port, mac_of(2), 0x11, 100);
	cr_assert_eq(receive_all(0) + receive_all(1) + receive_all(3), 0);
	cr_assert_eq(receive_all(2), 1);
	cr_assert(end[2].len == 100 && end[2].bytes[99] == 0x11);
}

Test(port_hub, groups_and_strangers_go_to_all_others)
{
	const struct mac to[] = {mac_broadcast,
				 {{0x33, 0x33, 0, 0, 0, 1}},
				 {{2, 9, 9, 9, 9, 9}}};

	for (unsigned i = 0; i < 3; i++) {
		send_frame(end[0].port, to[i], (uint8_t)i, 60);
		cr_assert_eq(receive_all(0), 0);
		for (unsigned n = 1; n < STATIONS; n++)
			cr_assert_eq(receive_all(n), 1, "%u to %u", i, n);
	}
}

Test(port_hub, whoever_leaves_is_a_stranger)
{
	send_frame(end[0].port, mac_of(1), 1, 60);
	port_free(end[1].port);
	send_frame(end[0].port, mac_of(1), 2, 60);
	cr_assert_eq(receive_all(2), 1);
	open_end(1);
	cr_assert_eq(receive_all(1), 0, "what was sent to the last one");
	send_frame(end[0].port, mac_of(1), 3, 60);
	cr_assert_eq(receive_all(1), 1);
	cr_assert_eq(end[1].bytes[59], 3);
}

Test(port_hub, a_full_ring_costs_its_receiver_only)
{
	unsigned room = HUB_RING / (9000 + 8);

	for (unsigned i = 0; i < room + 10; i++)
		send_frame(end[0].port, mac_of(1), 1, 9000);
	cr_assert_eq(end[0].counters.n[CNT_RING_FULL], 10);
	send_frame(end[0].port, mac_of(2), 2, 9000);
	cr_assert_eq(receive_all(2), 1);
	cr_assert_eq(receive_all(1), room);
	send_frame(end[0].port, mac_of(1), 3, 9000);
	cr_assert_eq(receive_all(1), 1);
}

Test(port_hub, what_is_no_frame_is_not_sent)
{
	send_frame(end[0].port, mac_of(1), 1, 13);
	send_frame(end[0].port, mac_of(1), 1, HUB_FRAME_MAX + 1);
	cr_assert_eq(end[0].counters.n[CNT_TX_ERROR], 2);
	cr_assert_eq(receive_all(1), 0);
	send_frame(end[0].port, mac_of(1), 1, HUB_FRAME_MAX);
	cr_assert_eq(receive_all(1), 1);
}

Test(port_hub, receiving_keeps_to_its_budget_and_says_that_there_is_more)
{
	for (unsigned i = 0; i < 50; i++) {
		send_frame(end[0].port, mac_of(3), 1, 60);
		send_frame(end[1].port, mac_of(3), 2, 60);
	}
	cr_assert_eq(port_receive(end[3].port, 20, now), 20);
	cr_assert_eq(end[3].port->ops->deadline(end[3].port), 0);
	cr_assert_eq(receive_all(3), 80);
	cr_assert_eq(end[3].port->ops->deadline(end[3].port), NSEC_NEVER);
}

/* ---- sleeping ---- */

static bool readable(unsigned i)
{
	struct pollfd p = {.events = POLLIN};

	cr_assert_eq(end[i].port->ops->fds(end[i].port, &p.fd), 1);
	return poll(&p, 1, 0) == 1;
}

Test(port_hub, only_who_sleeps_is_woken)
{
	send_frame(end[0].port, mac_of(1), 1, 60);
	cr_assert_not(readable(1), "it is awake");
	cr_assert(port_doze(end[1].port), "there is something");
	port_wake(end[1].port, false);
	receive_all(1);
	cr_assert_not(port_doze(end[1].port));
	cr_assert_not(readable(1));
	send_frame(end[0].port, mac_of(1), 1, 60);
	cr_assert(readable(1));
	port_wake(end[1].port, true);
	cr_assert_not(readable(1));
	cr_assert_eq(receive_all(1), 1);
	send_frame(end[0].port, mac_of(1), 1, 60);
	cr_assert_not(readable(1), "it is awake again");
}

Test(port_hub, a_second_sleeper_is_not_forgotten)
{
	port_doze(end[1].port);
	port_doze(end[1].port);
	send_frame(end[0].port, mac_of(1), 1, 60);
	cr_assert(readable(1));
	port_wake(end[1].port, true); /* and looks at nothing */
	cr_assert(readable(1), "the other one will");
	port_wake(end[1].port, true);
	cr_assert_eq(receive_all(1), 1);
	port_doze(end[1].port);
	port_doze(end[1].port);
	port_wake(end[1].port, false);
	send_frame(end[0].port, mac_of(1), 1, 60);
	cr_assert(readable(1));
	port_wake(end[1].port, true);
}

Test(port_hub, wrappers_pass_it_on)
{
	struct link_config cfg = {
		.port = 4791,
		.naddr = 1,
		.addr = {ip_from_v4((uint8_t[]){10, 9, 0, 1})},
		.prefix_len = 24,
		.counters = &end[1].counters};
	char file[] = "/tmp/glassnic-hub-XXXXXX";
	struct port *port;
	struct link *link;
	struct tap *tap;

	close(mkstemp(file));
	cr_assert_eq(capture_new(file, "x", &tap, why), 0);
	cr_assert_eq(capture_port_new(end[1].port, tap, &port), 0);
	cr_assert_eq(link_eth_new(&cfg, port, &link, why), 0, "%s", why);
	cr_assert_not(link_doze(link));
	send_frame(end[0].port, mac_of(1), 1, 60);
	cr_assert(readable(1));
	link_wake(link, true);
	cr_assert_not(readable(1));
	link_free(link);
	capture_free(tap);
	unlink(file);
	open_end(1);
}

#define PINGS 3000u

/* Answers each frame, and sleeps in between. */
static void *answer(void *arg)
{
	struct end *e = &end[1];
	struct pollfd p = {.events = POLLIN};

	e->port->ops->fds(e->port, &p.fd);
	while (e->n < PINGS) {
		unsigned before = e->n;
		bool there = port_doze(e->port) || poll(&p, 1, 20000) == 1;

		port_wake(e->port, there);
		if (!there)
			break;
		port_receive(e->port, 64, now);
		while (before++ < e->n)
			send_frame(e->port, mac_of(0), 2, 60);
	}
	return NULL;
}

/* A lost wake-up would be a long silence. */
Test(port_hub, no_frame_is_slept_through)
{
	struct pollfd p = {.events = POLLIN};
	pthread_t other;

	end[0].port->ops->fds(end[0].port, &p.fd);
	pthread_create(&other, NULL, answer, NULL);
	for (unsigned i = 0; i < PINGS; i++) {
		send_frame(end[0].port, mac_of(1), 1, 60);
		while (end[0].n <= i) {
			bool there = port_doze(end[0].port) ||
				     poll(&p, 1, 20000) == 1;

			port_wake(end[0].port, there);
			cr_assert(there, "slept through answer %u", i);
			port_receive(end[0].port, 64, now);
		}
	}
	pthread_join(other, NULL);
}

/* ---- death and madness ---- */

/* A child that joins and sends frames to station 0 until it, or the test, dies.
 */
static pid_t babbler(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* the test may fail */
	for (unsigned n = 0; n < STATIONS; n++)
		port_free(end[n].port);
	open_end(GUEST);
	for (;;)
		send_frame(end[GUEST].port, mac_of(0), 9, 8999);
}

static void expect_whole(void)
{
	cr_assert_eq(end[0].len, 8999);
	for (size_t n = 6; n < end[0].len; n++)
		cr_assert_eq(end[0].bytes[n], 9, "byte %zu", n);
}

Test(port_hub, killed_in_the_middle_of_writing)
{
	char fifo[HUB_PATH_MAX + 8];
	unsigned total = 0;

	snprintf(fifo, sizeof(fifo), "%s.%u", path, STATIONS);
	for (unsigned i = 1; i < 40; i++) {
		unsigned want = total + i * 3;
		pid_t pid = babbler();

		while (end[0].n < want) {
			if (port_receive(end[0].port, 1, now))
				expect_whole();
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (port_receive(end[0].port, 1, now))
			expect_whole();
		total = end[0].n;
		cr_assert(!access(fifo, F_OK), "nobody has looked yet");
	}
	/* A frame to it finds that it is dead. */
	cr_assert_eq(end[0].counters.drop[DROP_SHORT], 0);
	now += 2 * SEC;
	send_frame(end[0].port, mac_of(GUEST), 1, 60);
	cr_assert(access(fifo, F_OK), "its slot and FIFO are gone");
	/* The others did not notice. */
	send_frame(end[1].port, mac_of(2), 1, 60);
	cr_assert_eq(receive_all(2), 1);
}

/* Everything that station 0 reads is overwritten with nonsense. */
Test(port_hub, a_mad_station_costs_only_frames)
{
	struct hub_member m = member(GUEST);
	uint32_t seed = 7;
	struct hub mad;

	cr_assert_eq(hub_join(&m, &mad, why), 0, "%s", why);
	for (unsigned i = 0; i < 20000; i++) {
		struct hub_ctl *ctl = hub_ctl(&mad, mad.self, 0);
		uint32_t *word = (uint32_t *)hub_data(&mad, mad.self, 0);

		seed = seed * 1664525 + 1013904223;
		word[seed % (HUB_RING / 4)] = seed;
		word[i % 64] = seed >> (seed & 31);
		atomic_store(&ctl->tail, seed >> (seed & 31));
		if (i % 100 == 0)
			atomic_store(&hub_ctl(&mad, 0, mad.self)->head, seed);
		atomic_fetch_or(&mad.station[0].ready, ~HUB_ASLEEP);
		send_frame(end[0].port, mac_of(GUEST), 1, 2000);
		port_receive(end[0].port, 64, now);
	}
	hub_leave(&mad);
	end[0].n = 0;
	receive_all(0);
	send_frame(end[1].port, mac_of(0), 4, 60);
	cr_assert_eq(receive_all(0), 1);
}
