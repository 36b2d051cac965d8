#include <inttypes.h>
#include <string.h>
#include "trace/ladder_text.h"
#include "trace/print.h"

#define MARGIN	     17 /* frame and time */
#define AROUND	     36 /* the margin, lifelines, remarks */
#define ARROW_AROUND 6	/* lines, blanks and head around an arrow's words */

static enum ink ink_of(enum kind k)
{
	static const enum ink inks[] = {
		[KIND_DATA] = INK_PLAIN, [KIND_ACK] = INK_PLAIN,
		[KIND_NAK] = INK_BAD,	 [KIND_RNR] = INK_BAD,
		[KIND_AGAIN] = INK_WARN, [KIND_CNP] = INK_WARN,
		[KIND_COPY] = INK_DIM,	 [KIND_BAD] = INK_BAD,
	};

	return inks[k];
}

static void name(const struct ladder_side *side, uint32_t vni, char *text,
		 size_t size)
{
	char addr[IP_TEXT_MAX], qp[24] = "", net[24] = "";

	if (side->more_qpns)
		snprintf(qp, sizeof(qp), " (several QPs)");
	else if (side->has_qpn)
		snprintf(qp, sizeof(qp), " (QP 0x%x)", side->qpn);
	if (vni != VNI_NONE)
		snprintf(net, sizeof(net), " [vni %u]", vni);
	snprintf(text, size, "%s%s%s", ip_format(&side->addr, addr), qp, net);
}

static void line(unsigned n, const struct paint *paint, FILE *out)
{
	while (n--)
		fputs(paint->utf8 ? "─" : "-", out);
}

static void arrow(const struct ladder_row *row, unsigned width,
		  const struct paint *paint, FILE *out)
{
	unsigned len = (unsigned)strlen(row->brief) + 2;
	unsigned shaft = width > len + 4 ? width - len - 3 : 1;

	if (row->to_right) {
		line(2, paint, out);
		fprintf(out, " %s ", row->brief);
		line(shaft, paint, out);
		fputc('>', out);
	} else {
		fputc('<', out);
		line(shaft, paint, out);
		fprintf(out, " %s ", row->brief);
		line(2, paint, out);
	}
}

static void print_row(const struct ladder *l, const struct ladder_row *row,
		      unsigned width, const struct paint *paint, FILE *out)
{
	static const char *const notes[] = {
		[NOTE_NONE] = "",
		[NOTE_RETRANSMISSION] = " again",
		[NOTE_NAK] = "",
		[NOTE_COPY] = " copy",
		[NOTE_CNP] = " congestion",
	};
	const struct ladder_side *to = row->to_right ? &l->right : &l->left;
	const char *bar = paint->utf8 ? "│" : "|";
	enum ink ink = ink_of(row->kind);
	char seconds[SECONDS_MAX];

	fprintf(out, "%5" PRIu64 " %10s %s%s", row->frame,
		print_seconds(row->nsec - l->start_nsec, seconds), bar,
		paint_ink(paint, ink));
	arrow(row, width, paint, out);
	fprintf(out, "%s%s%s", paint_end(paint, ink), bar, notes[row->note]);
	if (to->more_qpns)
		fprintf(out, " to QP 0x%x", row->dqpn);
	fputc('\n', out);
}

/* Between the lifelines: what @width leaves, but enough for the longest. */
static unsigned shaft_of(const struct ladder *l, unsigned width)
{
	size_t longest = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t len = strlen(l->row[i].brief);

		longest = len > longest ? len : longest;
	}
	longest += ARROW_AROUND;
	return width > longest + AROUND ? width - AROUND : (unsigned)longest;
}

/* The left one begins the line, the right one stands above its lifeline, at
 * @right_bar, or on the next line if there is no room.
 */
static void print_names(const struct ladder *l, unsigned width,
			unsigned right_bar, FILE *out)
{
	char left[100], right[100];
	unsigned len, at;

	name(&l->left, l->vni, left, sizeof(left));
	name(&l->right, l->vni, right, sizeof(right));
	len = (unsigned)strlen(right);
	width = width > right_bar + 1 ? width : right_bar + 1;
	at = right_bar > len / 2 ? right_bar - len / 2 : 0;
	if (at + len > width)
		at = width > len ? width - len : 0;
	if (at > strlen(left))
		fprintf(out, "%-*s%s\n", (int)at, left, right);
	else
		fprintf(out, "%s\n%*s%s\n", left, (int)at, "", right);
}

void ladder_print(const struct ladder *l, unsigned width,
		  const struct paint *paint, FILE *out)
{
	unsigned shaft = shaft_of(l, width);
	uint64_t untold = l->past_max + l->others;

	if (l->n == 0)
		return;
	print_names(l, width, MARGIN + 1 + shaft, out);
	for (size_t i = 0; i < l->n; i++)
		print_row(l, &l->row[i], shaft, paint, out);
	if (untold)
		fprintf(out, "%" PRIu64 " more packets are not shown\n",
			untold);
}
