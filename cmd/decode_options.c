#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/cmd.h"
#include "cmd/decode_options.h"
#include "trace/rule.h"
#include "wire/bth.h"
#include "wire/vxlan.h"

#define MAX_LIMIT 1000000u

static const char help[] =
	"Usage: glassnic decode FILE [OPTION]...\n"
	"Shows the RoCEv2 packets in a pcap or pcapng file (\"-\": standard "
	"input), a\n"
	"line each; docs/decode.md says what is what.\n"
	"\n"
	"  --ladder         draw the conversation of the first two hosts\n"
	"  --ladder FILE    the same into FILE.svg, a picture, or FILE.html, a "
	"page with\n"
	"                   the fields of each packet and filters\n"
	"  --stats          per connection: goodput, retransmissions, times of "
	"answers, NAKs\n"
	"  --check          judge ICRCs, lengths and the protocol's rules; "
	"name rule,\n"
	"                   frame and side of each violation; exit 1 if there "
	"is one\n"
	"  --expect FILE    with --check: exit 0 if exactly the violations in "
	"FILE occur.\n"
	"                   A line is \"RULE FRAME\" or \"RULE xCOUNT\"; # "
	"starts a comment\n"
	"  --rules          list the rules and their sources\n"
	"  --json           packets, or with --stats connections, as JSON: an "
	"object a line\n"
	"  --follow         FILE is still being written: go on as it grows, "
	"until Ctrl-C;\n"
	"                   or the PID, program or NIC name of who runs with "
	"--capture\n"
	"  --max N          the first N packets only (ladder: 100, a picture "
	"1000)\n"
	"  --qp N           only packets to and from QP N (0x12 or 18)\n"
	"  --vni N          only packets in the VXLAN network N\n"
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
	OPT_STATS,
	OPT_JSON,
	OPT_FOLLOW,
	OPT_MAX,
	OPT_QP,
	OPT_VNI,
	OPT_COLOR,
	OPT_HELP
};

static const struct option long_options[] = {
	{"check", no_argument, NULL, OPT_CHECK},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"rules", no_argument, NULL, OPT_RULES},
	{"ladder", optional_argument, NULL, OPT_LADDER},
	{"stats", no_argument, NULL, OPT_STATS},
	{"json", no_argument, NULL, OPT_JSON},
	{"follow", no_argument, NULL, OPT_FOLLOW},
	{"max", required_argument, NULL, OPT_MAX},
	{"qp", required_argument, NULL, OPT_QP},
	{"vni", required_argument, NULL, OPT_VNI},
	{"color", required_argument, NULL, OPT_COLOR},
	{"colour", required_argument, NULL, OPT_COLOR},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len > n && strcmp(text + len - n, end) == 0;
}

static bool is_picture(const char *path)
{
	return ends_with(path, ".svg") || ends_with(path, ".html");
}

bool decode_wants_page(const struct decode_options *o)
{
	return ends_with(o->picture, ".html");
}

/* "--ladder", "--ladder=OUT.svg", or "--ladder OUT.svg": no capture is called
 * so.
 */
static const char *set_ladder(struct decode_options *o, char **argv)
{
	const char *path = optarg;

	if (!path && argv[optind] && is_picture(argv[optind]))
		path = argv[optind++];
	if (!path) {
		o->ladder = true;
		return NULL;
	}
	o->picture = path;
	return is_picture(path) ? NULL : "a file called NAME.svg or NAME.html";
}

/* One option; NULL, or what its value should be. */
static const char *set_option(struct decode_options *o, int opt, char **argv)
{
	uint64_t n = 0;

	switch (opt) {
	case OPT_CHECK: o->check = true; return NULL;
	case OPT_EXPECT:
		o->check = true;
		o->expect = optarg;
		return NULL;
	case OPT_LADDER: return set_ladder(o, argv);
	case OPT_STATS: o->stats = true; return NULL;
	case OPT_JSON: o->json = true; return NULL;
	case OPT_FOLLOW: o->follow = true; return NULL;
	case OPT_MAX:
		o->has_max = number(optarg, MAX_LIMIT, &o->max);
		return o->has_max ? NULL : "a number up to 1000000";
	case OPT_QP:
		o->has_qpn = number(optarg, QPN_MASK, &n);
		o->qpn = (uint32_t)n;
		return o->has_qpn ? NULL : "a QPN of 24 bits";
	case OPT_VNI:
		o->has_vni = number(optarg, VNI_MAX, &n);
		o->vni = (uint32_t)n;
		return o->has_vni ? NULL : "a VNI of 24 bits";
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

/* Whether what is asked for goes together. */
static int check_options(const struct decode_options *o)
{
	if (o->json && (o->check || o->ladder))
		return usage_error("decode",
				   "--json is for packets, or connections "
				   "(--stats), not with %s",
				   o->check ? "--check" : "--ladder as text");
	if (o->follow && strcmp(o->path, "-") == 0)
		return usage_error("decode", "--follow: standard input comes "
					     "as it is written anyway");
	return -1;
}

int decode_options(struct decode_options *o, int argc, char **argv)
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
		if (opt == OPT_RULES) {
			print_rules();
			return EXIT_OK;
		}
		if (opt != ':' && opt != '?')
			want = set_option(o, opt, argv);
		if (opt == ':' || opt == '?' || want)
			return usage_option(opt, index, argv[optind - 1], want);
	}
	if (argc - optind == 2 && o->ladder)
		return usage_error("decode",
				   "of %s and %s one is the capture; a ladder "
				   "is drawn into NAME.svg or NAME.html",
				   argv[optind], argv[optind + 1]);
	if (argc - optind != 1)
		return usage_error("decode",
				   "want one capture file, or \"-\" "
				   "for standard input; see glassnic decode "
				   "--help");
	o->path = argv[optind];
	return check_options(o);
}
