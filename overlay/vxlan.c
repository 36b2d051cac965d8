/* Out: the VXLAN header goes in front of the frame, the link puts UDP and IP in
 * front of that.  A frame for one VTEP stays where it lies in the batch; one
 * that is flooded is put into a batch of our own once for each remote, because
 * every layer below writes its headers into the packet.
 *
 * In: the frame inside goes up as it arrived, except when the tunnel's ECN
 * field says more than its own (RFC 6040): then a copy with the right one does.
 */
#include "overlay/vxlan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "overlay/fdb.h"
#include "overlay/inner.h"
#include "wire/vxlan.h"

#define WHY_LEN	     160
#define AGEING_SEC   300u
#define VXLAN_TTL    64u
#define FRAME_MAX    65536u
#define REFRESH_NSEC SEC /* how often a local entry is renewed */
#define VNI_MAX	     0xffffffu

struct vxlan_port {
	struct port port;
	struct link *link; /* owned */
	struct vxlan_config cfg;
	struct fdb fdb;
	struct mac last_src; /* of our side, and when it was entered */
	nsec_t last_at;
	struct pkt flood[VXLAN_REMOTES];
	uint8_t copy[FRAME_MAX]; /* of a frame with another TOS */
};

static struct vxlan_port *of(struct port *p)
{
	return (struct vxlan_port *)p;
}

/* Bytes that the tunnel puts in front of a frame. */
static size_t overhead(const struct vxlan_port *v)
{
	return (ip_is_v4(&v->cfg.local) ? IPV4_LEN : IPV6_LEN) + 8u + VXLAN_LEN;
}

static void encapsulate(const struct vxlan_port *v, struct pkt *p,
			const struct inner *in, const struct ip_addr *vtep)
{
	p->src = v->cfg.local;
	p->dst = *vtep;
	p->sport = (uint16_t)(0xc000 | (in->flow ^ in->flow >> 16));
	p->tos = in->tos;
	p->ttl = VXLAN_TTL;
	vxlan_encode(v->cfg.vni, pkt_push(p, VXLAN_LEN));
}

static void flood(struct vxlan_port *v, const struct pkt *p,
		  const struct inner *in, nsec_t now)
{
	for (unsigned i = 0; i < v->cfg.nremote; i++) {
		v->flood[i] = *p;
		encapsulate(v, &v->flood[i], in, &v->cfg.remote[i]);
	}
	if (v->cfg.nremote)
		link_send(v->link, v->flood, v->cfg.nremote, now);
}

static void note_local(struct vxlan_port *v, const struct mac *src, nsec_t now)
{
	if (mac_equal(src, &v->last_src) && now - v->last_at < REFRESH_NSEC)
		return;
	v->last_src = *src;
	v->last_at = now;
	if (!mac_is_group(src))
		fdb_local(&v->fdb, src, now);
}

static bool to_sharers(const struct vxlan_port *v, const struct inner *in)
{
	return v->cfg.shared && mac_equal(&in->src, &in->dst);
}

/* Where a frame goes: to *vtep; to all remotes (NULL); nowhere (false). */
static bool route(struct vxlan_port *v, const struct inner *in, nsec_t now,
		  const struct ip_addr **vtep)
{
	const struct fdb_entry *e = NULL;

	if (to_sharers(v, in)) {
		*vtep = &v->cfg.local;
		return true;
	}
	if (!mac_is_group(&in->dst))
		e = fdb_find(&v->fdb, &in->dst, now);
	if (e)
		*vtep = &e->vtep;
	else if (v->cfg.nremote == 1)
		*vtep = &v->cfg.remote[0];
	else
		*vtep = NULL;
	return !e || e->kind != FDB_LOCAL;
}

/* What becomes of a frame in a batch. */
enum fate {
	FATE_SEND, /* ready for the link, where it lies */
	FATE_FLOOD,
	FATE_LOST,
};

static enum fate prepare(struct vxlan_port *v, struct pkt *p, struct inner *in,
			 nsec_t now)
{
	uint8_t peek[INNER_PEEK];
	struct span start = {peek, pkt_peek(p, peek, sizeof(peek))};
	const struct ip_addr *vtep;

	if (p->len + overhead(v) > v->link->ip_mtu ||
	    inner_parse(in, start) != DROP_NONE || !route(v, in, now, &vtep)) {
		count(v->port.counters, CNT_TX_ERROR);
		return FATE_LOST;
	}
	note_local(v, &in->src, now);
	if (!vtep)
		return FATE_FLOOD;
	encapsulate(v, p, in, vtep);
	return FATE_SEND;
}

/* Frames leave in the order of the batch. */
static void vxlan_send(struct port *port, struct pkt *batch, unsigned n,
		       nsec_t now)
{
	struct vxlan_port *v = of(port);
	unsigned start = 0;
	struct inner in;

	for (unsigned i = 0; i < n; i++) {
		enum fate fate = prepare(v, &batch[i], &in, now);

		if (fate == FATE_SEND)
			continue;
		if (i > start)
			link_send(v->link, batch + start, i - start, now);
		if (fate == FATE_FLOOD)
			flood(v, &batch[i], &in, now);
		start = i + 1;
	}
	if (n > start)
		link_send(v->link, batch + start, n - start, now);
}

static bool is_self(const struct vxlan_port *v, const struct ip_addr *src)
{
	for (unsigned i = 0; i < v->link->naddr; i++)
		if (ip_equal(&v->link->addr[i], src))
			return true;
	return ip_equal(&v->cfg.local, src);
}

