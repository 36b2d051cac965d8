/* The program, run over frames made by hand: as the kernel would, and, where
 * this process may ask for it, by the kernel, whose verifier then judges every
 * kind of program, too.
 */
#include <criterion/criterion.h>

#include <string.h>
#include <unistd.h>
#include "nic/port/xdp_prog.h"
#include "wire/udp.h"

#ifdef HAVE_XDP
#include <bpf/bpf.h>
#endif

#define FRAME_MAX 1518u
#define ROOM	  2048u
/* What a frame that is taken gets, there being no socket in the map. */
#define TAKEN XDP_DROP

static const struct mac own = {{2, 0x67, 10, 9, 0, 1}};
static const struct mac other = {{2, 0x67, 10, 9, 0, 2}};
static const struct mac almost = {{2, 0x67, 10, 9, 1, 1}};
static uint8_t frame[ROOM];
static size_t frame_len;

/* ---- as the kernel would ---- */

enum kind { NUMBER, FRAME, CONTEXT };

/* A register: a number, or a place in the frame. */
struct reg {
	uint64_t v;
	enum kind kind;
};

static uint64_t read_frame(uint64_t at, unsigned width, uint64_t checked)
{
	uint64_t v = 0;

	cr_assert_leq(at + width, checked, "reads where no check was made");
	memcpy(&v, frame + at, width);
	return v;
}

static struct reg read_context(int off)
{
	if (off == (int)offsetof(struct xdp_md, data))
		return (struct reg){0, FRAME};
	if (off == (int)offsetof(struct xdp_md, data_end))
		return (struct reg){frame_len, FRAME};
	cr_assert_eq(off, (int)offsetof(struct xdp_md, rx_queue_index));
	return (struct reg){0, NUMBER};
}

static unsigned width_of(uint8_t code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

static bool jumps(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JA: return true;
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JLT: return a < b;
	case BPF_JSET: return a & b;
	}
	cr_assert(false, "unknown jump 0x%x", op);
	return false;
}

static uint64_t alu(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_MOV: return b;
	case BPF_ADD: return a + b;
	}
	cr_assert(false, "unknown operation 0x%x", op);
	return 0;
}

static void step_alu(struct reg *r, const struct bpf_insn *i)
{
	bool x = BPF_SRC(i->code) == BPF_X;
	uint64_t b = x ? r[i->src_reg].v : (uint64_t)(int64_t)i->imm;

	r[i->dst_reg].v = alu(BPF_OP(i->code), r[i->dst_reg].v, b);
	if (BPF_OP(i->code) == BPF_MOV)
		r[i->dst_reg].kind = x ? r[i->src_reg].kind : NUMBER;
}

static bool step_jump(const struct reg *r, const struct bpf_insn *i)
{
	bool half = BPF_CLASS(i->code) == BPF_JMP32;
	uint64_t a = r[i->dst_reg].v;
	uint64_t b = BPF_SRC(i->code) == BPF_X ? r[i->src_reg].v
					       : (uint64_t)(int64_t)i->imm;

	return jumps(BPF_OP(i->code), half ? (uint32_t)a : a,
		     half ? (uint32_t)b : b);
}

static unsigned run_here(const struct bpf_insn *code, unsigned n)
{
	struct reg r[11] = {[1] = {0, CONTEXT}};

	for (unsigned pc = 0;;) {
		const struct bpf_insn *i = &code[pc++];

		cr_assert_lt(pc, n + 1, "runs past its end");
		switch (BPF_CLASS(i->code)) {
		case BPF_LD: /* the map; two instructions */ pc++; break;
		case BPF_LDX:
			if (r[i->src_reg].kind == CONTEXT)
				r[i->dst_reg] = read_context(i->off);
			else
				r[i->dst_reg] = (struct reg){
					read_frame(r[i->src_reg].v +
							   (uint64_t)i->off,
						   width_of(i->code),
						   frame_len),
					NUMBER};
			break;
		case BPF_ALU64: step_alu(r, i); break;
		case BPF_JMP:
		case BPF_JMP32:
			if (BPF_OP(i->code) == BPF_EXIT)
				return (unsigned)r[0].v;
			if (BPF_OP(i->code) != BPF_CALL)
				pc += step_jump(r, i) ? (unsigned)i->off : 0;
			else if (i->imm == BPF_FUNC_redirect_map)
				r[0] = (struct reg){r[3].v, NUMBER};
			else
				r[0] = (struct reg){frame_len, NUMBER};
			break;
		default: cr_assert(false, "unknown instruction 0x%x", i->code);
		}
	}
}

/* ---- by the kernel ---- */

#ifdef HAVE_XDP
static int map = -1;

static bool has_kernel(void)
{
	if (map < 0)
		map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, NULL, 4, 4, 1, NULL);
	return map >= 0;
}

