/* Writes one frame per opcode of the table and per way of carrying it, so that
 * other people's decoders can be asked what they see.
 *
 *	frames FILE.pcap	the frames go to FILE.pcap, and to stdout one
 *				line of JSON per frame: what went into it
 *
 * Nothing but wire/ builds the frames.  No two fields of a frame have the same
 * value, and the flags of the BTH differ from opcode to opcode.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "wire/aeth.h"
#include "wire/eth.h"
#include "wire/icrc.h"
#include "wire/ip.h"
#include "wire/roce.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

#define FRAME_MAX 512
#define VNI	  0xabcdefu
#define TTL	  64
#define ECT_0	  2

/* The ways of carrying a packet; each brings another kind of AETH. */
static const struct carriage {
	uint8_t version;
	bool vxlan;
	uint8_t syndrome;
} carriages[] = {
	{4, false, 0x1f}, /* ACK, credits not limited */
	{6, false, 0x2c}, /* RNR NAK, 0.64 ms */
	{4, true, 0x62},  /* NAK, remote access error */
	{6, true, 0x05},  /* ACK, 6 credits */
};

static const struct mac macs[2] = {{{0x02, 0, 0, 0, 0, 1}},
				   {{0x02, 0, 0, 0, 0, 2}}};

static struct bth bth_of(uint8_t code, uint8_t pad)
{
	return (struct bth){
		.opcode = code,
		.se = code & 1,
		.migreq = code & 2,
		.pad = pad,
		.pkey = (uint16_t)(0x8000 | code),
		.fecn = code & 8,
		.becn = code & 16,
		.dqpn = 0x100000u + code,
		.ackreq = code & 4,
		.psn = 0xf00000u + code,
	};
}

/* A17.9.3: BECN is set, PSN and the flags are zero. */
static struct bth bth_of_cnp(void)
{
	return (struct bth){.opcode = OPCODE_CNP,
			    .pkey = 0xffff,
			    .becn = true,
			    .dqpn = 0x100081};
}

/* 5 to 7 bytes where a packet may be of any length, else 8. */
static size_t payload_len(uint8_t code)
{
	const struct opcode *op = opcode_find(code);

	if (code == OPCODE_CNP)
		return CNP_PAD_LEN;
	if (!(op->flags & HAS_PAYLOAD))
		return 0;
	if (!(op->flags & IS_END) || op->flags & IS_ATOMIC)
		return 8;
	return 5 + code % 3u;
}

static struct roce packet_of(uint8_t code, uint8_t syndrome)
{
	static const uint8_t zeros[CNP_PAD_LEN];
	static const uint8_t bytes[8] = {0xd0, 0xd1, 0xd2, 0xd3,
					 0xd4, 0xd5, 0xd6, 0xd7};
	size_t len = payload_len(code);
	bool cnp = code == OPCODE_CNP;

	return (struct roce){
		.op = opcode_find(code),
		.bth = cnp ? bth_of_cnp() : bth_of(code, -len & 3),
		.srqn = 0x5c0001,
		.deth = {.qkey = 0x11121314, .sqpn = 0x212223},
		.feth = {.type = FETH_PERSISTENT, .selectivity = FETH_MR},
		.reth = {.va = 0x3132333435363738,
			 .rkey = 0x41424344,
			 .len = 0x51525354},
		.atomic = {.va = 0x6162636465666768,
			   .rkey = 0x71727374,
			   .swap_add = 0x8182838485868788,
			   .compare = 0x9192939495969798},
		.aeth = {.syndrome = syndrome, .msn = 0xa1a2a3},
		.orig = 0xb1b2b3b4b5b6b7b8,
		.imm = 0xc1c2c3c4,
		.inv_rkey = 0xe1e2e3e4,
		.payload = {cnp ? zeros : bytes, len},
	};
}

static struct ip_addr address(const char *text)
{
	struct ip_addr a;

