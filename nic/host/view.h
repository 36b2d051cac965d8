/* A view into a running NIC, as JSON: docs/show.md is its schema. */
#ifndef NIC_HOST_VIEW_H
#define NIC_HOST_VIEW_H

#include "nic/host/json.h"

struct gn_nic;

#define VIEW_SCHEMA   1u    /* changes when what is there changes its meaning */
#define VIEW_LIST_MAX 4096u /* CQs and SRQs that are listed one by one */

/* Appends one object and a newline.  It holds the NIC's lock several times,
 * never for more than some objects each, so that it does not stop the traffic:
 * what moves meanwhile is not all of one moment.  Stops early, with text that
 * is not whole, when the NIC closes.
 */
void view_write(struct gn_nic *nic, struct json *j);

/* ---- between view.c and view_qp.c ---- */

/* The array "qps". */
void view_qps(struct gn_nic *nic, struct json *j);

#endif
