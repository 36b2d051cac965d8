/* Who asks us is learned, because an answer to what follows will be wanted; who
 * answers or announces only corrects what is known already, so that chatter of
 * others does not fill the table.
 */
#include "nic/link/eth_ask.h"

#include "nic/base/log.h"
#include "nic/link/eth_tx.h"
#include "wire/arp.h"

#define ND_HOP_LIMIT 255

static void send_arp(struct eth_link *e, const struct arp *arp,
		     const struct mac *to, nsec_t now)
{
	struct pkt p;

	pkt_reset(&p);
	p.src = p.dst = (struct ip_addr){{0}};
	arp_encode(arp, pkt_push(&p, ARP_LEN));
	eth_tx_frame(e, &p, to, ETHERTYPE_ARP, now);
}

/* Unlike other packets these know their MAC: no neighbour is looked up. */
static void send_nd(struct eth_link *e, const struct nd *nd,
		    const struct ip_addr *src, const struct ip_addr *dst,
		    const struct mac *to, nsec_t now)
{
	struct ip_header ip = {.src = *src,
			       .dst = *dst,
			       .version = 6,
			       .ttl = ND_HOP_LIMIT,
			       .protocol = IPPROTO_ICMPV6_,
			       .len = ND_LEN};
	struct pkt p;

	pkt_reset(&p);
	nd_encode(nd, &ip, pkt_push(&p, ND_LEN));
	ip_encode(&ip, pkt_push(&p, IPV6_LEN));
	eth_tx_frame(e, &p, to, ETHERTYPE_IPV6, now);
}

static void ask_arp(struct eth_link *e, const struct ip_addr *ip,
		    const struct mac *at, nsec_t now)
{
	struct arp arp = {.op = ARP_REQUEST,
			  .sender_mac = e->link.mac,
			  .sender_ip = *eth_source(e, ip),
			  .target_ip = *ip};

	if (at)
		arp.target_mac = *at;
	send_arp(e, &arp, at ? at : &mac_broadcast, now);
}

static void ask_nd(struct eth_link *e, const struct ip_addr *ip,
		   const struct mac *at, nsec_t now)
{
	struct nd nd = {.type = ND_SOLICIT,
			.target = *ip,
			.has_mac = true,
			.mac = e->link.mac};
	struct ip_addr group = nd_solicited_node(ip);
	struct mac group_mac = mac_of_multicast(&group);

	send_nd(e, &nd, eth_source(e, ip), at ? ip : &group,
		at ? at : &group_mac, now);
}

void eth_ask(void *ctx, const struct ip_addr *ip, const struct mac *at,
	     nsec_t now)
{
	if (ip_is_v4(ip))
		ask_arp(ctx, ip, at, now);
	else
		ask_nd(ctx, ip, at, now);
}

static void announce_nd(struct eth_link *e, const struct ip_addr *own,
			nsec_t now)
{
	struct nd nd = {.type = ND_ADVERTISE,
			.target = *own,
			.has_mac = true,
			.mac = e->link.mac,
			.override = true};
	struct ip_addr all;
	struct mac mac;

	ip_parse(&all, "ff02::1");
	mac = mac_of_multicast(&all);
	send_nd(e, &nd, own, &all, &mac, now);
}

void eth_ask_announce(struct eth_link *e, nsec_t now)
{
	for (unsigned i = 0; i < e->link.naddr; i++) {
		const struct ip_addr *own = &e->link.addr[i];
		struct arp arp = {.op = ARP_REQUEST,
				  .sender_mac = e->link.mac,
				  .sender_ip = *own,
				  .target_ip = *own};

		if (ip_is_v4(own))
			send_arp(e, &arp, &mac_broadcast, now);
		else
			announce_nd(e, own, now);
	}
}

/* Somebody says that @ip is at @mac.  True if that contradicts us. */
static bool conflicts(struct eth_link *e, const struct ip_addr *ip,
		      const struct mac *mac)
{
	char text[IP_TEXT_MAX], who[MAC_TEXT_MAX];

	if (!eth_is_own(e, ip))
		return false;
	if (e->cfg.shared)
		return true; /* the kernel's business */
	if (!mac_equal(mac, &e->link.mac) && !e->complained) {
		e->complained = true;
		log_warn("%s is used by %s, too; give one of the two another "
			 "address",
			 ip_format(ip, text), mac_format(mac, who));
	}
	return true;
}

enum drop eth_ask_arp(struct eth_link *e, struct span in, nsec_t now)
{
	struct arp arp, answer;
	enum drop v = arp_decode(&arp, &in);
	bool for_us;

	if (v != DROP_NONE)
		return v;
	if (mac_is_group(&arp.sender_mac) || ip_is_multicast(&arp.sender_ip) ||
	    conflicts(e, &arp.sender_ip, &arp.sender_mac))
		return DROP_SOURCE;
	for_us = arp.op == ARP_REQUEST && eth_is_own(e, &arp.target_ip);
	neigh_learn(&e->neigh, &arp.sender_ip, &arp.sender_mac,
		    for_us ? NEIGH_ASKS_US : NEIGH_ANSWERS, now);
	if (!for_us || !eth_answers(e))
		return DROP_NONE;
	answer = (struct arp){.op = ARP_REPLY,
			      .sender_mac = e->link.mac,
			      .sender_ip = arp.target_ip,
			      .target_mac = arp.sender_mac,
			      .target_ip = arp.sender_ip};
	send_arp(e, &answer, &arp.sender_mac, now);
	return DROP_NONE;
}

static void answer_solicit(struct eth_link *e, const struct nd *asked,
			   const struct ip_addr *who, const struct mac *at,
			   nsec_t now)
{
	struct nd nd = {.type = ND_ADVERTISE,
			.target = asked->target,
			.has_mac = true,
			.mac = e->link.mac,
			.solicited = true,
			.override = true};

	if (ip_is_any(who)) /* it tries whether the address is free */
		announce_nd(e, &asked->target, now);
	else
		send_nd(e, &nd, &asked->target, who, at, now);
}

enum drop eth_ask_nd(struct eth_link *e, const struct ip_header *ip,
		     struct span in, const struct mac *from, nsec_t now)
{
	struct nd nd;
	enum drop v = nd_decode(&nd, ip, &in);
	const struct mac *at;

	if (v != DROP_NONE)
		return v;
	at = nd.has_mac ? &nd.mac : from;
	if (nd.type == ND_ADVERTISE) {
		if (conflicts(e, &nd.target, at))
			return DROP_SOURCE;
		neigh_learn(&e->neigh, &nd.target, at,
			    nd.override ? NEIGH_ANSWERS : NEIGH_ANSWERS_WEAKLY,
			    now);
		return DROP_NONE;
	}
	if (conflicts(e, &ip->src, at) || mac_is_group(at))
		return DROP_SOURCE;
	if (!eth_is_own(e, &nd.target))
		return DROP_NONE;
	neigh_learn(&e->neigh, &ip->src, at, NEIGH_ASKS_US, now);
	if (!eth_answers(e))
		return DROP_NONE;
	answer_solicit(e, &nd, &ip->src, at, now);
	return DROP_NONE;
}
