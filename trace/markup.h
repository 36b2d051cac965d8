/* Text in XML and HTML. */
#ifndef TRACE_MARKUP_H
#define TRACE_MARKUP_H

#include <stdio.h>

/* Writes @text so that it is only text, also between quotes: what markup means
 * is escaped, and bytes that are no UTF-8 or no character of XML become
 * U+FFFD.
 */
void markup_text(const char *text, FILE *out);

#endif
