/* glassnic replay: the engine in the place of one side of a capture. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "drill/live.h"
#include "replay/replay.h"

static const char help[] =
	"Usage: glassnic replay FILE [OPTION]...\n"
	"Takes one side of each RoCEv2 connection in a pcap or pcapng file: "
	"the "
	"other\n"
	"side's packets go to glassnic's engine, and what it does is compared "
	"with what\n"
	"was captured.  docs/replay.md explains what it says.\n"
	"\n"
	"  --as SIDE     responder or requester; default: both, each in turn\n"
	"  --flow N      only the N-th flow: one QP's requests and their "
	"answers\n"
	"  -v, --verbose show all differences; default: violations\n"
	"  --as-drill    write what happens as a drill, of the one connection "
	"and side\n"
	"                that --flow and --as choose\n"
	"  --nic SPEC    the NIC that plays, as drills' `nic SPEC'\n"
	"  --help        this text\n"
	"\n"
	"Exit status: 0 glassnic's side keeps the rules, 1 it does not, 2 "
	"usage "
	"or\n"
	"unreadable file.\n";

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
static const char *set_option(struct replay_options *o, int opt)
{
	switch (opt) {
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

/* -1: go on; else the exit status. */
static int parse(struct replay_options *o, const char **path, int argc,
		 char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"as", required_argument, NULL, 'a'},
		{"flow", required_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},
		{"as-drill", no_argument, NULL, 'd'},
		{"nic", required_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, ":hv", options, NULL)) != -1) {
		const char *want = NULL;

		if (opt == 'h') {
			fputs(help, stdout);
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
	*path = argv[optind];
	if (!strcmp(*path, "-"))
		return usage_error("replay", "standard input cannot be read "
					     "twice: give a file");
	return -1;
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

int cmd_replay(int argc, char **argv)
{
	struct bar bar = {.start = time(NULL)};
	struct replay_options o = {
		.spec = "",
		.side = {true, true},
		.out = stdout,
		.progress = isatty(STDERR_FILENO) ? draw : NULL,
		.progress_ctx = &bar,
	};
	const char *path = NULL;
	int status = parse(&o, &path, argc, argv), faults;
	char why[REPLAY_WHY_MAX];

	if (status >= 0)
		return status;
	/* What captured QPs do is not the engine's business to warn of. */
	setenv("GLASSNIC_LOG", "error", 0);
	faults = replay_file(path, &o, why);
	if (bar.drawn)
		fputs("\r\033[K", stderr);
	if (faults < 0)
		return usage_error("replay", "%s", why);
	return faults ? EXIT_NO : EXIT_OK;
}
