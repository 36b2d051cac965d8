/* glassnic replay: the engine in the place of one side of a capture. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "cmd/meet.h"
#include "drill/live.h"
#include "replay/replay.h"

static const char help[] =
	"Usage: glassnic replay FILE [OPTION]...\n"
	"Takes one side of each RoCEv2 connection in a pcap or pcapng file: "
	"the other\n"
	"side's packets go to glassnic's engine, and what it does is compared "
	"with what\n"
	"was captured.  docs/replay.md explains what it says.\n"
	"\n"
	"  --as SIDE         responder or requester; default: both, each in "
	"turn\n"
	"  --flow N          only the N-th flow: one QP's requests and their "
	"answers\n"
	"  -v, --verbose     show all differences; default: violations\n"
	"  --as-drill        write what happens as a drill, of the one flow "
	"and side\n"
	"                    that --flow and --as choose\n"
	"  --nic SPEC        the NIC that plays, as drills' `nic SPEC'\n"
	"  --live SPEC       play to the device that `glassnic peer' lends "
	"instead;\n"
	"                    SPEC is a NIC spec (`glassnic options') for our "
	"end\n"
	"  --peer HOST:PORT  where it listens\n"
	"  --capture FILE    write every packet into FILE (pcapng); with "
	"--live\n"
	"  --kinds           list the kinds of differences\n"
	"  --help            this text\n"
	"\n"
	"Exit status: 0 the side that is played keeps the rules, 1 it does "
	"not, 2 usage\n"
	"or unreadable file, 77 cannot run here.\n";

struct options {
	struct replay_options o;
	const char *path;
	struct meeting meet;
};

static bool parse_side(struct replay_options *o, const char *text)
{
	for (unsigned s = 0; s < SIDE_N; s++)
		o->side[s] = !strcmp(text, side_word((enum side)s));
	return o->side[SIDE_RESPONDER] || o->side[SIDE_REQUESTER];
}

static bool parse_flow(struct replay_options *o, const char *text)
{
	unsigned long n;
	char *end;

	if (*text < '1' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	o->flow = (uint32_t)n;
	return !errno && !*end && n <= UINT32_MAX;
}

/* NULL, or what the option's value should be. */
static const char *set_option(struct options *all, int opt)
{
	struct replay_options *o = &all->o;

	switch (opt) {
	case 'l': all->meet.live = optarg; return NULL;
	case 'c': all->meet.peer = optarg; return NULL;
	case 'w': all->meet.capture = optarg; return NULL;
	case 'a':
		return parse_side(o, optarg) ? NULL : "responder or requester";
	case 'f': return parse_flow(o, optarg) ? NULL : "a number from 1 on";
	case 'v': o->verbose = true; return NULL;
	case 'd': o->as_drill = true; return NULL;
	case 'n': o->spec = optarg; return NULL;
	}
	return NULL;
}

static int wrong_option(int opt, const char *argument, const char *want)
{
	if (want)
		return usage_error("replay", "%s: want %s", argument, want);
	return usage_error("replay",
			   opt == ':' ? "%s: no value behind it"
				      : "%s: unknown; `glassnic help replay' "
					"lists the options",
			   argument);
}

static int check_options(const struct options *o)
{
	if (!strcmp(o->path, "-"))
		return usage_error("replay", "standard input cannot be read "
					     "twice: give a file");
	if (meet_check("replay", &o->meet))
		return EXIT_USAGE;
	if (o->meet.capture && !o->meet.live)
		return usage_error("replay", "--capture: there are packets to "
					     "capture with --live only");
	if (o->meet.live && *o->o.spec)
		return usage_error("replay", "--nic: a real NIC is what it is; "
					     "not with --live");
	return -1;
}

static void print_kinds(void)
{
	for (unsigned k = 0; k < DIFF_N; k++)
		printf("%-13s %-10s %s\n", diff_word((enum diff)k),
		       diff_class_word(diff_class((enum diff)k)),
		       diff_text((enum diff)k));
}

/* -1: go on; else the exit status. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"as", required_argument, NULL, 'a'},
		{"flow", required_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},
		{"as-drill", no_argument, NULL, 'd'},
		{"nic", required_argument, NULL, 'n'},
		{"live", required_argument, NULL, 'l'},
		{"peer", required_argument, NULL, 'c'},
		{"capture", required_argument, NULL, 'w'},
		{"kinds", no_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, ":hv", options, NULL)) != -1) {
		const char *want = NULL;

		if (opt == 'h' || opt == 'k') {
			if (opt == 'h')
				fputs(help, stdout);
			else
				print_kinds();
			return EXIT_OK;
		}
		if (opt != ':' && opt != '?')
			want = set_option(o, opt);
		if (opt == ':' || opt == '?' || want)
			return wrong_option(opt, argv[optind - 1], want);
	}
	if (argc - optind != 1)
		return usage_error("replay", "want one capture file; "
					     "`glassnic help replay' explains");
	o->path = argv[optind];
	return check_options(o);
}

/* ---- the progress bar ---- */

#define BAR_WIDTH 40u

struct bar {
	time_t start;
	bool drawn;
};

/* Once it takes longer than a second or two. */
static void draw(void *ctx, uint64_t packets, uint64_t total)
{
	struct bar *b = ctx;
	unsigned done = total ? (unsigned)(packets * BAR_WIDTH / total) : 0;

	if (time(NULL) < b->start + 2)
		return;
	b->drawn = true;
	if (!total)
		fprintf(stderr, "\rreading: %llu packets",
			(unsigned long long)packets);
	else
		fprintf(stderr, "\rplaying: [%.*s%*s] %3u%%", (int)done,
			"########################################",
			(int)(BAR_WIDTH - done), "",
			(unsigned)(packets * 100 / total));
}

static int run(struct options *o, struct bar *bar)
{
	char why[REPLAY_WHY_MAX];
	int faults = replay_file(o->path, &o->o, why);

	if (bar->drawn)
		fputs("\r\033[K", stderr);
	if (faults < 0)
		return usage_error("replay", "%s", why);
	return faults ? EXIT_NO : EXIT_OK;
}

int cmd_replay(int argc, char **argv)
{
	struct bar bar = {.start = time(NULL)};
	struct options o = {
		.o = {.spec = "",
		      .side = {true, true},
		      .out = stdout,
		      .progress = isatty(STDERR_FILENO) ? draw : NULL,
		      .progress_ctx = &bar},
	};
	struct live *live;
	int status = parse(&o, argc, argv);

	if (status >= 0)
		return status;
	/* What captured QPs do is not the engine's business to warn of. */
	setenv("GLASSNIC_LOG", "error", 0);
	status = meet_peer("replay", &o.meet, &live);
	if (live) {
		o.o.bench = live_bench;
		o.o.bench_ctx = live;
	}
	if (!status)
		status = run(&o, &bar);
	if (live)
		live_free(live);
	return status;
}
