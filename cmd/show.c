/* glassnic show: what running NICs are doing. */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/cmd.h"

static const char help[] =
	"usage: glassnic show [PID | NAME] [--watch[=SECONDS]] [--json]\n"
	"\n"
	"Shows the NICs that are running as this user: a line each, or, of a "
	"single\n"
	"one, all about it: its counters, QPs, their states and PSNs.  A NIC "
	"is there\n"
	"from the first protection domain that its program allocates.\n"
	"\n"
	"  PID, NAME          only of this process, program or NIC\n"
	"  --watch[=SECONDS]  again every SECONDS (1), with rates, until the "
	"NIC is\n"
	"                     gone\n"
	"  --json             everything, as JSON (docs/show.md); an array if "
	"there are\n"
	"                     several\n"
	"\n"
	"They are found in $GLASSNIC_RUNTIME, $XDG_RUNTIME_DIR/glassnic, "
	"/run/glassnic\n"
	"(root) or /tmp/glassnic-UID.\n"
	"\n"
	"The status is 0; 1: no such NIC; 2: wrong usage.\n";

#ifdef HAVE_JANSSON

#include <jansson.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cmd/show_find.h"
#include "cmd/show_text.h"

#define INTERVAL_MIN 0.05
#define INTERVAL_MAX 86400.0
#define HEAD_LINES   30u /* of a screen, above its QPs, at most */

struct options {
	const char *who; /* or NULL: all */
	bool help, json, watch;
	double interval;
};

/* A NIC that was asked for. */
struct shown {
	int pid;
	char nic[SHOW_NAME_MAX];
	json_t *view; /* NULL: it does not answer */
};

struct screen {
	struct shown *at;
	size_t n;
};

static void screen_free(struct screen *s)
{
	for (size_t i = 0; i < s->n; i++)
		json_decref(s->at[i].view);
	free(s->at);
	*s = (struct screen){0};
}

/* ---- which ---- */

static const char *program_of(const struct shown *s)
{
	const char *p = json_string_value(json_object_get(s->view, "program"));

	return p ? p : "?";
}

static bool is_meant(const struct options *o, const struct shown *s)
{
	return show_is_meant(o->who, s->pid, s->nic, program_of(s));
}

static struct shown parse(const struct found *f)
{
	struct shown s = {.pid = f->pid};

	memcpy(s.nic, f->nic, sizeof(s.nic));
	if (f->text)
		s.view = json_loads(f->text, 0, NULL);
	return s;
}

/* "4711 ib_write_bw glass0, ..." */
static void list_running(const struct finds *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct shown s = parse(&f->nic[i]);

		fprintf(stderr, "%s%d %s %s", i ? ", " : "", s.pid,
			program_of(&s), s.nic);
		json_decref(s.view);
	}
}

static int say_none(const struct options *o, const char *dir)
{
	struct finds f;

	if (finds_get(&f, 0))
		return EXIT_NO;
	if (!f.n) {
		fprintf(stderr,
			"glassnic show: no NIC of this user is running (in "
			"%s; another user's are not shown)\n",
			dir);
	} else {
		fprintf(stderr,
			"glassnic show: %s: no such NIC; running: ", o->who);
		list_running(&f);
		fputs(" (name one by PID, program or NIC)\n", stderr);
	}
	finds_free(&f);
	return EXIT_NO;
}

/* Those that are meant, now; -1: why not has been said.  @dir is where. */
static int screen_take(struct screen *s, const struct options *o,
		       char dir[sizeof(((struct finds *)0)->dir)])
{
	struct finds f;

	*s = (struct screen){0};
	if (finds_get(&f, show_pid_of(o->who)))
		return -1;
	memcpy(dir, f.dir, sizeof(f.dir));
	s->at = calloc(f.n + 1, sizeof(*s->at));
	for (size_t i = 0; s->at && i < f.n; i++) {
		struct shown one = parse(&f.nic[i]);

		if (is_meant(o, &one))
			s->at[s->n++] = one;
		else
			json_decref(one.view);
	}
	finds_free(&f);
	return 0;
}

/* ---- printing ---- */

static const json_t *view_before(const struct screen *before,
				 const struct shown *s)
{
	for (size_t i = 0; i < before->n; i++)
		if (before->at[i].pid == s->pid &&
		    !strcmp(before->at[i].nic, s->nic))
			return before->at[i].view;
	return NULL;
}

