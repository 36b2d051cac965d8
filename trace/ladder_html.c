#include <inttypes.h>
#include "trace/ladder_html.h"
#include "trace/ladder_js.h"
#include "trace/ladder_svg.h"
#include "trace/markup.h"
#include "trace/page_css.h"

static void write_head(const char *name, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" "
	      "content=\"default-src 'none'; style-src 'unsafe-inline'; "
	      "script-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n"
	      "<title>",
	      out);
	markup_text(name, out);
	fputs(" - glassnic</title>\n<style>\n", out);
	fputs(page_css, out);
	fputs("</style>\n</head>\n<body>\n", out);
}

static void write_connections(const struct ladder *l, FILE *out)
{
	fputs("<label>QPs <select id=\"connection\">"
	      "<option value=\"\">all</option>",
	      out);
	for (size_t i = 0; i < l->nconnection; i++) {
		fprintf(out, "<option value=\"%zu\">", i);
		ladder_connection_print(&l->connection[i], out);
		fputs("</option>", out);
	}
	fputs("</select></label>\n", out);
}

/* The page counts what it shows; these are not in it. */
static void write_left_out(const struct ladder *l, FILE *out)
{
	if (l->past_max || l->others)
		fputs("; not drawn: ", out);
	if (l->past_max)
		fprintf(out, "%" PRIu64 " more (--max)", l->past_max);
	if (l->past_max && l->others)
		fputs(", ", out);
	if (l->others)
		fprintf(out, "%" PRIu64 " of other hosts (--qp)", l->others);
}

static void write_kinds(const struct ladder *l, FILE *out)
{
	size_t n[KIND_N] = {0};

	for (size_t i = 0; i < l->n; i++)
		n[l->row[i].kind]++;
	for (int k = 0; k < KIND_N; k++) {
		const char *word = kind_word((enum kind)k);

		if (!n[k])
			continue;
		fprintf(out,
			"<label><input type=\"checkbox\" checked "
			"data-show=\"%s\"><span class=\"k k-%s\"></span>",
			word, word);
		markup_text(kind_text((enum kind)k), out);
		fprintf(out, " (%zu)</label>\n", n[k]);
	}
}

void ladder_html(const struct ladder *l, const char *name, FILE *out)
{
	write_head(name, out);
	fputs("<header>\n<h1>", out);
	markup_text(name, out);
	fputs("</h1>\n", out);
	write_connections(l, out);
	write_kinds(l, out);
	fputs("<label>find <input type=\"search\" id=\"find\" "
	      "placeholder=\"psn 7, rkey, NAK\"></label>\n"
	      "<span class=\"counts\"><span id=\"shown\" "
	      "role=\"status\"></span>",
	      out);
	write_left_out(l, out);
	fputs("</span>\n</header>\n<main>\n", out);
	ladder_svg(l, name, out);
	fputs("<aside><h2>Packet</h2>\n"
	      "<dl id=\"fields\" aria-live=\"polite\"></dl>\n"
	      "<p>Point at a packet to see its fields; a click keeps "
	      "them. <kbd>↓</kbd> and <kbd>↑</kbd> go from packet to "
	      "packet, <kbd>Esc</kbd> lets go, <kbd>/</kbd> finds."
	      "</p></aside>\n"
	      "</main>\n<script>\n",
	      out);
	fputs(ladder_js, out);
	fputs("</script>\n</body>\n</html>\n", out);
}
