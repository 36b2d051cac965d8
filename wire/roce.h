/* A RoCEv2 packet as a whole: BTH, the extension headers that its opcode
 * promises, payload and pad.
 */
#ifndef WIRE_ROCE_H
#define WIRE_ROCE_H

#include "wire/bth.h"
#include "wire/bytes.h"
#include "wire/drop.h"
#include "wire/ext.h"
#include "wire/opcode.h"

struct roce {
	struct bth bth;
	const struct opcode *op; /* row of bth.opcode */
	uint32_t srqn;		 /* XRCETH */
	struct deth deth;
	struct feth feth;
	struct reth reth;
	struct atomiceth atomic;
	struct aeth aeth;
	uint64_t orig;		 /* AtomicAckETH */
	uint32_t imm;		 /* host order */
	uint32_t inv_rkey;	 /* IETH */
	struct span payload;	 /* without pad */
};

#define ROCE_HEAD_MAX (BTH_LEN + EXT_LEN_MAX)

/* Decodes @data, the UDP payload without the ICRC.  Fields whose header the
 * opcode does not have are left alone.  DROP_TVER, DROP_OPCODE, DROP_SHORT,
 * DROP_PAD, DROP_LENGTH (payload where the opcode has none; a CNP without its
 * 16 bytes).
 */
enum drop roce_decode(struct roce *r, struct span data);
/* Writes BTH and extension headers as the opcode says; returns their length.
 * r->op may be NULL.  The opcode must be known.
 */
size_t roce_encode_head(const struct roce *r, uint8_t *out);

#endif
