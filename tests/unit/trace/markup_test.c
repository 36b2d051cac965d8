/* Foreign text in pages and pictures. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include "trace/markup.h"

static void expect(const char *in, const char *want)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	markup_text(in, to);
	fclose(to);
	cr_assert_str_eq(out, want);
	free(out);
}

Test(markup, what_means_something_is_escaped)
{
	expect("<script>&\"'", "&lt;script&gt;&amp;&quot;&#39;");
	expect("a\tb\nc", "a\tb\nc");
}

Test(markup, characters_stay)
{
	expect("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x8d",
	       "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x8d");
}

#define FFFD "\xef\xbf\xbd"

Test(markup, what_is_no_character_is_replaced)
{
	expect("\x01\x1b[m", FFFD FFFD "[m");
	expect("\xff<", FFFD "&lt;");
	expect("\xc3", FFFD);			/* cut */
	expect("\xc0\xbc", FFFD FFFD);		/* '<', too long */
	expect("\xed\xa0\x80", FFFD FFFD FFFD); /* a surrogate */
	expect("\xef\xbf\xbf", FFFD FFFD FFFD); /* U+FFFF */
	expect("\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD);
}
