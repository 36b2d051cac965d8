/* A link that is a host of its own on an Ethernet segment: nothing of it is
 * known to the kernel.
 *
 * Frames to ourselves do not pass the port: they wait in a queue for the next
 * receive.  Only these are shown to the link's own tap; a capture of the port
 * shows the others.
 */
#include "nic/link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "nic/base/note.h"
#include "nic/base/tap.h"
#include "nic/link/eth_ask.h"
#include "nic/link/eth_link.h"
#include "nic/link/eth_rx.h"
#include "nic/link/eth_tx.h"
#include "nic/link/share.h"
#include "wire/arp.h"

#define SELF_SIZE   (2u << 20)
#define SELF_FRAMES 4096u
#define WHY_LEN	    160

static struct eth_link *of(struct link *l)
{
	return (struct eth_link *)l;
}

bool eth_is_own(const struct eth_link *e, const struct ip_addr *a)
{
	for (unsigned i = 0; i < e->link.naddr; i++)
		if (ip_equal(&e->link.addr[i], a))
			return true;
	return false;
}

static struct eth_group *find_group(const struct eth_link *e,
				    const struct ip_addr *group)
{
	for (unsigned i = 0; i < e->ngroup; i++)
		if (ip_equal(&e->group[i].ip, group))
			return (struct eth_group *)&e->group[i];
	return NULL;
}

bool eth_is_joined(const struct eth_link *e, const struct ip_addr *group)
{
	return find_group(e, group) != NULL;
}

const struct ip_addr *eth_source(const struct eth_link *e,
				 const struct ip_addr *dst)
{
	const struct ip_addr *found = NULL;

	for (unsigned i = 0; i < e->link.naddr; i++) {
		const struct ip_addr *own = &e->link.addr[i];

		if (ip_is_v4(own) != ip_is_v4(dst))
			continue;
		if (ip_is_link_local(own) == ip_is_link_local(dst))
			return own;
		if (!found)
			found = own;
	}
	return found;
}

bool eth_answers(const struct eth_link *e)
{
	return !e->cfg.shared && (!e->cfg.share || share_answers(e->cfg.share));
}

static void eth_send(struct link *l, struct pkt *batch, unsigned n, nsec_t now)
{
	eth_tx_send(of(l), batch, n, now);
}

static void eth_send_frames(struct link *l, struct pkt *batch, unsigned n,
			    nsec_t now)
{
	eth_tx_frames(of(l), batch, n, now);
}

static enum drop deliver_self(struct eth_link *e, struct span frame, nsec_t now)
{
	struct note note = {""};
	enum drop v;

	if (!e->cfg.tap)
		return eth_rx_frame(e, frame, NULL, now);
	tap_arrive(e->cfg.tap);
	v = eth_rx_frame(e, frame, &note, now);
	tap_frame(e->cfg.tap, TAP_IN, &frame, 1, note_text(&note, v));
	return v;
}

/* What is sent to ourselves meanwhile waits for the next call. */
static unsigned receive_self(struct eth_link *e, unsigned budget, nsec_t now)
{
	unsigned n = e->self.n < budget ? e->self.n : budget;
	struct span frame;

	for (unsigned i = 0; i < n && frameq_first(&e->self, &frame); i++) {
		enum drop v = deliver_self(e, frame, now);

		if (v != DROP_NONE)
			e->link.counters->drop[v]++;
		frameq_drop(&e->self);
	}
	return n;
}

static unsigned eth_receive(struct link *l, unsigned budget, nsec_t now)
{
	struct eth_link *e = of(l);
	unsigned n = receive_self(e, (budget + 1) / 2, now);

	return n + port_receive(e->port, budget - n, now);
}

static nsec_t eth_deadline(const struct link *l)
{
	const struct eth_link *e = (const struct eth_link *)l;
	nsec_t port = e->port->ops->deadline(e->port);
	nsec_t own = neigh_deadline(&e->neigh);

	if (!e->announced || e->self.n)
		return 0;
	return own < port ? own : port;
}

