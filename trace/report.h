/* The violations found, kept until the end of the capture: later packets may
 * explain an earlier one, and then it is taken back.
 */
#ifndef TRACE_REPORT_H
#define TRACE_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "trace/rule.h"

/* What must be known about the capture for a violation to stand. */
#define NEEDS_WHOLE    1u /* the sniffer missed nothing */
#define NEEDS_DELIVERY 2u /* what it saw was not lost behind it */
#define NEEDS_PAIR     4u /* the two directions belong together */

#define VIOLATION_TEXT_MAX 240

struct violation {
	enum rule rule;
	uint64_t frame;
	uint32_t stream; /* the stream's number; 0: none */
	unsigned needs;
	char text[VIOLATION_TEXT_MAX]; /* who, as what: what */
};

struct report;

struct report *report_new(void); /* NULL: no memory */
void report_free(struct report *r);

/* Adds a copy of @v.  Past a limit violations are only counted. */
void report_add(struct report *r, const struct violation *v);
/* Takes back the violations of @rule on @stream from @frame on. */
void report_retract(struct report *r, enum rule rule, uint32_t stream,
		    uint64_t frame);
/* Takes back what needs one of @missing. */
void report_settle(struct report *r, unsigned missing);
/* The same for what NEEDS_PAIR on @stream, if @paired is false; if it is true,
 * the need is fulfilled for good.
 */
void report_settle_pair(struct report *r, uint32_t stream, bool paired);
void report_sort(struct report *r); /* by frame */

size_t report_count(const struct report *r); /* also those past the limit */
size_t report_stored(const struct report *r);
const struct violation *report_get(const struct report *r, size_t i);
/* "frame 17: rule ack-unsent (IBTA 9.7.5.1.1): " and the text, one line. */
void report_print(const struct violation *v, FILE *out);

#endif
