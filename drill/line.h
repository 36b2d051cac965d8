/* Lines of text to and from a peer, over TCP. */
#ifndef DRILL_LINE_H
#define DRILL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include "drill/bench.h"

struct line {
	int fd; /* -1: not connected */
	char in[2 * REPLY_MAX];
	size_t n;
};

/* Connects to "HOST:PORT" ("[HOST]:PORT").  False: @why (WORDS_WHY_MAX bytes)
 * is one line.
 */
bool line_open(struct line *l, const char *where, char *why);
void line_close(struct line *l);
/* Sends @text and a newline; false: the peer is gone. */
bool line_put(struct line *l, const char *text);
/* Reads what has come, without waiting; false: the peer is gone. */
bool line_read(struct line *l);
/* Takes one whole line out of what was read; false: there is none. */
bool line_take(struct line *l, char *text, size_t size);

#endif
