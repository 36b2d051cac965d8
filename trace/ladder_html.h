/* A ladder as a page that stands alone: the SVG picture, the fields of the
 * packet that one points at, and filters by connection, kind and text.  It
 * loads nothing and its policy forbids to.
 */
#ifndef TRACE_LADDER_HTML_H
#define TRACE_LADDER_HTML_H

#include "trace/ladder.h"

/* @l is finished; @name is the capture's. */
void ladder_html(const struct ladder *l, const char *name, FILE *out);

#endif
