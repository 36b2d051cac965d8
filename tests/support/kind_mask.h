/* What moves of QPs require, for tests that have nothing to do with it. */
#ifndef TESTS_SUPPORT_KIND_MASK_H
#define TESTS_SUPPORT_KIND_MASK_H

#include "nic/api.h"

/* What the move of a QP of @type from @from (RESET, INIT, RTR) to the next
 * state requires.
 */
unsigned kind_mask(enum gn_qp_type type, enum gn_qp_state from);

#endif
