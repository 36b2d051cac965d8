/* Work requests that are being put together: what was built since ibv_wr_start.
 * All are posted, or none.
 */
#ifndef VERBS_SHIM_BATCH_H
#define VERBS_SHIM_BATCH_H

#include <pthread.h>
#include <stddef.h>
#include "nic/api.h"

struct batch {
	pthread_mutex_t lock; /* held from start to complete or abort */
	uint64_t ops;	      /* IBV_QP_EX_WITH_* that may be built */
	int err;	      /* the first thing that went wrong */
	struct gn_send_wr *wr;
	unsigned count, room;
	/* SGEs and inline data of all of them.  While building, pointers into
	 * it are offsets: it may move.
	 */
	uint8_t *data;
	size_t used, size;
};

struct batch *batch_new(uint64_t ops);
void batch_free(struct batch *b);

void batch_start(struct batch *b);
/* A further request, zeroed; NULL, and the batch has failed, without memory. */
struct gn_send_wr *batch_add(struct batch *b);
/* The last one added; NULL, and the batch has failed, if there is none. */
struct gn_send_wr *batch_last(struct batch *b);
/* Gives the last request @n SGEs of data; NULL as above.  Valid until the next
 * call.
 */
struct gn_sge *batch_sges(struct batch *b, unsigned n);
/* Gives the last request @len bytes of inline data: room for them, or NULL. */
void *batch_inline(struct batch *b, size_t len);
void batch_fail(struct batch *b, int err);
/* Posts and rings; 0, or errno and nothing is posted. */
int batch_complete(struct batch *b, struct gn_qp *qp);
void batch_abort(struct batch *b);

#endif
