/* The program begins with its two ends, so that all jumps to them are known
 * when they are written.  Registers: r6 the context, r7 the frame's first byte,
 * r8 its end (of the first piece, which holds all headers), r2 and r3 scratch.
 */
#include "nic/port/xdp_prog.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include "wire/udp.h"

#define AT_TYPE	 12u
#define V4_PLAIN 0x45u /* a header's first byte: version 4, no options */
/* In their headers. */
#define V4_FRAG	     6u
#define V4_PROTO     9u
#define V4_DST	     16u
#define V6_NEXT	     6u
#define V6_DST	     24u
#define UDP_DPORT    2u
#define UDP_CHECKSUM 6u

static const uint8_t type_v4[2] = {0x08, 0x00}, type_v6[2] = {0x86, 0xdd};
static const uint8_t type_vlan[2] = {0x81, 0x00};

/* Offsets past this are more than the verifier follows. */
#define FRAME_MAX_CHECKED 0xfff0u

/* Where the two ends and the beginning are. */
#define PASS 1u
#define TAKE 3u
#define MAIN 9u

/* Newer than some C libraries' headers: BPF_FUNC_xdp_get_buff_len. */
#define XDP_GET_BUFF_LEN 188

struct program {
	struct bpf_insn *code;
	unsigned n;
};

static void emit(struct program *p, uint8_t code, unsigned dst, unsigned src,
		 int off, int32_t imm)
{
	assert(p->n < XDP_PROGRAM_LEN);
	p->code[p->n++] = (struct bpf_insn){.code = code,
					    .dst_reg = dst & 15,
					    .src_reg = src & 15,
					    .off = (int16_t)off,
					    .imm = imm};
}

static void load(struct program *p, uint8_t width, unsigned dst, unsigned base,
		 unsigned at)
{
	emit(p, BPF_LDX | BPF_MEM | width, dst, base, (int)at, 0);
}

static void copy(struct program *p, unsigned dst, unsigned src)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void alu(struct program *p, uint8_t op, unsigned dst, int32_t imm)
{
	emit(p, BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

/* How far from here to one of the ends. */
static int to(const struct program *p, unsigned target)
{
	return (int)target - (int)p->n - 1;
}

static void always(struct program *p, unsigned target)
{
	emit(p, BPF_JMP | BPF_JA, 0, 0, to(p, target), 0);
}

/* As a load of that width reads them from a frame. */
static int32_t value_of(const uint8_t *bytes, uint8_t width)
{
	uint32_t word;
	uint16_t half;

	memcpy(&half, bytes, sizeof(half));
	if (width == BPF_H)
		return half;
	memcpy(&word, bytes, sizeof(word));
	return (int32_t)word;
}

/* Jumps to @target by @op (BPF_JEQ, BPF_JNE) of what is at @at and @bytes. */
static void compare(struct program *p, uint8_t op, uint8_t width, unsigned at,
		    const uint8_t *bytes, unsigned target)
{
	load(p, width, 2, 7, at);
	emit(p, BPF_JMP32 | op | BPF_K, 2, 0, to(p, target),
	     value_of(bytes, width));
}

static void unless_byte(struct program *p, unsigned at, uint8_t value,
			unsigned target)
{
	load(p, BPF_B, 2, 7, at);
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, to(p, target), value);
}

/* Passes frames of less than @len bytes. */
static void need(struct program *p, unsigned len)
{
	copy(p, 2, 7);
	alu(p, BPF_ADD, 2, (int32_t)len);
	emit(p, BPF_JMP | BPF_JGT | BPF_X, 2, 8, to(p, PASS), 0);
}

static void ends(struct program *p, int map, enum xdp_action otherwise)
{
	emit(p, BPF_JMP | BPF_JA, 0, 0, MAIN - 1, 0);
	assert(p->n == PASS);
	alu(p, BPF_MOV, 0, XDP_PASS);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	assert(p->n == TAKE);
	emit(p, BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map);
	emit(p, 0, 0, 0, 0, 0);
	load(p, BPF_W, 2, 6, offsetof(struct xdp_md, rx_queue_index));
	alu(p, BPF_MOV, 3, (int32_t)otherwise);
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	assert(p->n == MAIN);
}

static void begin(struct program *p, const struct xdp_wants *w)
{
	copy(p, 6, 1);
	if (w->frags) {
		emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, XDP_GET_BUFF_LEN);
		emit(p, BPF_JMP | BPF_JGT | BPF_K, 0, 0, to(p, PASS),
		     (int32_t)w->frame_max);
	}
	load(p, BPF_W, 7, 6, offsetof(struct xdp_md, data));
	load(p, BPF_W, 8, 6, offsetof(struct xdp_md, data_end));
	if (!w->frags && w->frame_max < FRAME_MAX_CHECKED) {
		copy(p, 2, 7);
		alu(p, BPF_ADD, 2, (int32_t)w->frame_max);
		emit(p, BPF_JMP | BPF_JLT | BPF_X, 2, 8, to(p, PASS), 0);
	}
	need(p, ETH_LEN);
	compare(p, BPF_JNE, BPF_W, 0, w->mac.b, PASS);
	compare(p, BPF_JNE, BPF_H, 4, w->mac.b + 4, PASS);
}

/* Passes a datagram behind an IPv4 header at @ip if that has options: where it
 * is would be for the program to compute, which takes CAP_PERFMON.
 */