static void ask_kernel(const struct xdp_wants *w, unsigned want)
{
	struct bpf_insn code[XDP_PROGRAM_LEN];
	unsigned n = xdp_program(w, map, TAKEN, code);
	static char log[65536];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log,
		    .log_size = sizeof(log), .log_level = 1,
		    .prog_flags = w->frags ? 1u << 5 : 0);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame,
		    .data_size_in = (uint32_t)frame_len, .repeat = 1);
	int prog =
		bpf_prog_load(BPF_PROG_TYPE_XDP, NULL, "GPL", code, n, &opts);

	cr_assert_geq(prog, 0, "the verifier: %s", log);
	cr_assert_eq(bpf_prog_test_run_opts(prog, &run), 0);
	close(prog);
	cr_assert_eq(run.retval, want, "the kernel says %u", run.retval);
}
#else
static bool has_kernel(void)
{
	return false;
}

static void ask_kernel(const struct xdp_wants *w, unsigned want)
{
}
#endif

static bool taken_as(struct xdp_wants *w, bool frags)
{
	struct bpf_insn code[XDP_PROGRAM_LEN];
	unsigned n, r;

	w->frags = frags;
	n = xdp_program(w, 0, TAKEN, code);
	r = run_here(code, n);
	cr_assert(r == TAKEN || r == XDP_PASS, "returns %u", r);
	if (has_kernel() && frame_len >= ETH_LEN)
		ask_kernel(w, r);
	return r == TAKEN;
}

static bool taken(struct xdp_wants *w)
{
	bool t = taken_as(w, false);

	cr_assert_eq(taken_as(w, true), t);
	return t;
}

/* ---- frames ---- */

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	cr_assert(ip_parse(&a, text), "%s", text);
	return a;
}

static void eth(const struct mac *dst, uint16_t type)
{
	struct eth e = {.dst = *dst, .src = other, .type = type};

	memset(frame, 0, sizeof(frame));
	eth_encode(&e, frame);
	frame_len = 64;
}

static void udp(const struct mac *dst, const char *to, uint16_t port)
{
	struct ip_header h = {
		.src = ip(strchr(to, ':') ? "fd00::9" : "10.9.0.9"),
		.dst = ip(to),
		.ttl = 64,
		.protocol = IPPROTO_UDP_,
		.len = UDP_LEN + 20};
	struct udp u = {.sport = 49152, .dport = port, .len = h.len};
	size_t n;

	h.version = ip_is_v4(&h.dst) ? 4 : 6;
	eth(dst, h.version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	n = ip_encode(&h, frame + ETH_LEN);
	udp_encode(&u, frame + ETH_LEN + n);
	frame_len = ETH_LEN + n + h.len;
}

static struct xdp_wants shared(void)
{
	return (struct xdp_wants){.mac = own,
				  .shared = true,
				  .addr = {ip("10.9.0.1"), ip("fd00::1"),
					   ip("10.9.0.7"), ip("fe80::1")},
				  .naddr = 4,
				  .udp_port = 4791,
				  .frame_max = FRAME_MAX};
}

static struct xdp_wants alone(void)
{
	struct xdp_wants w = shared();

	w.shared = false;
	return w;
}

/* ---- a MAC address of our own ---- */

Test(xdp_prog, all_to_our_mac)
{
	static const uint16_t type[] = {ETHERTYPE_IPV4, ETHERTYPE_IPV6,
					ETHERTYPE_ARP, ETHERTYPE_VLAN, 0x8915};
	struct xdp_wants w = alone();

	for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
		eth(&own, type[i]);
		cr_assert(taken(&w), "type %x", type[i]);
		eth(&other, type[i]);
		cr_assert(!taken(&w), "type %x", type[i]);
		eth(&almost, type[i]);
		cr_assert(!taken(&w), "type %x", type[i]);
		eth(&mac_broadcast, type[i]);
		cr_assert(!taken(&w), "type %x", type[i]);
	}
}

Test(xdp_prog, the_shortest)
{
	struct xdp_wants w = alone();

	eth(&own, ETHERTYPE_IPV4);
	frame_len = ETH_LEN;
	cr_assert(taken(&w));
	frame_len = ETH_LEN - 1;
	cr_assert(!taken(&w));
}

Test(xdp_prog, longer_ones_pass)
{
	struct xdp_wants w = alone();

	eth(&own, ETHERTYPE_IPV4);
	frame_len = FRAME_MAX;
	cr_assert(taken(&w));
	frame_len = FRAME_MAX + 1;
	cr_assert(!taken(&w));
}

Test(xdp_prog, the_longest_mtu)
{
	struct xdp_wants w = alone();

	w.frame_max = 65535 + ETH_LEN + VLAN_LEN;
	eth(&own, ETHERTYPE_IPV4);
	cr_assert(taken(&w));
}

/* Trains have a checksum; other frames are taken as ever. */
static void check_trains(struct xdp_wants *w, const char *to, unsigned tag)
{
	size_t udp_at = ETH_LEN + (strchr(to, ':') ? IPV6_LEN : IPV4_LEN);

	udp(&own, to, 4791);
	if (tag) {
		memmove(frame + 16, frame + 12, frame_len - 12);
		put_be16(frame + 12, ETHERTYPE_VLAN);
		put_be16(frame + 14, 5);
		frame_len += tag;
	}
	cr_assert(taken(w), "%s", to);
	frame[udp_at + tag + 7] = 1;
	w->trains = false;
	cr_assert(taken(w), "%s", to);
	w->trains = true;
	cr_assert(!taken(w), "%s", to);
	if (!w->shared) {
		frame[ETH_LEN + tag + (strchr(to, ':') ? 6 : 9)] = 6;
		cr_assert(taken(w), "%s", to);
	}
}