/* RFC 6040.  May replace @frame by a copy. */
static enum drop decapsulate_ecn(struct vxlan_port *v, uint8_t outer_tos,
				 const struct inner *in, struct span *frame)
{
	uint8_t tos;

	if (!in->version)
		return DROP_NONE;
	if (!ecn_decapsulate(outer_tos, in->tos, &tos))
		return DROP_ECN_TUNNEL;
	if (tos == in->tos)
		return DROP_NONE;
	if (frame->len > sizeof(v->copy))
		return DROP_LENGTH;
	memcpy(v->copy, frame->p, frame->len);
	inner_set_tos(in, v->copy, tos);
	frame->p = v->copy;
	return DROP_NONE;
}

static enum drop vxlan_dgram(void *ctx, const struct dgram *d, nsec_t now)
{
	struct vxlan_port *v = ctx;
	struct span frame = d->data;
	bool self = is_self(v, &d->src);
	struct inner in;
	enum drop verdict;
	uint32_t vni;

	if ((self && !v->cfg.shared) || ip_is_multicast(&d->src))
		return DROP_SOURCE;
	verdict = vxlan_decode(&vni, &frame);
	if (verdict != DROP_NONE)
		return verdict;
	if (vni != v->cfg.vni)
		return DROP_VXLAN_VNI;
	verdict = inner_parse(&in, frame);
	if (verdict != DROP_NONE)
		return verdict;
	if (mac_is_group(&in.src) || (self && !to_sharers(v, &in)))
		return DROP_SOURCE;
	verdict = decapsulate_ecn(v, d->tos, &in, &frame);
	if (verdict != DROP_NONE)
		return verdict;
	if (v->cfg.learn && !self)
		fdb_learn(&v->fdb, &in.src, &d->src, now);
	return v->port.deliver(v->port.ctx, frame, d->note, now);
}

static unsigned vxlan_receive(struct port *port, unsigned budget, nsec_t now)
{
	return link_receive(of(port)->link, budget, now);
}

static nsec_t vxlan_deadline(const struct port *port)
{
	return link_deadline(((const struct vxlan_port *)port)->link);
}

static void vxlan_tick(struct port *port, nsec_t now)
{
	link_tick(of(port)->link, now);
}

static unsigned vxlan_fds(const struct port *port, int fd[PORT_FDS])
{
	static_assert(PORT_FDS >= LINK_FDS, "a link's descriptors fit");
	return link_fds(((const struct vxlan_port *)port)->link, fd);
}

static void vxlan_free(struct port *port)
{
	link_free(of(port)->link);
	free(port);
}

static const struct port_ops vxlan_ops = {
	.send = vxlan_send,
	.receive = vxlan_receive,
	.deadline = vxlan_deadline,
	.tick = vxlan_tick,
	.fds = vxlan_fds,
	.free = vxlan_free,
};

static int check_config(const struct vxlan_config *cfg, const struct link *link,
			char *why)
{
	char text[IP_TEXT_MAX];

	snprintf(why, WHY_LEN, "vni=%u: a VNI has 24 bits", cfg->vni);
	if (cfg->vni > VNI_MAX)
		return -EINVAL;
	snprintf(why, WHY_LEN, "remote=: at most %u of them", VXLAN_REMOTES);
	if (cfg->nremote > VXLAN_REMOTES)
		return -EINVAL;
	for (unsigned i = 0; i < cfg->nremote; i++) {
		const struct ip_addr *r = &cfg->remote[i];

		snprintf(why, WHY_LEN,
			 "remote=%s: not an address of the same IP version as "
			 "local=",
			 ip_format(r, text));
		if (ip_is_any(r) || ip_is_v4(r) != ip_is_v4(&cfg->local))
			return -EINVAL;
	}
	snprintf(why, WHY_LEN, "mtu: %u is too little for a tunnel",
		 link->ip_mtu);
	return link->ip_mtu < 576 ? -EINVAL : 0;
}

/* So that all hosts of a segment can be given the same list of its VTEPs. */
static void leave_out_self(struct vxlan_config *cfg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cfg->nremote; i++)
		if (!ip_equal(&cfg->remote[i], &cfg->local))
			cfg->remote[n++] = cfg->remote[i];
	cfg->nremote = n;
}

int vxlan_port_new(const struct vxlan_config *cfg, struct link *link,
		   struct port **port, char *why)
{
	struct vxlan_port *v = malloc(sizeof(*v));
	unsigned ageing = cfg->ageing_sec ? cfg->ageing_sec : AGEING_SEC;
	int error = -ENOMEM;

	snprintf(why, WHY_LEN, "out of memory");
	if (!v)
		goto err_link;
	memset(&v->port, 0, sizeof(v->port));
	v->cfg = *cfg;
	if (ip_is_any(&v->cfg.local))
		v->cfg.local = link->addr[0];
	error = check_config(&v->cfg, link, why);
	if (error)
		goto err_free;
	leave_out_self(&v->cfg);
	v->link = link;
	v->last_at = 0;
	memset(&v->last_src, 0, sizeof(v->last_src));
	fdb_init(&v->fdb, ageing * SEC);
	v->port.ops = &vxlan_ops;
	v->port.counters = cfg->counters;
	v->port.mtu = (unsigned)(link->ip_mtu - overhead(v) - ETH_LEN);
	v->port.runs_on = link->runs_on;
	link_set_up(link, vxlan_dgram, v);
	*port = &v->port;
	return 0;
err_free:
	free(v);
err_link:
	link_free(link);
	return error;
}

int vxlan_add_static(struct port *port, const struct mac *mac,
		     const struct ip_addr *vtep)
{
	struct vxlan_port *v = of(port);

	assert(port->ops == &vxlan_ops);
	if (mac_is_group(mac) || ip_is_any(vtep) || is_self(v, vtep) ||
	    ip_is_v4(vtep) != ip_is_v4(&v->cfg.local))
		return -EINVAL;
	return fdb_static(&v->fdb, mac, vtep);
}
