/* Headers are put onto packets where they lie in the batch; what is left of the
 * batch then goes to the port in as few calls as possible.  A packet leaves the
 * batch when it is for ourselves (copied to the queue of the next receive),
 * when its neighbour is unknown (copied by neigh.c) or when it cannot be sent.
 */
#include "nic/link/eth_tx.h"

#include "nic/base/tap.h"
#include "nic/link/share.h"
#include "wire/bth.h"
#include "wire/icrc.h"
#include "wire/udp.h"

/* Whether the first @bits bits of two addresses agree. */
static bool same_prefix(const struct ip_addr *a, const struct ip_addr *b,
			unsigned bits)
{
	unsigned bytes = bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

	if (memcmp(a->b, b->b, bytes))
		return false;
	return !((a->b[bytes % 16] ^ b->b[bytes % 16]) & mask) || bits == 128;
}

/* The route to @dst: the one whose destination agrees in most bits, or NULL. */
static const struct link_route *find_route(const struct eth_link *e,
					   const struct ip_addr *dst)
{
	const struct link_route *best = NULL;

	for (unsigned i = 0; i < e->cfg.nroute; i++) {
		const struct link_route *r = &e->cfg.route[i];

		if (ip_is_v4(&r->dst) == ip_is_v4(dst) &&
		    same_prefix(&r->dst, dst, r->len) &&
		    (!best || r->len > best->len))
			best = r;
	}
	return best;
}

/* The first address has the configured prefix length; IPv6 addresses beside it
 * have the usual 64; an IPv4 address beside it is taken to be alone.
 */
static bool on_link(const struct eth_link *e, const struct ip_addr *dst)
{
	bool v4 = ip_is_v4(dst);

	if (ip_is_link_local(dst))
		return true;
	for (unsigned i = 0; i < e->link.naddr; i++) {
		const struct ip_addr *own = &e->link.addr[i];
		unsigned bits = i ? v4 ? 32 : 64 : e->cfg.prefix_len;

		if (ip_is_v4(own) == v4 &&
		    same_prefix(own, dst, v4 ? 96 + bits : bits))
			return true;
	}
	return false;
}

const struct ip_addr *eth_next_hop(const struct eth_link *e,
				   const struct ip_addr *dst)
{
	const struct ip_addr *gateway = &e->cfg.gateway;
	const struct link_route *route = find_route(e, dst);

	if (!eth_source(e, dst))
		return NULL;
	if (route && !ip_is_link_local(dst))
		return ip_is_any(&route->gateway) ? dst : &route->gateway;
	if (on_link(e, dst))
		return dst;
	if (ip_is_any(gateway) || ip_is_v4(gateway) != ip_is_v4(dst))
		return NULL;
	return gateway;
}

static void push_eth(const struct eth_link *e, struct pkt *p,
		     const struct mac *dst, uint16_t type)
{
	struct eth eth = {.dst = *dst,
			  .src = e->link.mac,
			  .type = type,
			  .tagged = e->cfg.vlan != 0,
			  .vlan = e->cfg.vlan};

	eth_encode(&eth,
		   pkt_push(p, eth.tagged ? ETH_LEN + VLAN_LEN : ETH_LEN));
}

void eth_tx_frame(struct eth_link *e, struct pkt *p, const struct mac *dst,
		  uint16_t type, nsec_t now)
{
	push_eth(e, p, dst, type);
	port_send(e->port, p, 1, now);
}

static void fill_ip(struct eth_link *e, struct ip_header *ip, struct pkt *p,
		    uint8_t protocol)
{
	const struct ip_addr *src =
		ip_is_any(&p->src) ? eth_source(e, &p->dst) : &p->src;

	memset(ip, 0, sizeof(*ip));
	ip->src = *src;
	ip->dst = p->dst;
	ip->version = ip_is_v4(&p->dst) ? 4 : 6;
	ip->tos = p->tos;
	ip->ttl = p->ttl ? p->ttl : ETH_TTL;
	ip->protocol = protocol;
	if (ip->version == 4) {
		ip->id = e->next_id++;
		ip->df = true;
	}
}

/* The UDP checksum stays zero, for IPv6 too (RFC 6935), as is usual for RoCEv2
 * and VXLAN: both have what they need inside.
 */
static void push_udp_ip(struct eth_link *e, struct pkt *p)
{
	struct udp udp = {.sport = p->sport ? p->sport : e->cfg.port,
			  .dport = e->cfg.port};
	struct ip_header ip;

	fill_ip(e, &ip, p, IPPROTO_UDP_);
	udp.len = (uint16_t)(UDP_LEN + p->len + (e->cfg.icrc ? ICRC_LEN : 0));
	ip.len = udp.len;
	if (e->cfg.icrc)
		pkt_add_icrc(p, &ip, &udp);
	udp_encode(&udp, pkt_push(p, UDP_LEN));
	ip_encode(&ip, pkt_push(p, ip_header_len(&ip)));
}

