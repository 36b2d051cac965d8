/* UD: datagrams in and out (IBTA 9.8.3). */
#ifndef NIC_DATAGRAM_H
#define NIC_DATAGRAM_H

#include "nic/link/link.h"
#include "nic/qp.h"

/* Bytes in front of each received datagram: the GRH area. */
#define GRH_LEN 40u

/* Sends the work request at the cursor; SUCCESS, or why it failed. */
enum gn_wc_status datagram_send(struct gn_qp *qp, struct swqe *w);
enum drop datagram_receive(struct gn_qp *qp, const struct roce *r,
			   const struct dgram *d);

#endif
