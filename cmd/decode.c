/* glassnic decode: what is in a capture, and whether it keeps the rules. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "trace/check.h"
#include "trace/expect.h"
#include "trace/ladder.h"
#include "trace/print.h"
#include "trace/reader.h"

#define LADDER_MAX   100u
#define LADDER_LIMIT 1000000u

struct options {
	const char *path;
	const char *expect;
	bool check, ladder, rules;
	bool has_qpn, has_max;
	uint32_t qpn;
	uint64_t max;
	enum color_when color;
};

/* What a run works with. */
struct run {
	struct options o;
	struct reader *reader;
	struct check *check;
	struct ladder *ladder;
	struct expect *expect;
	struct paint paint;
	int64_t start_nsec;
	uint64_t shown;
};

static const char help[] =
	"Usage: glassnic decode FILE [OPTION]...\n"
	"Shows the RoCEv2 packets in a pcap or pcapng file (\"-\": standard "
	"input).\n"
	"\n"
	"  --check          judge ICRCs, lengths and the protocol's rules; "
	"name "
	"rule,\n"
	"                   frame and side of each violation; exit 1 if there "
	"is one\n"
	"  --expect FILE    with --check: exit 0 if exactly the violations in "
	"FILE occur.\n"
	"                   A line is \"RULE FRAME\" or \"RULE xCOUNT\"; # "
	"starts a comment\n"
	"  --rules          list the rules and their sources\n"
	"  --ladder         draw the conversation of the first two hosts\n"
	"  --max N          show the first N packets only (ladder: 100)\n"
	"  --qp N           show only packets to QP N (0x12 or 18)\n"
	"  --color WHEN     auto, always or never\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 all is well, 1 a rule is broken, 2 usage or unreadable "
	"file.\n";

static bool number(const char *text, uint64_t most, uint64_t *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &end, 0);
	return !errno && !*end && *n <= most;
}

static void print_rules(void)
{
	for (int i = 0; i < RULE_N; i++)
		printf("%-18s %-10s %s\n", rule_word((enum rule)i),
		       rule_source((enum rule)i), rule_text((enum rule)i));
}

enum {
	OPT_CHECK = 256,
	OPT_EXPECT,
	OPT_RULES,
	OPT_LADDER,
	OPT_MAX,
	OPT_QP,
	OPT_COLOR,
	OPT_HELP
};

static const struct option long_options[] = {
	{"check", no_argument, NULL, OPT_CHECK},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"rules", no_argument, NULL, OPT_RULES},
	{"ladder", no_argument, NULL, OPT_LADDER},
	{"max", required_argument, NULL, OPT_MAX},
	{"qp", required_argument, NULL, OPT_QP},
	{"color", required_argument, NULL, OPT_COLOR},
	{"colour", required_argument, NULL, OPT_COLOR},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

/* One option; NULL, or what its value should be. */
static const char *set_option(struct options *o, int opt)
{
	uint64_t n = 0;

	switch (opt) {
	case OPT_CHECK: o->check = true; return NULL;
	case OPT_EXPECT:
		o->check = true;
		o->expect = optarg;
		return NULL;
	case OPT_RULES: o->rules = true; return NULL;
	case OPT_LADDER: o->ladder = true; return NULL;
	case OPT_MAX:
		o->has_max = number(optarg, LADDER_LIMIT, &o->max);
		return o->has_max ? NULL : "a number up to 1000000";
	case OPT_QP:
		o->has_qpn = number(optarg, QPN_MASK, &n);
		o->qpn = (uint32_t)n;
		return o->has_qpn ? NULL : "a QPN of 24 bits";
	case OPT_COLOR:
		return color_parse(optarg, &o->color) ? NULL
						      : "auto, always or never";
	}
	return NULL;
}

static int usage_option(int opt, int index, const char *argument,
			const char *want)
{
	if (opt == ':')
		return usage_error("decode",
				   "option %s wants a value; see "
				   "glassnic decode --help",
				   argument);
	if (opt == '?')
		return usage_error("decode",
				   "unknown option %s; see glassnic "
				   "decode --help",
				   argument);
	return usage_error("decode", "option --%s: \"%s\" is not %s",
			   long_options[index].name, optarg, want);
}

