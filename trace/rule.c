#include <assert.h>
#include <string.h>
#include "trace/rule.h"

static const struct {
	const char *word, *text, *source;
} rules[] = {
#define X(sym, word, text, source) {word, text, source},
	RULE_LIST(X)
#undef X
};

static_assert(sizeof(rules) / sizeof(*rules) == RULE_N, "one row a rule");

const char *rule_word(enum rule r)
{
	return rules[r].word;
}

const char *rule_text(enum rule r)
{
	return rules[r].text;
}

const char *rule_source(enum rule r)
{
	return rules[r].source;
}

bool rule_find(const char *word, enum rule *r)
{
	for (int i = 0; i < RULE_N; i++) {
		if (strcmp(rules[i].word, word) == 0) {
			*r = (enum rule)i;
			return true;
		}
	}
	return false;
}
