/* The opcode table: one row per BTH opcode that RC, UC, UD, XRC or CNP knows
 * (IBTA vol. 1, 9.2.1 table 38 and Annexes A14, A17, A19).
 */
#ifndef WIRE_OPCODE_H
#define WIRE_OPCODE_H

#include <stdint.h>

/* Transport prefix, bits 7:5 of the opcode. */
enum transport {
	TRANSPORT_RC = 0x00,
	TRANSPORT_UC = 0x20,
	TRANSPORT_UD = 0x60,
	TRANSPORT_CNP = 0x80,
	TRANSPORT_XRC = 0xa0,
};

/* Operation, bits 4:0 of the opcode. */
enum operation {
	OP_SEND_FIRST = 0x00,
	OP_SEND_MIDDLE = 0x01,
	OP_SEND_LAST = 0x02,
	OP_SEND_LAST_IMM = 0x03,
	OP_SEND_ONLY = 0x04,
	OP_SEND_ONLY_IMM = 0x05,
	OP_WRITE_FIRST = 0x06,
	OP_WRITE_MIDDLE = 0x07,
	OP_WRITE_LAST = 0x08,
	OP_WRITE_LAST_IMM = 0x09,
	OP_WRITE_ONLY = 0x0a,
	OP_WRITE_ONLY_IMM = 0x0b,
	OP_READ_REQUEST = 0x0c,
	OP_READ_RESPONSE_FIRST = 0x0d,
	OP_READ_RESPONSE_MIDDLE = 0x0e,
	OP_READ_RESPONSE_LAST = 0x0f,
	OP_READ_RESPONSE_ONLY = 0x10,
	OP_ACKNOWLEDGE = 0x11,
	OP_ATOMIC_ACKNOWLEDGE = 0x12,
	OP_COMPARE_SWAP = 0x13,
	OP_FETCH_ADD = 0x14,
	OP_SEND_LAST_INV = 0x16,
	OP_SEND_ONLY_INV = 0x17,
	OP_FLUSH = 0x1c,
	OP_ATOMIC_WRITE = 0x1d,
};

#define OPCODE_CNP 0x81 /* TRANSPORT_CNP | 1: what NICs send */

/* Which headers follow the BTH, in wire order: XRCETH, DETH, FETH, RETH,
 * AtomicETH, AETH, AtomicAckETH, ImmDt, IETH.
 */
#define HAS_XRCETH    (1u << 0)
#define HAS_DETH      (1u << 1)
#define HAS_FETH      (1u << 2)
#define HAS_RETH      (1u << 3)
#define HAS_ATOMICETH (1u << 4)
#define HAS_AETH      (1u << 5)
#define HAS_ATOMICACK (1u << 6)
#define HAS_IMM	      (1u << 7)
#define HAS_IETH      (1u << 8)
/* What kind of packet it is. */
#define IS_REQUEST  (1u << 9)  /* travels requester to responder */
#define IS_RESPONSE (1u << 10) /* travels responder to requester */
#define IS_SEND	    (1u << 11)
#define IS_WRITE    (1u << 12)
#define IS_READ	    (1u << 13) /* READ request or response */
#define IS_ATOMIC   (1u << 14) /* CmpSwap, FetchAdd, ATOMIC WRITE */
#define IS_FIRST    (1u << 15) /* starts a message of several packets */
#define IS_MIDDLE   (1u << 16)
#define IS_LAST	    (1u << 17) /* ends a message of several packets */
#define IS_ONLY	    (1u << 18) /* a message of one packet */
#define HAS_PAYLOAD (1u << 19) /* may carry payload bytes */
#define TAKES_RECV  (1u << 20) /* its message consumes a receive WR */

#define IS_START (IS_FIRST | IS_ONLY)
#define IS_END	 (IS_LAST | IS_ONLY)

struct opcode {
	const char *name; /* "RC_SEND_FIRST", the standard's words; NULL: unknown */
	uint32_t flags;	  /* HAS_* and IS_* */
	uint8_t len;	  /* bytes of BTH and extension headers together */
};

/* The row of opcode @code, or NULL if RoCEv2 defines none. */
const struct opcode *opcode_find(uint8_t code);

static inline enum transport opcode_transport(uint8_t code)
{
	return (enum transport)(code & 0xe0);
}

static inline uint8_t opcode_of(enum transport t, enum operation op)
{
	return (uint8_t)((unsigned)t | (unsigned)op);
}

static inline enum operation opcode_operation(uint8_t code)
{
	return (enum operation)(code & 0x1f);
}

#endif
