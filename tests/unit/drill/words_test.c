#include <criterion/criterion.h>
#include <string.h>
#include "drill/words.h"

TestSuite(words, .timeout = 120);

static struct words ws;
static char why[WORDS_WHY_MAX];

Test(words, keys_and_words)
{
	cr_assert(words_split(&ws, "  > SEND_ONLY\tpsn=1 ackreq data=a=b # c=d",
			      why));
	cr_assert_eq(ws.n, 5);
	cr_expect_str_eq(ws.w[0].text, ">");
	cr_expect_null(ws.w[0].value);
	cr_expect_str_eq(words_get(&ws, "psn"), "1");
	cr_expect_str_eq(words_get(&ws, "data"), "a=b");
	cr_expect_null(words_get(&ws, "c"));
	cr_expect_null(words_get(&ws, "ackreq"));
	cr_expect(words_has(&ws, "ackreq"));
	cr_expect_not(words_has(&ws, "psn"));
}

Test(words, an_equals_sign_by_itself_is_a_word)
{
	cr_assert(words_split(&ws, "mem a = 00 => EINVAL", why));
	cr_assert_eq(ws.n, 6);
	cr_expect_str_eq(ws.w[2].text, "=");
	cr_expect_str_eq(ws.w[4].text, "=>");
	cr_expect_null(ws.w[4].value);
}

Test(words, what_stands_in_parentheses_is_skipped)
{
	cr_assert(words_split(&ws, "nak=0(PSN (sequence) error) msn=4 (all)",
			      why));
	cr_assert_eq(ws.n, 2);
	cr_expect_str_eq(words_get(&ws, "nak"), "0");
	cr_expect_str_eq(words_get(&ws, "msn"), "4");
}

Test(words, an_open_parenthesis_ends_with_the_line)
{
	cr_assert(words_split(&ws, "a=1(b c=2", why));
	cr_assert_eq(ws.n, 1);
}

Test(words, nothing_is_no_word)
{
	static const char *const lines[] = {"", " \t ", "# all", "  # all"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		cr_assert(words_split(&ws, lines[i], why));
		cr_expect_eq(ws.n, 0, "%s", lines[i]);
	}
}

Test(words, too_many_and_too_long)
{
	char line[WORDS_LINE];
	unsigned i;

	for (i = 0; i < WORDS_MAX; i++)
		memcpy(line + 2 * i, "a ", 2);
	line[2 * i] = '\0';
	cr_assert(words_split(&ws, line, why));
	cr_expect_eq(ws.n, WORDS_MAX);
	strcat(line, "a");
	cr_expect_not(words_split(&ws, line, why));
	cr_expect_str_eq(why, "more than 64 words");
	memset(line, 'a', sizeof(line));
	line[WORDS_LINE / 2] = '\0';
	cr_expect_not(words_split(&ws, line, why));
	cr_expect_str_eq(why, "longer than 2047 bytes");
}

Test(words, numbers)
{
	static const char *const bad[] = {"",	  "-1", "+1",
					  "0x",	  "1x", "a",
					  " 1",	  "1 ", "18446744073709551616",
					  "0x1g", "08"};
	uint64_t v;

	cr_expect(words_number("0", &v) && v == 0);
	cr_expect(words_number("0x10", &v) && v == 16);
	cr_expect(words_number("18446744073709551615", &v) && v == UINT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_not(words_number(bad[i], &v), "\"%s\"", bad[i]);
}

Test(words, times)
{
	static const char *const bad[] = {"",	  "5",	  "us",	  "5m",
					  "5 us", "-5us", "5us ", "1e30s"};
	nsec_t t;

	cr_expect(words_time("50ns", &t) && t == 50);
	cr_expect(words_time("10us", &t) && t == 10000);
	cr_expect(words_time("0.64ms", &t) && t == 640000);
	cr_expect(words_time("61.44ms", &t) && t == 61440000);
	cr_expect(words_time("2s", &t) && t == 2 * SEC);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_not(words_time(bad[i], &t), "\"%s\"", bad[i]);
}

static bool bytes(const char *text, size_t len, uint8_t *out, size_t *n)
{
	*n = len;
	return words_bytes(text, out, 8, n, why);
}

Test(words, bytes)
{
	uint8_t out[8];
	size_t n;

	cr_assert(bytes("00fFa5", 0, out, &n));
	cr_expect(n == 3 && !memcmp(out, "\x00\xff\xa5", 3));
	cr_assert(bytes("count", 4, out, &n));
	cr_expect(n == 4 && !memcmp(out, "\0\1\2\3", 4));
	cr_assert(bytes("count@0xfe", 4, out, &n));
	cr_expect(!memcmp(out, "\xfe\xff\x00\x01", 4));
	cr_assert(bytes("fill@7", 3, out, &n));
	cr_expect(n == 3 && !memcmp(out, "\7\7\7", 3));
}

Test(words, bytes_that_are_none)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"0", 0},	 {"0g", 0},	{"000102030405060708", 0},
		   {"count", 0}, {"count@", 4}, {"count@x", 4},
		   {"fill@", 4}, {"fill@1", 9}, {"fill", 4}};
	uint8_t out[8];
	size_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why[0] = '\0';
		cr_expect_not(bytes(bad[i].text, bad[i].len, out, &n), "%s",
			      bad[i].text);
		cr_expect(why[0], "%s", bad[i].text);
	}
}
