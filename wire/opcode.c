/* How the table comes about
 *
 * An opcode is a transport's prefix and an operation's number, and nearly all
 * of a row follows from the operation.  So the operations are written down
 * once, in three lists: the messages that UC shares with RC, the requests that
 * only RC has, and the responses.  Each transport expands the lists that it
 * speaks; XRC adds its own header to the requests (IBTA Annex A14), UD adds
 * the DETH to the two SENDs that it has.
 */
#include <stddef.h>
#include "wire/bth.h"
#include "wire/ext.h"
#include "wire/opcode.h"

#define SEND  (IS_REQUEST | IS_SEND | HAS_PAYLOAD | TAKES_RECV)
#define WRITE (IS_REQUEST | IS_WRITE | HAS_PAYLOAD)

/* IBTA vol. 1, 9.2.1, table 38.  A row is X(transport, more, operation, flags),
 * where @more are the flags that the transport adds.
 */
#define SENDS_AND_WRITES(X, t, more)                                       \
	X(t, more, SEND_FIRST, SEND | IS_FIRST)                            \
	X(t, more, SEND_MIDDLE, SEND | IS_MIDDLE)                          \
	X(t, more, SEND_LAST, SEND | IS_LAST)                              \
	X(t, more, SEND_LAST_IMM, SEND | IS_LAST | HAS_IMM)                \
	X(t, more, SEND_ONLY, SEND | IS_ONLY)                              \
	X(t, more, SEND_ONLY_IMM, SEND | IS_ONLY | HAS_IMM)                \
	X(t, more, WRITE_FIRST, WRITE | IS_FIRST | HAS_RETH)               \
	X(t, more, WRITE_MIDDLE, WRITE | IS_MIDDLE)                        \
	X(t, more, WRITE_LAST, WRITE | IS_LAST)                            \
	X(t, more, WRITE_LAST_IMM, WRITE | IS_LAST | HAS_IMM | TAKES_RECV) \
	X(t, more, WRITE_ONLY, WRITE | IS_ONLY | HAS_RETH)                 \
	X(t, more, WRITE_ONLY_IMM,                                         \
	  WRITE | IS_ONLY | HAS_RETH | HAS_IMM | TAKES_RECV)

/* The last two rows: IBTA Annex A19. */
#define RC_REQUESTS(X, t, more)                                             \
	X(t, more, READ_REQUEST, IS_REQUEST | IS_READ | IS_ONLY | HAS_RETH) \
	X(t, more, COMPARE_SWAP,                                            \
	  IS_REQUEST | IS_ATOMIC | IS_ONLY | HAS_ATOMICETH)                 \
	X(t, more, FETCH_ADD,                                               \
	  IS_REQUEST | IS_ATOMIC | IS_ONLY | HAS_ATOMICETH)                 \
	X(t, more, SEND_LAST_INV, SEND | IS_LAST | HAS_IETH)                \
	X(t, more, SEND_ONLY_INV, SEND | IS_ONLY | HAS_IETH)                \
	X(t, more, FLUSH, IS_REQUEST | IS_ONLY | HAS_FETH | HAS_RETH)       \
	X(t, more, ATOMIC_WRITE,                                            \
	  IS_REQUEST | IS_ATOMIC | IS_ONLY | HAS_RETH | HAS_PAYLOAD)

#define READ_RESPONSE (IS_RESPONSE | IS_READ | HAS_PAYLOAD)

#define RC_RESPONSES(X, t)                                                \
	X(t, 0, READ_RESPONSE_FIRST, READ_RESPONSE | IS_FIRST | HAS_AETH) \
	X(t, 0, READ_RESPONSE_MIDDLE, READ_RESPONSE | IS_MIDDLE)          \
	X(t, 0, READ_RESPONSE_LAST, READ_RESPONSE | IS_LAST | HAS_AETH)   \
	X(t, 0, READ_RESPONSE_ONLY, READ_RESPONSE | IS_ONLY | HAS_AETH)   \
	X(t, 0, ACKNOWLEDGE, IS_RESPONSE | IS_ONLY | HAS_AETH)            \
	X(t, 0, ATOMIC_ACKNOWLEDGE,                                       \
	  IS_RESPONSE | IS_ONLY | HAS_AETH | HAS_ATOMICACK)

#define UD_SENDS(X)                                \
	X(UD, HAS_DETH, SEND_ONLY, SEND | IS_ONLY) \
	X(UD, HAS_DETH, SEND_ONLY_IMM, SEND | IS_ONLY | HAS_IMM)

#define LEN(flags, has, len) ((flags) & (has) ? (len) : 0)
#define HEAD_LEN(f)                                                          \
	(BTH_LEN + LEN(f, HAS_XRCETH, XRCETH_LEN) +                          \
	 LEN(f, HAS_DETH, DETH_LEN) + LEN(f, HAS_FETH, FETH_LEN) +           \
	 LEN(f, HAS_RETH, RETH_LEN) + LEN(f, HAS_ATOMICETH, ATOMICETH_LEN) + \
	 LEN(f, HAS_AETH, AETH_LEN) + LEN(f, HAS_ATOMICACK, ATOMICACK_LEN) + \
	 LEN(f, HAS_IMM, IMMDT_LEN) + LEN(f, HAS_IETH, IETH_LEN))

#define ROW(t, more, op, flags)                                              \
	[(int)TRANSPORT_##t | (int)OP_##op] = {#t "_" #op, (flags) | (more), \
					       HEAD_LEN((flags) | (more))},

/* clang-format off */
static const struct opcode table[256] = {
	SENDS_AND_WRITES(ROW, RC, 0)
	RC_REQUESTS(ROW, RC, 0)
	RC_RESPONSES(ROW, RC)
	SENDS_AND_WRITES(ROW, UC, 0)
	UD_SENDS(ROW)
	SENDS_AND_WRITES(ROW, XRC, HAS_XRCETH)
	RC_REQUESTS(ROW, XRC, HAS_XRCETH)
	RC_RESPONSES(ROW, XRC)
	/* A17.9.3: neither request nor response; 16 reserved bytes follow. */
	[OPCODE_CNP] = {"CNP", HAS_PAYLOAD, BTH_LEN},
};
/* clang-format on */

const struct opcode *opcode_find(uint8_t code)
{
	const struct opcode *op = &table[code];

	return op->name ? op : NULL;
}
