/* Two ports joined in memory.  Each end owns the queue of what it will
 * receive; one that is full loses frames, as a network does.
 */
#include "nic/port/port.h"

#include <errno.h>
#include <stdlib.h>
#include "nic/base/frameq.h"

#define QUEUE_LEN    (1u << 20)
#define QUEUE_FRAMES 1024u

struct pair_end {
	struct port port;
	struct pair_end *peer; /* NULL once it is freed */
	struct frameq waiting;
};

static void pair_send(struct port *port, struct pkt *batch, unsigned n,
		      nsec_t now)
{
	struct pair_end *peer = ((struct pair_end *)port)->peer;

	for (unsigned i = 0; i < n; i++)
		if (!batch[i].lost &&
		    (!peer || !frameq_put(&peer->waiting, &batch[i])))
			count(port->counters, CNT_TX_ERROR);
}

static unsigned pair_receive(struct port *port, unsigned budget, nsec_t now)
{
	struct pair_end *e = (struct pair_end *)port;
	struct span frame;
	unsigned n = 0;

	/* What is sent while this runs waits for the next call. */
	if (budget > e->waiting.n)
		budget = e->waiting.n;
	while (n < budget && frameq_first(&e->waiting, &frame)) {
		enum drop v = port->deliver(port->ctx, frame, NULL, now);

		if (v != DROP_NONE)
			port->counters->drop[v]++;
		frameq_drop(&e->waiting);
		n++;
	}
	return n;
}

static nsec_t pair_deadline(const struct port *port)
{
	return ((const struct pair_end *)port)->waiting.n ? 0 : NSEC_NEVER;
}

static void pair_tick(struct port *port, nsec_t now)
{
}

static unsigned pair_fds(const struct port *port, int fd[PORT_FDS])
{
	return 0;
}

static void pair_free(struct port *port)
{
	struct pair_end *e = (struct pair_end *)port;

	if (e->peer)
		e->peer->peer = NULL;
	frameq_fini(&e->waiting);
	free(e);
}

static const struct port_ops pair_ops = {
	.send = pair_send,
	.receive = pair_receive,
	.deadline = pair_deadline,
	.tick = pair_tick,
	.fds = pair_fds,
	.free = pair_free,
};

static struct pair_end *pair_end_new(unsigned mtu, struct counters *counters)
{
	struct pair_end *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	if (frameq_init(&e->waiting, QUEUE_LEN, QUEUE_FRAMES)) {
		free(e);
		return NULL;
	}
	e->port.ops = &pair_ops;
	e->port.mtu = mtu;
	e->port.counters = counters;
	return e;
}

int port_pair_new(unsigned mtu, struct counters *counters, struct port *end[2])
{
	struct pair_end *a = pair_end_new(mtu, counters);
	struct pair_end *b = pair_end_new(mtu, counters);

	if (!a || !b) {
		port_free(a ? &a->port : NULL);
		port_free(b ? &b->port : NULL);
		return -ENOMEM;
	}
	a->peer = b;
	b->peer = a;
	end[0] = &a->port;
	end[1] = &b->port;
	return 0;
}
