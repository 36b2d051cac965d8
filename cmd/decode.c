/* glassnic decode: what is in a capture, and whether it keeps the rules.
 *
 * Every packet goes through the checker, which says what it is; then to whoever
 * wants it: lines or JSON at once, ladder and statistics at the end.
 */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "cmd/decode_options.h"
#include "cmd/follow.h"
#include "trace/check.h"
#include "trace/expect.h"
#include "trace/field.h"
#include "trace/ladder_html.h"
#include "trace/ladder_svg.h"
#include "trace/ladder_text.h"
#include "trace/print.h"
#include "trace/reader.h"
#include "trace/select.h"
#include "trace/stats.h"

#define LADDER_MAX  100u
#define PICTURE_MAX 1000u

/* What a run works with; NULL: not wanted. */
struct run {
	struct decode_options o;
	struct reader *reader;
	struct check *check;
	struct ladder *ladder;
	struct stats *stats;
	struct select *select;
	struct expect *expect;
	struct paint paint;
	int64_t start_nsec;
	uint64_t shown;
};

static int no_memory(void)
{
	return usage_error("decode", "no memory: give a smaller --max");
}

/* ---- opening ---- */

/* Learns what is sent by the wanted QP from a reading before the real one. */
static int learn_qp(struct run *r)
{
	char error[READER_ERROR_MAX];
	struct reader *reader;
	struct check *check;
	struct packet p;
	bool fine = true;

	if (r->o.follow || strcmp(r->o.path, "-") == 0)
		return EXIT_OK;
	reader = reader_open(r->o.path, error);
	if (!reader)
		return usage_error("decode", "%s", error);
	check = check_new();
	fine = check;
	while (fine && reader_next(reader, &p) > 0) {
		check_packet(check, &p);
		fine = select_learn(r->select, check_stream(check));
	}
	check_free(check);
	reader_close(reader);
	return fine ? EXIT_OK : no_memory();
}

static int open_growing(struct run *r, char error[READER_ERROR_MAX])
{
	char path[PATH_MAX];
	int status, pid = 0;
	FILE *file;

	if (access(r->o.path, F_OK) == 0) {
		snprintf(path, sizeof(path), "%s", r->o.path);
	} else {
		status = follow_find(r->o.path, path, &pid);
		if (status)
			return status;
		fprintf(stderr, "glassnic decode: following %s\n", path);
	}
	file = follow_open(path, pid);
	if (!file)
		return usage_error("decode", "cannot open %s: %s", path,
				   strerror(errno));
	r->reader = reader_of(file, path, error);
	return r->reader ? EXIT_OK : usage_error("decode", "%s", error);
}

static int open_reader(struct run *r)
{
	char error[READER_ERROR_MAX];

	if (r->o.expect) {
		r->expect = expect_read(r->o.expect, error);
		if (!r->expect)
			return usage_error("decode", "%s", error);
	}
	if (r->o.follow)
		return open_growing(r, error);
	r->reader = reader_open(r->o.path, error);
	return r->reader ? EXIT_OK : usage_error("decode", "%s", error);
}

static int run_open(struct run *r)
{
	const struct decode_options *o = &r->o;
	uint64_t max = o->picture ? PICTURE_MAX : LADDER_MAX;
	int status = open_reader(r);

	if (status)
		return status;
	r->paint = paint_for(stdout, o->color);
	r->check = check_new();
	if (o->ladder || o->picture)
		r->ladder = ladder_new(o->has_max ? o->max : max, o->picture);
	if (o->stats)
		r->stats = stats_new();
	if (o->has_qpn)
		r->select = select_new(o->qpn);
	if (!r->check || ((o->ladder || o->picture) && !r->ladder) ||
	    (o->stats && !r->stats) || (o->has_qpn && !r->select))
		return no_memory();
	return r->select ? learn_qp(r) : EXIT_OK;
}

static void run_close(struct run *r)
{
	reader_close(r->reader);
	check_free(r->check);
	ladder_free(r->ladder);
	stats_free(r->stats);
	select_free(r->select);
	expect_free(r->expect);
}

/* ---- packets ---- */

/* Packets are listed if nothing is asked for that is made of all. */
static bool is_listing(const struct run *r)
{
	const struct decode_options *o = &r->o;

	return !o->check && !o->stats && (o->json || !r->ladder);
}

static void list(struct run *r, const struct packet *p, enum note note)
{
	struct fields f;

	if (r->o.has_max && r->shown >= r->o.max)
		return;
	r->shown++;
	if (!r->o.json) {
		packet_print(p, note, r->start_nsec, &r->paint, stdout);
		return;
	}
	fields_of(&f, p, note, r->start_nsec);
	fields_json(&f, stdout);
}

