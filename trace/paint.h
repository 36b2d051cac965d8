/* Colours and the character set of what is printed. */
#ifndef TRACE_PAINT_H
#define TRACE_PAINT_H

#include <stdbool.h>
#include <stdio.h>

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum ink { INK_PLAIN, INK_DIM, INK_GOOD, INK_WARN, INK_BAD };

struct paint {
	bool color;
	bool utf8;
};

/* COLOR_AUTO: in colour if @out is a terminal that has colours and NO_COLOR is
 * not set.
 */
struct paint paint_for(FILE *out, enum color_when when);
/* The escape sequence that starts @ink, "" without colour. */
const char *paint_ink(const struct paint *p, enum ink ink);
/* The one that ends it. */
const char *paint_end(const struct paint *p, enum ink ink);
/* "auto", "always", "never"; false for anything else. */
bool color_parse(const char *text, enum color_when *when);

#endif
