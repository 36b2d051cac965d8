#include "nic/base/counters.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name, *text;
} counters[] = {
#define X(sym, word, what) [CNT_##sym] = {word, what},
	COUNTER_LIST(X)
#undef X
};
static_assert(sizeof(counters) / sizeof(counters[0]) == CNT_N,
	      "one row per counter");

const char *counter_name(enum counter c)
{
	assert(c < CNT_N);
	return counters[c].name;
}

const char *counter_text(enum counter c)
{
	assert(c < CNT_N);
	return counters[c].text;
}

bool counters_find(const struct counters *c, const char *name, uint64_t *value)
{
	for (int i = 0; i < CNT_N; i++)
		if (!strcmp(name, counters[i].name)) {
			*value = c->n[i];
			return true;
		}
	for (int i = 0; i < DROP_N; i++)
		if (!strcmp(name, drop_word((enum drop)i))) {
			*value = c->drop[i];
			return true;
		}
	return false;
}