/* -1: go on; else the exit status. */
static int parse(struct options *o, int argc, char **argv)
{
	int opt, index = 0;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", long_options, &index)) !=
	       -1) {
		const char *want = NULL;

		if (opt == OPT_HELP) {
			fputs(help, stdout);
			return EXIT_OK;
		}
		if (opt != ':' && opt != '?')
			want = set_option(o, opt);
		if (opt == ':' || opt == '?' || want)
			return usage_option(opt, index, argv[optind - 1], want);
	}
	if (o->rules) {
		print_rules();
		return EXIT_OK;
	}
	if (argc - optind != 1)
		return usage_error("decode",
				   "want one capture file, or \"-\" "
				   "for standard input; see glassnic decode "
				   "--help");
	o->path = argv[optind];
	return -1;
}

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return 80;
}

static int run_open(struct run *r)
{
	char error[READER_ERROR_MAX];

	if (r->o.expect) {
		r->expect = expect_read(r->o.expect, error);
		if (!r->expect)
			return usage_error("decode", "%s", error);
	}
	r->reader = reader_open(r->o.path, error);
	if (!r->reader)
		return usage_error("decode", "%s", error);
	r->check = check_new();
	if (r->o.ladder)
		r->ladder = ladder_new(r->o.has_max ? r->o.max : LADDER_MAX);
	if (!r->check || (r->o.ladder && !r->ladder))
		return usage_error("decode", "no memory: give a smaller --max");
	r->paint = paint_for(stdout, r->o.color);
	return EXIT_OK;
}

static void run_close(struct run *r)
{
	reader_close(r->reader);
	check_free(r->check);
	ladder_free(r->ladder);
	expect_free(r->expect);
}

static void show(struct run *r, const struct packet *p)
{
	enum note note = check_packet(r->check, p);

	if (r->start_nsec == 0)
		r->start_nsec = p->nsec;
	if (r->o.has_qpn && p->roce.bth.dqpn != r->o.qpn)
		return;
	if (r->ladder) {
		ladder_add(r->ladder, p, note);
	} else if (!r->o.check && !(r->o.has_max && r->shown >= r->o.max)) {
		packet_print(p, note, r->start_nsec, &r->paint, stdout);
		r->shown++;
	}
}

/* 0, or EXIT_USAGE for a file that cannot be read to its end. */
static int show_all(struct run *r)
{
	struct packet p;
	int got;

	while ((got = reader_next(r->reader, &p)) > 0)
		show(r, &p);
	if (r->ladder)
		ladder_print(r->ladder, terminal_width(), &r->paint, stdout);
	return got < 0 ? usage_error("decode", "%s", reader_error(r->reader))
		       : EXIT_OK;
}

static void print_stats(const struct reader_stats *s)
{
	printf("%llu frames, %llu without RoCEv2, %llu cut by the sniffer, "
	       "%llu trains\n",
	       (unsigned long long)s->frames, (unsigned long long)s->other,
	       (unsigned long long)s->cut, (unsigned long long)s->trains);
}

/* 0 or 1. */
static int judge(struct run *r)
{
	const struct report *report = check_finish(r->check);
	bool good = report_count(report) == 0;

	for (size_t i = 0; i < report_stored(report); i++) {
		fputs(paint_ink(&r->paint, INK_BAD), stdout);
		report_print(report_get(report, i), stdout);
		fputs(paint_end(&r->paint), stdout);
	}
	print_stats(reader_stats(r->reader));
	check_summary(r->check, stdout);
	if (!r->expect)
		return good ? EXIT_OK : EXIT_NO;
	good = expect_compare(r->expect, report, stdout);
	printf("expect: %s\n", good ? "exactly the expected violations"
				    : "not what was expected");
	return good ? EXIT_OK : EXIT_NO;
}

int cmd_decode(int argc, char **argv)
{
	struct run r = {0};
	int status = parse(&r.o, argc, argv);

	if (status >= 0)
		return status;
	setlocale(LC_CTYPE, "");
	status = run_open(&r);
	if (status == 0)
		status = show_all(&r);
	if (r.o.check && r.check && r.reader) {
		int verdict = judge(&r);

		if (status == 0)
			status = verdict;
	}
	run_close(&r);
	return status;
}