/* False: no memory. */
static bool show(struct run *r, const struct packet *p)
{
	enum note note = check_packet(r->check, p);
	const struct stream *t = check_stream(r->check);

	if (r->start_nsec == 0)
		r->start_nsec = p->nsec;
	if (r->select && !select_learn(r->select, t))
		return false;
	if (r->select && !select_wants(r->select, p, t))
		return true;
	if (r->o.has_vni && packet_vni(p) != r->o.vni)
		return true;
	if (is_listing(r))
		list(r, p, note);
	if (r->stats && !stats_add(r->stats, p, note, t))
		return false;
	return !r->ladder || ladder_add(r->ladder, p, note, t, r->start_nsec);
}

/* Notes, no errors: all frames before the end are whole. */
static void note_end(const struct run *r)
{
	const struct reader_stats *s = reader_stats(r->reader);
	char note[READER_ERROR_MAX];

	reader_note(r->reader, note);
	if (note[0])
		fprintf(stderr, "glassnic decode: %s: %s\n", r->o.path, note);

	if (s->ends_early)
		fprintf(stderr,
			"glassnic decode: %s ends in the middle of frame %llu "
			"(was its writer killed, or is it still writing?)\n",
			r->o.path, (unsigned long long)s->frames + 1);
}

/* 0, or EXIT_USAGE for a file that cannot be read to its end. */
static int show_all(struct run *r)
{
	struct packet p;
	int got;

	while ((got = reader_next(r->reader, &p)) > 0)
		if (!show(r, &p))
			return no_memory();
	note_end(r);
	return got < 0 ? usage_error("decode", "%s", reader_error(r->reader))
		       : EXIT_OK;
}

/* ---- the end ---- */

#define USUAL_WIDTH 80
#define MOST_WIDTH  1000

/* Of the terminal, or as COLUMNS says where there is none. */
static unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	long width = columns ? atol(columns) : 0;
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	if (width <= 0)
		return USUAL_WIDTH;
	return width > MOST_WIDTH ? MOST_WIDTH : (unsigned)width;
}

/* The capture's name without its folder. */
static const char *title(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int draw_picture(const struct run *r)
{
	const char *path = r->o.picture, *name = title(r->o.path);
	FILE *out = fopen(path, "w");
	bool failed;

	if (!out)
		return usage_error("decode", "cannot write %s: %s", path,
				   strerror(errno));
	if (decode_wants_page(&r->o))
		ladder_html(r->ladder, name, out);
	else
		ladder_svg(r->ladder, name, out);
	failed = ferror(out);
	if (fclose(out) || failed)
		return usage_error("decode", "cannot write %s: %s", path,
				   strerror(errno));
	fprintf(stderr, "glassnic decode: %s draws %zu packets", path,
		r->ladder->n);
	if (r->ladder->past_max)
		fprintf(stderr, ", not the %llu after these (--max)",
			(unsigned long long)r->ladder->past_max);
	if (r->ladder->others)
		fprintf(stderr, ", not %llu of other hosts (--qp)",
			(unsigned long long)r->ladder->others);
	fputc('\n', stderr);
	return EXIT_OK;
}

static int draw(const struct run *r)
{
	if (!ladder_finish(r->ladder))
		return no_memory();
	if (r->o.ladder)
		ladder_print(r->ladder, terminal_width(), &r->paint, stdout);
	return r->o.picture ? draw_picture(r) : EXIT_OK;
}

static void print_reader_stats(const struct reader_stats *s)
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
		fputs(paint_end(&r->paint, INK_BAD), stdout);
	}
	print_reader_stats(reader_stats(r->reader));
	check_summary(r->check, stdout);
	if (!r->expect)
		return good ? EXIT_OK : EXIT_NO;
	good = expect_compare(r->expect, report, stdout);
	printf("expect: %s\n", good ? "exactly the expected violations"
				    : "not what was expected");
	return good ? EXIT_OK : EXIT_NO;
}

/* What is made of all packets; @status: how reading them went. */
static int tell(struct run *r, int status)
{
	int bad = r->ladder ? draw(r) : EXIT_OK;

	if (r->stats && r->o.json)
		stats_json(r->stats, stdout);
	else if (r->stats)
		stats_print(r->stats, stdout);
	if (status == EXIT_OK)
		status = bad;
	bad = r->o.check ? judge(r) : EXIT_OK;
	return status == EXIT_OK ? bad : status;
}

int cmd_decode(int argc, char **argv)
{
	struct run r = {0};
	int status = decode_options(&r.o, argc, argv);

	if (status >= 0)
		return status;
	setlocale(LC_CTYPE, "");
	status = run_open(&r);
	if (status == EXIT_OK)
		status = tell(&r, show_all(&r));
	run_close(&r);
	return status;
}