static void eth_tick(struct link *l, nsec_t now)
{
	struct eth_link *e = of(l);

	if (!e->announced) {
		e->announced = true;
		if (!e->cfg.shared)
			eth_ask_announce(e, now);
	}
	neigh_tick(&e->neigh, now);
	e->port->ops->tick(e->port, now);
}

static unsigned eth_fds(const struct link *l, int fd[LINK_FDS])
{
	const struct eth_link *e = (const struct eth_link *)l;

	return e->port->ops->fds(e->port, fd);
}

static int eth_reaches(const struct link *l, const struct ip_addr *dst)
{
	const struct eth_link *e = (const struct eth_link *)l;

	if (ip_is_any(dst) || !eth_source(e, dst))
		return -ENETUNREACH;
	if (ip_is_multicast(dst) || eth_is_own(e, dst) || eth_next_hop(e, dst))
		return 0;
	return -ENETUNREACH;
}

static void eth_prepare(struct link *l, const struct ip_addr *dst, nsec_t now)
{
	struct eth_link *e = of(l);
	const struct ip_addr *hop = eth_next_hop(e, dst);
	struct mac mac;

	if (hop && !ip_is_multicast(dst) && !eth_is_own(e, dst))
		neigh_find(&e->neigh, hop, now, &mac);
}

/* Has the port bring what these groups are sent, too. */
static void tell_wants(struct eth_link *e)
{
	struct mac group[ETH_GROUPS];
	struct port_wants w = {
		.group = group, .ngroup = e->ngroup, .all = e->want_all};

	for (unsigned i = 0; i < e->ngroup; i++)
		group[i] = e->group[i].mac;
	if (e->cfg.share)
		w.nslot = share_slots(e->cfg.share, &w.slot);
	port_want(e->port, &w);
}

static void on_slot(void *ctx)
{
	tell_wants(ctx);
}

static void eth_want_all(struct link *l, bool all)
{
	struct eth_link *e = of(l);

	e->want_all = all;
	tell_wants(e);
}

static int add_group(struct eth_link *e, const struct ip_addr *group)
{
	if (find_group(e, group))
		return 0;
	if (e->ngroup == ETH_GROUPS)
		return -ENOSPC;
	e->group[e->ngroup++] =
		(struct eth_group){*group, mac_of_multicast(group)};
	tell_wants(e);
	return 0;
}

static int eth_join(struct link *l, const struct ip_addr *group, bool member)
{
	struct eth_link *e = of(l);
	struct eth_group *g = find_group(e, group);

	if (!ip_is_multicast(group))
		return -EINVAL;
	if (member)
		return add_group(e, group);
	if (!g || g < e->group + e->nfixed)
		return -ENOENT;
	*g = e->group[--e->ngroup];
	tell_wants(e);
	return 0;
}

static void eth_drain(struct link *l, nsec_t now)
{
	port_drain(of(l)->port, now);
}

static bool eth_doze(struct link *l)
{
	return port_doze(of(l)->port);
}

static void eth_wake(struct link *l, bool readable)
{
	port_wake(of(l)->port, readable);
}

static void eth_free(struct link *l)
{
	struct eth_link *e = of(l);

	port_free(e->port);
	neigh_fini(&e->neigh);
	frameq_fini(&e->self);
	free(e);
}

static const struct link_ops eth_ops = {
	.send = eth_send,
	.receive = eth_receive,
	.deadline = eth_deadline,
	.tick = eth_tick,
	.fds = eth_fds,
	.reaches = eth_reaches,
	.prepare = eth_prepare,
	.join = eth_join,
	.send_frames = eth_send_frames,
	.want_all = eth_want_all,
	.drain = eth_drain,
	.doze = eth_doze,
	.wake = eth_wake,
	.free = eth_free,
};

