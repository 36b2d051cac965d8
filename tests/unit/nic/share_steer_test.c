/* The program that steers datagrams, run as the kernel would. */
#include "nic/link/share_steer.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include "nic/base/random.h"
#include "wire/arp.h"
#include "wire/bth.h"
#include "wire/eth.h"
#include "wire/ip.h"
#include "wire/udp.h"
#include "wire/vxlan.h"
#include "wire/bytes.h"

static struct sock_filter prog[STEER_MAX];
static struct steer map[SHARE_SLOTS];

static bool load(const uint8_t *p, size_t len, uint32_t at, unsigned size,
		 uint32_t *a)
{
	unsigned n = size == BPF_W ? 4 : size == BPF_H ? 2 : 1;

	if (at + n > len)
		return false;
	*a = n == 4 ? get_be32(p + at) : n == 2 ? get_be16(p + at) : p[at];
	return true;
}

/* What @n instructions return for @p; a load past the end returns 0. */
static uint32_t run(unsigned n, const uint8_t *p, size_t len)
{
	uint32_t a = 0, x = 0;

	for (unsigned pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &prog[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k + 4 > len)
				return 0;
			a = get_be32(p + f->k);
			break;
		case BPF_LD | BPF_H | BPF_ABS:
			if (f->k + 2 > len)
				return 0;
			a = get_be16(p + f->k);
			break;
		case BPF_LD | BPF_B | BPF_IND:
		case BPF_LD | BPF_H | BPF_IND:
		case BPF_LD | BPF_W | BPF_IND:
			if (!load(p, len, x + f->k, BPF_SIZE(f->code), &a))
				return 0;
			break;
		case BPF_LDX | BPF_W | BPF_IMM: x = f->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JA: pc += f->k; break;
		case BPF_ALU | BPF_RSH | BPF_K: a >>= f->k; break;
		case BPF_ALU | BPF_AND | BPF_K: a &= f->k; break;
		case BPF_RET | BPF_A: return a;
		case BPF_RET | BPF_K: return f->k;
		default: cr_assert_fail("code %#x", f->code);
		}
	}
	cr_assert_fail("it runs past its end");
	return 0;
}

static uint32_t steer(unsigned n, uint32_t qpn)
{
	uint8_t bth[12] = {4, 0, 0xff, 0xff, 0xc0}; /* FECN and BECN */

	put_be24(bth + 5, qpn);
	return run(n, bth, sizeof(bth));
}

/* Some members of each number, with indices in any order. */
Test(share_steer, every_slot_finds_its_socket)
{
	struct random r = {1};

	for (unsigned n = 1; n <= SHARE_SLOTS; n += n < 40 ? 1 : 123) {
		unsigned step = SHARE_SLOTS / n, len;

		for (unsigned i = 0; i < n; i++)
			map[i] =
				(struct steer){(uint16_t)(i * step),
					       (uint16_t)(random_next(&r) % n)};
		len = steer_program(STEER_ROCE, map, n, prog);
		cr_assert_leq(len, STEER_MAX);
		for (unsigned s = 0; s < SHARE_SLOTS; s++) {
			unsigned i = s / step < n ? s / step : n - 1;
			uint32_t qpn = s << QPN_LOCAL_BITS;

			cr_assert_eq(steer(len, qpn), map[i].index, "%u %u", n,
				     s);
			cr_assert_eq(steer(len, qpn | (SHARE_LOCALS - 1)),
				     map[i].index);
		}
	}
}

Test(share_steer, a_datagram_may_say_the_index)
{
	const uint8_t probe[8] = {0xff, 'g', 'l', 's', 0, 0, 0x12, 0x34};
	unsigned len;

	map[0] = (struct steer){7, 3};
	len = steer_program(STEER_ROCE, map, 1, prog);
	cr_assert_eq(run(len, probe, sizeof(probe)), 0x1234);
	cr_assert_eq(run(len, probe, 7), 0);
	cr_assert_eq(run(len, probe, 0), 0);
}

/* ---- VXLAN ---- */

static uint8_t frame[200];