static void need_v4_datagram(struct program *p, unsigned ip)
{
	unless_byte(p, ip, V4_PLAIN, PASS);
	need(p, ip + IPV4_LEN + UDP_LEN);
}

static void pass_if_checked(struct program *p, unsigned udp)
{
	load(p, BPF_H, 2, 7, udp + UDP_CHECKSUM);
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, to(p, PASS), 0);
}

/* Begins a block for frames of @type, which is at @at; returns what end_type
 * wants.
 */
static unsigned begin_type(struct program *p, unsigned at,
			   const uint8_t type[2])
{
	load(p, BPF_H, 2, 7, at);
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, 2, 0, 0, value_of(type, BPF_H));
	return p->n - 1;
}

static void end_type(struct program *p, unsigned begin)
{
	p->code[begin].off = (int16_t)(p->n - begin - 1);
}

/* ---- a MAC of our own ---- */

/* Of frames with an IP header at @ip, what may be a train passes. */
static void take_singles(struct program *p, unsigned ip)
{
	unsigned other = begin_type(p, ip - 2, type_v4);

	need(p, ip + IPV4_LEN);
	unless_byte(p, ip + V4_PROTO, IPPROTO_UDP_, TAKE);
	need_v4_datagram(p, ip);
	pass_if_checked(p, ip + IPV4_LEN);
	always(p, TAKE);
	end_type(p, other);
	other = begin_type(p, ip - 2, type_v6);
	need(p, ip + IPV6_LEN + UDP_LEN);
	unless_byte(p, ip + V6_NEXT, IPPROTO_UDP_, TAKE);
	pass_if_checked(p, ip + IPV6_LEN);
	always(p, TAKE);
	end_type(p, other);
}

static void own(struct program *p, const struct xdp_wants *w)
{
	unsigned untagged;

	if (w->trains) {
		take_singles(p, ETH_LEN);
		untagged = begin_type(p, AT_TYPE, type_vlan);
		need(p, ETH_LEN + VLAN_LEN);
		take_singles(p, ETH_LEN + VLAN_LEN);
		end_type(p, untagged);
	}
	always(p, TAKE);
}

/* ---- the host's ---- */

static void take_v4_dst(struct program *p, const struct xdp_wants *w)
{
	for (unsigned i = 0; i < w->naddr; i++)
		if (ip_is_v4(&w->addr[i]))
			compare(p, BPF_JEQ, BPF_W, ETH_LEN + V4_DST,
				w->addr[i].b + 12, TAKE);
}

/* Datagrams in pieces are the host's business: RoCEv2 sends none. */
static void shared_v4(struct program *p, const struct xdp_wants *w,
		      const uint8_t port[2])
{
	static const uint8_t frag[2] = {0x3f, 0xff};
	const unsigned udp = ETH_LEN + IPV4_LEN;
	unsigned other = begin_type(p, AT_TYPE, type_v4);

	need(p, ETH_LEN + IPV4_LEN);
	unless_byte(p, ETH_LEN + V4_PROTO, IPPROTO_UDP_, PASS);
	load(p, BPF_H, 2, 7, ETH_LEN + V4_FRAG);
	emit(p, BPF_JMP32 | BPF_JSET | BPF_K, 2, 0, to(p, PASS),
	     value_of(frag, BPF_H));
	need_v4_datagram(p, ETH_LEN);
	compare(p, BPF_JNE, BPF_H, udp + UDP_DPORT, port, PASS);
	if (w->trains)
		pass_if_checked(p, udp);
	take_v4_dst(p, w);
	always(p, PASS);
	end_type(p, other);
}

static void take_v6_dst(struct program *p, const struct ip_addr *a)
{
	unsigned next = p->n + 8;

	for (unsigned i = 0; i < 3; i++)
		compare(p, BPF_JNE, BPF_W, ETH_LEN + V6_DST + 4 * i,
			a->b + 4 * (size_t)i, next);
	compare(p, BPF_JEQ, BPF_W, ETH_LEN + V6_DST + 12, a->b + 12, TAKE);
}

static void shared_v6(struct program *p, const struct xdp_wants *w,
		      const uint8_t port[2])
{
	const unsigned udp = ETH_LEN + IPV6_LEN;

	compare(p, BPF_JNE, BPF_H, AT_TYPE, type_v6, PASS);
	need(p, udp + UDP_LEN);
	unless_byte(p, ETH_LEN + V6_NEXT, IPPROTO_UDP_, PASS);
	compare(p, BPF_JNE, BPF_H, udp + UDP_DPORT, port, PASS);
	if (w->trains)
		pass_if_checked(p, udp);
	for (unsigned i = 0; i < w->naddr; i++)
		if (!ip_is_v4(&w->addr[i]))
			take_v6_dst(p, &w->addr[i]);
	always(p, PASS);
}

unsigned xdp_program(const struct xdp_wants *w, int map,
		     enum xdp_action otherwise, struct bpf_insn *out)
{
	struct program p = {out, 0};
	uint8_t port[2];

	assert(w->naddr <= XDP_ADDRS);
	put_be16(port, w->udp_port);
	ends(&p, map, otherwise);
	begin(&p, w);
	if (w->shared) {
		shared_v4(&p, w, port);
		shared_v6(&p, w, port);
	} else {
		own(&p, w);
	}
	return p.n;
}
