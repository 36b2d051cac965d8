/* A ladder as an SVG picture: light and dark, with all fields of a packet where
 * one points at it.  It stands alone, and is part of the page of ladder_html.c.
 */
#ifndef TRACE_LADDER_SVG_H
#define TRACE_LADDER_SVG_H

#include "trace/ladder.h"

/* @l is finished; @name is the capture's. */
void ladder_svg(const struct ladder *l, const char *name, FILE *out);
/* "0x12 and 0x11", or as much of it as is known. */
void ladder_connection_print(const struct ladder_connection *c, FILE *out);
/* Which packets of @name are drawn, and how many are not. */
void ladder_scope(const struct ladder *l, const char *name, FILE *out);

#endif
