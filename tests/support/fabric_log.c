/* What the fabric has seen, for tests to ask about and for people to read. */
#include "tests/support/fabric.h"

#include <stdio.h>

#include "wire/drop.h"
#include "wire/print.h"

#define DUMP_MAX 400u /* packets of a dump; the last ones */

const struct seen *fabric_find(const struct fabric *f, unsigned from,
			       unsigned opcode, unsigned n)
{
	for (size_t i = 0; i < f->nseen; i++) {
		const struct seen *s = &f->seen[i];

		if (s->from == from && s->roce.bth.opcode == opcode && !n--)
			return s;
	}
	return NULL;
}

unsigned fabric_count(const struct fabric *f, unsigned from, unsigned opcode)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->nseen; i++)
		n += f->seen[i].from == from &&
		     f->seen[i].roce.bth.opcode == opcode;
	return n;
}

const struct seen *fabric_last(const struct fabric *f, unsigned from)
{
	for (size_t i = f->nseen; i--;)
		if (f->seen[i].from == from)
			return &f->seen[i];
	return NULL;
}

void fabric_forget(struct fabric *f)
{
	f->nseen = 0;
}

static void dump_one(const struct seen *s)
{
	char text[400];

	fprintf(stderr, "%12.3f %u>%u ", (double)(s->at - SEC) / 1000.0,
		s->from, s->to);
	fputs(s->decoded ? roce_print(&s->roce, text, sizeof(text))
			 : "(undecodable)",
	      stderr);
	if (!s->copies)
		fputs("  LOST", stderr);
	if (s->copies > 1)
		fprintf(stderr, "  x%u", s->copies);
	if (s->arrived && s->verdict != DROP_NONE)
		fprintf(stderr, "  -> %s", drop_word(s->verdict));
	fprintf(stderr, "%s%s\n", s->note[0] ? "  # " : "", s->note);
}

void fabric_dump(const struct fabric *f)
{
	size_t from = f->nseen > DUMP_MAX ? f->nseen - DUMP_MAX : 0;

	if (from)
		fprintf(stderr, "(%zu earlier packets)\n", from);
	for (size_t i = from; i < f->nseen; i++)
		dump_one(&f->seen[i]);
	fprintf(stderr, "%12.3f now\n", (double)(f->now - SEC) / 1000.0);
}
