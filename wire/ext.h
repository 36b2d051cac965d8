/* The extension headers behind the BTH (IBTA vol. 1, 9.3 to 9.5, Annexes A14
 * (XRC), A19 (FLUSH, ATOMIC WRITE)).  decode: layout only, DROP_NONE or
 * DROP_SHORT, @in advances behind the header.  encode: writes *_LEN bytes.
 */
#ifndef WIRE_EXT_H
#define WIRE_EXT_H

#include "wire/bytes.h"
#include "wire/drop.h"

#define RETH_LEN      16u
#define AETH_LEN      4u
#define ATOMICETH_LEN 28u
#define ATOMICACK_LEN 8u
#define DETH_LEN      8u
#define IMMDT_LEN     4u
#define IETH_LEN      4u
#define XRCETH_LEN    4u
#define FETH_LEN      4u
#define CNP_PAD_LEN   16u
#define EXT_LEN_MAX   32u /* XRCETH and AtomicETH */

struct reth {
	uint64_t va;
	uint32_t rkey;
	uint32_t len; /* bytes of the whole message, at most 2^31 */
};

struct aeth {
	uint8_t syndrome; /* see wire/aeth.h */
	uint32_t msn;	  /* 24 bits */
};

struct atomiceth {
	uint64_t va;
	uint32_t rkey;
	uint64_t swap_add;
	uint64_t compare;
};

struct deth {
	uint32_t qkey;
	uint32_t sqpn; /* 24 bits */
};

struct feth {
	uint8_t type;	     /* placement type, 4 bits: FETH_GLOBAL ... */
	uint8_t selectivity; /* 2 bits: FETH_RANGE, FETH_MR */
};

#define FETH_GLOBAL	1u /* bit 0: global visibility */
#define FETH_PERSISTENT 2u /* bit 1: persistence */
#define FETH_RANGE	0u
#define FETH_MR		1u

enum drop reth_decode(struct reth *h, struct span *in);
enum drop aeth_decode(struct aeth *h, struct span *in);
enum drop atomiceth_decode(struct atomiceth *h, struct span *in);
enum drop atomicack_decode(uint64_t *orig, struct span *in);
enum drop deth_decode(struct deth *h, struct span *in);
enum drop immdt_decode(uint32_t *imm, struct span *in);	 /* host order */
enum drop ieth_decode(uint32_t *rkey, struct span *in);
enum drop xrceth_decode(uint32_t *srqn, struct span *in);
enum drop feth_decode(struct feth *h, struct span *in);

void reth_encode(const struct reth *h, uint8_t *out);
void aeth_encode(const struct aeth *h, uint8_t *out);
void atomiceth_encode(const struct atomiceth *h, uint8_t *out);
void atomicack_encode(uint64_t orig, uint8_t *out);
void deth_encode(const struct deth *h, uint8_t *out);
void immdt_encode(uint32_t imm, uint8_t *out);
void ieth_encode(uint32_t rkey, uint8_t *out);
void xrceth_encode(uint32_t srqn, uint8_t *out);
void feth_encode(const struct feth *h, uint8_t *out);

#endif
