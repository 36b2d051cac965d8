/* The ladder in a terminal: of any width. */
#include <stdlib.h>
#include "tests/unit/trace/talk.h"
#include "trace/ladder_text.h"

static struct ladder *ladder;
static char *text;

static void add(uint64_t frame, bool to_right, enum kind kind,
		const char *brief)
{
	struct ladder_row *row = &ladder->row[ladder->n++];

	row->frame = frame;
	row->to_right = to_right;
	row->kind = kind;
	snprintf(row->brief, sizeof(row->brief), "%s", brief);
}

static void begin(void)
{
	ladder = ladder_new(10, false);
	cr_assert(ladder);
	add(1, true, KIND_DATA, "READ_REQUEST psn=1 len=3000 A");
	add(2, false, KIND_DATA, "READ_RESPONSE_MIDDLE psn=12465010 len=1024");
	add(3, false, KIND_NAK, "NAK psn=1");
}

static void end(void)
{
	ladder_free(ladder);
	free(text);
}

TestSuite(ladder_text, .init = begin, .fini = end);

static void print(unsigned width, bool color)
{
	struct paint paint = {.color = color};
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ladder_print(ladder, width, &paint, to);
	fclose(to);
}

/* The @n-th line, from 0. */
static char *line(size_t n)
{
	char *at = text;

	while (n--)
		at = strchr(at, '\n') + 1;
	return strndup(at, strcspn(at, "\n"));
}

static size_t last_bar(size_t n)
{
	char *row = line(n);
	size_t at = (size_t)(strrchr(row, '|') - row);

	free(row);
	return at;
}

Test(ladder_text, what_was_captured_before_the_first_packet_has_a_minus)
{
	ladder->start_nsec = 2000000;
	ladder->row[1].nsec = 2000000;
	ladder->row[2].nsec = 12345678000;
	print(80, false);
	cr_assert_not_null(strstr(text, "    1  -0.002000 |"), "%s", text);
	cr_assert_not_null(strstr(text, "    2   0.000000 |"), "%s", text);
	cr_assert_not_null(strstr(text, "    3  12.343678 |"), "%s", text);
}

Test(ladder_text, the_right_lifeline_is_straight)
{
	static const unsigned widths[] = {1, 60, 80, 200};

	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		print(widths[i], false);
		cr_assert_eq(last_bar(1), last_bar(2));
		cr_assert_eq(last_bar(1), last_bar(3));
		free(text);
	}
	text = NULL;
}

Test(ladder_text, names_have_room)
{
	for (unsigned i = 0; i < 16; i++)
		ladder->left.addr.b[i] = ladder->right.addr.b[i] = 0x11;
	for (unsigned width = 20; width < 200; width++) {
		char *names, *more;

		print(width, false);
		names = line(0);
		more = line(1);
		cr_assert_leq(strlen(names), width > 68 ? width : 68);
		cr_assert_leq(strlen(more), width > 68 ? width : 68);
		free(names);
		free(more);
		free(text);
	}
	text = NULL;
}

Test(ladder_text, colour_ends_where_it_began)
{
	char *plain, *nak;

	print(80, true);
	plain = line(1);
	nak = line(3);
	cr_assert_null(strchr(plain, '\033'));
	cr_assert(strstr(nak, "\033[31m") && strstr(nak, "\033[0m|"));
	free(plain);
	free(nak);
}
