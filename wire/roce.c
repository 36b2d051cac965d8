/* A packet is BTH, the extension headers of its opcode's row in the order of
 * the HAS_ bits, payload, pad.  Row and length are looked at once, before
 * anything behind the BTH is read.
 */
#include <assert.h>
#include "wire/roce.h"

/* @in holds at least op->len - BTH_LEN bytes, so no decoder comes up short. */
static void decode_headers(struct roce *r, struct span *in)
{
	uint32_t has = r->op->flags;

	if (has & HAS_XRCETH)
		xrceth_decode(&r->srqn, in);
	if (has & HAS_DETH)
		deth_decode(&r->deth, in);
	if (has & HAS_FETH)
		feth_decode(&r->feth, in);
	if (has & HAS_RETH)
		reth_decode(&r->reth, in);
	if (has & HAS_ATOMICETH)
		atomiceth_decode(&r->atomic, in);
	if (has & HAS_AETH)
		aeth_decode(&r->aeth, in);
	if (has & HAS_ATOMICACK)
		atomicack_decode(&r->orig, in);
	if (has & HAS_IMM)
		immdt_decode(&r->imm, in);
	if (has & HAS_IETH)
		ieth_decode(&r->inv_rkey, in);
}

static enum drop check_payload(const struct roce *r, struct span payload)
{
	if (r->bth.pad > payload.len)
		return DROP_PAD;
	if (!(r->op->flags & HAS_PAYLOAD) && payload.len > 0)
		return DROP_LENGTH;
	if (r->bth.opcode == OPCODE_CNP && payload.len != CNP_PAD_LEN)
		return DROP_LENGTH;
	return DROP_NONE;
}

enum drop roce_decode(struct roce *r, struct span data)
{
	struct span in = data;
	enum drop why = bth_decode(&r->bth, &in);

	if (why)
		return why;
	if (r->bth.tver != 0)
		return DROP_TVER;
	r->op = opcode_find(r->bth.opcode);
	if (!r->op)
		return DROP_OPCODE;
	if (data.len < r->op->len)
		return DROP_SHORT;
	decode_headers(r, &in);
	why = check_payload(r, in);
	if (why)
		return why;

	r->payload = (struct span){in.p, in.len - r->bth.pad};
	return DROP_NONE;
}

/* Room for the next header. */
static uint8_t *take(uint8_t **out, size_t len)
{
	uint8_t *p = *out;

	*out += len;
	return p;
}

size_t roce_encode_head(const struct roce *r, uint8_t *out)
{
	const struct opcode *op = opcode_find(r->bth.opcode);
	uint32_t has;

	assert(op);
	has = op->flags;
	bth_encode(&r->bth, take(&out, BTH_LEN));
	if (has & HAS_XRCETH)
		xrceth_encode(r->srqn, take(&out, XRCETH_LEN));
	if (has & HAS_DETH)
		deth_encode(&r->deth, take(&out, DETH_LEN));
	if (has & HAS_FETH)
		feth_encode(&r->feth, take(&out, FETH_LEN));
	if (has & HAS_RETH)
		reth_encode(&r->reth, take(&out, RETH_LEN));
	if (has & HAS_ATOMICETH)
		atomiceth_encode(&r->atomic, take(&out, ATOMICETH_LEN));
	if (has & HAS_AETH)
		aeth_encode(&r->aeth, take(&out, AETH_LEN));
	if (has & HAS_ATOMICACK)
		atomicack_encode(r->orig, take(&out, ATOMICACK_LEN));
	if (has & HAS_IMM)
		immdt_encode(r->imm, take(&out, IMMDT_LEN));
	if (has & HAS_IETH)
		ieth_encode(r->inv_rkey, take(&out, IETH_LEN));
	return op->len;
}
