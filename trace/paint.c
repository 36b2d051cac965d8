#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "trace/paint.h"

struct paint paint_for(FILE *out, enum color_when when)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct paint p = {.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0};

	switch (when) {
	case COLOR_AUTO:
		p.color = isatty(fileno(out)) && !(no_color && *no_color) &&
			  !(term && strcmp(term, "dumb") == 0);
		break;
	case COLOR_ALWAYS: p.color = true; break;
	case COLOR_NEVER: break;
	}
	return p;
}

const char *paint_ink(const struct paint *p, enum ink ink)
{
	static const char *const inks[] = {
		[INK_PLAIN] = "",	 [INK_DIM] = "\033[2m",
		[INK_GOOD] = "\033[32m", [INK_WARN] = "\033[33m",
		[INK_BAD] = "\033[31m",
	};

	return p->color ? inks[ink] : "";
}

const char *paint_end(const struct paint *p, enum ink ink)
{
	return p->color && ink != INK_PLAIN ? "\033[0m" : "";
}

bool color_parse(const char *text, enum color_when *when)
{
	static const char *const words[] = {[COLOR_AUTO] = "auto",
					    [COLOR_ALWAYS] = "always",
					    [COLOR_NEVER] = "never"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*when = (enum color_when)i;
			return true;
		}
	}
	return false;
}
