#include "nic/base/counters.h"

#include <assert.h>

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
