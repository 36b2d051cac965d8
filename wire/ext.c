#include "wire/ext.h"

/* RETH (9.3.3): VA 64, R_Key 32, DMA length 32. */
enum drop reth_decode(struct reth *h, struct span *in)
{
	const uint8_t *p = span_take(in, RETH_LEN);

	if (!p)
		return DROP_SHORT;

	h->va = get_be64(p);
	h->rkey = get_be32(p + 8);
	h->len = get_be32(p + 12);
	return DROP_NONE;
}

void reth_encode(const struct reth *h, uint8_t *out)
{
	put_be64(out, h->va);
	put_be32(out + 8, h->rkey);
	put_be32(out + 12, h->len);
}

/* AETH (9.3.5): syndrome 8, MSN 24. */
enum drop aeth_decode(struct aeth *h, struct span *in)
{
	const uint8_t *p = span_take(in, AETH_LEN);

	if (!p)
		return DROP_SHORT;

	h->syndrome = p[0];
	h->msn = get_be24(p + 1);
	return DROP_NONE;
}

void aeth_encode(const struct aeth *h, uint8_t *out)
{
	out[0] = h->syndrome;
	put_be24(out + 1, h->msn);
}

/* AtomicETH (9.3.4): VA 64, R_Key 32, swap or add 64, compare 64. */
enum drop atomiceth_decode(struct atomiceth *h, struct span *in)
{
	const uint8_t *p = span_take(in, ATOMICETH_LEN);

	if (!p)
		return DROP_SHORT;

	h->va = get_be64(p);
	h->rkey = get_be32(p + 8);
	h->swap_add = get_be64(p + 12);
	h->compare = get_be64(p + 20);
	return DROP_NONE;
}

void atomiceth_encode(const struct atomiceth *h, uint8_t *out)
{
	put_be64(out, h->va);
	put_be32(out + 8, h->rkey);
	put_be64(out + 12, h->swap_add);
	put_be64(out + 20, h->compare);
}

/* AtomicAckETH (9.5.3): the value before the operation. */
enum drop atomicack_decode(uint64_t *orig, struct span *in)
{
	const uint8_t *p = span_take(in, ATOMICACK_LEN);

	if (!p)
		return DROP_SHORT;

	*orig = get_be64(p);
	return DROP_NONE;
}

void atomicack_encode(uint64_t orig, uint8_t *out)
{
	put_be64(out, orig);
}

/* DETH (9.3.2): Q_Key 32, reserved 8, source QP 24. */
enum drop deth_decode(struct deth *h, struct span *in)
{
	const uint8_t *p = span_take(in, DETH_LEN);

	if (!p)
		return DROP_SHORT;

	h->qkey = get_be32(p);
	h->sqpn = get_be24(p + 5);
	return DROP_NONE;
}

void deth_encode(const struct deth *h, uint8_t *out)
{
	put_be32(out, h->qkey);
	out[4] = 0;
	put_be24(out + 5, h->sqpn);
}

/* ImmDt (9.3.6). */
enum drop immdt_decode(uint32_t *imm, struct span *in)
{
	const uint8_t *p = span_take(in, IMMDT_LEN);

	if (!p)
		return DROP_SHORT;

	*imm = get_be32(p);
	return DROP_NONE;
}

void immdt_encode(uint32_t imm, uint8_t *out)
{
	put_be32(out, imm);
}

/* IETH (9.3.7): the R_Key to invalidate. */
enum drop ieth_decode(uint32_t *rkey, struct span *in)
{
	const uint8_t *p = span_take(in, IETH_LEN);

	if (!p)
		return DROP_SHORT;

	*rkey = get_be32(p);
	return DROP_NONE;
}

void ieth_encode(uint32_t rkey, uint8_t *out)
{
	put_be32(out, rkey);
}

/* XRCETH (A14): reserved 8, SRQ number 24. */
enum drop xrceth_decode(uint32_t *srqn, struct span *in)
{
	const uint8_t *p = span_take(in, XRCETH_LEN);

	if (!p)
		return DROP_SHORT;

	*srqn = get_be24(p + 1);
	return DROP_NONE;
}

void xrceth_encode(uint32_t srqn, uint8_t *out)
{
	out[0] = 0;
	put_be24(out + 1, srqn);
}

/* FETH (A19): reserved 26, selectivity 2, placement type 4. */
enum drop feth_decode(struct feth *h, struct span *in)
{
	const uint8_t *p = span_take(in, FETH_LEN);

	if (!p)
		return DROP_SHORT;

	h->type = p[3] & 0x0f;
	h->selectivity = p[3] >> 4 & 3;
	return DROP_NONE;
}

void feth_encode(const struct feth *h, uint8_t *out)
{
	put_be24(out, 0);
	out[3] = (uint8_t)((h->selectivity & 3) << 4 | (h->type & 0x0f));
}