	if (!ip_parse(&a, text))
		abort();
	return a;
}

static struct ip_header ip_of(uint8_t version, bool outer, size_t udp_len)
{
	const char *src = outer ? "192.0.2.1" : "10.0.0.1";
	const char *dst = outer ? "192.0.2.2" : "10.0.0.2";

	return (struct ip_header){
		.src = address(version == 4 ? src : "2001:db8::1"),
		.dst = address(version == 4 ? dst : "2001:db8::2"),
		.version = version,
		.tos = ECT_0,
		.ttl = TTL,
		.protocol = IPPROTO_UDP_,
		.len = (uint16_t)udp_len,
		.id = version == 4 ? 0x1d2e : 0,
		.df = version == 4,
		.flow_label = version == 6 ? 0xabcde : 0,
	};
}

/* Ethernet, IP and UDP (with its checksum) in front of @data; the frame's
 * length.
 */
static size_t put_frame(const struct ip_header *ip, struct udp *udp,
			struct span data, uint8_t *out)
{
	struct eth eth = {
		.dst = macs[1],
		.src = macs[0],
		.type = ip->version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6,
	};
	size_t at = eth_encode(&eth, out);
	uint32_t sum = checksum_pseudo(ip, IPPROTO_UDP_, udp->len);

	at += ip_encode(ip, out + at);
	udp->checksum = 0;
	udp_encode(udp, out + at);
	sum = checksum_add(sum, out + at, UDP_LEN);
	udp->checksum = checksum_fold(checksum_add(sum, data.p, data.len));
	udp_encode(udp, out + at);
	at += UDP_LEN;
	memcpy(out + at, data.p, data.len);
	return at + data.len;
}

static size_t put_roce(const struct roce *r, uint8_t version, uint8_t *out)
{
	uint8_t data[FRAME_MAX] = {0};
	size_t head = roce_encode_head(r, data);
	size_t len = head + r->payload.len + r->bth.pad;
	struct ip_header ip = ip_of(version, false, UDP_LEN + len + ICRC_LEN);
	struct udp udp = {0xc0de, ROCE_UDP_PORT, ip.len, 0};

	if (r->payload.len)
		memcpy(data + head, r->payload.p, r->payload.len);
	icrc_put(icrc_of(&ip, &udp, (struct span){data, len}), data + len);
	return put_frame(&ip, &udp, (struct span){data, len + ICRC_LEN}, out);
}

static size_t put_vxlan(struct span inner, uint8_t *out)
{
	uint8_t data[FRAME_MAX];
	size_t len = VXLAN_LEN + inner.len;
	struct ip_header ip = ip_of(4, true, UDP_LEN + len);
	struct udp udp = {0xc0df, VXLAN_UDP_PORT, ip.len, 0};

	vxlan_encode(VNI, data);
	memcpy(data + VXLAN_LEN, inner.p, inner.len);
	return put_frame(&ip, &udp, (struct span){data, len}, out);
}

static size_t build(const struct roce *r, const struct carriage *c,
		    uint8_t *out)
{
	uint8_t inner[FRAME_MAX];
	size_t len;

	if (!c->vxlan)
		return put_roce(r, c->version, out);
	len = put_roce(r, c->version, inner);
	return put_vxlan((struct span){inner, len}, out);
}

/* The classic capture format, big-endian: magic, version 2.4, zone, accuracy,
 * longest frame, Ethernet; then per frame seconds, microseconds, length twice.
 */
static void put_words(FILE *f, const uint32_t *words, size_t n)
{
	uint8_t bytes[4];

	for (size_t i = 0; i < n; i++) {
		put_be32(bytes, words[i]);
		fwrite(bytes, 1, sizeof(bytes), f);
	}
}

static void put_pcap_header(FILE *f)
{
	static const uint32_t words[6] = {0xa1b2c3d4, 2 << 16 | 4, 0,
					  0,	      FRAME_MAX,   1};

	put_words(f, words, 6);
}

