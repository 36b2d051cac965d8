#include <criterion/criterion.h>
#include "wire/ext.h"
#include "wire/bth.h"
#include "wire/opcode.h"

static int bits(uint32_t v)
{
	return __builtin_popcount(v);
}

/* Operations of each transport as a bit map (IBTA vol. 1, table 38; A14, A19).
 * RESYNC (0x15) belongs to RD, 0x18 to 0x1b and 0x1e, 0x1f to nobody.
 */
static uint32_t known_operations(unsigned prefix)
{
	switch (prefix) {
	case TRANSPORT_RC:
	case TRANSPORT_XRC: return 0x30dfffff;
	case TRANSPORT_UC: return 0x00000fff;
	case TRANSPORT_UD: return 0x00000030;
	case TRANSPORT_CNP: return 0x00000002;
	}
	return 0;
}

Test(opcode, knows_exactly_the_standard_s)
{
	for (unsigned code = 0; code < 256; code++) {
		bool known = known_operations(code & 0xe0) >> (code & 0x1f) & 1;

		cr_assert_eq(opcode_find((uint8_t)code) != NULL, known,
			     "opcode 0x%02x", code);
	}
}

Test(opcode, names)
{
	static const struct {
		uint8_t code;
		const char *name;
	} rows[] = {
		{0x00, "RC_SEND_FIRST"},
		{0x0b, "RC_WRITE_ONLY_IMM"},
		{0x0c, "RC_READ_REQUEST"},
		{0x10, "RC_READ_RESPONSE_ONLY"},
		{0x11, "RC_ACKNOWLEDGE"},
		{0x17, "RC_SEND_ONLY_INV"},
		{0x1c, "RC_FLUSH"},
		{0x1d, "RC_ATOMIC_WRITE"},
		{0x24, "UC_SEND_ONLY"},
		{0x65, "UD_SEND_ONLY_IMM"},
		{0x81, "CNP"},
		{0xb4, "XRC_FETCH_ADD"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_assert_str_eq(opcode_find(rows[i].code)->name, rows[i].name);
}

/* Lengths of BTH and extension headers together, summed by hand. */
Test(opcode, lengths)
{
	static const struct {
		uint8_t code, len;
	} rows[] = {
		{0x00, 12},
		{0x03, 12 + 4},
		{0x06, 12 + 16},
		{0x0b, 12 + 16 + 4},
		{0x0c, 12 + 16},
		{0x0d, 12 + 4},
		{0x0e, 12},
		{0x12, 12 + 4 + 8},
		{0x13, 12 + 28},
		{0x16, 12 + 4},
		{0x1c, 12 + 4 + 16},
		{0x1d, 12 + 16},
		{0x2b, 12 + 16 + 4},
		{0x64, 12 + 8},
		{0x65, 12 + 8 + 4},
		{0x81, 12},
		{0xa0, 12 + 4},
		{0xab, 12 + 4 + 16 + 4},
		{0xb3, 12 + 4 + 28},
		{0xb1, 12 + 4},
		{0xbc, 12 + 4 + 4 + 16},
		{0xbd, 12 + 4 + 16},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_assert_eq(opcode_find(rows[i].code)->len, rows[i].len,
			     "opcode 0x%02x", rows[i].code);
	for (unsigned code = 0; code < 256; code++)
		if (opcode_find((uint8_t)code))
			cr_assert_leq(opcode_find((uint8_t)code)->len,
				      BTH_LEN + EXT_LEN_MAX);
}

/* What holds for every packet of a message, whatever the transport. */
Test(opcode, flags_are_consistent)
{
	for (unsigned code = 0; code < 256; code++) {
		const struct opcode *op = opcode_find((uint8_t)code);

		if (!op || code == OPCODE_CNP)
			continue;
		cr_assert_eq(bits(op->flags & (IS_REQUEST | IS_RESPONSE)), 1,
			     "%s", op->name);
		cr_assert_eq(bits(op->flags &
				  (IS_FIRST | IS_MIDDLE | IS_LAST | IS_ONLY)),
			     1, "%s", op->name);
		cr_assert_leq(bits(op->flags &
				   (IS_SEND | IS_WRITE | IS_READ | IS_ATOMIC)),
			      1, "%s", op->name);
		cr_assert_eq(!(op->flags & HAS_XRCETH),
			     !((code & 0xe0) == TRANSPORT_XRC &&
			       op->flags & IS_REQUEST),
			     "%s", op->name);
		cr_assert_eq(!(op->flags & HAS_DETH),
			     (code & 0xe0) != TRANSPORT_UD, "%s", op->name);
	}
}

/* A receive WR goes to each SEND, and to a WRITE that brings an immediate. */
Test(opcode, who_takes_a_receive)
{
	for (unsigned code = 0; code < 256; code++) {
		const struct opcode *op = opcode_find((uint8_t)code);

		if (!op)
			continue;
		cr_assert_eq(!!(op->flags & TAKES_RECV),
			     op->flags & IS_SEND || (op->flags & IS_WRITE &&
						     op->flags & HAS_IMM),
			     "%s", op->name);
	}
}

Test(opcode, splits_into_transport_and_operation)
{
	cr_assert_eq(opcode_transport(0xb4), TRANSPORT_XRC);
	cr_assert_eq(opcode_operation(0xb4), OP_FETCH_ADD);
	cr_assert_eq(opcode_transport(OPCODE_CNP), TRANSPORT_CNP);
}
