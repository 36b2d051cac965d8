/* What an AETH syndrome says (IBTA vol. 1, 9.7.5.1.2, tables 45 to 47). */
#ifndef WIRE_AETH_H
#define WIRE_AETH_H

#include <stdint.h>

enum aeth_kind {
	AETH_ACK = 0,	   /* value: credit code */
	AETH_RNR = 1,	   /* value: RNR timer code */
	AETH_RESERVED = 2,
	AETH_NAK = 3,	   /* value: enum nak */
};

enum nak {
	NAK_PSN_SEQUENCE = 0,
	NAK_INVALID_REQUEST = 1,
	NAK_REMOTE_ACCESS = 2,
	NAK_REMOTE_OPERATIONAL = 3,
	NAK_INVALID_RD = 4,
	NAK_N
};

#define CREDITS_UNLIMITED 31u /* the credit code "not limited" */

static inline uint8_t aeth_syndrome(enum aeth_kind kind, unsigned value)
{
	return (uint8_t)((unsigned)kind << 5 | (value & 0x1f));
}

static inline enum aeth_kind aeth_kind(uint8_t syndrome)
{
	return (enum aeth_kind)(syndrome >> 5 & 3);
}

static inline unsigned aeth_value(uint8_t syndrome)
{
	return syndrome & 0x1f;
}

/* "PSN sequence error", ...; "reserved" for codes past NAK_INVALID_RD. */
const char *nak_text(unsigned code);
/* RNR timer code 0..31 to microseconds (table 46; code 25 is 61.44 ms). */
uint32_t rnr_usec(unsigned code);
/* Credit code 0..30 to receive WQEs (table 47); UINT32_MAX for code 31. */
uint32_t credits_from_code(unsigned code);
/* The largest code that promises no more than @wqes. */
unsigned credits_to_code(uint32_t wqes);

#endif
