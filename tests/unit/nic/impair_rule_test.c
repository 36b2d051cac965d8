/* The rule language: what is a rule, and what is said about what is not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "nic/impair/impair.h"

static struct impair_rule rule;
static char why[IMPAIR_WHY_MAX + 16];

static int parse(const char *line)
{
	memset(&rule, 0xee, sizeof(rule));
	return impair_rule_parse(line, &rule, why);
}

static const struct impair_rule *good(const char *line)
{
	why[0] = '\0';
	cr_assert_eq(parse(line), 0, "%s: %s", line, why);
	return &rule;
}

static void bad(const char *line, const char *says)
{
	cr_assert_eq(parse(line), -EINVAL, "%s", line);
	cr_assert(strstr(why, says), "%s: says %s", line, why);
	cr_assert_lt(strlen(why), IMPAIR_WHY_MAX);
}

static bool has_opcode(const struct impair_rule *r, unsigned code)
{
	return r->opcode[code / 64] >> code % 64 & 1;
}

Test(impair_rule, blank_lines_and_comments_are_no_rules)
{
	cr_assert_eq(parse(""), 1);
	cr_assert_eq(parse("  \t\r"), 1);
	cr_assert_eq(parse("# drop once"), 1);
	cr_assert_eq(parse("   # drop once"), 1);
}

Test(impair_rule, every_action)
{
	static const struct {
		const char *line;
		enum impair_action action;
	} rows[] = {
		{"drop", IMPAIR_LOSE},
		{"loss 0.05", IMPAIR_LOSE},
		{"blackhole for 300ms after 1s", IMPAIR_LOSE},
		{"dup", IMPAIR_DUPLICATE},
		{"reorder by=3 within=2ms", IMPAIR_REORDER},
		{"hold for 2ms", IMPAIR_HOLD},
		{"hold 2ms", IMPAIR_HOLD},
		{"delay 1ms jitter=200us", IMPAIR_DELAY},
		{"rate 100Mbit limit=64KiB", IMPAIR_RATE},
		{"corrupt bits=3 icrc=fixed", IMPAIR_CORRUPT},
		{"truncate to 40", IMPAIR_TRUNCATE},
		{"mark next 10", IMPAIR_MARK},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(good(rows[i].line)->action, rows[i].action, "%s",
			     rows[i].line);
}

Test(impair_rule, parameters)
{
	cr_assert_eq(good("loss 5%")->chance, 0.05);
	cr_assert_eq(good("hold opcode=0x11 for 2ms")->delay, 2 * MSEC);
	cr_assert_eq(good("delay 1.5ms jitter=200us")->delay, 1500 * USEC);
	cr_assert_eq(rule.jitter, 200 * USEC);
	cr_assert_eq(good("rate 100Mbit limit=64KiB")->rate, 100000000);
	cr_assert_eq(rule.limit, 65536);
	cr_assert_eq(good("blackhole for 300ms after 1s")->lasts, 300 * MSEC);
	cr_assert_eq(rule.after, SEC);
	cr_assert_eq(good("corrupt byte=17 icrc=fixed")->byte, 17);
	cr_assert(rule.has_byte && rule.fixed);
	cr_assert_eq(good("truncate to 40 next 1")->cut, 40);
	cr_assert_eq(rule.next, 1);
	cr_assert_eq(good("dup copies=8 skip 3 every 2")->copies, 8);
	cr_assert_eq(rule.skip, 3);
	cr_assert_eq(rule.every, 2);
}

Test(impair_rule, directions)
{
	cr_assert_eq(good("drop")->dirs, 3);
	cr_assert_eq(good("in drop")->dirs, 1 << IMPAIR_IN);
	cr_assert_eq(good(" out drop once")->dirs, 1 << IMPAIR_OUT);
}

Test(impair_rule, opcodes_by_name_number_and_star)
{
	good("drop opcode=ACKNOWLEDGE");
	cr_assert(has_opcode(&rule, 0x11) && has_opcode(&rule, 0xb1));
	cr_assert(!has_opcode(&rule, 0x12));
	good("drop opcode=RC_ACKNOWLEDGE");
	cr_assert(has_opcode(&rule, 0x11) && !has_opcode(&rule, 0xb1));
	good("drop opcode=READ_RESPONSE*");
	for (unsigned code = 0x0d; code <= 0x10; code++)
		cr_assert(has_opcode(&rule, code));
	cr_assert(!has_opcode(&rule, 0x0c) && !has_opcode(&rule, 0x11));
	good("drop opcode=RDMA_READ_REQUEST");
	cr_assert(has_opcode(&rule, 0x0c));
	good("drop opcode=0x81");
	cr_assert(has_opcode(&rule, 0x81));
	good("drop opcode=SEND_ONLY opcode=SEND_ONLY_IMM");
	cr_assert(has_opcode(&rule, 0x04) && has_opcode(&rule, 0x05));
}

Test(impair_rule, is_quoted_without_comment)
{
	cr_assert_str_eq(good("  out drop psn=+3 once \t # the fourth")->text,
			 "out drop psn=+3 once");
	good("drop src=1111:2222:3333:4444:5555:6666:7777:8888 psn=0x123456 "
	     "once");
	cr_assert_eq(strlen(rule.text), IMPAIR_TEXT_MAX - 1);
	cr_assert_str_eq(rule.text + IMPAIR_TEXT_MAX - 4, "...");
}

Test(impair_rule, what_is_wrong_is_said)
{
	bad("dorp", "dorp: no such action; did you mean drop?");
	bad("xyzzy", "allowed: drop, loss, blackhole, dup");
	bad("in", "no action");
	bad("drop pns=7", "pns: no such word; did you mean psn?");
	bad("drop frobnicate", "frobnicate: no such word");
	bad("drop psn=", "psn: no value; allowed: 0 to 16777215");
	bad("drop psn", "psn: no value");
	bad("drop psn=16777216", "psn=16777216: not such a number");
	bad("drop psn=+", "psn=+: not such a number");
	bad("drop psn=-1", "psn=-1: not such a number");
	bad("drop opcode=SEND_FRIST", "no such opcode");
	bad("drop dqpn=0x1000000", "dqpn=0x1000000");
	bad("drop src=localhost", "not an IP address");
	bad("drop proto=tcp", "no such protocol; allowed: roce, arp");
	bad("drop proto=arp psn=7", "packets that are no RoCE have");
	bad("drop aeth=nack", "allowed: ack, nak or rnr");
	bad("drop once=1", "once takes no value");
	bad("drop every 0", "every=0: not such a number");
	bad("drop every", "every: no value");
	bad("drop chance 1.5", "chance=1.5: not a chance; allowed: 0 to 1");
	bad("drop chance nan", "not a chance");
	bad("loss", "loss: no value");
	bad("loss much", "loss much: not a chance");
	bad("drop after 5", "after=5: not a duration");
	bad("drop after 5h", "allowed: a number with ns, us, ms or s");
	bad("drop after -5ms", "not a duration");
	bad("drop after .5s", "not a duration");
	bad("hold", "hold for DURATION");
	bad("hold opcode=SEND_ONLY", "hold for DURATION");
	bad("delay", "delay: no value");
	bad("delay 2 ms", "delay 2: not a duration");
	bad("rate 100", "rate 100: not a rate; allowed: a number with bit");
	bad("rate 0bit", "not a rate");
	bad("rate 1Gbit limit=lots", "limit=lots: not a size");
	bad("drop bits=3", "bits: not for drop");
	bad("corrupt bits=33", "bits=33");
	bad("corrupt icrc=maybe", "allowed: wrong or fixed");
	bad("truncate to 11", "to=11: not such a number");
	bad("truncate proto=arp", "truncate is for roce only");
	bad("mark proto=arp", "mark is for");
	bad("dup copies=9", "copies=9");
	bad("reorder by=0", "by=0");
}

Test(impair_rule, long_nonsense_is_refused)
{
	char line[2000];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	bad(line, "longer than");
	line[400] = '\0';
	bad(line, "no such action");
	memcpy(line, "drop psn=", 9);
	bad(line, "not such a number");
}

/* Words of the language and noise, in any order. */
Test(impair_rule, random_lines_are_taken_or_refused)
{
	static const char *const words[] = {
		"in",	   "out",	"drop",
		"loss",	   "blackhole", "dup",
		"reorder", "hold",	"delay",
		"rate",	   "corrupt",	"truncate",
		"mark",	   "opcode",	"psn=",
		"psn",	   "dqpn=",	"qp=",
		"round=",  "aeth=",	"src=",
		"dst=",	   "proto=",	"once",
		"every",   "next",	"skip",
		"chance",  "after",	"for",
		"copies=", "by=",	"within",
		"jitter=", "limit=",	"bits=",
		"byte=",   "to",	"icrc=",
		"0",	   "1",		"+7",
		"2ms",	   "5%",	"1Gbit",
		"64KiB",   "fixed",	"nak",
		"arp",	   "SEND_*",	"*",
		"#",	   "=",		"\xff",
		"",	   "10.0.0.1",	"99999999999999999999",
		"\t",	   "\r\n",
	};
	struct random r = {1};

	for (unsigned i = 0; i < 200000; i++) {
		char line[200] = "";

		for (uint64_t n = random_next(&r) % 8; n--;) {
			strcat(line, words[random_next(&r) %
					   (sizeof(words) / sizeof(words[0]))]);
			strcat(line, random_next(&r) % 4 ? " " : "");
		}
		cr_assert(parse(line) <= 1);
		cr_assert_lt(strnlen(why, sizeof(why)), IMPAIR_WHY_MAX);
	}
}

Test(impair_rule, a_text_of_many_lines_names_the_wrong_one)
{
	struct impair im;
	struct counters c = {0};

	impair_init(&im, 1, &c);
	cr_assert_eq(impair_add(&im, "drop once\n\n# so\nmark next 2", why), 0);
	cr_assert_eq(im.nrule, 2);
	cr_assert_eq(impair_add(&im, "drop once\n\n  dorp\n", why), -EINVAL);
	cr_assert_str_eq(why,
			 "line 3: dorp: no such action; did you mean drop?");
	impair_fini(&im);
}

Test(impair_rule, so_many_and_no_more)
{
	struct impair im;
	struct counters c = {0};

	impair_init(&im, 1, &c);
	for (unsigned i = 0; i < IMPAIR_RULES; i++)
		cr_assert_eq(impair_add(&im, "drop psn=+1 once", why), 0);
	cr_assert_eq(impair_add(&im, "drop", why), -ENOSPC);
	cr_assert_str_eq(why, "line 1: more than 64 rules");
	impair_fini(&im);
}
