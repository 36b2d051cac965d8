/* Base transport header (IBTA vol. 1, 9.2). */
#ifndef WIRE_BTH_H
#define WIRE_BTH_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/bytes.h"
#include "wire/drop.h"

#define BTH_LEN	    12u
#define PSN_MASK    0xffffffu
#define QPN_MASK    0xffffffu
#define PKEY_DEFAULT 0xffffu
#define ROCE_UDP_PORT 4791u

struct bth {
	uint8_t opcode;
	bool se;     /* solicited event */
	bool migreq; /* path migration state: migrated */
	uint8_t pad; /* 0..3 bytes */
	uint8_t tver;
	uint16_t pkey;
	bool fecn;
	bool becn;
	uint8_t resv6; /* the six bits beside FECN and BECN */
	uint32_t dqpn; /* 24 bits */
	bool ackreq;
	uint8_t resv7;
	uint32_t psn; /* 24 bits */
};

/* Layout only: DROP_NONE or DROP_SHORT.  Values are for others to judge. */
enum drop bth_decode(struct bth *h, struct span *in);
/* Writes BTH_LEN bytes; fields wider than the wire's are cut. */
void bth_encode(const struct bth *h, uint8_t *out);

/* Serial arithmetic over 24 bits (IBTA 9.7.2): a - b in -2^23 .. 2^23-1. */
static inline int32_t psn_diff(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 8) >> 8;
}

static inline uint32_t psn_add(uint32_t psn, uint32_t n)
{
	return (psn + n) & PSN_MASK;
}

#endif
