/* Memory that costs nothing until it is touched: for queues, of which most are
 * never used to their depth.
 */
#ifndef NIC_BASE_LAZY_H
#define NIC_BASE_LAZY_H

#include <stddef.h>

/* @size bytes, whatever is in them, aligned as malloc does; NULL: no memory. */
void *lazy_alloc(size_t size);
/* What lazy_alloc gave for @size; NULL is fine. */
void lazy_free(void *p, size_t size);

#endif