static void complain_of_silence(const struct shown *s)
{
	fprintf(stderr,
		"glassnic show: %s of process %d does not answer (is it "
		"stopped?)\n",
		s->nic, s->pid);
}

/* One object, or an array if several NICs are meant. */
static void print_json(const struct screen *s)
{
	const char *separator = s->n > 1 ? "[" : "";
	size_t printed = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!s->at[i].view) {
			complain_of_silence(&s->at[i]);
			continue;
		}
		fputs(separator, stdout);
		json_dumpf(s->at[i].view, stdout,
			   JSON_COMPACT | JSON_PRESERVE_ORDER);
		separator = ",\n";
		printed++;
	}
	if (printed)
		puts(s->n > 1 ? "]" : "");
}

static void print_list(const struct screen *s, const struct screen *before,
		       bool rates)
{
	show_list_head(rates);
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].view)
			show_list_row(s->at[i].view,
				      view_before(before, &s->at[i]), rates);
		else
			show_silent_row(s->at[i].pid, s->at[i].nic);
}

/* What fits below the rest on the terminal; all, if it is none. */
static size_t qps_that_fit(const struct options *o)
{
	struct winsize w;

	if (!o->watch || !isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &w))
		return SIZE_MAX;
	return w.ws_row > HEAD_LINES + 10 ? w.ws_row - HEAD_LINES : 10;
}

static void print_screen(const struct options *o, const struct screen *s,
			 const struct screen *before)
{
	if (o->watch && isatty(STDOUT_FILENO) && !o->json)
		fputs("\033[H\033[J", stdout);
	else if (before->n && !o->json)
		putchar('\n');
	if (o->json)
		print_json(s);
	else if (s->n == 1 && s->at[0].view)
		show_details(s->at[0].view, view_before(before, &s->at[0]),
			     qps_that_fit(o));
	else
		print_list(s, before, o->watch);
	fflush(stdout);
}

/* ---- the command ---- */

static bool any_answers(const struct screen *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].view)
			return true;
	return false;
}

static int take_interval(struct options *o, const char *value)
{
	char *end = NULL;

	o->watch = true;
	o->interval = value ? strtod(value, &end) : 1;
	if (value &&
	    (end == value || *end ||
	     !(o->interval >= INTERVAL_MIN && o->interval <= INTERVAL_MAX)))
		return usage_error("show",
				   "--watch=%s: not a number of seconds "
				   "from 0.05 to 86400",
				   value);
	return EXIT_OK;
}

static int take_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"watch", optional_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	int opt, status = EXIT_OK;

	*o = (struct options){0};
	opterr = 0;
	optind = 1;
	while (!status &&
	       (opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		switch (opt) {
		case 'h': o->help = true; return EXIT_OK;
		case 'w': status = take_interval(o, optarg); break;
		case 'j': o->json = true; break;
		default:
			return usage_error("show",
					   "%s: unknown; allowed: "
					   "--watch[=SECONDS], --json",
					   argv[optind - 1]);
		}
	if (!status && argc - optind > 1)
		return usage_error("show",
				   "%s: one PID or NAME is enough (seconds are "
				   "given as --watch=SECONDS)",
				   argv[optind + 1]);
	o->who = argv[optind];
	return status;
}

static void pause_for(double sec)
{
	struct timespec ts = {(time_t)sec,
			      (long)((sec - (double)(time_t)sec) * 1e9)};

	nanosleep(&ts, NULL);
}

static int show(const struct options *o)
{
	struct screen now, before = {0};
	char dir[sizeof(((struct finds *)0)->dir)];
	int status = EXIT_NO;

	for (;;) {
		if (screen_take(&now, o, dir))
			break;
		if (!now.n) {
			status = before.n ? EXIT_OK : say_none(o, dir);
			break;
		}
		status = any_answers(&now) ? EXIT_OK : EXIT_NO;
		print_screen(o, &now, &before);
		screen_free(&before);
		before = now;
		if (!o->watch || ferror(stdout))
			break;
		pause_for(o->interval);
	}
	if (now.at != before.at)
		screen_free(&now);
	screen_free(&before);
	return status;
}

int cmd_show(int argc, char **argv)
{
	struct options o;
	int status = take_options(&o, argc, argv);

	if (o.help)
		fputs(help, stdout);
	return status || o.help ? status : show(&o);
}

#else

int cmd_show(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	usage_error("show", "built without jansson; install it (Debian: "
			    "libjansson-dev) and build again");
	return EXIT_CANNOT_RUN;
}

#endif
