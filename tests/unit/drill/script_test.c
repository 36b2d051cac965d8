#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "drill/script.h"
#include "drill/words.h"

TestSuite(script, .timeout = 120);

static char why[WORDS_WHY_MAX];

static struct script *parse(const char *text)
{
	why[0] = '\0';
	return script_parse("x.drill", text, strlen(text), why);
}

static const char *line(const struct script *s, unsigned i, unsigned run)
{
	static char text[64];

	return script_line(s, i, run, text, sizeof(text), why) ? text : NULL;
}

Test(script, lines_keep_their_numbers)
{
	struct script *s = parse("# a comment\n\nqp q RC\n  # more\nwait 1s");

	cr_assert_not_null(s, "%s", why);
	cr_expect_str_eq(script_path(s), "x.drill");
	cr_expect_eq(script_runs(s), 1);
	cr_assert_eq(script_lines(s), 2);
	cr_expect_eq(script_number(s, 0), 3);
	cr_expect_eq(script_number(s, 1), 5);
	cr_expect_str_eq(line(s, 0, 0), "qp q RC");
	cr_expect_str_eq(line(s, 1, 0), "wait 1s");
	script_free(s);
}

Test(script, each_value_is_a_run)
{
	struct script *s = parse("each code,ms = 0,655 1,0.01 # two\n"
				 "each code,ms = 2,\n"
				 "x $code:$ms\n");
	static const char *const want[] = {"x 0:655", "x 1:0.01", "x 2:"};
	char name[64];

	cr_assert_not_null(s, "%s", why);
	cr_assert_eq(script_runs(s), 3);
	for (unsigned run = 0; run < 3; run++)
		cr_expect_str_eq(line(s, 0, run), want[run]);
	cr_expect_str_eq(script_run_name(s, 1, name, sizeof(name)),
			 "code=1 ms=0.01");
	script_free(s);
}

Test(script, sets_of_other_names_are_combined)
{
	struct script *s = parse("each a = 1 2\neach b = x y z\n$a$b\n");
	static const char *const want[] = {"1x", "1y", "1z", "2x", "2y", "2z"};

	cr_assert_not_null(s, "%s", why);
	cr_assert_eq(script_runs(s), 6);
	for (unsigned run = 0; run < 6; run++)
		cr_expect_str_eq(line(s, 0, run), want[run]);
	script_free(s);
}

Test(script, what_is_wrong_is_said)
{
	static const char *const bad[][2] = {
		{"", "x.drill: nothing to do in it"},
		{"# only\n", "x.drill: nothing to do in it"},
		{"qp q RC\neach a 1\n",
		 "x.drill:2: write: each NAME = VALUE VALUE ..."},
		{"each a,b = 1,2 3\n",
		 "x.drill:1: 3: not as many values as names (a,b), or more "
		 "than 512"},
		{"each a = # none\nx\n",
		 "x.drill: each a: no values, or more than 4096 runs"},
		{"x\n\x1b[31mred\n", "x.drill:2: not text (a byte of 0x1b)"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct script *s = parse(bad[i][0]);

		cr_expect_null(s, "%s", bad[i][0]);
		cr_expect_str_eq(why, bad[i][1]);
	}
}

Test(script, variables_without_values_and_lines_without_end)
{
	struct script *s =
		parse("each a = 123456789\nx $b\n$a$a$a$a$a$a$a$a\n");

	cr_assert_not_null(s, "%s", why);
	cr_expect_null(line(s, 0, 0));
	cr_expect_str_eq(why, "$b: no `each' line gives it values");
	cr_expect_null(line(s, 1, 0));
	cr_expect_str_eq(why, "longer than 63 bytes");
	script_free(s);
}

Test(script, a_file_that_is_not_there)
{
	cr_expect_null(script_load("/nowhere/x.drill", why));
	cr_expect_str_eq(why, "/nowhere/x.drill: No such file or directory");
}
