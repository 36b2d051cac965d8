#include "drill/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drill/words.h"

#define FILE_MAX   (1u << 20)
#define EACH_MAX   4u
#define NAMES_MAX  8u
#define VALUES_MAX 512u
#define RUNS_MAX   4096u

/* One set of values: tuples for the names. */
struct each {
	char *names; /* "code,ms" */
	char *value[VALUES_MAX];
	unsigned n;
};

struct script {
	char *path;
	char *text; /* of the file, cut into lines */
	struct script_line *line;
	unsigned n;
	struct each each[EACH_MAX];
	unsigned neach;
};

/* ---- reading ---- */

static unsigned count_char(const char *s, char c)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static struct each *find_each(struct script *s, const char *names)
{
	for (unsigned i = 0; i < s->neach; i++)
		if (!strcmp(s->each[i].names, names))
			return &s->each[i];
	if (s->neach == EACH_MAX)
		return NULL;
	s->each[s->neach].names = strdup(names);
	return s->each[s->neach].names ? &s->each[s->neach++] : NULL;
}

static bool add_values(struct each *e, char *rest, char *why)
{
	char *value;

	while ((value = strsep(&rest, " \t"))) {
		if (!*value)
			continue;
		if (*value == '#')
			break;
		if (e->n == VALUES_MAX ||
		    count_char(value, ',') != count_char(e->names, ',')) {
			snprintf(why, WORDS_WHY_MAX,
				 "%.40s: not as many values as names (%.40s), "
				 "or more than %u",
				 value, e->names, VALUES_MAX);
			return false;
		}
		e->value[e->n] = strdup(value);
		if (e->value[e->n])
			e->n++;
	}
	return true;
}

/* "each NAMES = VALUES" */
static bool take_each(struct script *s, const char *text, char *why)
{
	char *copy = strdup(text), *rest = copy, *names, *eq;
	struct each *e;
	bool ok = false;

	strsep(&rest, " \t");
	names = strsep(&rest, " \t");
	eq = strsep(&rest, " \t");
	if (!names || !*names || !eq || strcmp(eq, "=") || !rest ||
	    count_char(names, ',') >= NAMES_MAX)
		snprintf(why, WORDS_WHY_MAX,
			 "write: each NAME = VALUE VALUE ...");
	else if (!(e = find_each(s, names)))
		snprintf(why, WORDS_WHY_MAX, "more than %u sets of names",
			 EACH_MAX);
	else
		ok = add_values(e, rest, why);
	free(copy);
	return ok;
}

static bool is_each(const char *text)
{
	return !strncmp(text, "each", 4) && isspace((unsigned char)text[4]);
}

static bool is_blank(const char *text)
{
	text += strspn(text, " \t\r");
	return !*text || *text == '#';
}

/* Terminals obey control characters, and a NUL would hide what is behind it. */
static bool is_text(const char *path, const char *text, size_t len, char *why)
{
	unsigned number = 1;

	for (size_t i = 0; i < len; i++) {
		number += text[i] == '\n';
		if (!iscntrl((unsigned char)text[i]) ||
		    (text[i] && strchr("\t\n\r", text[i])))
			continue;
		snprintf(why, WORDS_WHY_MAX,
			 "%.200s:%u: not text (a byte of 0x%02x)", path, number,
			 (unsigned char)text[i]);
		return false;
	}
	return true;
}

static bool split_lines(struct script *s, char *why)
{
	char *rest = s->text, *text;
	unsigned number = 0;
	char wrong[WORDS_WHY_MAX];

	while ((text = strsep(&rest, "\n"))) {
		number++;
		if (is_each(text)) {
			if (take_each(s, text, wrong))
				continue;
			snprintf(why, WORDS_WHY_MAX, "%.200s:%u: %.250s",
				 s->path, number, wrong);
			return false;
		}
		if (!is_blank(text))
			s->line[s->n++] = (struct script_line){number, text};
	}
	return true;
}

static bool check_runs(struct script *s, char *why)
{
	unsigned runs = 1;

	for (unsigned i = 0; i < s->neach; i++) {
		runs *= s->each[i].n;
		if (runs && runs <= RUNS_MAX)
			continue;
		snprintf(why, WORDS_WHY_MAX,
			 "%.200s: each %.40s: no values, or more than %u runs",
			 s->path, s->each[i].names, RUNS_MAX);
		return false;
	}
	if (!s->n)
		snprintf(why, WORDS_WHY_MAX, "%.200s: nothing to do in it",
			 s->path);
	return s->n;
}

