#include "nic/host/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN    4096u
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void json_init(struct json *j)
{
	*j = (struct json){0};
}

void json_fini(struct json *j)
{
	free(j->text);
	*j = (struct json){0};
}

static void put(struct json *j, const char *bytes, size_t n)
{
	size_t room = j->room ? j->room : ROOM_MIN;
	char *text;

	while (room - j->len < n)
		room *= 2;
	if (room != j->room && !j->failed) {
		text = realloc(j->text, room);
		if (text) {
			j->text = text;
			j->room = room;
		}
		j->failed = !text;
	}
	if (j->failed)
		return;
	memcpy(j->text + j->len, bytes, n);
	j->len += n;
}

static void put_string(struct json *j, const char *s)
{
	put(j, s, strlen(s));
}

/* Length of the UTF-8 character (RFC 3629) at @s, or 0: it is none. */
static size_t character(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (n > 1 && (s[0] < 0xc2 || s[0] > 0xf4))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Too long for what they say, surrogates, beyond the last. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_quoted(struct json *j, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	char escape[8];

	put(j, "\"", 1);
	while (*s) {
		size_t n = character(s);

		if (!n) {
			put_string(j, REPLACEMENT);
			n = 1;
		} else if (*s < 0x20 || *s == '"' || *s == '\\' || *s == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", *s);
			put_string(j, escape);
		} else {
			put(j, (const char *)s, n);
		}
		s += n;
	}
	put(j, "\"", 1);
}

/* What stands before a value. */
static void begin(struct json *j, const char *key)
{
	if (j->comma)
		put(j, ",", 1);
	j->comma = true;
	if (!key)
		return;
	put(j, "\"", 1);
	put_string(j, key);
	put(j, "\":", 2);
}

void json_text(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	put_quoted(j, value);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	char digits[24];

	begin(j, key);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	put_string(j, digits);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put_string(j, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	put_string(j, "null");
}

static void open_with(struct json *j, const char *key, const char *bracket)
{
	begin(j, key);
	put_string(j, bracket);
	j->comma = false;
}

static void close_with(struct json *j, const char *bracket)
{
	put_string(j, bracket);
	j->comma = true;
}

void json_object(struct json *j, const char *key)
{
	open_with(j, key, "{");
}

void json_object_end(struct json *j)
{
	close_with(j, "}");
}

void json_array(struct json *j, const char *key)
{
	open_with(j, key, "[");
}

void json_array_end(struct json *j)
{
	close_with(j, "]");
}

void json_newline(struct json *j)
{
	put(j, "\n", 1);
	j->comma = false;
}