static void put_pcap_frame(FILE *f, const uint8_t *p, size_t len)
{
	const uint32_t words[4] = {1, 0, (uint32_t)len, (uint32_t)len};

	put_words(f, words, 4);
	fwrite(p, 1, len, f);
}

static void tell(const char *key, uint64_t value)
{
	printf(", \"%s\": %" PRIu64, key, value);
}

static void tell_bth(const struct bth *h)
{
	tell("bth.opcode", h->opcode);
	tell("bth.se", h->se);
	tell("bth.migreq", h->migreq);
	tell("bth.pad", h->pad);
	tell("bth.tver", h->tver);
	tell("bth.pkey", h->pkey);
	tell("bth.fecn", h->fecn);
	tell("bth.becn", h->becn);
	tell("bth.dqpn", h->dqpn);
	tell("bth.ackreq", h->ackreq);
	tell("bth.psn", h->psn);
}

static void tell_extensions(const struct roce *r)
{
	const struct {
		uint32_t has;
		const char *key;
		uint64_t value;
	} rows[] = {
		{HAS_XRCETH, "xrceth.srqn", r->srqn},
		{HAS_DETH, "deth.qkey", r->deth.qkey},
		{HAS_DETH, "deth.sqpn", r->deth.sqpn},
		{HAS_FETH, "feth.type", r->feth.type},
		{HAS_FETH, "feth.selectivity", r->feth.selectivity},
		{HAS_RETH, "reth.va", r->reth.va},
		{HAS_RETH, "reth.rkey", r->reth.rkey},
		{HAS_RETH, "reth.len", r->reth.len},
		{HAS_ATOMICETH, "atomiceth.va", r->atomic.va},
		{HAS_ATOMICETH, "atomiceth.rkey", r->atomic.rkey},
		{HAS_ATOMICETH, "atomiceth.swap_add", r->atomic.swap_add},
		{HAS_ATOMICETH, "atomiceth.compare", r->atomic.compare},
		{HAS_AETH, "aeth.kind", aeth_kind(r->aeth.syndrome)},
		{HAS_AETH, "aeth.value", aeth_value(r->aeth.syndrome)},
		{HAS_AETH, "aeth.msn", r->aeth.msn},
		{HAS_ATOMICACK, "atomicack.orig", r->orig},
		{HAS_IMM, "immdt.imm", r->imm},
		{HAS_IETH, "ieth.rkey", r->inv_rkey},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (r->op->flags & rows[i].has)
			tell(rows[i].key, rows[i].value);
}

static void tell_packet(const struct roce *r, const struct carriage *c)
{
	printf("{\"name\": \"%s\", \"ip\": %u, \"vxlan\": %s", r->op->name,
	       c->version, c->vxlan ? "true" : "false");
	tell_bth(&r->bth);
	tell_extensions(r);
	printf(", \"payload\": \"");
	for (size_t i = 0; i < r->payload.len; i++)
		printf("%02x", r->payload.p[i]);
	printf("\"}\n");
}

static void write_opcode(FILE *f, uint8_t code)
{
	for (size_t i = 0; i < sizeof(carriages) / sizeof(*carriages); i++) {
		const struct carriage *c = &carriages[i];
		struct roce r = packet_of(code, c->syndrome);
		uint8_t frame[FRAME_MAX];

		put_pcap_frame(f, frame, build(&r, c, frame));
		tell_packet(&r, c);
	}
}

int main(int argc, char **argv)
{
	FILE *f;

	if (argc != 2) {
		fprintf(stderr, "usage: frames FILE.pcap\n");
		return 2;
	}
	f = fopen(argv[1], "wb");
	if (!f) {
		perror(argv[1]);
		return 1;
	}
	put_pcap_header(f);
	for (unsigned code = 0; code < 256; code++)
		if (opcode_find((uint8_t)code))
			write_opcode(f, (uint8_t)code);
	if (fclose(f) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
