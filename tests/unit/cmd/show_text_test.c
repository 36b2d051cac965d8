#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/show_text.h"

static char out[65536];

static json_t *parsed(const char *text)
{
	json_error_t error;
	json_t *view = json_loads(text, 0, &error);

	cr_assert(view, "%s", error.text);
	return view;
}

/* What @print prints of @view, which it takes. */
static const char *printed(void (*print)(const json_t *view), json_t *view)
{
	FILE *file = tmpfile();
	int before = dup(STDOUT_FILENO);
	size_t n;

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	print(view);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	rewind(file);
	n = fread(out, 1, sizeof(out) - 1, file);
	out[n] = '\0';
	fclose(file);
	json_decref(view);
	return out;
}

static void details(const json_t *view)
{
	show_details(view, NULL, 100);
}

static void two_qps(const json_t *view)
{
	show_details(view, NULL, 2);
}

static void with_rates(const json_t *view)
{
	show_details(view, json_object_get(view, "before"), 0);
}

static void row(const json_t *view)
{
	show_list_row(view, view, true);
}

static void expect_narrow(const char *text)
{
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		cr_expect_leq(n, SHOW_COLUMNS, "%.*s", (int)n, text);
	}
}

static void expect_has(const char *text, const char *part)
{
	cr_expect(strstr(text, part), "no \"%s\" in:\n%s", part, text);
}

#define LARGEST "9223372036854775807"
#define LONG_IP "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"

static const char largest[] =
	"{\"nic\":\"a-name-that-is-longer-than-its-column\",\"pid\":4194304,"
	"\"program\":\"a-program-of-a-very-long-name\",\"port\":\"packet\","
	"\"spec\":\"ip=10.0.0.1/24,impair=/a/very/long/path/to/a/file/of/rules/"
	"which/goes/on/and/on/and/on/and/on/and/on/and/on/and/on/and/on\","
	"\"address\":\"" LONG_IP "\",\"gids\":[\"fe80::1\",\"" LONG_IP "\"],"
	"\"mtu\":4096,\"seed\":\"18446744073709551615\","
	"\"uptime_usec\":86399000000000,\"counters\":{\"sent_pkts\":" LARGEST
	",\"retry_rnr_exceeded_err\":" LARGEST "},"
	"\"memory\":{\"regions\":8388608,\"bytes\":" LARGEST "},"
	"\"cq_count\":9,\"cqs\":[{\"size\":4194304,\"used\":4194304}],"
	"\"qps\":[{\"number\":16777215,\"type\":\"RAW_PACKET\","
	"\"state\":\"RESET\",\"peer\":{\"address\":\"" LONG_IP "\","
	"\"qp\":16777215,\"in_flight\":" LARGEST ",\"window\":4294967295},"
	"\"requester\":{\"una\":16777215,\"nxt\":16777215,\"posted\":1048576,"
	"\"retry_left\":7,\"rnr_left\":7,\"waits_for\":\"rd_atomic\"},"
	"\"responder\":{\"epsn\":16777215,\"msn\":16777215,"
	"\"nak\":\"sequence\"}}]}";

Test(show_text, the_largest_figures_fit)
{
	expect_narrow(printed(details, parsed(largest)));
	expect_has(out, "0xffffff ..ddd:eeee:ffff\n");
	expect_narrow(printed(row, parsed(largest)));
	expect_has(out, "..ccc:dddd:eeee:ffff\n");
}

Test(show_text, qps_are_sorted_and_counted)
{
	const char *text = printed(
		two_qps, parsed("{\"qps\":[{\"number\":3},{\"number\":1},"
				"{\"number\":2}]}"));

	expect_has(text, "QPs      3\n");
	expect_has(text, "0x000001");
	cr_expect_lt(strstr(text, "0x000001"), strstr(text, "0x000002"));
	cr_expect_not(strstr(text, "0x000003"));
	expect_has(text, "and 1 more\n");
}

Test(show_text, counters_that_are_0_are_left_out)
{
	const char *text = printed(
		details,
		parsed("{\"counters\":{\"sent_pkts\":0,\"rcvd_pkts\":7},"
		       "\"drops\":{\"icrc\":0}}"));

	expect_has(text, "counted\n    rcvd_pkts");
	cr_expect_not(strstr(text, "sent_pkts"));
	cr_expect_not(strstr(text, "refused"));
}

Test(show_text, rates_are_per_second)
{
	expect_has(printed(with_rates,
			   parsed("{\"uptime_usec\":3000000,"
				  "\"counters\":{\"sent_pkts\":5000000,"
				  "\"retransmitted_pkts\":4},\"before\":"
				  "{\"uptime_usec\":1000000,\"counters\":"
				  "{\"sent_pkts\":0,"
				  "\"retransmitted_pkts\":2}}}")),
		   "rates    2.5M packets/s, ");
	expect_has(out, "; 1 retransmissions/s\n");
}

Test(show_text, a_program_has_no_power_over_the_terminal)
{
	const char *text =
		printed(details, parsed("{\"program\":\"\\u001b[2Jx\\ny\"}"));

	expect_has(text, "?[2Jx?y");
	cr_expect_not(strchr(text, '\x1b'));
	text = printed(row, parsed("{\"program\":\"\\u001b[2J\","
				   "\"port\":\"\\u0007\"}"));
	expect_has(text, "?[2J ");
	cr_expect_not(strpbrk(text, "\x1b\x07"));
}

Test(show_text, nonsense_is_shown_as_it_is)
{
	static const char *const views[] = {
		"{}",
		"[]",
		"{\"qps\":7,\"cqs\":{},\"counters\":[],\"pid\":\"x\"}",
		"{\"qps\":[7,null,{\"peer\":[]}],\"gids\":[7,{}],"
		"\"counters\":{\"a\":\"b\"},\"cqs\":[[]],\"nic\":null}",
	};

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		expect_narrow(printed(details, parsed(views[i])));
		expect_narrow(printed(row, parsed(views[i])));
	}
}
