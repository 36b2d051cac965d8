#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "trace/expect.h"

#define LINES_MAX 4096u

struct line {
	enum rule rule;
	uint64_t frame; /* 0: any */
	uint64_t left;	/* violations it still waits for */
};

struct expect {
	size_t n;
	struct line lines[LINES_MAX];
};

static bool number(const char *text, uint64_t *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !errno && !*end;
}

/* "RULE FRAME" or "RULE xCOUNT"; NULL, or what is wrong with it. */
static const char *parse(struct line *l, const char *text)
{
	char rule[64], what[32], rest[2];
	int n = sscanf(text, "%63s %31s %1s", rule, what, rest);

	if (n != 2)
		return "want \"RULE FRAME\" or \"RULE xCOUNT\"";
	if (!rule_find(rule, &l->rule))
		return "no such rule; \"glassnic decode --rules\" lists them";
	*l = (struct line){.rule = l->rule, .left = 1};
	if (what[0] == 'x')
		return number(what + 1, &l->left) ? NULL : "bad count";
	return number(what, &l->frame) && l->frame ? NULL : "bad frame number";
}

static bool parse_lines(struct expect *e, FILE *file, const char *path,
			char *error)
{
	const char *wrong = NULL;
	char text[256];
	unsigned at = 0;

	while (!wrong && fgets(text, sizeof(text), file)) {
		at++;
		text[strcspn(text, "#\n")] = '\0';
		if (text[strspn(text, " \t\r")] == '\0')
			continue;
		if (e->n == LINES_MAX)
			wrong = "too many lines";
		else
			wrong = parse(&e->lines[e->n++], text);
	}
	if (wrong)
		snprintf(error, EXPECT_ERROR_MAX, "%s, line %u: %s", path, at,
			 wrong);
	return !wrong;
}

struct expect *expect_read(const char *path, char error[EXPECT_ERROR_MAX])
{
	struct expect *e = calloc(1, sizeof(*e));
	FILE *file;
	bool good;

	if (!e) {
		snprintf(error, EXPECT_ERROR_MAX, "no memory to read %s", path);
		return NULL;
	}
	file = fopen(path, "r");
	if (!file) {
		snprintf(error, EXPECT_ERROR_MAX, "cannot open %s: %s", path,
			 strerror(errno));
		free(e);
		return NULL;
	}
	good = parse_lines(e, file, path, error);
	fclose(file);
	if (good)
		return e;
	free(e);
	return NULL;
}

void expect_free(struct expect *e)
{
	free(e);
}

/* A line for exactly this frame is used before one for any. */
static struct line *find(struct expect *e, const struct violation *v)
{
	struct line *any = NULL;

	for (size_t i = 0; i < e->n; i++) {
		struct line *l = &e->lines[i];

		if (l->rule != v->rule || l->left == 0)
			continue;
		if (l->frame == v->frame)
			return l;
		if (l->frame == 0)
			any = l;
	}
	return any;
}

static bool print_missing(const struct expect *e, FILE *out)
{
	bool good = true;

	for (size_t i = 0; i < e->n; i++) {
		const struct line *l = &e->lines[i];

		if (l->left == 0)
			continue;
		good = false;
		if (l->frame)
			fprintf(out, "missing: %s in frame %" PRIu64 "\n",
				rule_word(l->rule), l->frame);
		else
			fprintf(out, "missing: %" PRIu64 " times %s\n", l->left,
				rule_word(l->rule));
	}
	return good;
}

bool expect_compare(struct expect *e, const struct report *r, FILE *out)
{
	bool good = report_count(r) == report_stored(r);

	for (size_t i = 0; i < report_stored(r); i++) {
		const struct violation *v = report_get(r, i);
		struct line *l = find(e, v);

		if (l) {
			l->left--;
			continue;
		}
		good = false;
		fputs("not expected: ", out);
		report_print(v, out);
	}
	return print_missing(e, out) && good;
}