/* A RoCEv2 packet for @qpn in VXLAN; returns its length. */
static size_t make(bool v4, bool tagged, uint32_t qpn)
{
	struct eth eth = {.type = v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
			  .tagged = tagged,
			  .vlan = 5};
	struct ip_header ip = {.version = v4 ? 4 : 6,
			       .protocol = IPPROTO_UDP_,
			       .len = UDP_LEN + BTH_LEN + 4};
	struct udp udp = {.sport = 0xc000, .dport = ROCE_UDP_PORT};
	uint8_t *p = frame;

	memset(frame, 0, sizeof(frame));
	ip_parse(&ip.src, v4 ? "10.0.0.1" : "fd00::1");
	ip_parse(&ip.dst, v4 ? "10.0.0.2" : "fd00::2");
	udp.len = ip.len;
	vxlan_encode(7, p);
	p += VXLAN_LEN;
	p += eth_encode(&eth, p);
	p += ip_encode(&ip, p);
	udp_encode(&udp, p);
	p += UDP_LEN;
	put_be24(p + 5, qpn);
	return (size_t)(p - frame) + BTH_LEN + 4;
}

Test(share_steer, roce_in_vxlan_finds_its_socket)
{
	unsigned len;

	for (unsigned i = 0; i < 3; i++)
		map[i] = (struct steer){(uint16_t)(i * 300 + 1),
					(uint16_t)(3 - i)};
	len = steer_program(STEER_VXLAN, map, 3, prog);
	for (unsigned kind = 0; kind < 4; kind++)
		for (unsigned i = 0; i < 3; i++) {
			uint32_t qpn =
				(uint32_t)map[i].slot << QPN_LOCAL_BITS | 77;
			size_t n = make(kind & 1, kind & 2, qpn);
			struct span data = {frame, n};

			cr_assert_eq(run(len, frame, n), map[i].index);
			cr_assert_eq(steer_slot(STEER_VXLAN, data),
				     map[i].slot);
		}
}

static int slot_of(size_t n)
{
	return steer_slot(STEER_VXLAN, (struct span){frame, n});
}

Test(share_steer, what_is_for_all_and_what_for_one)
{
	size_t n = make(true, false, 0xffffff);
	struct eth eth = {.type = ETHERTYPE_ARP};
	struct arp arp = {.op = ARP_REPLY};

	cr_assert_eq(slot_of(n), STEER_ALL);
	cr_assert_eq(slot_of(make(false, true, 1)), STEER_ALL);
	n = make(true, false, 1u << 20);
	cr_assert_eq(slot_of(n - 5), STEER_ONE); /* no whole BTH */
	frame[VXLAN_LEN + ETH_LEN + 9] = 1;	 /* ICMP, no echo request */
	cr_assert_eq(slot_of(n), STEER_ALL);
	frame[VXLAN_LEN + ETH_LEN + IPV4_LEN] = 8;
	cr_assert_eq(slot_of(n), STEER_ONE);
	eth_encode(&eth, frame + VXLAN_LEN);
	ip_parse(&arp.sender_ip, "10.0.0.1");
	ip_parse(&arp.target_ip, "10.0.0.2");
	arp_encode(&arp, frame + VXLAN_LEN + ETH_LEN);
	cr_assert_eq(slot_of(n), STEER_ALL);
	arp.op = ARP_REQUEST;
	arp_encode(&arp, frame + VXLAN_LEN + ETH_LEN);
	cr_assert_eq(slot_of(n), STEER_ONE);
	arp.target_ip = arp.sender_ip;
	arp_encode(&arp, frame + VXLAN_LEN + ETH_LEN);
	cr_assert_eq(slot_of(n), STEER_ALL);
}

/* Cut and flipped at random: both say the same, and neither reads too far
 * (which a sanitizer sees).
 */
Test(share_steer, damaged_frames_steer_alike)
{
	struct random r = {3};
	unsigned len;

	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		map[i] = (struct steer){(uint16_t)i, (uint16_t)i};
	len = steer_program(STEER_VXLAN, map, SHARE_SLOTS, prog);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t x = random_next(&r);
		size_t n = make(x & 1, x & 2, (uint32_t)(x >> 40));
		uint8_t *copy;
		int slot;

		frame[(x >> 8) % n] ^= (uint8_t)(x >> 16);
		n -= x & 4 ? (x >> 24) % n : 0;
		copy = malloc(n);
		memcpy(copy, frame, n);
		slot = steer_slot(STEER_VXLAN, (struct span){copy, n});
		if (slot >= 0)
			cr_assert_eq(run(len, copy, n), (uint32_t)slot);
		else
			run(len, copy, n);
		free(copy);
	}
}
