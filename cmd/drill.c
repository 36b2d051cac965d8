#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/cmd.h"
#include "drill/play.h"
#include "drill/words.h"

static const char help[] =
	"usage: glassnic drill [OPTION]... FILE.drill...\n"
	"\n"
	"Plays drills: scripted packets and verbs against a NIC, which is one in\n"
	"memory on a virtual clock.  docs/drill.md teaches the language.\n"
	"\n"
	"  -v, --verbose   print each line and each packet as it is played\n"
	"  -q, --quiet     print only what fails, and the sum\n"
	"  --coverage      then list which verdicts, NAK codes, RNR timers,\n"
	"                  opcodes, moves between states, statuses and events\n"
	"                  occurred, and which did not; fail if one is missing\n"
	"\n"
	"Exit status: 0 all passed, 1 one did not, 2 usage.\n";

struct drill {
	struct play_options o;
	bool quiet;
	struct coverage *coverage;
	unsigned passed, failed, skipped;
};

static void tell(struct drill *d, const struct script *s, unsigned run,
		 enum play_result result, const char *complaint)
{
	static const char *const words[] = { "ok  ", "FAIL", "skip" };
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

	if (!s) {
		printf("FAIL %s\n", why);
		d->failed++;
		return;
	}
	play_runs(d, s);
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

int cmd_drill(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "coverage", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct drill d = { 0 };
	int opt;

	/* What a NIC warns of is what drills are about. */
	setenv("GLASSNIC_LOG", "error", 0);
	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "hvq", options, NULL)) != -1)
		switch (opt) {
		case 'h': fputs(help, stdout); return EXIT_OK;
		case 'v': d.o.trace = stdout; break;
		case 'q': d.quiet = true; break;
		case 'c':
			d.coverage = calloc(1, sizeof(*d.coverage));
			d.o.coverage = d.coverage;
			break;
		default:
			return usage_error(argv[0],
					   "%s: unknown; `glassnic help drill' "
					   "lists the options",
					   argv[optind - 1]);
		}
	if (optind == argc)
		return usage_error(argv[0], "which drills? give one or more "
					    "FILE.drill");
	for (; optind < argc; optind++)
		play_file(&d, argv[optind]);
	return finish(&d);
}
