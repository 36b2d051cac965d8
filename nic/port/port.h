/* A port: sends and receives Ethernet frames.  Kinds: packet, xdp, hub, vxlan,
 * pcap, pair.  Same rules as nic/link/link.h: batches out, one by one up, the
 * verdict comes back, one lock outside.
 */
#ifndef NIC_PORT_PORT_H
#define NIC_PORT_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/counters.h"
#include "nic/base/pkt.h"
#include "nic/base/time.h"
#include "wire/drop.h"
#include "wire/eth.h"

/* Takes a whole frame that arrived, without FCS; it lives until the return.
 * @note: as in struct dgram.
 */
typedef enum drop (*port_deliver)(void *ctx, struct span frame,
				  struct note *note, nsec_t now);

#define PORT_FDS 4u

/* What a port is to receive beside frames to its own MAC, broadcasts and what
 * else every station must hear.
 */
struct port_wants {
	const struct mac *group; /* multicast groups joined */
	unsigned ngroup;
	bool all; /* everything that is sent to the MAC or to many */
	/* RoCEv2 packets to the MAC only for QPs of these slots (QPN_LOCAL_BITS);
	 * none: for all.
	 */
	const uint16_t *slot;
	unsigned nslot;
};

struct port;
struct port_ops {
	/* Heads begin at the Ethernet header. */
	void (*send)(struct port *p, struct pkt *batch, unsigned n, nsec_t now);
	unsigned (*receive)(struct port *p, unsigned budget, nsec_t now);
	nsec_t (*deadline)(const struct port *p);
	void (*tick)(struct port *p, nsec_t now);
	unsigned (*fds)(const struct port *p, int fd[PORT_FDS]);
	/* Asks to be spared other frames; @w lives until the return.  NULL: the
	 * port passes all there are.
	 */
	void (*want)(struct port *p, const struct port_wants *w);
	/* As of links (nic/link/link.h); may be NULL. */
	void (*drain)(struct port *p, nsec_t now);
	bool (*doze)(struct port *p);
	void (*wake)(struct port *p, bool readable);
	void (*free)(struct port *p);
};

struct port {
	const struct port_ops *ops;
	port_deliver deliver;
	void *ctx;
	struct counters *counters;
	unsigned mtu;	/* bytes of the largest payload of a frame */
	struct mac mac; /* the port's own, or all zero */
	/* What it found to run on, for people, if there are several such; lives
	 * as long as the port.
	 */
	const char *runs_on;
};

static inline void port_set_up(struct port *p, port_deliver deliver, void *ctx)
{
	p->deliver = deliver;
	p->ctx = ctx;
}

static inline void port_send(struct port *p, struct pkt *batch, unsigned n,
			     nsec_t now)
{
	p->ops->send(p, batch, n, now);
}

static inline unsigned port_receive(struct port *p, unsigned budget, nsec_t now)
{
	return p->ops->receive(p, budget, now);
}

static inline void port_want(struct port *p, const struct port_wants *w)
{
	if (p->ops->want)
		p->ops->want(p, w);
}

static inline void port_drain(struct port *p, nsec_t now)
{
	if (p->ops->drain)
		p->ops->drain(p, now);
}

static inline bool port_doze(struct port *p)
{
	return p->ops->doze && p->ops->doze(p);
}

static inline void port_wake(struct port *p, bool readable)
{
	if (p->ops->wake)
		p->ops->wake(p, readable);
}

static inline void port_free(struct port *p)
{
	if (p)
		p->ops->free(p);
}

/* Two ports joined in memory, for tests: what one sends the other receives on
 * its next port_receive.  Both must be freed.
 */
int port_pair_new(unsigned mtu, struct counters *counters, struct port *end[2]);

#endif
