#include <assert.h>
#include "wire/drop.h"

static const struct {
	const char *word, *text;
} rows[DROP_N] = {
#define X(sym, word, text) [DROP_##sym] = {word, text},
	DROP_LIST(X)
#undef X
};

const char *drop_word(enum drop d)
{
	assert(d < DROP_N);
	return rows[d].word;
}

const char *drop_text(enum drop d)
{
	assert(d < DROP_N);
	return rows[d].text;
}
