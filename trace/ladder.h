/* A conversation as a ladder in the terminal: two lifelines, an arrow for each
 * packet.
 */
#ifndef TRACE_LADDER_H
#define TRACE_LADDER_H

#include "trace/print.h"

struct ladder;

/* For at most @max packets. NULL: no memory. */
struct ladder *ladder_new(size_t max);
void ladder_free(struct ladder *l);
/* Notes @p, if it is between the two hosts of the first packet. */
void ladder_add(struct ladder *l, const struct packet *p, enum note note);
/* @width: columns of the terminal. */
void ladder_print(const struct ladder *l, unsigned width,
		  const struct paint *paint, FILE *out);

#endif
