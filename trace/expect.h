/* Expected violations, as a text file:
 *
 *	# what this capture is known for
 *	nak-seq-rnr 4		the rule broken, and the frame that breaks it
 *	after-fatal x3		or how many times, whatever the frames
 *
 * Each line stands for that many violations; a line may occur twice.
 */
#ifndef TRACE_EXPECT_H
#define TRACE_EXPECT_H

#include "trace/report.h"

#define EXPECT_ERROR_MAX 512

struct expect;

/* Reads @path.  NULL: @error says what, where and what to do, in one line. */
struct expect *expect_read(const char *path, char error[EXPECT_ERROR_MAX]);
void expect_free(struct expect *e);
/* Prints what is missing and what was not expected; true if nothing is. */
bool expect_compare(struct expect *e, const struct report *r, FILE *out);

#endif
