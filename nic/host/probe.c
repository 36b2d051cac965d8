/* Questions come from no address, so that nobody learns one that may prove to
 * be another's.  The waits are shorter than RFC 5227's seconds, which are meant
 * for links that are just being plugged in: who is there answers at once.
 */
#include "nic/host/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include "nic/host/host.h"
#include "wire/arp.h"

#define ROUNDS	   3
#define ROUND_NSEC (100 * MSEC)
#define VID_MASK   0x0fffu
#define HOP_LIMIT  255

struct probe {
	const struct link_config *cfg;
	struct port *port;
	bool found;
	struct ip_addr ip; /* that somebody has */
	struct mac mac;	   /* who */
};

/* ---- asking ---- */

static void send_frame(struct probe *pr, struct pkt *p, const struct mac *dst,
		       uint16_t type)
{
	struct eth eth = {.dst = *dst,
			  .src = pr->cfg->mac,
			  .type = type,
			  .tagged = pr->cfg->vlan != 0,
			  .vlan = pr->cfg->vlan};

	eth_encode(&eth,
		   pkt_push(p, eth.tagged ? ETH_LEN + VLAN_LEN : ETH_LEN));
	port_send(pr->port, p, 1, host_now());
}

static void ask_arp(struct probe *pr, const struct ip_addr *ip)
{
	static const uint8_t nobody[4];
	struct arp arp = {.op = ARP_REQUEST,
			  .sender_mac = pr->cfg->mac,
			  .sender_ip = ip_from_v4(nobody),
			  .target_ip = *ip};
	struct pkt p = {.len = 0};

	pkt_reset(&p);
	arp_encode(&arp, pkt_push(&p, ARP_LEN));
	send_frame(pr, &p, &mac_broadcast, ETHERTYPE_ARP);
}

static void ask_nd(struct probe *pr, const struct ip_addr *target)
{
	struct nd nd = {.type = ND_SOLICIT, .target = *target};
	struct ip_header ip = {.dst = nd_solicited_node(target),
			       .version = 6,
			       .ttl = HOP_LIMIT,
			       .protocol = IPPROTO_ICMPV6_,
			       .len = ND_BARE_LEN};
	struct mac mac = mac_of_multicast(&ip.dst);
	struct pkt p = {.len = 0};

	pkt_reset(&p);
	nd_encode(&nd, &ip, pkt_push(&p, ND_BARE_LEN));
	ip_encode(&ip, pkt_push(&p, IPV6_LEN));
	send_frame(pr, &p, &mac, ETHERTYPE_IPV6);
}

/* ---- listening ---- */

static void somebody_has(struct probe *pr, const struct ip_addr *ip,
			 const struct mac *mac)
{
	for (unsigned i = 0; i < pr->cfg->naddr && !pr->found; i++) {
		if (!ip_equal(&pr->cfg->addr[i], ip))
			continue;
		pr->found = true;
		pr->ip = *ip;
		pr->mac = *mac;
	}
}

/* Somebody uses it, or wants it at the same time as we do. */
static void hear_arp(struct probe *pr, struct span in)
{
	struct arp arp;

	if (arp_decode(&arp, &in) != DROP_NONE)
		return;
	if (!ip_is_any(&arp.sender_ip))
		somebody_has(pr, &arp.sender_ip, &arp.sender_mac);
	else if (!mac_equal(&arp.sender_mac, &pr->cfg->mac))
		somebody_has(pr, &arp.target_ip, &arp.sender_mac);
}

static void hear_nd(struct probe *pr, const struct eth *eth, struct span in)
{
	struct ip_header ip;
	struct nd nd;

	if (ip_decode(&ip, &in) != DROP_NONE ||
	    ip.protocol != IPPROTO_ICMPV6_ ||
	    nd_decode(&nd, &ip, &in) != DROP_NONE)
		return;
	if (nd.type == ND_ADVERTISE ||
	    (ip_is_any(&ip.src) && !mac_equal(&eth->src, &pr->cfg->mac)))
		somebody_has(pr, &nd.target, &eth->src);
}

static enum drop hear(void *ctx, struct span frame, struct note *note,
		      nsec_t now)
{
	struct probe *pr = ctx;
	struct eth eth;

	if (eth_decode(&eth, &frame) != DROP_NONE ||
	    ((eth.vlan ^ pr->cfg->vlan) & VID_MASK))
		return DROP_NONE;
	if (eth.type == ETHERTYPE_ARP)
		hear_arp(pr, frame);
	else if (eth.type == ETHERTYPE_IPV6)
		hear_nd(pr, &eth, frame);
	return DROP_NONE;
}

static void listen_until(struct probe *pr, nsec_t until)
{
	int fd[PORT_FDS];
	unsigned n = pr->port->ops->fds(pr->port, fd);
	struct pollfd poll_fd[PORT_FDS];

	for (unsigned i = 0; i < n; i++)
		poll_fd[i] = (struct pollfd){fd[i], POLLIN, 0};
	for (nsec_t now = host_now(); now < until && !pr->found;
	     now = host_now()) {
		poll(poll_fd, n, (int)((until - now) / MSEC) + 1);
		port_receive(pr->port, 64, host_now());
	}
}

/* Answers are sent to all stations; rivals' questions to the same group. */
static void listen_to_groups(struct probe *pr)
{
	struct mac group[LINK_ADDRS + 1];
	struct ip_addr all, solicited;
	unsigned n = 0;

	ip_parse(&all, "ff02::1");
	group[n++] = mac_of_multicast(&all);
	for (unsigned i = 0; i < pr->cfg->naddr; i++) {
		solicited = nd_solicited_node(&pr->cfg->addr[i]);
		group[n++] = mac_of_multicast(&solicited);
	}
	port_want(pr->port, &(struct port_wants){.group = group, .ngroup = n});
}

int probe_addresses(struct port *port, const struct link_config *cfg, char *why)
{
	struct probe pr = {.cfg = cfg, .port = port};
	char ip[IP_TEXT_MAX], mac[MAC_TEXT_MAX];

	port_set_up(port, hear, &pr);
	listen_to_groups(&pr);
	for (int round = 0; round < ROUNDS && !pr.found; round++) {
		for (unsigned i = 0; i < cfg->naddr; i++) {
			if (ip_is_v4(&cfg->addr[i]))
				ask_arp(&pr, &cfg->addr[i]);
			else
				ask_nd(&pr, &cfg->addr[i]);
		}
		listen_until(&pr, host_now() + ROUND_NSEC);
	}
	if (!pr.found)
		return 0;
	snprintf(why, SPEC_WHY_MAX,
		 "ip=%s: %s on this segment has this address already; give the "
		 "NIC another",
		 ip_format(&pr.ip, ip), mac_format(&pr.mac, mac));
	return -EADDRINUSE;
}
