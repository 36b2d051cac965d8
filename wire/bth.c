/* The BTH on the wire (IBTA vol. 1, 9.2)
 *
 *	0	opcode
 *	1	SE 1, M(igReq) 1, pad count 2, transport version 4
 *	2..3	P_Key
 *	4	FECN 1, BECN 1, reserved 6 (masked in the ICRC)
 *	5..7	destination QP
 *	8	A(ckReq) 1, reserved 7
 *	9..11	PSN
 */
#include "wire/bth.h"

enum drop bth_decode(struct bth *h, struct span *in)
{
	const uint8_t *p = span_take(in, BTH_LEN);

	if (!p)
		return DROP_SHORT;

	h->opcode = p[0];
	h->se = p[1] & 0x80;
	h->migreq = p[1] & 0x40;
	h->pad = p[1] >> 4 & 3;
	h->tver = p[1] & 0x0f;
	h->pkey = get_be16(p + 2);
	h->fecn = p[4] & 0x80;
	h->becn = p[4] & 0x40;
	h->resv6 = p[4] & 0x3f;
	h->dqpn = get_be24(p + 5);
	h->ackreq = p[8] & 0x80;
	h->resv7 = p[8] & 0x7f;
	h->psn = get_be24(p + 9);
	return DROP_NONE;
}

void bth_encode(const struct bth *h, uint8_t *out)
{
	out[0] = h->opcode;
	out[1] = (uint8_t)(h->se << 7 | h->migreq << 6 | (h->pad & 3) << 4 |
			   (h->tver & 0x0f));
	put_be16(out + 2, h->pkey);
	out[4] = (uint8_t)(h->fecn << 7 | h->becn << 6 | (h->resv6 & 0x3f));
	put_be24(out + 5, h->dqpn);
	out[8] = (uint8_t)(h->ackreq << 7 | (h->resv7 & 0x7f));
	put_be24(out + 9, h->psn);
}
