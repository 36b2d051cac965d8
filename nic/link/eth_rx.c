/* A frame is judged header by header.  Refusals are returned, not counted: who
 * read the frame counts.
 */
#include "nic/link/eth_rx.h"

#include "nic/link/eth_ask.h"
#include "nic/link/eth_ping.h"
#include "wire/arp.h"
#include "wire/bth.h"
#include "wire/icrc.h"
#include "wire/udp.h"

#define IPPROTO_ICMP_ 1u
#define VID_MASK      0x0fffu

/* A frame on its way up. */
struct arrival {
	struct eth eth;
	struct ip_header ip;
	struct udp udp;
	struct span data;
	struct note *note;
	nsec_t now;
};

static bool mac_is_ours(const struct eth_link *e, const struct mac *mac)
{
	if (!mac_is_group(mac))
		return mac_equal(mac, &e->link.mac);
	for (unsigned i = 0; i < e->ngroup; i++)
		if (mac_equal(mac, &e->group[i].mac))
			return true;
	return mac_equal(mac, &mac_broadcast);
}

/* Tag 0 says "no VLAN, only a priority" (IEEE 802.1Q). */
static bool vlan_is_ours(const struct eth_link *e, const struct eth *eth)
{
	return ((e->cfg.vlan ^ eth->vlan) & VID_MASK) == 0;
}

static enum drop check_eth(const struct eth_link *e, const struct eth *eth)
{
	if (!mac_is_ours(e, &eth->dst) || !vlan_is_ours(e, eth))
		return DROP_NOT_OURS;
	if (mac_is_group(&eth->src))
		return DROP_SOURCE;
	return DROP_NONE;
}

/* Only ourselves may use our address.  Some neighbour messages have none. */
static enum drop check_addresses(const struct eth_link *e,
				 const struct arrival *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	const struct ip_addr *src = &a->ip.src, *dst = &a->ip.dst;

	if (!eth_is_own(e, dst) && !eth_is_joined(e, dst))
		return DROP_NOT_OURS;
	if (ip_is_multicast(src) ||
	    (ip_is_v4(src) && !memcmp(src->b + 12, broadcast, 4)))
		return DROP_SOURCE;
	if (ip_is_any(src) && a->ip.protocol != IPPROTO_ICMPV6_)
		return DROP_SOURCE;
	if (eth_is_own(e, src) && !mac_equal(&a->eth.src, &e->link.mac))
		return DROP_SOURCE;
	return DROP_NONE;
}

static enum drop check_udp(const struct eth_link *e, struct arrival *a)
{
	struct span whole = a->data;
	enum drop v = udp_decode(&a->udp, &a->data);

	if (v != DROP_NONE)
		return v;
	if (a->udp.checksum) {
		uint32_t sum =
			checksum_pseudo(&a->ip, IPPROTO_UDP_, a->udp.len);

		if (checksum_fold(checksum_add(sum, whole.p, a->udp.len)))
			return DROP_UDP_CHECKSUM;
	}
	return a->udp.dport == e->cfg.port ? DROP_NONE : DROP_UDP_PORT;
}

/* Cuts the ICRC off if it is right. */
static enum drop check_icrc(struct arrival *a)
{
	size_t len = a->data.len;

	if (len < BTH_LEN + ICRC_LEN)
		return DROP_SHORT;
	a->data.len = len - ICRC_LEN;
	if (icrc_of(&a->ip, &a->udp, a->data) !=
	    icrc_get(a->data.p + a->data.len))
		return DROP_ICRC;
	return DROP_NONE;
}

static enum drop take_udp(struct eth_link *e, struct arrival *a)
{
	enum drop v = check_udp(e, a);
	struct dgram d;

	if (v == DROP_NONE && e->cfg.icrc)
		v = check_icrc(a);
	if (v != DROP_NONE)
		return v;
	d = (struct dgram){
		.src = a->ip.src,
		.dst = a->ip.dst,
		.sport = a->udp.sport,
		.tos = a->ip.tos,
		.ttl = a->ip.ttl,
		.has_mac = true,
		.src_mac = a->eth.src,
		.data = a->data,
		.note = a->note,
	};
	return e->link.deliver(e->link.ctx, &d, a->now);
}

static enum drop take_icmpv6(struct eth_link *e, struct arrival *a)
{
	enum drop v = eth_ask_nd(e, &a->ip, a->data, &a->eth.src, a->now);

	if (v != DROP_IP_PROTOCOL || ip_is_any(&a->ip.src))
		return v;
	return eth_ping(e, &a->ip, a->data, a->now);
}

static enum drop take_ip(struct eth_link *e, struct arrival *a)
{
	enum drop v = ip_decode(&a->ip, &a->data);

	if (v != DROP_NONE)
		return v;
	if (a->ip.version != (a->eth.type == ETHERTYPE_IPV4 ? 4 : 6))
		return DROP_IP_HEADER;
	v = check_addresses(e, a);
	if (v != DROP_NONE)
		return v;
	if (a->ip.protocol == IPPROTO_UDP_)
		return take_udp(e, a);
	if (a->ip.protocol == IPPROTO_ICMP_ && a->ip.version == 4)
		return eth_ping(e, &a->ip, a->data, a->now);
	if (a->ip.protocol == IPPROTO_ICMPV6_ && a->ip.version == 6)
		return take_icmpv6(e, a);
	return DROP_IP_PROTOCOL;
}

enum drop eth_rx_frame(void *ctx, struct span frame, struct note *note,
		       nsec_t now)
{
	struct eth_link *e = ctx;
	struct arrival a = {.data = frame, .note = note, .now = now};
	enum drop v;

	if (e->link.raw && e->link.raw(e->link.ctx, frame, now))
		return DROP_NONE;
	v = eth_decode(&a.eth, &a.data);

	if (v == DROP_NONE)
		v = check_eth(e, &a.eth);
	if (v != DROP_NONE)
		return v;
	switch (a.eth.type) {
	case ETHERTYPE_ARP: return eth_ask_arp(e, a.data, now);
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6: return take_ip(e, &a);
	}
	return DROP_ETHERTYPE;
}
