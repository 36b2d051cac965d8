#include <inttypes.h>
#include <string.h>
#include "trace/ladder_text.h"

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

static void name(const struct ladder_side *side, char *text, size_t size)
{
	char addr[IP_TEXT_MAX];

	ip_format(&side->addr, addr);
	if (side->more_qpns)
		snprintf(text, size, "%s (several QPs)", addr);
	else if (side->has_qpn)
		snprintf(text, size, "%s (QP 0x%x)", addr, side->qpn);
	else
		snprintf(text, size, "%s", addr);
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
	int64_t usec = (row->nsec - l->start_nsec) / 1000;

	fprintf(out, "%5" PRIu64 " %3" PRId64 ".%06" PRId64 " %s%s", row->frame,
		usec / 1000000, usec < 0 ? -usec % 1000000 : usec % 1000000,
		bar, paint_ink(paint, ink_of(row->kind)));
	arrow(row, width, paint, out);
	fprintf(out, "%s%s%s", paint_end(paint), bar, notes[row->note]);
	if (to->more_qpns)
		fprintf(out, " to QP 0x%x", row->dqpn);
	fputc('\n', out);
}

void ladder_print(const struct ladder *l, unsigned width,
		  const struct paint *paint, FILE *out)
{
	unsigned margin = 18, shaft = width > 70 ? width - 36 : 44;
	uint64_t untold = l->past_max + l->others;
	char left[80], right[80];
	int gap;

	if (l->n == 0)
		return;
	name(&l->left, left, sizeof(left));
	name(&l->right, right, sizeof(right));
	gap = (int)(margin + shaft) - (int)strlen(left) -
	      (int)strlen(right) / 2;
	fprintf(out, "%s%*s%s\n", left, gap > 1 ? gap : 1, "", right);
	for (size_t i = 0; i < l->n; i++)
		print_row(l, &l->row[i], shaft, paint, out);
	if (untold)
		fprintf(out, "%" PRIu64 " more packets are not shown\n",
			untold);
}
