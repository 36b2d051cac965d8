/* Foreign text in a page: whatever it is, the page stays one.  Input: the text.
 */
#include "tests/fuzz/fuzz.h"
#include "trace/markup.h"

/* Is it markup of nobody's but ours: no tag, no end of a quote, and only
 * entities that are known?
 */
static bool is_text(const char *p)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;",
					       "&quot;", "&#39;"};

	for (; *p; p++) {
		bool known = *p != '&';

		if (strchr("<>\"'", *p))
			return false;
		for (unsigned i = 0; i < 5 && !known; i++)
			known = !strncmp(p, entities[i], strlen(entities[i]));
		if (!known || ((uint8_t)*p < 0x20 && *p != '\n' && *p != '\t'))
			return false;
	}
	return true;
}

/* Characters of UTF-8 in @p; -1: it is none. */
static long characters(const char *p)
{
	long n = 0;

	for (unsigned more = 0; *p || more; p++) {
		uint8_t b = (uint8_t)*p;

		if (more && b >> 6 != 2)
			return -1;
		if (more) {
			more--;
			continue;
		}
		if (b >> 6 == 2 || b >= 0xf8)
			return -1;
		more = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = malloc(size + 1), *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	FUZZ_CHECK(in && to);
	if (size)
		memcpy(in, data, size);
	in[size] = '\0';
	markup_text(in, to);
	FUZZ_CHECK(fclose(to) == 0);
	FUZZ_CHECK(is_text(out));
	FUZZ_CHECK(characters(out) >= 0);
	free(in);
	free(out);
	return 0;
}
