/* RAW_PACKET QPs: whole Ethernet frames out, and in by flow steering. */
#ifndef NIC_RAW_H
#define NIC_RAW_H

#include "nic/link/link.h"
#include "nic/qp.h"

struct gn_flow {
	struct gn_flow *next; /* lower priorities follow */
	struct gn_qp *qp;
	struct gn_flow_match match;
};

/* Sends the work request at the cursor; SUCCESS, or why it failed. */
enum gn_wc_status raw_send(struct gn_qp *qp, struct swqe *w);
/* A link_raw: gives @frame to the QP whose flow it matches, and copies to
 * sniffers; false if none took it.
 */
bool raw_deliver(void *engine, struct span frame, nsec_t now);

/* -EINVAL: not a RAW_PACKET QP. */
int flow_new(struct gn_qp *qp, const struct gn_flow_match *match,
	     struct gn_flow **flow);
void flow_free(struct gn_flow *flow);
/* Before @qp goes. */
void flow_forget(struct gn_qp *qp);

#endif
