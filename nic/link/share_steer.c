/* The data that a program of a reuseport group sees begin behind the UDP
 * header; what it returns is the index of a socket, and one that does not exist
 * makes the kernel choose by hash.  A load past the end returns 0.
 *
 * The slots are searched by halves.  Conditional jumps reach 255 instructions,
 * plain ones any number: so each node is a comparison over a plain jump.
 */
#include "nic/link/share_steer.h"

#include <assert.h>
#include "wire/arp.h"
#include "wire/bth.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

#define DQPN_WORD  4u /* of the BTH; the DestQP is its low 24 bits */
#define DPORT_AT   2u /* in the UDP header */
#define TYPE_AT	   (VXLAN_LEN + ETH_LEN - 2)
#define IP_AT	   (VXLAN_LEN + ETH_LEN)
#define QP_GENERAL 1u

/* Where things are in an IP packet without options, and ICMP's questions. */
struct place {
	unsigned len, protocol;
	uint8_t ihl; /* the first byte; 0: any */
	uint8_t icmp, echo, solicit;
};

static const struct place v4 = {IPV4_LEN, 9, 0x45, 1, 8, 8};
static const struct place v6 = {IPV6_LEN,	 6,   0,
				IPPROTO_ICMPV6_, 128, ND_SOLICIT};

struct writer {
	struct sock_filter *prog;
	unsigned n;
};

static void put(struct writer *w, uint16_t code, uint8_t jt, uint8_t jf,
		uint32_t k)
{
	assert(w->n < STEER_MAX);
	w->prog[w->n++] = (struct sock_filter){code, jt, jf, k};
}

static void put_search(struct writer *w, const struct steer *map, unsigned n)
{
	unsigned half = n / 2, jump;

	if (n == 1) {
		put(w, BPF_RET | BPF_K, 0, 0, map->index);
		return;
	}
	put(w, BPF_JMP | BPF_JGE | BPF_K, 0, 1, map[half].slot);
	jump = w->n;
	put(w, BPF_JMP | BPF_JA, 0, 0, 0);
	put_search(w, map, half);
	w->prog[jump].k = w->n - jump - 1;
	put_search(w, map + half, n - half);
}

/* Goes on only if A is @value. */
static void put_must(struct writer *w, uint32_t value)
{
	put(w, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, value);
	put(w, BPF_RET | BPF_K, 0, 0, 0);
}

/* Loads the BTH's second word out of a frame with IP headers like @place. */
static void put_inside(struct writer *w, const struct place *place)
{
	if (place->ihl) {
		put(w, BPF_LD | BPF_B | BPF_IND, 0, 0, IP_AT);
		put_must(w, place->ihl);
	}
	put(w, BPF_LD | BPF_B | BPF_IND, 0, 0, IP_AT + place->protocol);
	put_must(w, IPPROTO_UDP_);
	put(w, BPF_LD | BPF_H | BPF_IND, 0, 0, IP_AT + place->len + DPORT_AT);
	put_must(w, ROCE_UDP_PORT);
	put(w, BPF_LD | BPF_W | BPF_IND, 0, 0,
	    IP_AT + place->len + UDP_LEN + DQPN_WORD);
}

/* A VLAN tag makes what follows begin later: by X. */
static void put_vxlan(struct writer *w)
{
	unsigned jump;

	put(w, BPF_LDX | BPF_W | BPF_IMM, 0, 0, 0);
	put(w, BPF_LD | BPF_H | BPF_ABS, 0, 0, TYPE_AT);
	put(w, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, ETHERTYPE_VLAN);
	put(w, BPF_LDX | BPF_W | BPF_IMM, 0, 0, VLAN_LEN);
	put(w, BPF_LD | BPF_H | BPF_ABS, 0, 0, TYPE_AT + VLAN_LEN);
	put(w, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ETHERTYPE_IPV4);
	jump = w->n;
	put(w, BPF_JMP | BPF_JA, 0, 0, 0);
	put_inside(w, &v4);
	put(w, BPF_JMP | BPF_JA, 0, 0, 0);
	w->prog[jump].k = w->n - jump - 1;
	jump = w->n - 1;
	put_must(w, ETHERTYPE_IPV6);
	put_inside(w, &v6);
	w->prog[jump].k = w->n - jump - 1;
}

unsigned steer_program(enum steer_kind kind, const struct steer *map,
		       unsigned n, struct sock_filter *prog)
{
	struct writer w = {prog, 0};

	put(&w, BPF_LD | BPF_W | BPF_ABS, 0, 0, 0);
	put(&w, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, STEER_BY_INDEX);
	put(&w, BPF_LD | BPF_W | BPF_ABS, 0, 0, 4);
	put(&w, BPF_RET | BPF_A, 0, 0, 0);
	if (kind == STEER_VXLAN)
		put_vxlan(&w);
	else
		put(&w, BPF_LD | BPF_W | BPF_ABS, 0, 0, DQPN_WORD);
	put(&w, BPF_ALU | BPF_RSH | BPF_K, 0, 0, QPN_LOCAL_BITS);
	put(&w, BPF_ALU | BPF_AND | BPF_K, 0, 0, SHARE_SLOTS - 1);
	put_search(&w, map, n);
	return w.n;
}

/* ---- the same question, for who has the datagram ---- */

static int roce_slot(struct span bth)
{
	uint32_t qpn;

	if (bth.len < BTH_LEN)
		return STEER_ONE;
	qpn = get_be24(bth.p + DQPN_WORD + 1);
	if (qpn == QP_GENERAL || qpn == QPN_MASK)
		return STEER_ALL;
	return (int)(qpn >> QPN_LOCAL_BITS);
}

/* Who asks wants one answer; what is announced or answered is for all. */
static int arp_slot(struct span in)
{
	struct arp arp;

	if (arp_decode(&arp, &in) != DROP_NONE)
		return STEER_ONE;
	if (arp.op == ARP_REQUEST && !ip_equal(&arp.sender_ip, &arp.target_ip))
		return STEER_ONE;
	return STEER_ALL;
}

static int ip_slot(struct span in, const struct place *place)
{
	uint8_t protocol;

	if (in.len < place->len + UDP_LEN ||
	    (place->ihl && in.p[0] != place->ihl))
		return STEER_ONE;
	protocol = in.p[place->protocol];
	span_take(&in, place->len);
	if (protocol == IPPROTO_UDP_ &&
	    get_be16(in.p + DPORT_AT) == ROCE_UDP_PORT) {
		span_take(&in, UDP_LEN);
		return roce_slot(in);
	}
	if (protocol == place->icmp &&
	    (in.p[0] == place->echo || in.p[0] == place->solicit))
		return STEER_ONE;
	return STEER_ALL;
}

int steer_slot(enum steer_kind kind, struct span data)
{
	struct eth eth;

	if (kind == STEER_ROCE)
		return roce_slot(data);
	if (!span_take(&data, VXLAN_LEN) ||
	    eth_decode(&eth, &data) != DROP_NONE)
		return STEER_ONE;
	switch (eth.type) {
	case ETHERTYPE_ARP: return arp_slot(data);
	case ETHERTYPE_IPV4: return ip_slot(data, &v4);
	case ETHERTYPE_IPV6: return ip_slot(data, &v6);
	}
	return STEER_ALL;
}