static const struct neigh_ops eth_neigh_ops = {
	.ask = eth_ask,
	.release = eth_tx_release,
};

/* Those that neighbour discovery needs. */
static void join_fixed(struct eth_link *e)
{
	struct ip_addr all;

	ip_parse(&all, "ff02::1");
	for (unsigned i = 0; i < e->link.naddr; i++) {
		struct ip_addr group = nd_solicited_node(&e->link.addr[i]);

		if (ip_is_v4(&e->link.addr[i]))
			continue;
		add_group(e, &all);
		add_group(e, &group);
	}
	e->nfixed = e->ngroup;
}

static int check_config(const struct link_config *cfg, const struct port *port,
			const struct mac *mac, char *why)
{
	static const struct mac none;
	char text[IP_TEXT_MAX];
	unsigned bits = cfg->naddr && ip_is_v4(&cfg->addr[0]) ? 32 : 128;

	snprintf(why, WHY_LEN, "ip=: 1 to %u addresses are needed", LINK_ADDRS);
	if (!cfg->naddr || cfg->naddr > LINK_ADDRS)
		return -EINVAL;
	for (unsigned i = 0; i < cfg->naddr; i++) {
		snprintf(why, WHY_LEN, "ip=%s: not the address of a host",
			 ip_format(&cfg->addr[i], text));
		if (ip_is_any(&cfg->addr[i]) || ip_is_multicast(&cfg->addr[i]))
			return -EINVAL;
	}
	snprintf(why, WHY_LEN,
		 "ip=: a prefix of %u bits; at most %u make sense",
		 cfg->prefix_len, bits);
	if (cfg->prefix_len > bits)
		return -EINVAL;
	snprintf(why, WHY_LEN, "mac=%s: not the address of a station",
		 mac_format(mac, text));
	if (mac_equal(mac, &none) || mac_is_group(mac))
		return -EINVAL;
	snprintf(why, WHY_LEN, "mtu=%u: this port carries at most %u",
		 cfg->ip_mtu, port->mtu);
	return cfg->ip_mtu > port->mtu ? -EINVAL : 0;
}

static void set_up(struct eth_link *e, const struct link_config *cfg,
		   struct port *port, const struct mac *mac)
{
	e->link.ops = &eth_ops;
	e->link.counters = cfg->counters;
	memcpy(e->link.addr, cfg->addr, sizeof(cfg->addr));
	e->link.naddr = cfg->naddr;
	e->link.mac = *mac;
	e->link.runs_on = port->runs_on;
	e->link.ip_mtu = cfg->ip_mtu ? cfg->ip_mtu : port->mtu;
	e->cfg = *cfg;
	e->port = port;
	e->next_id = 1;
	port_set_up(port, eth_rx_frame, e);
	join_fixed(e);
	if (cfg->share) {
		share_on_slot(cfg->share, on_slot, e);
		tell_wants(e);
	}
}

int link_eth_new(const struct link_config *cfg, struct port *port,
		 struct link **link, char *why)
{
	static const struct mac none;
	const struct mac *mac =
		mac_equal(&cfg->mac, &none) ? &port->mac : &cfg->mac;
	int error = check_config(cfg, port, mac, why);
	struct eth_link *e;

	if (error)
		goto err_port;
	snprintf(why, WHY_LEN, "out of memory");
	error = -ENOMEM;
	e = calloc(1, sizeof(*e));
	if (!e)
		goto err_port;
	if (frameq_init(&e->self, SELF_SIZE, SELF_FRAMES))
		goto err_free;
	if (neigh_init(&e->neigh, &eth_neigh_ops, e, cfg->counters))
		goto err_self;
	set_up(e, cfg, port, mac);
	*link = &e->link;
	return 0;
err_self:
	frameq_fini(&e->self);
err_free:
	free(e);
err_port:
	port_free(port);
	return error;
}
