/* Everything that `glassnic decode' does to a packet, for targets in trace/. */
#ifndef TESTS_FUZZ_JUDGE_H
#define TESTS_FUZZ_JUDGE_H

#include "tests/fuzz/fuzz.h"
#include "trace/check.h"
#include "trace/field.h"
#include "trace/ladder_html.h"
#include "trace/ladder_text.h"
#include "trace/print.h"
#include "trace/select.h"
#include "trace/stats.h"

struct judge {
	struct check *check;
	struct ladder *ladder;
	struct stats *stats;
	struct select *select;
	struct paint paint;
};

static inline void judge_open(struct judge *j, bool color)
{
	*j = (struct judge){check_new(),
			    ladder_new(20, color),
			    stats_new(),
			    select_new(0x12),
			    {color, color}};
	FUZZ_CHECK(j->check && j->ladder && j->stats && j->select);
}

static inline void judge_take(struct judge *j, const struct packet *p)
{
	enum note note = check_packet(j->check, p);
	const struct stream *t = check_stream(j->check);
	char text[PACKET_TEXT_MAX];
	struct fields f;

	packet_brief(p, text, 1 + p->frame % sizeof(text));
	FUZZ_CHECK(strlen(text) <= p->frame % sizeof(text));
	packet_print(p, note, 0, &j->paint, fuzz_nowhere());
	fields_of(&f, p, note, 0);
	fields_json(&f, fuzz_nowhere());
	select_learn(j->select, t);
	select_wants(j->select, p, t);
	FUZZ_CHECK(stats_add(j->stats, p, note, t));
	FUZZ_CHECK(ladder_add(j->ladder, p, note, t, 0));
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
	stats_print(j->stats, fuzz_nowhere());
	stats_json(j->stats, fuzz_nowhere());
	FUZZ_CHECK(ladder_finish(j->ladder));
	ladder_print(j->ladder, width, &j->paint, fuzz_nowhere());
	ladder_html(j->ladder, "<fuzz>", fuzz_nowhere());
	check_free(j->check);
	ladder_free(j->ladder);
	stats_free(j->stats);
	select_free(j->select);
}

#endif
