/* What verbs lines for QPs and work requests say, for both who do them: the
 * same words, presets and complaints.  Addresses (dgid=) are the caller's.
 */
#ifndef DRILL_CALL_WR_H
#define DRILL_CALL_WR_H

#include "drill/call.h"

#define CALL_SGES 32u

/* ---- QPs ---- */

/* "qp NAME TYPE ...", but for the attributes. */
struct call_qp {
	struct object *o;     /* a place for it; call_made makes it known */
	uint64_t type, state; /* to be, and to reach */
	struct object *pd, *scq, *rcq, *srq, *xrcd; /* the last two or NULL */
	uint32_t max_send_wr, max_recv_wr, max_send_sge, max_recv_sge,
		max_inline;
	bool sq_sig_all;
};

int call_new_qp(struct call *c, struct call_qp *q);
/* The attributes, and *@given: the bits of those that the line has. */
int call_attrs(struct call *c, uint64_t v[ATTR_N], unsigned *given);
/* "modify QP STATE": which QP, to where. */
int call_move(struct call *c, struct object **o, uint64_t *state);

/* ---- work requests ---- */

/* "post_send QP OPCODE ...", but for buffers, windows and destinations. */
struct call_wr {
	struct object *o;
	uint64_t opcode, wr_id;
	unsigned flags; /* IBV_SEND_* */
	uint64_t va, compare, swap, flush_len;
	uint32_t imm, inv_rkey, rkey, srqn;
	uint8_t flush_type, flush_level;
};

struct call_sge {
	struct object *o;
	uint64_t offset; /* may lie past the region */
	uint32_t len;
};

int call_wr(struct call *c, struct call_wr *wr);
/* All the line's sge=. */
int call_sges(struct call *c, struct call_sge sge[CALL_SGES], unsigned *n);
/* Where inline data is for the post itself; it must lie in its region. */
int call_inline(struct call *c, const struct call_sge *sge, uint64_t *addr);
/* The destination's numbers on a UD QP. */
struct call_datagram {
	uint32_t qpn, qkey;
	uint8_t traffic_class;
};
int call_datagram(struct call *c, struct call_datagram *d);
/* "mw=NAME mr=NAME": [at, + len) of the region. */
struct call_bind {
	struct object *mw, *mr;
	uint64_t at, len;
	unsigned access;
};
int call_bind(struct call *c, struct call_bind *b);
/* "post_recv QP|SRQ": where, and how often. */
int call_recv(struct call *c, struct object **o, uint64_t *wr_id,
	      uint64_t *times);

#endif
