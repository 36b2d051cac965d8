/* What a capture says of each connection, and each direction of it: how much
 * was carried, what went wrong, and how long answers took.
 */
#ifndef TRACE_STATS_H
#define TRACE_STATS_H

#include <stdio.h>
#include "trace/check.h"
#include "trace/stream.h"

struct stats;

struct stats *stats_new(void); /* NULL: no memory */
void stats_free(struct stats *s);
/* Counts @p, which the checker called @note, on @t, which may be NULL.  False:
 * no memory.
 */
bool stats_add(struct stats *s, const struct packet *p, enum note note,
	       const struct stream *t);
/* A table for each connection; or a JSON object and line (docs/decode.md). */
void stats_print(const struct stats *s, FILE *out);
void stats_json(const struct stats *s, FILE *out);

#endif
