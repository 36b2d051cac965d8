#include "tests/support/kind_mask.h"

#define INIT_C (GN_QP_PKEY_INDEX | GN_QP_PORT | GN_QP_ACCESS_FLAGS)
#define RTR_UC (GN_QP_AV | GN_QP_PATH_MTU | GN_QP_DEST_QPN | GN_QP_RQ_PSN)
#define RTR_RC (RTR_UC | GN_QP_MAX_DEST_RD_ATOMIC | GN_QP_MIN_RNR_TIMER)
#define RETRIES                                              \
	(GN_QP_TIMEOUT | GN_QP_RETRY_CNT | GN_QP_RNR_RETRY | \
	 GN_QP_MAX_QP_RD_ATOMIC)

unsigned kind_mask(enum gn_qp_type type, enum gn_qp_state from)
{
	static const unsigned masks[][3] = {
		[GN_QPT_RC] = {INIT_C, RTR_RC, GN_QP_SQ_PSN | RETRIES},
		[GN_QPT_UC] = {INIT_C, RTR_UC, GN_QP_SQ_PSN},
		[GN_QPT_UD] = {GN_QP_PKEY_INDEX | GN_QP_PORT | GN_QP_QKEY, 0,
			       GN_QP_SQ_PSN},
		[GN_QPT_RAW_PACKET] = {GN_QP_PORT, 0, 0},
		[GN_QPT_XRC_SEND] = {INIT_C, RTR_UC, GN_QP_SQ_PSN | RETRIES},
		[GN_QPT_XRC_RECV] = {INIT_C, RTR_RC,
				     GN_QP_SQ_PSN | GN_QP_TIMEOUT},
	};

	return masks[type][from];
}
