/* Memory windows of a duo's B: binding them, and using them from A. */
#ifndef TESTS_SUPPORT_WINDOWS_H
#define TESTS_SUPPORT_WINDOWS_H

#include "tests/support/duo.h"

#define WINDOW_ALL                                                             \
	(GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_READ |                      \
	 GN_ACCESS_REMOTE_ATOMIC)

/* A duo whose regions may be bound to. */
void windows_open(struct duo *d, enum gn_qp_type type);
struct gn_mw *windows_new(struct duo *d, unsigned type);
/* B binds @mw to [@offset, + @len) of its region, under its next key. */
struct gn_send_wr windows_wr(struct duo *d, struct gn_mw *mw, size_t offset,
			     uint64_t len, unsigned access);
/* The same, done, with this status. */
void windows_bind(struct duo *d, struct gn_mw *mw, size_t offset, uint64_t len,
		  unsigned access, enum gn_wc_status status);
/* A's @op of @len bytes at B's @offset through key @rkey. */
struct gn_send_wr windows_use(struct duo *d, uint32_t rkey, size_t offset,
			      uint32_t len, enum gn_wr_opcode op);
/* Does so; the status that A sees.  What ERR took is brought up again. */
enum gn_wc_status windows_try(struct duo *d, uint32_t rkey, size_t offset,
			      uint32_t len, enum gn_wr_opcode op);

#endif
