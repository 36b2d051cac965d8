#include "nic/verdict.h"

#define INVALID(status)                                                        \
	{                                                                      \
		COST_FATAL, NAK_INVALID_REQUEST, GN_EVENT_QP_REQ_ERR, status   \
	}
#define ACCESS                                                                 \
	{                                                                      \
		COST_FATAL, NAK_REMOTE_ACCESS, GN_EVENT_QP_ACCESS_ERR,         \
			GN_WC_LOC_ACCESS_ERR                                   \
	}

/* Rows that are not here cost nothing but the packet. */
const struct verdict rc_verdict[DROP_N] = {
	[DROP_DUPLICATE] = { .cost = COST_REPLAY },
	[DROP_SEQ_GAP] = { .cost = COST_SEQ_NAK },
	[DROP_RNR] = { .cost = COST_RNR_NAK },
	[DROP_OPCODE_SEQ] = INVALID(GN_WC_LOC_QP_OP_ERR),
	[DROP_REQ_LENGTH] = INVALID(GN_WC_LOC_LEN_ERR),
	[DROP_OP_DISABLED] = INVALID(GN_WC_LOC_QP_OP_ERR),
	[DROP_RD_ATOMIC] = INVALID(GN_WC_LOC_QP_OP_ERR),
	[DROP_XRC_SRQ] = INVALID(GN_WC_LOC_QP_OP_ERR),
	[DROP_MISALIGNED] = INVALID(GN_WC_LOC_QP_OP_ERR),
	[DROP_RECV_LENGTH] = INVALID(GN_WC_LOC_LEN_ERR),
	[DROP_RKEY] = ACCESS,
	[DROP_RANGE] = ACCESS,
	[DROP_RIGHTS] = ACCESS,
	[DROP_INVALIDATE] = ACCESS,
	[DROP_RECV_LKEY] = { COST_FATAL, NAK_REMOTE_OPERATIONAL,
			     GN_EVENT_QP_FATAL, GN_WC_LOC_PROT_ERR },
};
