#include "trace/markup.h"
#include <stdint.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the UTF-8 character that begins at @p; 0: it is none that XML
 * takes.
 */
static unsigned character_len(const unsigned char *p)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned len = *p < 0x80       ? 1
		       : *p >> 5 == 6  ? 2
		       : *p >> 4 == 14 ? 3
		       : *p >> 3 == 30 ? 4
				       : 0;
	uint32_t c;

	if (len == 0)
		return 0;
	if (len == 1)
		return *p >= 0x20 || *p == '\n' || *p == '\t';
	c = *p & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    (c & 0xfffe) == 0xfffe)
		return 0;
	return len;
}

static const char *escape(unsigned char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

void markup_text(const char *text, FILE *out)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		unsigned len = character_len(p);
		const char *word = escape(*p);

		if (len == 0)
			fputs(REPLACEMENT, out);
		else if (word)
			fputs(word, out);
		else
			fwrite(p, 1, len, out);
		p += len ? len : 1;
	}
}
