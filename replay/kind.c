#include "replay/kind.h"

static const struct {
	const char *word, *text;
	enum kind_class class;
} kinds[] = {
#define X(sym, word, class, text) [KIND_##sym] = {word, text, CLASS_##class},
	KIND_LIST(X)
#undef X
};

const char *kind_word(enum kind k)
{
	return kinds[k].word;
}

const char *kind_text(enum kind k)
{
	return kinds[k].text;
}

enum kind_class kind_class(enum kind k)
{
	return kinds[k].class;
}

const char *kind_class_word(enum kind_class c)
{
	static const char *const words[CLASS_N] = {
		[CLASS_VIOLATION] = "violation",
		[CLASS_CAPTURED] = "captured",
		[CLASS_LEGAL] = "legal",
		[CLASS_LOSS] = "loss",
	};

	return words[c];
}
