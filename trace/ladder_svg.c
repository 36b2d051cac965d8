/* From left to right: frame and time, the PSNs of what the left host sends, its
 * lifeline, the arrows, the other lifeline, the right host's PSNs, remarks.
 * Each packet is a group that is moved down to its place, so that the page's
 * script can move those that remain when some are hidden; what it must know for
 * that is in data- attributes, and some of the numbers below in ladder.js as
 * well.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "trace/ladder_svg.h"
#include "trace/ladder_css.h"
#include "trace/markup.h"
#include "trace/print.h"

#define WIDTH	  960
#define LEFT	  214 /* x of the lifelines */
#define RIGHT	  706
#define MIDDLE	  ((LEFT + RIGHT) / 2)
#define TOP	  126 /* y of the first packet */
#define PITCH	  30
#define SLOPE	  8 /* how much an arrow falls */
#define HEAD	  9 /* length of its head */
#define BOTTOM	  50
#define GAP_HIGH  26	 /* room for a time in which nothing happens */
#define GAP_TIMES 10	 /* the usual time */
#define GAP_NSEC  100000 /* the least that is worth it */

/* ---- times in which nothing happens ---- */

static int64_t before(const struct ladder *l, size_t i)
{
	return i ? l->row[i].nsec - l->row[i - 1].nsec : 0;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* From how long on a time deserves room: many times what is usual. */
static int64_t gap_least(const struct ladder *l)
{
	int64_t *all = l->n > 2 ? calloc(l->n, sizeof(*all)) : NULL;
	int64_t least = GAP_NSEC, usual;

	if (!all)
		return least;
	for (size_t i = 0; i < l->n; i++)
		all[i] = before(l, i);
	qsort(all, l->n, sizeof(*all), compare);
	usual = all[l->n / 2];
	free(all);
	if (usual > INT64_MAX / GAP_TIMES)
		return INT64_MAX;
	return usual * GAP_TIMES > least ? usual * GAP_TIMES : least;
}

static unsigned height(const struct ladder *l, int64_t least)
{
	unsigned y = TOP + BOTTOM;

	for (size_t i = 0; i < l->n; i++)
		y += before(l, i) >= least ? PITCH + GAP_HIGH : PITCH;
	return y;
}

/* ---- words ---- */

void ladder_connection_print(const struct ladder_connection *c, FILE *out)
{
	if (c->has_left && c->has_right)
		fprintf(out, "0x%x and 0x%x", c->left, c->right);
	else
		fprintf(out, "to 0x%x", c->has_left ? c->left : c->right);
}

void ladder_scope(const struct ladder *l, const char *name, FILE *out)
{
	markup_text(name, out);
	if (l->n)
		fprintf(out, ", frames %" PRIu64 " to %" PRIu64,
			l->row[0].frame, l->row[l->n - 1].frame);
	fprintf(out, ": %zu packet%s", l->n, l->n == 1 ? "" : "s");
	if (l->past_max)
		fprintf(out, "; %" PRIu64 " more are not drawn (--max)",
			l->past_max);
	if (l->others)
		fprintf(out, "; %" PRIu64 " of other hosts", l->others);
}

static void write_duration(int64_t nsec, FILE *out)
{
	if (nsec < 1000000)
		fprintf(out, "%" PRId64 " µs", nsec / 1000);
	else if (nsec < 1000000000)
		fprintf(out, "%.2f ms", (double)nsec / 1e6);
	else
		fprintf(out, "%.2f s", (double)nsec / 1e9);
}

/* ---- a packet ---- */

static void draw_arrow(const struct ladder_row *row, FILE *out)
{
	int from = row->to_right ? LEFT : RIGHT;
	int to = row->to_right ? RIGHT : LEFT;
	int back = row->to_right ? -HEAD : HEAD;

	fprintf(out, "<path class=\"l\" d=\"M%d 0L%d %d\"/>", from, to + back,
		SLOPE);
	fprintf(out, "<path class=\"h\" d=\"M%d %dl%d -4v8z\"/>", to, SLOPE,
		back);
}

static void draw_label(const struct ladder_row *row, FILE *out)
{
	fprintf(out, "<text class=\"t\" x=\"%d\" y=\"%d\">", MIDDLE,
		SLOPE / 2 - 7);
	markup_text(row->label, out);
	fputs("</text>", out);
}

static void draw_margins(const struct ladder *l, const struct ladder_row *row,
			 FILE *out)
{
	char seconds[SECONDS_MAX];

	fprintf(out, "<text class=\"d\" x=\"50\" y=\"4\">%" PRIu64 "</text>",
		row->frame);
	fputs("<text class=\"d\" x=\"130\" y=\"4\">", out);
	fputs(print_seconds(row->nsec - l->start_nsec, seconds), out);
	fputs("</text>", out);
	fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"4\">%u</text>",
		row->to_right ? "p" : "p r",
		row->to_right ? LEFT - 10 : RIGHT + 10, row->psn);
}

/* What is remarkable about it. */
static void draw_remarks(const struct ladder *l, const struct ladder_row *row,
			 FILE *out)
{
	static const char *const words[KIND_N] = {
		[KIND_AGAIN] = "again",
		[KIND_COPY] = "copy",
	};
	const struct ladder_side *to = row->to_right ? &l->right : &l->left;
	const char *separator = "";

	fprintf(out, "<text class=\"w\" x=\"%d\" y=\"4\">", RIGHT + 84);
	if (words[row->kind]) {
		fputs(words[row->kind], out);
		separator = ", ";
	}
	if (row->is_marked) {
		fprintf(out, "%sCE", separator);
		separator = ", ";
	}
	if (row->ackreq) {
		fprintf(out, "%sAckReq", separator);
		separator = ", ";
	}
	if (to->more_qpns)
		fprintf(out, "%sto 0x%x", separator, row->dqpn);
	fputs("</text>", out);
}

