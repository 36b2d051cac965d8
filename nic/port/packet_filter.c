/* Conditional jumps reach 255 instructions, so every question is a small block
 * of its own that ends with "take it", and the next block follows for all
 * others. A VLAN tag is not in the frame while the filter runs, except in what
 * other programs of this host send: such broadcasts pass as they are.
 */
#include "nic/port/packet_filter.h"

#include <assert.h>
#include "wire/arp.h"
#include "wire/bth.h"
#include "wire/udp.h"

#define TO_US 4u /* the jump to what follows the groups */

#define TAKE 0xffffffffu /* bytes: all */
#define DROP 0u

#define AT_TYPE	    12u
#define AT_V4_PROTO (ETH_LEN + 9u)
#define AT_V4_DST   (ETH_LEN + 16u)
#define AT_V6_PROTO (ETH_LEN + 6u)
#define AT_V6_DST   (ETH_LEN + 24u)
#define AT_V6_L4    (ETH_LEN + IPV6_LEN)
#define AT_ARP_SPA  (ETH_LEN + 14u)
#define AT_ARP_TPA  (ETH_LEN + 24u)

struct program {
	struct sock_filter *code;
	unsigned n;
};

static void emit(struct program *p, uint16_t code, uint32_t k, unsigned jt,
		 unsigned jf)
{
	assert(p->n < FILTER_LEN && jt < 256 && jf < 256);
	p->code[p->n++] =
		(struct sock_filter){code, (uint8_t)jt, (uint8_t)jf, k};
}

static void load(struct program *p, uint16_t width, uint32_t at)
{
	emit(p, (uint16_t)(BPF_LD | BPF_ABS | width), at, 0, 0);
}

/* Skips the next @skip instructions unless what was loaded is @value. */
static void unless_skip(struct program *p, uint32_t value, unsigned skip)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

static void result(struct program *p, uint32_t bytes)
{
	emit(p, BPF_RET | BPF_K, bytes, 0, 0);
}

static void take_mac(struct program *p, const struct mac *m)
{
	load(p, BPF_W, 2);
	unless_skip(p, get_be32(m->b + 2), 3);
	load(p, BPF_H, 0);
	unless_skip(p, get_be16(m->b), 1);
	result(p, TAKE);
}

/* ---- blocks that skip themselves: their length is known when they end ---- */

/* The instruction at @at is to skip all that was written since. */
static void skips_to_here(struct program *p, unsigned at)
{
	assert(p->n - at - 1 < 256);
	p->code[at].jf = (uint8_t)(p->n - at - 1);
}

/* For what was loaded being @value; returns what skips_to_here wants. */
static unsigned begin_if(struct program *p, uint32_t value)
{
	unless_skip(p, value, 0);
	return p->n - 1;
}

/* For frames of this EtherType. */
static unsigned begin_type(struct program *p, uint16_t type)
{
	load(p, BPF_H, AT_TYPE);
	return begin_if(p, type);
}

/* Who asks for us, who claims to be us, and who announces himself. */
static void arp(struct program *p, const struct filter_wants *w)
{
	unsigned at = begin_type(p, ETHERTYPE_ARP);

	for (unsigned i = 0; i < w->naddr; i++) {
		uint32_t own = get_be32(w->addr[i].b + 12);

		if (!ip_is_v4(&w->addr[i]))
			continue;
		load(p, BPF_W, AT_ARP_SPA);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, own, 2, 0);
		load(p, BPF_W, AT_ARP_TPA);
		unless_skip(p, own, 1);
		result(p, TAKE);
	}
	load(p, BPF_W, AT_ARP_SPA);
	emit(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	load(p, BPF_W, AT_ARP_TPA);
	emit(p, BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1);
	result(p, TAKE);
	result(p, DROP);
	skips_to_here(p, at);
}

static void shared_v4(struct program *p, const struct filter_wants *w)
{
	unsigned at = begin_type(p, ETHERTYPE_IPV4);

	load(p, BPF_B, AT_V4_PROTO);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP_, 1, 0);
	result(p, DROP);
	emit(p, BPF_LDX | BPF_B | BPF_MSH, ETH_LEN, 0, 0);
	emit(p, BPF_LD | BPF_H | BPF_IND, ETH_LEN + 2, 0, 0);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, w->udp_port, 1, 0);
	result(p, DROP);
	load(p, BPF_W, AT_V4_DST);
	for (unsigned i = 0; i < w->naddr; i++) {
		if (!ip_is_v4(&w->addr[i]))
			continue;
		unless_skip(p, get_be32(w->addr[i].b + 12), 1);
		result(p, TAKE);
	}
	result(p, DROP);
	skips_to_here(p, at);
}