struct script *script_parse(const char *path, const char *text, size_t len,
			    char *why)
{
	struct script *s = calloc(1, sizeof(*s));

	if (!s)
		goto no_memory;
	s->path = strdup(path);
	s->text = malloc(len + 1);
	if (!s->path || !s->text)
		goto no_memory;
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	s->line = calloc(count_char(s->text, '\n') + 1, sizeof(*s->line));
	if (!s->line)
		goto no_memory;
	if (is_text(path, text, len, why) && split_lines(s, why) &&
	    check_runs(s, why))
		return s;
	script_free(s);
	return NULL;

no_memory:
	snprintf(why, WORDS_WHY_MAX, "%.200s: no memory", path);
	script_free(s);
	return NULL;
}

struct script *script_load(const char *path, char *why)
{
	FILE *f = fopen(path, "r");
	char *text = malloc(FILE_MAX);
	struct script *s = NULL;
	size_t len;

	if (!f || !text) {
		snprintf(why, WORDS_WHY_MAX, "%.200s: %s", path,
			 strerror(errno));
		goto out;
	}
	len = fread(text, 1, FILE_MAX, f);
	if (ferror(f))
		snprintf(why, WORDS_WHY_MAX, "%.200s: %s", path,
			 strerror(errno));
	else if (len == FILE_MAX)
		snprintf(why, WORDS_WHY_MAX, "%.200s: larger than %u bytes",
			 path, FILE_MAX - 1);
	else
		s = script_parse(path, text, len, why);
out:
	free(text);
	if (f)
		fclose(f);
	return s;
}

void script_free(struct script *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->neach; i++) {
		for (unsigned k = 0; k < s->each[i].n; k++)
			free(s->each[i].value[k]);
		free(s->each[i].names);
	}
	free(s->line);
	free(s->text);
	free(s->path);
	free(s);
}

/* ---- runs ---- */

const char *script_path(const struct script *s)
{
	return s->path;
}

unsigned script_runs(const struct script *s)
{
	unsigned runs = 1;

	for (unsigned i = 0; i < s->neach; i++)
		runs *= s->each[i].n;
	return runs;
}

/* The @i'th of @list, which commas separate; its length. */
static size_t item(const char *list, unsigned i, const char **at)
{
	while (i--)
		list += strcspn(list, ",") + 1;
	*at = list;
	return strcspn(list, ",");
}

/* The value of variable @i of @e in run @run, which counts runs of @e and of
 * the sets behind it.
 */
static const char *value_of(const struct script *s, unsigned each, unsigned run)
{
	for (unsigned i = s->neach; --i > each;)
		run /= s->each[i].n;
	return s->each[each].value[run % s->each[each].n];
}

const char *script_run_name(const struct script *s, unsigned run, char *text,
			    size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned e = 0; e < s->neach; e++)
		for (unsigned i = 0; i <= count_char(s->each[e].names, ',');
		     i++) {
			const char *name, *value;
			size_t nlen = item(s->each[e].names, i, &name);
			size_t vlen = item(value_of(s, e, run), i, &value);

			if (n < size)
				n += (size_t)snprintf(text + n, size - n,
						      "%s%.*s=%.*s",
						      n ? " " : "", (int)nlen,
						      name, (int)vlen, value);
		}
	return text;
}

unsigned script_lines(const struct script *s)
{
	return s->n;
}

unsigned script_number(const struct script *s, unsigned i)
{
	return s->line[i].number;
}

/* The value of the variable whose name is the @len bytes at @name, or NULL. */
static const char *find_value(const struct script *s, unsigned run,
			      const char *name, size_t len, size_t *vlen)
{
	for (unsigned e = 0; e < s->neach; e++)
		for (unsigned i = 0; i <= count_char(s->each[e].names, ',');
		     i++) {
			const char *at, *value;
			size_t n = item(s->each[e].names, i, &at);

			if (n != len || memcmp(at, name, n))
				continue;
			*vlen = item(value_of(s, e, run), i, &value);
			return value;
		}
	return NULL;
}

static size_t name_len(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

bool script_line(const struct script *s, unsigned i, unsigned run, char *text,
		 size_t size, char *why)
{
	size_t n = 0;

	for (const char *p = s->line[i].text; *p; p++) {
		const char *from = p;
		size_t len = 1, skip;

		skip = *p == '$' ? name_len(p + 1) : 0;
		if (skip) {
			from = find_value(s, run, p + 1, skip, &len);
			if (!from) {
				snprintf(why, WORDS_WHY_MAX,
					 "$%.*s: no `each' line gives it "
					 "values",
					 (int)(skip < 40 ? skip : 40), p + 1);
				return false;
			}
			p += skip;
		}
		if (n + len >= size) {
			snprintf(why, WORDS_WHY_MAX, "longer than %zu bytes",
				 size - 1);
			return false;
		}
		memcpy(text + n, from, len);
		n += len;
	}
	text[n] = '\0';
	return true;
}
