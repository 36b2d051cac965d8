/* The connection manager's MADs, and packets of the connections that they make:
 * the checker's other input.  Input: for each packet a choice, and its fields.
 */
#include "tests/fuzz/judge.h"
#include "trace/cm.h"
#include "wire/opcode.h"

static struct ip_addr host(unsigned i)
{
	const uint8_t v4[4] = {10, 0, 0, (uint8_t)(i & 1)};

	return ip_from_v4(v4);
}

/* Few values, so that packets have to do with each other. */
static uint32_t near(struct fuzz *f, uint32_t base)
{
	return (base + fuzz_u8(f)) & QPN_MASK;
}

static void fill_mad(struct fuzz *f, uint8_t *mad)
{
	uint8_t *cm = mad + 24, kind = fuzz_u8(f), at;
	bool req = kind & 1;

	memset(mad, 0, MAD_LEN);
	mad[0] = 1;
	mad[1] = 7;
	mad[3] = 3;
	put_be16(mad + 16, req ? CM_REQ : CM_REP);
	put_be32(cm, fuzz_u8(f) & 3);
	put_be32(cm + 4, fuzz_u8(f) & 3);
	put_be24(cm + (req ? 32 : 12), 0x11 + (fuzz_u8(f) & 3));
	put_be24(cm + (req ? 44 : 20), near(f, 0x100));
	cm[43] = req ? fuzz_u8(f) : cm[43];
	/* Now and then another message, and bytes anywhere. */
	if (kind & 0x80)
		mad[17] = 0x0f + (kind >> 1 & 0xf);
	while ((at = fuzz_u8(f)) & 0x80)
		mad[at] = fuzz_u8(f);
}

static void fill_headers(struct fuzz *f, struct roce *r)
{
	r->bth.opcode = fuzz_u8(f);
	while (!opcode_find(r->bth.opcode))
		r->bth.opcode++;
	r->op = opcode_find(r->bth.opcode);
	r->bth.pkey = fuzz_rarely(f, 32) ? 0x7fff : 0xffff;
	r->bth.ackreq = fuzz_u8(f) & 1;
	r->bth.dqpn = 0x11 + (fuzz_u8(f) & 3);
	r->bth.psn = near(f, 0x100);
	r->reth.len = fuzz_u16(f) * (fuzz_rarely(f, 16) ? 0x10001u : 1u);
	r->atomic.va = fuzz_u8(f) * 4u;
	r->aeth.syndrome = fuzz_rarely(f, 2) ? fuzz_u8(f) : 31;
	r->aeth.msn = fuzz_u8(f);
}

static struct packet packet(struct fuzz *f, uint8_t *payload)
{
	bool is_mad = fuzz_rarely(f, 4);
	unsigned from = fuzz_u8(f);
	struct packet p = {.ip = {.version = 4,
				  .src = host(from),
				  .dst = host(from + 1),
				  .id = fuzz_u8(f)},
			   .tunnelled = from & 128,
			   .vni = 5};

	fill_headers(f, &p.roce);
	p.icrc = fuzz_rarely(f, 32) ? ICRC_CUT : ICRC_OK;
	p.icrc_received = fuzz_u8(f);
	p.roce.payload = (struct span){payload, 0};
	if (is_mad) {
		p.roce.bth.opcode = TRANSPORT_UD | OP_SEND_ONLY;
		p.roce.op = opcode_find(p.roce.bth.opcode);
		p.roce.bth.dqpn = 1;
		fill_mad(f, payload);
		p.roce.payload.len = fuzz_rarely(f, 16) ? fuzz_u8(f) : MAD_LEN;
	} else if (p.roce.op->flags & HAS_PAYLOAD) {
		p.roce.payload.len = fuzz_rarely(f, 4)
					     ? fuzz_u16(f) % 4097
					     : 256u << (from >> 1) % 5;
	}
	p.data = p.roce.payload;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t payload[4096];
	struct fuzz f = {data, size};
	struct judge judge;
	int64_t nsec = 0;

	judge_open(&judge, false);
	for (uint64_t frame = 1; f.len; frame++) {
		struct packet p = packet(&f, payload);

		nsec += (int64_t)fuzz_u8(&f) << (fuzz_u8(&f) & 31);
		p.frame = frame;
		p.nsec = nsec;
		judge_take(&judge, &p);
	}
	judge_close(&judge, 100);
	return 0;
}
