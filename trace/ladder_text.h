/* A ladder in the terminal. */
#ifndef TRACE_LADDER_TEXT_H
#define TRACE_LADDER_TEXT_H

#include "trace/ladder.h"
#include "trace/paint.h"

/* @width: columns of the terminal. */
void ladder_print(const struct ladder *l, unsigned width,
		  const struct paint *paint, FILE *out);

#endif
