#include "trace/expect.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/expect_test.XXXXXX";
static char error[EXPECT_ERROR_MAX];

static void start(void)
{
	cr_assert(mkstemp(path) >= 0);
}

static void stop(void)
{
	unlink(path);
}

TestSuite(expect, .init = start, .fini = stop);

static struct expect *reads(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	return expect_read(path, error);
}

static struct report *found(void)
{
	struct report *r = report_new();

	report_add(r, &(struct violation){.rule = RULE_MSN, .frame = 9});
	report_add(r, &(struct violation){.rule = RULE_ICRC, .frame = 4});
	report_add(r, &(struct violation){.rule = RULE_MSN, .frame = 5});
	report_sort(r);
	return r;
}

static bool meets(const char *text)
{
	struct expect *e = reads(text);
	struct report *r = found();
	FILE *out = tmpfile();
	bool good;

	cr_assert(e, "%s", error);
	good = expect_compare(e, r, out);
	cr_expect_eq(ftell(out) == 0, good);
	fclose(out);
	expect_free(e);
	report_free(r);
	return good;
}

Test(expect, exactly_these)
{
	cr_expect(meets("# a comment\n\nmsn 5\n icrc\t4 # why\r\nmsn 9\n"));
	cr_expect(meets("msn x2\nicrc x1\n"));
	cr_expect(meets("msn x1\nmsn 9\nicrc 4\n"));
}

Test(expect, fewer_or_others)
{
	cr_expect_not(meets("msn 5\nicrc 4\n"));
	cr_expect_not(meets("msn x2\nicrc 5\n"));
	cr_expect_not(meets("msn x3\nicrc 4\n"));
	cr_expect_not(meets("msn x2\nicrc 4\ntver 1\n"));
	cr_expect_not(meets(""));
}

static void refuses(const char *text, const char *why)
{
	cr_expect_null(reads(text));
	cr_expect(strstr(error, why), "%s", error);
	cr_expect_null(strchr(error, '\n'));
}

Test(expect, says_what_is_wrong)
{
	refuses("msn 5\nmns 5\n", "line 2: no such rule");
	refuses("msn\n", "line 1: want");
	refuses("msn 5 6\n", "line 1: want");
	refuses("msn 0\n", "bad frame number");
	refuses("msn -1\n", "bad frame number");
	refuses("msn x\n", "bad count");
	cr_expect_null(expect_read("/nonexistent", error));
	cr_expect(strstr(error, "/nonexistent"));
}

Test(report, retracts_settles_and_sorts)
{
	struct report *r = found();

	report_add(r, &(struct violation){
			      .rule = RULE_MSN, .frame = 7, .stream = 3});
	report_add(r, &(struct violation){.rule = RULE_CREDIT,
					  .frame = 1,
					  .stream = 3,
					  .needs = NEEDS_WHOLE | NEEDS_PAIR});
	report_retract(r, RULE_MSN, 3, 8);
	cr_expect_eq(report_count(r), 5);
	report_retract(r, RULE_MSN, 3, 7);
	cr_expect_eq(report_count(r), 4);
	report_settle_pair(r, 3, true);
	report_settle_pair(r, 3, false); /* it is settled */
	report_settle(r, NEEDS_DELIVERY);
	report_sort(r);
	cr_expect_eq(report_stored(r), 4);
	cr_expect_eq(report_get(r, 0)->frame, 1);
	cr_expect_eq(report_get(r, 3)->frame, 9);
	report_settle(r, NEEDS_WHOLE);
	cr_expect_eq(report_count(r), 3);
	report_free(r);
}
