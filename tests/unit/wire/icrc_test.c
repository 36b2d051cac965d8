#include "tests/unit/wire/hex.h"
#include "wire/bth.h"
#include "wire/icrc.h"

/* Whole packets from the IP header to the ICRC, made or captured by others. */

/* scapy, test/contrib/roce.uts: UC SEND Only, IPv4. */
static const char scapy_v4[] =
	"45010040047840004011b4d5c0a80007c0a80007 c00012b7002caca2"
	"2460ffff000000d300cf1710 4630818be28935d90e9a95505401be885e500000"
	"78f353f3";
/* The same file: UC SEND Only, IPv6. */
static const char scapy_v6[] =
	"6e21face002c11ff 20220000000000000000000000001023"
	"20230000000000000000000000001024 c00012b7002c0000"
	"2460ffff000000d300cf1710 4630818be28935d90e9a95505401be885e500000"
	"3e5b743b";
/* The same file: a CNP captured on a ConnectX-4 Lx. */
static const char cx4_cnp[] =
	"45c2003c718c400040119161 0a001101 0a001201 000012b700280000"
	"8100ffff40000118 00000000 00000000000000000000000000000000"
	"82fd002a";

struct packet {
	struct bytes bytes;
	struct ip_header ip;
	struct udp udp;
	struct span data; /* BTH to pad */
	uint32_t icrc;
};

static void parse(struct packet *p, const char *text)
{
	struct span in;

	p->bytes = hex(text);
	in = span_of(&p->bytes);
	cr_assert_eq(ip_decode(&p->ip, &in), DROP_NONE);
	cr_assert_eq(udp_decode(&p->udp, &in), DROP_NONE);
	p->data = (struct span){in.p, in.len - ICRC_LEN};
	p->icrc = icrc_get(in.p + p->data.len);
}

static uint32_t compute(const struct packet *p)
{
	return icrc_of(&p->ip, &p->udp, p->data);
}

static const char *const vectors[] = {scapy_v4, scapy_v6, cx4_cnp};

Test(icrc, vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct packet p;

		parse(&p, vectors[i]);
		cr_assert_eq(compute(&p), p.icrc, "vector %zu", i);
	}
}

Test(icrc, is_stored_lowest_byte_first)
{
	struct bytes want = hex("78 f3 53 f3");
	uint8_t out[ICRC_LEN];

	icrc_put(0xf353f378, out);
	expect_bytes(out, &want);
	cr_assert_eq(icrc_get(out), 0xf353f378);
}

Test(icrc, ignores_what_changes_on_the_way)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct packet p;

		parse(&p, vectors[i]);
		p.ip.tos ^= 0xff;
		p.ip.ttl ^= 0xff;
		p.ip.flow_label ^= 0xfffff;
		p.udp.checksum ^= 0xffff;
		p.bytes.p[p.data.p - p.bytes.p + 4] ^= 0xff; /* FECN, BECN */
		cr_assert_eq(compute(&p), p.icrc, "vector %zu", i);
	}
}

Test(icrc, covers_each_bit_of_the_rest)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct packet p;
		size_t at;

		parse(&p, vectors[i]);
		at = (size_t)(p.data.p - p.bytes.p);
		for (size_t bit = 0; bit < p.data.len * 8; bit++) {
			if (bit / 8 == 4)
				continue;
			p.bytes.p[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_assert_neq(compute(&p), p.icrc, "bit %zu", bit);
			p.bytes.p[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

Test(icrc, covers_addresses_ports_and_lengths)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct packet good, p;

		parse(&good, vectors[i]);
#define EXPECT_COVERED(field) \
	p = good;             \
	p.field ^= 1;         \
	cr_assert_neq(compute(&p), good.icrc, "vector %zu: %s", i, #field)
		EXPECT_COVERED(ip.src.b[15]);
		EXPECT_COVERED(ip.dst.b[15]);
		EXPECT_COVERED(ip.protocol);
		EXPECT_COVERED(ip.len);
		EXPECT_COVERED(udp.sport);
		EXPECT_COVERED(udp.dport);
		EXPECT_COVERED(udp.len);
#undef EXPECT_COVERED
	}
}

/* Bytes between the IPv4 identification and the ICRC. */
static size_t behind_id(const struct packet *p)
{
	return IPV4_LEN - 6 + UDP_LEN + p->data.len;
}

Test(icrc, solves_for_each_id)
{
	struct packet p;

	parse(&p, scapy_v4);
	for (uint32_t id = 0; id < 0x10000; id++) {
		p.ip.id = (uint16_t)id;
		cr_assert_eq(icrc_solve_id(compute(&p), p.icrc, behind_id(&p),
					   p.ip.id),
			     1144, "from %u", id);
	}
}

Test(icrc, solves_through_long_packets)
{
	static uint8_t data[4200] = {0x04, [100] = 7};
	static const size_t lens[] = {12, 13, 268, 1036, 4108, 4200};

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct packet p;
		uint32_t real;

		parse(&p, scapy_v4);
		p.data = (struct span){data, lens[i]};
		p.ip.id = 0xbeef;
		real = compute(&p);
		p.ip.id = 0;
		cr_assert_eq(icrc_solve_id(compute(&p), real, behind_id(&p), 0),
			     0xbeef);
	}
}

/* A flipped bit of the payload is not explained by any ID. */
Test(icrc, does_not_explain_a_bit_error)
{
	struct packet p;
	size_t at;

	parse(&p, scapy_v4);
	at = (size_t)(p.data.p - p.bytes.p) + BTH_LEN;
	p.ip.id = 0;
	for (size_t bit = 0; bit < (p.data.len - BTH_LEN) * 8; bit++) {
		p.bytes.p[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(
			icrc_solve_id(compute(&p), p.icrc, behind_id(&p), 0),
			-1, "bit %zu", bit);
		p.bytes.p[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