static void to_self(struct eth_link *e, const struct pkt *p)
{
	struct span piece[PKT_PIECES];

	if (!p->lost && !frameq_put(&e->self, p)) {
		count(e->link.counters, CNT_RX_OVERFLOW);
		return;
	}
	if (e->cfg.tap)
		tap_frame(e->cfg.tap, TAP_OUT, piece, pkt_pieces(p, piece),
			  p->note);
}

static uint16_t ethertype(const struct pkt *p)
{
	return ip_is_v4(&p->dst) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

/* Puts the Ethernet header onto an IP packet.  False: it is not, or no longer,
 * for the port.
 */
static bool to_frame(struct eth_link *e, struct pkt *p, nsec_t now)
{
	const struct ip_addr *hop;
	struct mac mac;

	if (eth_is_own(e, &p->dst)) {
		push_eth(e, p, &e->link.mac, ethertype(p));
		to_self(e, p);
		return false;
	}
	if (ip_is_multicast(&p->dst)) {
		mac = mac_of_multicast(&p->dst);
		push_eth(e, p, &mac, ethertype(p));
		if (eth_is_joined(e, &p->dst))
			to_self(e, p);
		return true;
	}
	hop = eth_next_hop(e, &p->dst);
	if (!hop) {
		count(e->link.counters, CNT_TX_ERROR);
		return false;
	}
	if (!neigh_find(&e->neigh, hop, now, &mac)) {
		if (!p->lost)
			neigh_hold(&e->neigh, hop, p);
		return false;
	}
	push_eth(e, p, &mac, ethertype(p));
	return true;
}

/* To our own address, but not for a QP of this program? */
static bool is_for_sharers(const struct eth_link *e, const struct pkt *p)
{
	uint8_t bth[BTH_LEN];

	return e->cfg.share && eth_is_own(e, &p->dst) &&
	       pkt_peek(p, bth, sizeof(bth)) == sizeof(bth) &&
	       !share_has(e->cfg.share, get_be24(bth + 5));
}

/* Makes a whole frame of a UDP payload; false: nothing is left for the port. */
static bool prepare(struct eth_link *e, struct pkt *p, nsec_t now)
{
	size_t len = (ip_is_v4(&p->dst) ? IPV4_LEN : IPV6_LEN) + UDP_LEN +
		     p->len + (e->cfg.icrc ? ICRC_LEN : 0);
	bool for_sharers;

	if (len > e->link.ip_mtu || !eth_source(e, &p->dst)) {
		count(e->link.counters, CNT_TX_ERROR);
		return false;
	}
	for_sharers = is_for_sharers(e, p);
	push_udp_ip(e, p);
	if (!for_sharers)
		return to_frame(e, p, now);
	push_eth(e, p, &e->link.mac, ethertype(p));
	return true;
}

void eth_tx_send(struct eth_link *e, struct pkt *batch, unsigned n, nsec_t now)
{
	unsigned start = 0;

	for (unsigned i = 0; i < n; i++) {
		if (prepare(e, &batch[i], now))
			continue;
		if (i > start)
			port_send(e->port, batch + start, i - start, now);
		start = i + 1;
	}
	if (n > start)
		port_send(e->port, batch + start, n - start, now);
}

void eth_tx_ip(struct eth_link *e, struct pkt *p, uint8_t protocol, nsec_t now)
{
	struct ip_header ip;

	fill_ip(e, &ip, p, protocol);
	ip.len = (uint16_t)p->len;
	ip_encode(&ip, pkt_push(p, ip_header_len(&ip)));
	if (to_frame(e, p, now))
		port_send(e->port, p, 1, now);
}

void eth_tx_release(void *ctx, struct span packet, const struct mac *to,
		    nsec_t now)
{
	struct pkt p;

	pkt_reset(&p);
	pkt_add_span(&p, packet.p, packet.len);
	eth_tx_frame(ctx, &p, to,
		     packet.p[0] >> 4 == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
		     now);
}

/* True: somebody else shall have it. */
static bool frame_leaves(struct eth_link *e, struct pkt *p)
{
	uint8_t peek[ETH_LEN + VLAN_LEN];
	struct span start = {peek, pkt_peek(p, peek, sizeof(peek))};
	struct eth eth;

	if (eth_decode(&eth, &start) != DROP_NONE) {
		count(e->link.counters, CNT_TX_ERROR);
		return false;
	}
	if (mac_equal(&eth.dst, &e->link.mac)) {
		to_self(e, p);
		return false;
	}
	return true;
}

void eth_tx_frames(struct eth_link *e, struct pkt *batch, unsigned n,
		   nsec_t now)
{
	for (unsigned i = 0; i < n; i++)
		if (frame_leaves(e, &batch[i]))
			port_send(e->port, &batch[i], 1, now);
}
