/* A hub with two threads for two processes, into which TSan cannot look: one
 * ring at one address, so that it sees both sides; then two stations that send
 * bursts to each other and sleep when nothing comes.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nic/port/port_hub.h"

#define ROUNDS 4000u
#define BURST  20u
#define LEN    1500u
#define LIMIT  60000 /* msec */

struct end {
	struct port *port;
	struct counters counters;
	struct mac peer;
	unsigned got;
};

static struct end end[2];
static char where[64];

static void fail(const char *what)
{
	fprintf(stderr, "hub: %s\n", what);
	exit(1);
}

/* Frame number n holds n everywhere. */
static enum drop take(void *ctx, struct span frame, struct note *note,
		      nsec_t now)
{
	struct end *e = ctx;

	if (frame.len != LEN)
		fail("a frame of another length");
	for (size_t i = ETH_LEN; i < LEN; i++)
		if (frame.p[i] != (uint8_t)e->got)
			fail("a frame lost, doubled or damaged");
	e->got++;
	return DROP_NONE;
}

static void send_burst(struct end *e, unsigned from)
{
	static __thread uint8_t bytes[BURST][LEN];
	static __thread struct pkt batch[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		memset(bytes[i], (uint8_t)(from + i), LEN);
		memcpy(bytes[i], e->peer.b, sizeof(e->peer.b));
		pkt_reset(&batch[i]);
		pkt_add_span(&batch[i], bytes[i], LEN);
	}
	port_send(e->port, batch, BURST, 0);
}

static void await(struct end *e, unsigned want)
{
	struct pollfd p = {.events = POLLIN};

	e->port->ops->fds(e->port, &p.fd);
	while (e->got < want) {
		bool there;

		if (port_receive(e->port, 64, 0))
			continue;
		there = port_doze(e->port) || poll(&p, 1, LIMIT) == 1;
		port_wake(e->port, there);
		if (!there)
			fail("a frame slept through");
	}
}

/* Ahead of the other by one burst: that fits. */
static void *play(void *arg)
{
	struct end *e = arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		send_burst(e, round * BURST);
		await(e, round * BURST);
	}
	await(e, ROUNDS * BURST);
	return NULL;
}

static void join(unsigned i)
{
	struct hub_member m = {
		.where = where,
		.mode = 0600,
		.mac = {{2, 0, 0, 0, 0, (uint8_t)i}},
		.ip = ip_from_v4((uint8_t[]){10, 9, 0, (uint8_t)(i + 1)})};
	char why[HUB_WHY_MAX];

	if (port_hub_new(&m, &end[i].counters, &end[i].port, why))
		fail(why);
	port_set_up(end[i].port, take, &end[i]);
	end[!i].peer = m.mac;
}

/* ---- one ring ---- */

static struct hub_ctl ctl;
static uint8_t data[HUB_RING];

static void *write_ring(void *arg)
{
	static uint8_t bytes[LEN];
	struct hub_tx tx;
	struct pkt p;

	hub_tx_init(&tx, &ctl, data);
	for (unsigned n = 0; n < ROUNDS * BURST; n++) {
		memset(bytes, (uint8_t)n, LEN);
		pkt_reset(&p);
		pkt_add_span(&p, bytes, LEN);
		while (!hub_tx_put(&tx, &p))
			sched_yield();
	}
	return NULL;
}

static void read_ring(void)
{
	static uint8_t out[HUB_FRAME_MAX];
	struct hub_rx rx;

	hub_rx_init(&rx, &ctl, data);
	for (unsigned n = 0; n < ROUNDS * BURST; n++) {
		int len;

		while (!(len = hub_rx_take(&rx, out)))
			sched_yield();
		if (len != (int)LEN || out[0] != (uint8_t)n ||
		    out[LEN - 1] != (uint8_t)n)
			fail("a ring that garbles frames");
	}
}

static void try_ring(void)
{
	pthread_t writer;

	if (pthread_create(&writer, NULL, write_ring, NULL))
		fail("no thread");
	read_ring();
	pthread_join(writer, NULL);
}

int main(void)
{
	pthread_t thread[2];

	snprintf(where, sizeof(where), "stress-%d", (int)getpid());
	try_ring();
	join(0);
	join(1);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, play, &end[i]))
			fail("no thread");
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 2; i++)
		port_free(end[i].port);
	printf("hub: %u frames each way\n", ROUNDS * BURST);
	return 0;
}
