#include "nic/impair/frame.h"

#include "nic/impair/damage.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icrc.h"

#define ND_FIRST 133u /* router solicitation (RFC 4861, 4) */
#define ND_LAST	 137u /* redirect */

static void view_arp(struct impair_view *v, struct span in)
{
	struct arp arp;

	v->proto = IMPAIR_ARP;
	if (arp_decode(&arp, &in) != DROP_NONE)
		return;
	v->src = arp.sender_ip;
	v->dst = arp.target_ip;
}

static void view_udp(struct span frame, struct span in, struct impair_view *v,
		     struct frame_map *at)
{
	struct span body = in;

	if (udp_decode(&at->udp, &body) != DROP_NONE)
		return;
	at->udp_at = (uint32_t)(in.p - frame.p);
	if (at->udp.dport != ROCE_UDP_PORT || body.len < BTH_LEN + ICRC_LEN ||
	    !view_roce(v, body, body.len - ICRC_LEN))
		return;
	at->body_at = (uint32_t)(body.p - frame.p);
}

static void view_ip(struct span frame, struct span in, struct impair_view *v,
		    struct frame_map *at)
{
	const uint8_t *start = in.p;

	v->proto = IMPAIR_IP;
	if (ip_decode(&at->ip, &in) != DROP_NONE)
		return;
	at->ip_at = (uint32_t)(start - frame.p);
	v->src = at->ip.src;
	v->dst = at->ip.dst;
	if (at->ip.protocol == IPPROTO_UDP_)
		view_udp(frame, in, v, at);
	else if (at->ip.protocol == IPPROTO_ICMPV6_ && at->ip.version == 6 &&
		 in.len && in.p[0] >= ND_FIRST && in.p[0] <= ND_LAST)
		v->proto = IMPAIR_ND;
}

void frame_view(struct span frame, struct impair_view *v, struct frame_map *at)
{
	struct span in = frame;
	struct eth eth;

	memset(v, 0, sizeof(*v));
	memset(at, 0, sizeof(*at));
	v->proto = IMPAIR_OTHER;
	v->len = (uint32_t)frame.len;
	if (eth_decode(&eth, &in) != DROP_NONE)
		return;
	at->body_at = (uint32_t)(in.p - frame.p);
	v->body_len = (uint32_t)in.len;
	if (eth.type == ETHERTYPE_ARP)
		view_arp(v, in);
	else if (eth.type == ETHERTYPE_IPV4 || eth.type == ETHERTYPE_IPV6)
		view_ip(frame, in, v, at);
}

/* Writes TOS and length of @ip at @p, and the checksum; options stay. */
static void put_ip(const struct ip_header *ip, uint8_t *p)
{
	size_t head = (p[0] & 0x0fu) * 4;

	if (ip->version == 6) {
		put_be16(p, (uint16_t)((get_be16(p) & 0xf00fu) |
				       (uint32_t)ip->tos << 4));
		put_be16(p + 4, ip->len);
		return;
	}
	p[1] = ip->tos;
	put_be16(p + 2, (uint16_t)(head + ip->len));
	put_be16(p + 10, 0);
	put_be16(p + 10, checksum_fold(checksum_add(0, p, head)));
}

/* A RoCEv2 packet is damaged between BTH and ICRC. */
static uint32_t damage_roce(const struct fate *f, const struct impair_view *v,
			    struct frame_map *at, uint8_t *frame, uint32_t len)
{
	uint8_t *body = frame + at->body_at;
	uint32_t n = damage_body(f, body, v->body_len);
	uint32_t cut = v->body_len - n, icrc;

	at->ip.len = (uint16_t)(at->ip.len - cut);
	at->udp.len = (uint16_t)(at->udp.len - cut);
	at->udp.checksum = 0;
	udp_encode(&at->udp, frame + at->udp_at);
	icrc = icrc_of(&at->ip, &at->udp, (struct span){body, n});
	icrc_put(icrc ^ damage_icrc(f, n), body + n);
	return cut ? at->body_at + n + ICRC_LEN : len;
}

uint32_t frame_damage(const struct fate *f, const struct impair_view *v,
		      const struct frame_map *at, uint8_t *frame, uint32_t len)
{
	struct frame_map map = *at;

	if (v->proto == IMPAIR_ROCE && (f->nflip || f->cut))
		len = damage_roce(f, v, &map, frame, len);
	else if (f->nflip)
		damage_body(f, frame + at->body_at, v->body_len);
	if (map.ip_at && (f->mark || f->cut)) {
		map.ip.tos |= f->mark ? ECN_CE : 0;
		put_ip(&map.ip, frame + map.ip_at);
	}
	return len;
}
