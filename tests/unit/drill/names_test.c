#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "drill/grammar.h"
#include "drill/names.h"

TestSuite(names, .timeout = 120);

static struct names ns;
static char why[WORDS_WHY_MAX];

static void learn(void)
{
	names_learn(&ns, "buf", "va=0x1000 rkey=0x25 len=64 word state=RTS");
	names_learn(&ns, "q", "qpn=0x11");
}

static uint64_t value(const char *text, const char *attr)
{
	uint64_t v = 0;

	cr_expect(names_value(&ns, text, attr, &v, why), "%s: %s", text, why);
	return v;
}

Test(names, a_name_has_the_attribute_that_is_asked_for, .init = learn)
{
	cr_expect_eq(value("buf", "va"), 0x1000);
	cr_expect_eq(value("buf", "rkey"), 0x25);
	cr_expect_eq(value("q", "qpn"), 0x11);
}

Test(names, sums, .init = learn)
{
	cr_expect_eq(value("buf+16", "va"), 0x1010);
	cr_expect_eq(value("buf+buf.len-8", "va"), 0x1038);
	cr_expect_eq(value("7", ""), 7);
	cr_expect_eq(value("0x10-1", ""), 15);
	cr_expect_eq(value("0-1", ""), UINT64_MAX);
}

Test(names, later_values_replace, .init = learn)
{
	cr_assert(names_set(&ns, "buf", "rkey", 9));
	cr_expect_eq(value("buf", "rkey"), 9);
}

Test(names, what_is_wrong_is_said, .init = learn)
{
	static const struct {
		const char *text, *attr, *why;
	} bad[] = {
		{"bug", "va", "bug: nothing of that name has a va"},
		{"q", "va", "q: nothing of that name has a va"},
		{"q.len", "va", "q: nothing of that name has a len"},
		{"buf", "", "buf: not a number"},
		{"7x", "va", "7x: not a number"},
		{"buf+", "va", ": nothing of that name has a va"},
	};
	uint64_t v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_expect_not(
			names_value(&ns, bad[i].text, bad[i].attr, &v, why));
		cr_expect_str_eq(why, bad[i].why);
	}
}

Test(names, no_more_than_there_is_room_for)
{
	char name[NAME_LEN + 1];

	for (unsigned i = 0; i < NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		cr_assert(names_set(&ns, name, "va", i));
	}
	cr_expect_not(names_set(&ns, "more", "va", 1));
	cr_expect(names_set(&ns, "n0", "va", 5), "replacing needs no room");
	memset(name, 'a', NAME_LEN);
	name[NAME_LEN] = '\0';
	cr_expect_not(names_set(&ns, name, "va", 1));
}

/* ---- which words a statement may have ---- */

static bool is_known(const char *line)
{
	static struct words w;

	why[0] = '\0';
	return words_split(&w, line, why) && grammar_check(&w, why);
}

Test(grammar, words_that_are_known)
{
	static const char *const good[] = {
		"",
		"> SEND_ONLY anything=1 at all",
		"qp q RC timeout=1 alt_dgid=::1 scq=c sq_sig_all",
		"modify q RTR only pmtu=256 => ENOWHERE",
		"post_send q SEND id=1 sge=a sge=b unsignaled inline",
		"wc",
		"wc SUCCESS id=1 grh within=1us",
		"wc id=1",
		"event QP_FATAL q after=1us",
		"query q state=ERR",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		cr_expect(is_known(good[i]), "%s: %s", good[i], why);
}

Test(grammar, words_that_are_not)
{
	static const char *const bad[][2] = {
		{"qp q RC tmeout=1",
		 "tmeout=: qp has no such field; did you mean timeout=?"},
		{"qp q RC xyzzy",
		 "xyzzy: qp has no such word; docs/drill.md lists them"},
		{"qp q RD", "RD: no such type; did you mean RC?"},
		{"modify q RTS fence",
		 "fence: modify has no such word; docs/drill.md lists them"},
		{"wc SUCESS", "SUCESS: no such status; did you mean SUCCESS?"},
		{"event QP_FATAL q now",
		 "now: event has no such word; docs/drill.md lists them"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_expect_not(is_known(bad[i][0]), "%s", bad[i][0]);
		cr_expect_str_eq(why, bad[i][1]);
	}
}
