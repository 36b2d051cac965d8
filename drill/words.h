/* A line of a drill as words: "KEY=VALUE", or a word by itself.  '#' begins a
 * comment; what stands in parentheses explains and is skipped, so that a packet
 * can be written as a trace prints it.
 */
#ifndef DRILL_WORDS_H
#define DRILL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "nic/base/time.h"

#define WORDS_MAX     64u
#define WORDS_LINE    4096u
#define WORDS_WHY_MAX 512u

struct word {
	const char *text;  /* of "KEY=VALUE" the key */
	const char *value; /* NULL: a word by itself */
};

struct words {
	char room[WORDS_LINE];
	struct word w[WORDS_MAX];
	unsigned n;
};

/* Splits @line.  False: too long or too many, and @why says so. */
bool words_split(struct words *ws, const char *line, char *why);
/* The value of the first @key; NULL: it is not there. */
const char *words_get(const struct words *ws, const char *key);
/* Is there a word @text by itself? */
bool words_has(const struct words *ws, const char *text);

/* "0x10", "16"; false: not wholly a number. */
bool words_number(const char *text, uint64_t *value);
/* "10us", "0.64ms", "2s", "50ns"; false: not a time. */
bool words_time(const char *text, nsec_t *value);
/* Bytes: hexadecimal digits ("00ff"), "count" or "count@START" (START, START+1,
 * ...), "fill@BYTE" (one byte again and again); *@len is how many (the latter
 * two: given, 0 is refused), at most @room.  False: @why says what is wrong.
 */
bool words_bytes(const char *text, uint8_t *out, size_t room, size_t *len,
		 char *why);

#endif
