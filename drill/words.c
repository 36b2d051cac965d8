#include "drill/words.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_word(struct words *ws, char *text, char *why)
{
	char *eq = strchr(text, '=');
	struct word *w = &ws->w[ws->n];

	if (ws->n == WORDS_MAX) {
		snprintf(why, WORDS_WHY_MAX, "more than %u words", WORDS_MAX);
		return false;
	}
	*w = (struct word){.text = text};
	/* "=" and "=>" are words by themselves. */
	if (eq && eq != text) {
		*eq = '\0';
		w->value = eq + 1;
	}
	ws->n++;
	return true;
}

/* The next word of *@p, without what is in parentheses, copied to *@out; NULL:
 * none is left.
 */
static char *next_word(const char **p, char **out)
{
	char *word = *out;
	unsigned depth = 0;

	while (isspace((unsigned char)**p))
		++*p;
	if (!**p || **p == '#')
		return NULL;
	for (; **p && (depth || !isspace((unsigned char)**p)); ++*p) {
		if (**p == '(')
			depth++;
		else if (**p == ')' && depth)
			depth--;
		else if (!depth)
			*(*out)++ = **p;
	}
	*(*out)++ = '\0';
	return word;
}

bool words_split(struct words *ws, const char *line, char *why)
{
	char *out = ws->room, *word;

	ws->n = 0;
	if (strlen(line) * 2 >= WORDS_LINE) {
		snprintf(why, WORDS_WHY_MAX, "longer than %u bytes",
			 WORDS_LINE / 2 - 1);
		return false;
	}
	while ((word = next_word(&line, &out)))
		if (*word && !add_word(ws, word, why))
			return false;
	return true;
}

const char *words_get(const struct words *ws, const char *key)
{
	for (unsigned i = 0; i < ws->n; i++)
		if (ws->w[i].value && !strcmp(ws->w[i].text, key))
			return ws->w[i].value;
	return NULL;
}

bool words_has(const struct words *ws, const char *text)
{
	for (unsigned i = 0; i < ws->n; i++)
		if (!ws->w[i].value && !strcmp(ws->w[i].text, text))
			return true;
	return false;
}

bool words_number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !*end && !errno;
}

bool words_time(const char *text, nsec_t *value)
{
	static const struct {
		const char *unit;
		double nsec;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	char *end;
	double n;

	if (!isdigit((unsigned char)text[0]))
		return false;
	n = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(end, units[i].unit) && n * units[i].nsec < 9e18) {
			*value = (nsec_t)(n * units[i].nsec + 0.5);
			return true;
		}
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_bytes(const char *text, uint8_t *out, size_t room, size_t *len,
		      char *why)
{
	size_t n = 0;

	for (; text[0]; text += 2) {
		int hi = hex_digit(text[0]);
		int lo = hi < 0 ? -1 : hex_digit(text[1]);

		if (lo < 0) {
			snprintf(why, WORDS_WHY_MAX,
				 "%.20s: not bytes; write hexadecimal digits "
				 "in pairs, count@START or fill@BYTE",
				 text);
			return false;
		}
		if (n == room) {
			snprintf(why, WORDS_WHY_MAX, "more than %zu bytes",
				 room);
			return false;
		}
		out[n++] = (uint8_t)(hi << 4 | lo);
	}
	*len = n;
	return true;
}

bool words_bytes(const char *text, uint8_t *out, size_t room, size_t *len,
		 char *why)
{
	bool count = !strcmp(text, "count") || !strncmp(text, "count@", 6);
	bool fill = !strncmp(text, "fill@", 5);
	uint64_t start = 0;

	if (!count && !fill)
		return hex_bytes(text, out, room, len, why);
	if ((fill || text[5]) && !words_number(text + 5 + count, &start)) {
		snprintf(why, WORDS_WHY_MAX, "%.20s: not a number", text);
		return false;
	}
	if (!*len || *len > room) {
		snprintf(why, WORDS_WHY_MAX, "%zu bytes; allowed: 1 to %zu",
			 *len, room);
		return false;
	}
	for (size_t i = 0; i < *len; i++)
		out[i] = (uint8_t)(start + (count ? i : 0));
	return true;
}