static void draw_gap(int64_t nsec, FILE *out)
{
	fprintf(out, "<g class=\"gap\" transform=\"translate(0,%d)\">",
		-PITCH / 2 - GAP_HIGH / 2 + 2);
	fprintf(out, "<path d=\"M%d -9v18M%d -9v18\"/><text x=\"%d\" y=\"4\">",
		LEFT, RIGHT, MIDDLE);
	write_duration(nsec, out);
	fputs(" later</text></g>", out);
}

/* @gap: how long nothing was drawn before it; 0: no matter. */
static void draw_row(const struct ladder *l, const struct ladder_row *row,
		     unsigned y, int64_t gap, FILE *out)
{
	fprintf(out,
		"<g class=\"row k-%s\" transform=\"translate(0,%u)\" "
		"data-kind=\"%s\" data-connection=\"%u\" data-nsec=\"%" PRId64
		"\">",
		kind_word(row->kind), y, kind_word(row->kind), row->connection,
		row->nsec - l->start_nsec);
	if (row->fields) {
		fputs("<title>", out);
		markup_text(row->fields, out);
		fputs("</title>", out);
	}
	if (gap)
		draw_gap(gap, out);
	fprintf(out,
		"<rect class=\"hit\" x=\"0\" y=\"%d\" width=\"%d\" "
		"height=\"%d\" rx=\"4\"/>",
		-PITCH / 2 + SLOPE / 2 - 2, WIDTH, PITCH);
	draw_arrow(row, out);
	draw_label(row, out);
	draw_margins(l, row, out);
	draw_remarks(l, row, out);
	fputs("</g>\n", out);
}

/* ---- what is around them ---- */

static void draw_side(const struct ladder_side *side, uint32_t vni, int x,
		      FILE *out)
{
	char addr[IP_TEXT_MAX];

	fprintf(out, "<text class=\"host\" x=\"%d\" y=\"58\">", x);
	markup_text(ip_format(&side->addr, addr), out);
	fprintf(out, "</text><text class=\"qp\" x=\"%d\" y=\"75\">", x);
	if (side->more_qpns)
		fputs("several QPs", out);
	else if (side->has_qpn)
		fprintf(out, "QP 0x%x", side->qpn);
	if (vni != VNI_NONE)
		fprintf(out, "%sVNI %u", side->has_qpn ? ", " : "", vni);
	fputs("</text>\n", out);
}

/* The colours that occur. */
static void draw_legend(const struct ladder *l, FILE *out)
{
	bool occurs[KIND_N] = {false};
	int x = 20;

	for (size_t i = 0; i < l->n; i++)
		occurs[l->row[i].kind] = true;
	fputs("<g class=\"legend\">", out);
	for (int k = 0; k < KIND_N; k++) {
		const char *text = kind_text((enum kind)k);

		if (!occurs[k])
			continue;
		fprintf(out,
			"<g class=\"k-%s\"><path class=\"l\" d=\"M%d 22h22\"/>"
			"<path class=\"h\" d=\"M%d 22l-9 -4v8z\"/></g>"
			"<text class=\"n\" x=\"%d\" y=\"26\">",
			kind_word((enum kind)k), x, x + 28, x + 34);
		markup_text(text, out);
		fputs("</text>", out);
		for (x += 62; *text; text++)
			x += 7;
	}
	fputs("</g>\n", out);
}

static void draw_heads(FILE *out)
{
	static const struct {
		int x;
		const char *class, *text;
	} heads[] = {
		{50, "d", "frame"},
		{130, "d", "seconds"},
		{LEFT - 10, "d", "PSN"},
		{RIGHT + 10, "d r", "PSN"},
	};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"100\">%s</text>",
			heads[i].class, heads[i].x, heads[i].text);
	fputc('\n', out);
}

static void draw_lifelines(unsigned end, FILE *out)
{
	for (int side = 0; side < 2; side++)
		fprintf(out,
			"<path class=\"life\" d=\"M%d 84V%u\" "
			"data-x=\"%d\"/>",
			side ? RIGHT : LEFT, end, side ? RIGHT : LEFT);
	fputc('\n', out);
}

void ladder_svg(const struct ladder *l, const char *name, FILE *out)
{
	int64_t least = gap_least(l);
	unsigned high = height(l, least), y = TOP;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ladder\" "
		"viewBox=\"0 0 %d %u\" width=\"%d\" height=\"%u\" "
		"data-gap=\"%" PRId64 "\" role=\"img\" aria-label=\"Ladder of ",
		WIDTH, high, WIDTH, high, least);
	markup_text(name, out);
	fputs("\">\n<style>\n", out);
	fputs(ladder_css, out);
	fprintf(out,
		"</style>\n<rect class=\"page\" width=\"%d\" "
		"height=\"100%%\"/>\n",
		WIDTH);
	draw_legend(l, out);
	draw_side(&l->left, l->vni, LEFT, out);
	draw_side(&l->right, l->vni, RIGHT, out);
	draw_heads(out);
	draw_lifelines(high - BOTTOM + 6, out);
	for (size_t i = 0; i < l->n; i++) {
		int64_t gap = before(l, i) >= least ? before(l, i) : 0;

		y += gap ? GAP_HIGH : 0;
		draw_row(l, &l->row[i], y, gap, out);
		y += PITCH;
	}
	fprintf(out, "<text class=\"scope\" x=\"20\" y=\"%u\">", high - 16);
	ladder_scope(l, name, out);
	fputs("</text>\n</svg>\n", out);
}