static void take_v6_dst(struct program *p, const struct ip_addr *a)
{
	for (unsigned i = 0; i < 4; i++) {
		load(p, BPF_W, AT_V6_DST + 4 * i);
		unless_skip(p, get_be32(a->b + 4 * (size_t)i), 7 - 2 * i);
	}
	result(p, TAKE);
}

static void shared_v6(struct program *p, const struct filter_wants *w)
{
	unsigned at = begin_type(p, ETHERTYPE_IPV6), udp;

	load(p, BPF_B, AT_V6_PROTO);
	unless_skip(p, IPPROTO_ICMPV6_, 4);
	load(p, BPF_B, AT_V6_L4);
	unless_skip(p, ND_ADVERTISE, 1);
	result(p, TAKE);
	result(p, DROP);
	udp = begin_if(p, IPPROTO_UDP_);
	load(p, BPF_H, AT_V6_L4 + 2);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, w->udp_port, 1, 0);
	result(p, DROP);
	for (unsigned i = 0; i < w->naddr; i++)
		if (!ip_is_v4(&w->addr[i]))
			take_v6_dst(p, &w->addr[i]);
	skips_to_here(p, udp);
	result(p, DROP);
	skips_to_here(p, at);
}

/* What was loaded is a DestQP: a slot of ours, of QP 1 or of multicast?  Those
 * concern all who share the address.
 */
static void judge_slot(struct program *p, const struct filter_wants *w)
{
	emit(p, BPF_ALU | BPF_AND | BPF_K, QPN_MASK, 0, 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, QPN_LOCAL_BITS, 0, 0);
	for (unsigned i = 0; i < w->nslot; i++) {
		unless_skip(p, w->slot[i], 1);
		result(p, TAKE);
	}
	unless_skip(p, 0, 1);
	result(p, TAKE);
	unless_skip(p, QPN_MASK >> QPN_LOCAL_BITS, 1);
	result(p, TAKE);
	result(p, DROP);
}

static void slots_v4(struct program *p, const struct filter_wants *w)
{
	unsigned type = begin_type(p, ETHERTYPE_IPV4), udp, port;

	load(p, BPF_B, AT_V4_PROTO);
	udp = begin_if(p, IPPROTO_UDP_);
	emit(p, BPF_LDX | BPF_B | BPF_MSH, ETH_LEN, 0, 0);
	emit(p, BPF_LD | BPF_H | BPF_IND, ETH_LEN + 2, 0, 0);
	port = begin_if(p, w->udp_port);
	emit(p, BPF_LD | BPF_W | BPF_IND, ETH_LEN + UDP_LEN + 4, 0, 0);
	judge_slot(p, w);
	skips_to_here(p, type);
	skips_to_here(p, udp);
	skips_to_here(p, port);
}

static void slots_v6(struct program *p, const struct filter_wants *w)
{
	unsigned type = begin_type(p, ETHERTYPE_IPV6), udp, port;

	load(p, BPF_B, AT_V6_PROTO);
	udp = begin_if(p, IPPROTO_UDP_);
	load(p, BPF_H, AT_V6_L4 + 2);
	port = begin_if(p, w->udp_port);
	load(p, BPF_W, AT_V6_L4 + UDP_LEN + 4);
	judge_slot(p, w);
	skips_to_here(p, type);
	skips_to_here(p, udp);
	skips_to_here(p, port);
}

/* Multicast and broadcast. */
static void groups(struct program *p, const struct filter_wants *w)
{
	if (w->all) {
		result(p, TAKE);
		return;
	}
	arp(p, w);
	load(p, BPF_H, AT_TYPE);
	unless_skip(p, ETHERTYPE_VLAN, 1);
	result(p, TAKE);
	for (unsigned i = 0; i < w->ngroup; i++)
		take_mac(p, &w->group[i]);
	result(p, DROP);
}

static void to_us(struct program *p, const struct filter_wants *w)
{
	if (w->nslot && !w->all) {
		slots_v4(p, w);
		slots_v6(p, w);
	}
	if (!w->shared || w->all) {
		result(p, TAKE);
		return;
	}
	arp(p, w);
	shared_v4(p, w);
	shared_v6(p, w);
	result(p, DROP);
}

unsigned packet_filter(const struct filter_wants *w, struct sock_filter *out)
{
	struct program p = {out, 0};

	load(&p, BPF_W, 2);
	unless_skip(&p, get_be32(w->mac.b + 2), 3);
	load(&p, BPF_H, 0);
	unless_skip(&p, get_be16(w->mac.b), 1);
	emit(&p, BPF_JMP | BPF_JA, 0, 0, 0); /* over the groups: see below */
	load(&p, BPF_B, 0);
	emit(&p, BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0);
	result(&p, DROP);
	groups(&p, w);
	p.code[TO_US].k = p.n - TO_US - 1;
	to_us(&p, w);
	return p.n;
}
