/* The two hosts are those of the first packet; its sender stands on the left.
 * A host that talks to itself has two lifelines, too: its QPs', told apart by
 * the destination.  The rows are kept until the end, because the QPN of the
 * left side is only known when somebody answers.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "trace/ladder.h"

#define BRIEF_MAX 80

struct row {
	uint64_t frame;
	int64_t nsec;
	bool to_right;
	enum note note;
	enum ink ink;
	uint32_t dqpn;
	char text[BRIEF_MAX];
};

struct side {
	struct ip_addr addr;
	bool has_qpn;
	uint32_t qpn;
	bool more_qpns;
};

struct ladder {
	struct side left, right;
	bool to_itself;
	size_t n, max;
	uint64_t untold; /* packets between others, or past the limit */
	struct row *rows;
};

struct ladder *ladder_new(size_t max)
{
	struct ladder *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->max = max;
	l->rows = calloc(max ? max : 1, sizeof(*l->rows));
	if (l->rows)
		return l;
	free(l);
	return NULL;
}

void ladder_free(struct ladder *l)
{
	if (!l)
		return;
	free(l->rows);
	free(l);
}

static void note_qpn(struct side *side, uint32_t qpn)
{
	if (side->has_qpn && side->qpn != qpn)
		side->more_qpns = true;
	if (!side->has_qpn)
		side->qpn = qpn;
	side->has_qpn = true;
}

/* Which way @p goes; false: it is none of these two hosts'. */
static bool direction(const struct ladder *l, const struct packet *p,
		      bool *to_right)
{
	const struct ip_addr *src = &p->ip.src, *dst = &p->ip.dst;

	if (l->to_itself) {
		*to_right = p->roce.bth.dqpn == l->right.qpn;
		return ip_equal(src, &l->left.addr) && ip_equal(src, dst);
	}
	*to_right = ip_equal(src, &l->left.addr);
	return *to_right ? ip_equal(dst, &l->right.addr)
			 : ip_equal(src, &l->right.addr) &&
				   ip_equal(dst, &l->left.addr);
}

void ladder_add(struct ladder *l, const struct packet *p, enum note note)
{
	struct row *row;
	bool to_right;

	if (l->n == 0) {
		l->left.addr = p->ip.src;
		l->right.addr = p->ip.dst;
		l->to_itself = ip_equal(&p->ip.src, &p->ip.dst);
		l->right.qpn = p->roce.bth.dqpn;
	}
	if (l->n >= l->max || !direction(l, p, &to_right)) {
		l->untold++;
		return;
	}
	row = &l->rows[l->n++];
	*row = (struct row){
		.frame = p->frame,
		.nsec = p->nsec,
		.to_right = to_right,
		.note = note,
		.ink = packet_ink(p, note),
		.dqpn = p->roce.bth.dqpn,
	};
	packet_brief(p, row->text, sizeof(row->text));
	note_qpn(to_right ? &l->right : &l->left, row->dqpn);
}

static void name(const struct side *side, char *text, size_t size)
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

static void arrow(const struct row *row, unsigned width,
		  const struct paint *paint, FILE *out)
{
	unsigned len = (unsigned)strlen(row->text) + 2;
	unsigned shaft = width > len + 4 ? width - len - 3 : 1;

	if (row->to_right) {
		line(2, paint, out);
		fprintf(out, " %s ", row->text);
		line(shaft, paint, out);
		fputc('>', out);
	} else {
		fputc('<', out);
		line(shaft, paint, out);
		fprintf(out, " %s ", row->text);
		line(2, paint, out);
	}
}

static void print_row(const struct ladder *l, const struct row *row,
		      unsigned width, const struct paint *paint, FILE *out)
{
	static const char *const notes[] = {
		[NOTE_NONE] = "",
		[NOTE_RETRANSMISSION] = " again",
		[NOTE_NAK] = "",
		[NOTE_COPY] = " copy",
		[NOTE_CNP] = " congestion",
	};
	const struct side *to = row->to_right ? &l->right : &l->left;
	const char *bar = paint->utf8 ? "│" : "|";
	int64_t usec = (row->nsec - l->rows[0].nsec) / 1000;

	fprintf(out, "%5" PRIu64 " %3" PRId64 ".%06" PRId64 " %s%s", row->frame,
		usec / 1000000, usec < 0 ? -usec % 1000000 : usec % 1000000,
		bar, paint_ink(paint, row->ink));
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
		print_row(l, &l->rows[i], shaft, paint, out);
	if (l->untold)
		fprintf(out, "%" PRIu64 " more packets are not shown\n",
			l->untold);
}
