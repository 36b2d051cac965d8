/* What a refused request costs an RC connection (IBTA 9.9, tables 58 and 59):
 * one row per enum drop that a responder can return.
 */
#ifndef NIC_VERDICT_H
#define NIC_VERDICT_H

#include "nic/api.h"
#include "wire/aeth.h"
#include "wire/drop.h"

enum cost {
	COST_NOTHING,  /* silence */
	COST_REPLAY,   /* seen before: answer again */
	COST_SEQ_NAK,  /* sequence NAK; the QP lives */
	COST_RNR_NAK,  /* RNR NAK; the QP lives */
	COST_FATAL,    /* the NAK below; the QP goes to ERR */
};

struct verdict {
	enum cost cost;
	enum nak nak;		    /* COST_FATAL */
	enum gn_event_type event;   /* if no receive WR carries the error */
	enum gn_wc_status recv;	    /* status of the receive WR in use */
};

extern const struct verdict rc_verdict[DROP_N];

#endif
