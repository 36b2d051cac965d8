/* A port that shows every frame of the port below it to a tap. */
#include "nic/port/capture.h"

#include <errno.h>
#include <stdlib.h>
#include "nic/base/note.h"

struct capture_port {
	struct port port;
	struct port *below;
	struct tap *tap;
};

static void cport_send(struct port *port, struct pkt *batch, unsigned n,
		       nsec_t now)
{
	struct capture_port *p = (struct capture_port *)port;
	struct span piece[PKT_PIECES];

	for (unsigned i = 0; i < n; i++)
		tap_frame(p->tap, TAP_OUT, piece, pkt_pieces(&batch[i], piece),
			  batch[i].note);
	port_send(p->below, batch, n, now);
}

static enum drop cport_frame(void *ctx, struct span frame, struct note *note,
			     nsec_t now)
{
	struct capture_port *p = ctx;
	struct note own = {""};
	enum drop v;

	if (!note)
		note = &own;
	tap_arrive(p->tap);
	v = p->port.deliver(p->port.ctx, frame, note, now);
	tap_frame(p->tap, TAP_IN, &frame, 1, note_text(note, v));
	return v;
}

static unsigned cport_receive(struct port *port, unsigned budget, nsec_t now)
{
	return port_receive(((struct capture_port *)port)->below, budget, now);
}

static nsec_t cport_deadline(const struct port *port)
{
	const struct port *below = ((const struct capture_port *)port)->below;

	return below->ops->deadline(below);
}

static void cport_tick(struct port *port, nsec_t now)
{
	struct port *below = ((struct capture_port *)port)->below;

	below->ops->tick(below, now);
}

static unsigned cport_fds(const struct port *port, int fd[PORT_FDS])
{
	const struct port *below = ((const struct capture_port *)port)->below;

	return below->ops->fds(below, fd);
}

static void cport_want(struct port *port, const struct port_wants *w)
{
	port_want(((struct capture_port *)port)->below, w);
}

static void cport_drain(struct port *port, nsec_t now)
{
	port_drain(((struct capture_port *)port)->below, now);
}

static bool cport_doze(struct port *p)
{
	return port_doze(((struct capture_port *)p)->below);
}

static void cport_wake(struct port *p, bool readable)
{
	port_wake(((struct capture_port *)p)->below, readable);
}

static void cport_free(struct port *port)
{
	port_free(((struct capture_port *)port)->below);
	free(port);
}

static const struct port_ops capture_port_ops = {
	.send = cport_send,
	.receive = cport_receive,
	.deadline = cport_deadline,
	.tick = cport_tick,
	.fds = cport_fds,
	.want = cport_want,
	.drain = cport_drain,
	.doze = cport_doze,
	.wake = cport_wake,
	.free = cport_free,
};

int capture_port_new(struct port *port, struct tap *tap, struct port **wrapped)
{
	struct capture_port *p = calloc(1, sizeof(*p));

	if (!p) {
		port_free(port);
		return -ENOMEM;
	}
	p->port.ops = &capture_port_ops;
	p->port.counters = port->counters;
	p->port.mtu = port->mtu;
	p->port.mac = port->mac;
	p->port.runs_on = port->runs_on;
	p->below = port;
	p->tap = tap;
	port_set_up(port, cport_frame, p);
	*wrapped = &p->port;
	return 0;
}
