#include "drill/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static unsigned find(const struct names *ns, const char *name, const char *attr)
{
	unsigned i = 0;

	while (i < ns->used &&
	       (strcmp(ns->n[i].name, name) || strcmp(ns->n[i].attr, attr)))
		i++;
	return i;
}

bool names_set(struct names *ns, const char *name, const char *attr,
	       uint64_t value)
{
	unsigned i = find(ns, name, attr);

	if (i == NAMES_MAX || strlen(name) >= NAME_LEN ||
	    strlen(attr) >= sizeof(ns->n[0].attr))
		return false;
	if (i == ns->used) {
		ns->used++;
		strcpy(ns->n[i].name, name);
		strcpy(ns->n[i].attr, attr);
	}
	ns->n[i].value = value;
	return true;
}

void names_learn(struct names *ns, const char *name, const char *reply)
{
	char why[WORDS_WHY_MAX];
	struct words ws;
	uint64_t v;

	if (!words_split(&ws, reply, why))
		return;
	for (unsigned i = 0; i < ws.n; i++)
		if (ws.w[i].value && words_number(ws.w[i].value, &v))
			names_set(ns, name, ws.w[i].text, v);
}

bool names_get(const struct names *ns, const char *name, const char *attr,
	       uint64_t *value)
{
	unsigned i = find(ns, name, attr);

	if (i == ns->used)
		return false;
	*value = ns->n[i].value;
	return true;
}

/* One term of @len bytes. */
static bool term_value(const struct names *ns, const char *text, size_t len,
		       const char *attr, uint64_t *value, char *why)
{
	char term[64], *dot;

	snprintf(term, sizeof(term), "%.*s", (int)len, text);
	if (isdigit((unsigned char)term[0])) {
		if (words_number(term, value))
			return true;
		snprintf(why, WORDS_WHY_MAX, "%s: not a number", term);
		return false;
	}
	dot = strchr(term, '.');
	if (dot) {
		*dot = '\0';
		attr = dot + 1;
	}
	if (names_get(ns, term, attr, value))
		return true;
	if (*attr)
		snprintf(why, WORDS_WHY_MAX,
			 "%s: nothing of that name has a %s", term, attr);
	else
		snprintf(why, WORDS_WHY_MAX, "%s: not a number", term);
	return false;
}

bool names_value(const struct names *ns, const char *text, const char *attr,
		 uint64_t *value, char *why)
{
	uint64_t sum = 0, v;
	char sign = '+';

	for (;;) {
		size_t len = strcspn(text, "+-");

		if (!term_value(ns, text, len, attr, &v, why))
			return false;
		sum = sign == '+' ? sum + v : sum - v;
		if (!text[len])
			break;
		sign = text[len];
		text += len + 1;
	}
	*value = sum;
	return true;
}
