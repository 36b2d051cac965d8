/* Posting by calls: ibv_wr_start, ibv_wr_send, ..., ibv_wr_complete. */
#ifndef VERBS_SHIM_QP_EX_H
#define VERBS_SHIM_QP_EX_H

#include "verbs_shim/qp.h"

/* Younger than version 44's header. */
#define QP_EX_WITH_FLUSH (1u << 11) /* IBV_QP_EX_WITH_FLUSH */

/* The operations (IBV_QP_EX_WITH_*) that a QP of this type can be made with. */
uint64_t qp_ex_ops(enum ibv_qp_type type);
/* The inline room that these operations need, where @asked was asked for. */
uint32_t qp_ex_inline(uint64_t ops, uint32_t asked);

/* Makes @qp ready for it; -ENOMEM. */
int qp_ex_init(struct shim_qp *qp, uint64_t ops);
void qp_ex_fini(struct shim_qp *qp); /* also if it was not made so */

#endif
