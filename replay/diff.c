#include "replay/diff.h"

static const struct {
	const char *word, *text;
	enum diff_class class;
} kinds[] = {
#define X(sym, word, class, text) [DIFF_##sym] = {word, text, CLASS_##class},
	DIFF_LIST(X)
#undef X
};

const char *diff_word(enum diff k)
{
	return kinds[k].word;
}

const char *diff_text(enum diff k)
{
	return kinds[k].text;
}

enum diff_class diff_class(enum diff k)
{
	return kinds[k].class;
}

const char *diff_class_word(enum diff_class c)
{
	static const char *const words[CLASS_N] = {
		[CLASS_VIOLATION] = "violation",
		[CLASS_CAPTURED] = "captured",
		[CLASS_LEGAL] = "legal",
		[CLASS_LOSS] = "loss",
	};

	return words[c];
}
