/* Packets as text.  The text is the language of traces, of drills and of the
 * stories beside pcaps/: one packet is
 *
 *	RC_WRITE_ONLY dqpn=0x12 psn=7 ackreq va=0x1000 rkey=0x205 len=64 payload=64
 *
 * Flags appear when set; pkey only when not 0xffff; pad only when not 0;
 * migreq is on by default, so its absence is what is printed ("nomigreq").
 * An AETH is "ack credits=31 msn=4" | "rnr timer=12(0.64ms) msn=4" | "nak=0(PSN
 * sequence error) msn=4" | "reserved=0 msn=4".  Fields come in wire order:
 *
 *	XRCETH		srqn=
 *	DETH		qkey= sqpn=
 *	FETH		type= selectivity=
 *	RETH		va= rkey= len=
 *	AtomicETH	va= rkey= swap_add= compare=
 *	AtomicAckETH	orig=
 *	ImmDt		imm=
 *	IETH		inv_rkey=
 */
#ifndef WIRE_PRINT_H
#define WIRE_PRINT_H

#include <stddef.h>
#include "wire/roce.h"

/* Writes at most @size bytes, NUL included; returns @text. */
const char *roce_print(const struct roce *r, char *text, size_t size);
/* The AETH alone, as in roce_print. */
const char *aeth_print(const struct aeth *a, char *text, size_t size);

#endif
