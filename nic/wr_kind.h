/* What each kind of work request looks like on the wire. */
#ifndef NIC_WR_KIND_H
#define NIC_WR_KIND_H

#include "nic/qp.h"

struct wr_kind {
	enum operation first, middle, last, only;
	enum gn_wc_opcode wc;
	unsigned is; /* K_* */
};

#define K_SENDS	 (1u << 0) /* its message is bytes that go out */
#define K_READS	 (1u << 1) /* is answered with data; counts as rd_atomic */
#define K_WRITES (1u << 2) /* the answer is written to its SGEs */
#define K_RECV	 (1u << 3) /* needs a receive WR over there: credits */
#define K_SINGLE (1u << 4) /* one packet, whatever its length says */
#define K_LOCAL	 (1u << 5) /* no packet: done here, in its turn */

extern const struct wr_kind wr_kinds[GN_WR_N];

static inline bool wr_is(const struct swqe *w, unsigned kind)
{
	return wr_kinds[w->opcode].is & kind;
}

/* Packets of its message, and so its PSNs; 0: nothing leaves. */
uint32_t wr_packets(const struct gn_qp *qp, const struct swqe *w);
/* The headers of packet @pkt of @w, which is next to leave. */
void wr_headers(const struct gn_qp *qp, const struct swqe *w, uint32_t pkt,
		struct roce *r);

#endif