Test(xdp_prog, trains_pass)
{
	static const char *const to[] = {"10.9.0.1", "fd00::1"};
	struct xdp_wants a = alone(), s = shared();

	a.trains = s.trains = true;
	for (unsigned i = 0; i < 2; i++) {
		check_trains(&a, to[i], 0);
		check_trains(&a, to[i], VLAN_LEN);
		check_trains(&s, to[i], 0);
	}
	eth(&own, ETHERTYPE_ARP);
	cr_assert(taken(&a));
	eth(&own, ETHERTYPE_VLAN);
	cr_assert(taken(&a));
}

/* ---- the host's ---- */

Test(xdp_prog, shared_takes_rocev2)
{
	struct xdp_wants w = shared();

	for (unsigned i = 0; i < w.naddr; i++) {
		char text[IP_TEXT_MAX];

		udp(&own, ip_format(&w.addr[i], text), 4791);
		cr_assert(taken(&w), "%s", text);
	}
}

Test(xdp_prog, shared_leaves_the_rest)
{
	static const char *const to[] = {"10.9.0.1", "fd00::1"};
	struct xdp_wants w = shared();

	for (unsigned i = 0; i < 2; i++) {
		udp(&own, to[i], 4790);
		cr_assert(!taken(&w), "another port");
		udp(&other, to[i], 4791);
		cr_assert(!taken(&w), "another station");
		udp(&mac_broadcast, to[i], 4791);
		cr_assert(!taken(&w), "broadcast");
		udp(&own, to[i], 4791);
		frame[ETH_LEN + (i ? 6 : 9)] = 6;
		cr_assert(!taken(&w), "TCP");
	}
	udp(&own, "10.9.0.2", 4791);
	cr_assert(!taken(&w), "another address");
	udp(&own, "fd00::1:1", 4791);
	cr_assert(!taken(&w), "another address");
	for (unsigned at = 0; at < 16; at++) {
		udp(&own, "fd00::1", 4791);
		frame[ETH_LEN + 24 + at] ^= 0x80;
		cr_assert(!taken(&w), "another address in byte %u", at);
	}
	eth(&own, ETHERTYPE_ARP);
	cr_assert(!taken(&w), "ARP is the kernel's");
	eth(&own, ETHERTYPE_VLAN);
	cr_assert(!taken(&w), "VLANs are the kernel's");
}

/* They pass, to the AF_PACKET socket. */
Test(xdp_prog, ip_options)
{
	struct xdp_wants s = shared(), a = alone();

	udp(&own, "10.9.0.1", 4791);
	memmove(frame + ETH_LEN + 24, frame + ETH_LEN + 20, 28);
	frame[ETH_LEN] = 0x46;
	frame_len += 4;
	cr_assert(!taken(&s));
	cr_assert(taken(&a));
	a.trains = true;
	cr_assert(!taken(&a));
}

Test(xdp_prog, shared_leaves_fragments)
{
	static const uint16_t field[] = {0x2000, 0x0001, 0x1fff, 0x3000};
	struct xdp_wants w = shared();

	for (unsigned i = 0; i < 4; i++) {
		udp(&own, "10.9.0.1", 4791);
		put_be16(frame + ETH_LEN + 6, field[i]);
		cr_assert(!taken(&w), "%x", field[i]);
	}
	udp(&own, "10.9.0.1", 4791);
	put_be16(frame + ETH_LEN + 6, 0x4000);
	cr_assert(taken(&w), "DF is no fragment");
}

/* Cut anywhere, it passes, and nothing is read behind its end. */
Test(xdp_prog, shared_cut_short)
{
	static const char *const to[] = {"10.9.0.1", "fd00::1"};
	struct xdp_wants w = shared();

	for (unsigned i = 0; i < 2; i++) {
		size_t heads = ETH_LEN + (i ? IPV6_LEN : IPV4_LEN) + UDP_LEN;

		for (size_t len = 0; len <= heads; len++) {
			udp(&own, to[i], 4791);
			frame_len = len;
			cr_assert_eq(taken(&w), len == heads, "%zu bytes", len);
		}
	}
}

Test(xdp_prog, as_many_addresses_as_there_may_be)
{
	struct xdp_wants w = shared();

	for (unsigned i = 0; i < XDP_ADDRS; i++) {
		w.addr[i] = ip("fd00::1");
		w.addr[i].b[15] = (uint8_t)i;
	}
	w.naddr = XDP_ADDRS;
	udp(&own, "fd00::7", 4791);
	cr_assert(taken(&w));
	udp(&own, "fd00::8", 4791);
	cr_assert(!taken(&w));
}
