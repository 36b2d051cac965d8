#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/cmd.h"
#include "cmd/meet.h"
#include "drill/live.h"
#include "drill/play.h"
#include "drill/words.h"

static const char help[] =
	"usage: glassnic drill [OPTION]... FILE.drill...\n"
	"\n"
	"Plays drills: scripted packets and verbs against a NIC, which is one "
	"in\n"
	"memory on a virtual clock, or with --live a real one.  docs/drill.md\n"
	"teaches the language.\n"
	"\n"
	"  -v, --verbose   print each line and each packet as it is played\n"
	"  -q, --quiet     print only what fails, and the sum\n"
	"  --coverage      then list which verdicts, NAK codes, RNR timers,\n"
	"                  opcodes, moves between states, statuses and events\n"
	"                  occurred, and which did not; fail if one is "
	"missing\n"
	"\n"
	"  --live SPEC     against the device that `glassnic peer' lends; "
	"SPEC\n"
	"                  is a NIC spec (`glassnic options') for our end\n"
	"  --peer HOST:PORT  where it listens\n"
	"  --capture FILE  write every packet into FILE (pcapng); without "
	"--live\n"
	"                  those of one drill, at the time that the NIC's "
	"clock says\n"
	"\n"
	"Exit status: 0 all passed, 1 one did not, 2 usage, 77 cannot run\n"
	"here.\n";

struct drill {
	struct play_options o;
	bool help, quiet;
	struct meeting meet;
	struct coverage *coverage;
	unsigned passed, failed, skipped;
};

static void tell(struct drill *d, const struct script *s, unsigned run,
		 enum play_result result, const char *complaint)
{
	static const char *const words[] = {"ok  ", "FAIL", "skip"};
	char name[256];

	if (d->quiet && result != PLAY_FAILED)
		return;
	script_run_name(s, run, name, sizeof(name));
	printf("%s %s%s%s\n%s", words[result], script_path(s),
	       name[0] ? " " : "", name,
	       result == PLAY_PASSED ? "" : complaint);
}

static void play_runs(struct drill *d, const struct script *s)
{
	static char complaint[COMPLAINT_MAX];

	for (unsigned run = 0; run < script_runs(s); run++) {
		enum play_result r = play(s, run, &d->o, complaint);

		d->passed += r == PLAY_PASSED;
		d->failed += r == PLAY_FAILED;
		d->skipped += r == PLAY_SKIPPED;
		tell(d, s, run, r, complaint);
	}
}

static void play_file(struct drill *d, const char *path)
{
	char why[WORDS_WHY_MAX];
	struct script *s = script_load(path, why);

	if (s && d->o.capture && script_runs(s) > 1)
		snprintf(why, sizeof(why),
			 "%s: it is played %u times (\"each\"), and only one "
			 "can be captured",
			 path, script_runs(s));
	if (!s || (d->o.capture && script_runs(s) > 1)) {
		printf("FAIL %s\n", why);
		d->failed++;
	} else {
		play_runs(d, s);
	}
	script_free(s);
}

static int finish(struct drill *d)
{
	unsigned missing = 0;

	if (d->coverage) {
		missing = coverage_report(d->coverage, stdout);
		printf("%u things are not covered\n", missing);
	}
	free(d->coverage);
	if (d->skipped)
		printf("%u skipped\n", d->skipped);
	printf("%u passed, %u failed\n", d->passed, d->failed);
	return d->failed || missing ? EXIT_NO : EXIT_OK;
}

static int check_options(const char *command, const struct drill *d,
			 int ndrills)
{
	if (meet_check(command, &d->meet))
		return EXIT_USAGE;
	if (d->meet.capture && !d->meet.live && ndrills > 1)
		return usage_error(command,
				   "--capture: one drill at a time, since "
				   "each begins at the same moment");
	if (d->coverage && d->meet.live)
		return usage_error(command, "--coverage: of the NIC in memory "
					    "only, not with --live");
	return EXIT_OK;
}

static int take_options(struct drill *d, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"verbose", no_argument, NULL, 'v'},
		{"quiet", no_argument, NULL, 'q'},
		{"coverage", no_argument, NULL, 'c'},
		{"live", required_argument, NULL, 'l'},
		{"peer", required_argument, NULL, 'p'},
		{"capture", required_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	/* What a NIC warns of is what drills are about. */
	setenv("GLASSNIC_LOG", "error", 0);
	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, ":hvq", options, NULL)) != -1)
		switch (opt) {
		case 'h': d->help = true; return EXIT_OK;
		case 'v': d->o.trace = stdout; break;
		case 'q': d->quiet = true; break;
		case 'c':
			free(d->coverage);
			d->coverage = calloc(1, sizeof(*d->coverage));
			d->o.coverage = d->coverage;
			break;
		case 'l': d->meet.live = optarg; break;
		case 'p': d->meet.peer = optarg; break;
		case 'w': d->meet.capture = optarg; break;
		case ':':
			return usage_error(argv[0], "%s: no value behind it",
					   argv[optind - 1]);
		default:
			return usage_error(argv[0],
					   "%s: unknown; `glassnic help drill' "
					   "lists the options",
					   argv[optind - 1]);
		}
	if (optind == argc)
		return usage_error(argv[0], "which drills? give one or more "
					    "FILE.drill");
	return check_options(argv[0], d, argc - optind);
}

int cmd_drill(int argc, char **argv)
{
	struct drill d = {0};
	struct live *live = NULL;
	int status = take_options(&d, argc, argv);

	if (d.help)
		fputs(help, stdout);
	else if (!status)
		status = meet_peer("drill", &d.meet, &live);
	if (status || d.help) {
		free(d.coverage);
		return status;
	}
	if (live) {
		d.o.bench = live_bench;
		d.o.bench_ctx = live;
	} else {
		d.o.capture = d.meet.capture;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* live takes its time */
	for (; optind < argc; optind++)
		play_file(&d, argv[optind]);
	if (live)
		live_free(live);
	return finish(&d);
}
