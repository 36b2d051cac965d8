/* QPs of other types than RC for a duo, and shared receive queues. */
#ifndef TESTS_SUPPORT_KINDS_H
#define TESTS_SUPPORT_KINDS_H

#include "nic/srq.h"
#include "tests/support/duo.h"
#include "tests/support/kind_mask.h"

#define KIND_QKEY 0x11111111u /* of every UD QP */
#define KIND_SRQ_COOKIE ((void *)0x51)

/* One more QP of @type on @side, in RESET, with the duo's capacities.  @srq and
 * @xrcd may be NULL.
 */
struct gn_qp *kind_qp(struct duo *d, unsigned side, enum gn_qp_type type,
		      struct gn_srq *srq, struct gn_xrcd *xrcd);
/* As duo_raise, for any type. */
void kind_raise(struct duo *d, unsigned side, struct gn_qp *qp, uint32_t dqpn,
		enum gn_qp_state to);
/* Puts @qp, which must be connectable to it, in the place of the duo's QP of
 * that side, which is freed.
 */
void kind_replace(struct duo *d, unsigned side, struct gn_qp *qp);
/* A duo whose two QPs are of @type and reach RTS; options NULL: the defaults. */
void kind_open(struct duo *d, const struct duo_options *o,
	       enum gn_qp_type type);
/* Raises both of the duo's QPs to RTS, connected. */
void kind_connect(struct duo *d);

struct gn_srq *kind_srq(struct duo *d, unsigned side, uint32_t max_wr);
struct gn_srq *kind_xrc_srq(struct duo *d, unsigned side, uint32_t max_wr,
			    struct gn_xrcd *xrcd, struct gn_cq *cq);
int kind_post_srq(struct duo *d, unsigned side, struct gn_srq *srq,
		  uint64_t wr_id, size_t offset, uint32_t len);

/* An address handle of @side towards the other side. */
struct gn_ah kind_ah(const struct duo *d, unsigned side);
/* A datagram of @len bytes from @side's memory at 0 to QP @dqpn of the other
 * side; its address handle is overwritten by the next of that side.
 */
struct gn_send_wr kind_datagram(struct duo *d, unsigned side, uint64_t wr_id,
				uint32_t len, uint32_t dqpn);

#endif
