#include "nic/impair/damage.h"

#include <stdio.h>
#include "wire/aeth.h"
#include "wire/crc32.h"
#include "wire/opcode.h"

#define MASKED_BYTE 4u /* FECN and BECN: the ICRC reads them as ones */
#define CUT_ICRC    0x5a5a5a5au

static enum impair_aeth aeth_of(struct span in)
{
	if (in.len < 4)
		return IMPAIR_AETH_NONE;
	switch (aeth_kind(in.p[0])) {
	case AETH_ACK: return IMPAIR_AETH_ACK;
	case AETH_RNR: return IMPAIR_AETH_RNR;
	case AETH_NAK: return IMPAIR_AETH_NAK;
	case AETH_RESERVED: break;
	}
	return IMPAIR_AETH_NONE;
}

bool view_roce(struct impair_view *v, struct span start, size_t len)
{
	const struct opcode *op;

	if (bth_decode(&v->bth, &start) != DROP_NONE)
		return false;
	v->proto = IMPAIR_ROCE;
	v->body_len = (uint32_t)len;
	op = opcode_find(v->bth.opcode);
	v->aeth =
		op && op->flags & HAS_AETH ? aeth_of(start) : IMPAIR_AETH_NONE;
	return true;
}

uint32_t damage_body(const struct fate *f, uint8_t *body, uint32_t len)
{
	if (f->cut && f->cut < len)
		len = f->cut;
	for (unsigned i = 0; i < f->nflip; i++)
		if (f->flip[i] / 8 < len)
			body[f->flip[i] / 8] ^= (uint8_t)(1u << f->flip[i] % 8);
	return len;
}

static uint32_t crc_of_zeros(uint32_t reg, size_t len)
{
	static const uint8_t zeros[512];

	for (; len > sizeof(zeros); len -= sizeof(zeros))
		reg = crc32_add(reg, zeros, sizeof(zeros));
	return crc32_add(reg, zeros, len);
}

/* CRCs are linear: the ICRCs of two packets differ by the bare CRC of their
 * difference.
 */
uint32_t damage_icrc(const struct fate *f, uint32_t len)
{
	uint32_t wrong = f->cut ? CUT_ICRC : 0;

	if (!f->icrc_wrong)
		return 0;
	for (unsigned i = 0; i < f->nflip; i++) {
		uint32_t byte = f->flip[i] / 8;
		uint8_t bit = (uint8_t)(1u << f->flip[i] % 8);

		if (byte < len && byte != MASKED_BYTE)
			wrong ^= crc_of_zeros(crc32_add(0, &bit, 1),
					      len - 1 - byte);
	}
	return wrong;
}

void join_notes(char *out, size_t size, const char *first, const char *second)
{
	bool one = first && first[0], two = second && second[0];

	snprintf(out, size, "%s%s%s", one ? first : "", one && two ? "; " : "",
		 two ? second : "");
}
