/* Everything that `glassnic decode' does to a packet, for targets in trace/. */
#ifndef TESTS_FUZZ_JUDGE_H
#define TESTS_FUZZ_JUDGE_H

#include "tests/fuzz/fuzz.h"
#include "trace/check.h"
#include "trace/ladder.h"

struct judge {
	struct check *check;
	struct ladder *ladder;
	struct paint paint;
};

static inline void judge_open(struct judge *j, bool color)
{
	*j = (struct judge){check_new(), ladder_new(20), {color, color}};
	FUZZ_CHECK(j->check && j->ladder);
}

static inline void judge_take(struct judge *j, const struct packet *p)
{
	enum note note = check_packet(j->check, p);
	char text[PACKET_TEXT_MAX];

	packet_brief(p, text, 1 + p->frame % sizeof(text));
	FUZZ_CHECK(strlen(text) <= p->frame % sizeof(text));
	packet_print(p, note, 0, &j->paint, fuzz_nowhere());
	ladder_add(j->ladder, p, note);
}

static inline void judge_close(struct judge *j, unsigned width)
{
	const struct report *r = check_finish(j->check);

	for (size_t i = 0; i < report_stored(r); i++) {
		FUZZ_CHECK(strlen(report_get(r, i)->text) < VIOLATION_TEXT_MAX);
		report_print(report_get(r, i), fuzz_nowhere());
	}
	FUZZ_CHECK(report_stored(r) <= report_count(r));
	check_summary(j->check, fuzz_nowhere());
	ladder_print(j->ladder, width, &j->paint, fuzz_nowhere());
	check_free(j->check);
	ladder_free(j->ladder);
}

#endif
