/* A drill is played line by line: each statement acts (packets to the NIC,
 * verbs), or asks for what must have been seen of the NIC, waiting for it if
 * need be.
 */
#include "drill/player.h"
#include "drill/grammar.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "nic/base/nearest.h"
#include "wire/print.h"

#define WAIT_VIRTUAL (10 * SEC)
#define WAIT_LIVE    (10 * SEC)
#define GRACE	     (20 * MSEC) /* at the end of a live drill */

/* ---- complaints ---- */

static void add(struct player *p, const char *fmt, va_list ap)
{
	size_t n = strlen(p->complaint);

	vsnprintf(p->complaint + n, COMPLAINT_MAX - n, fmt, ap);
}

void play_add(struct player *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, fmt, ap);
	va_end(ap);
}

bool play_fail(struct player *p, const char *fmt, ...)
{
	va_list ap;

	p->result = PLAY_FAILED;
	play_add(p, "%s:%u: ", script_path(p->script), p->number);
	va_start(ap, fmt);
	add(p, fmt, ap);
	va_end(ap);
	play_add(p, "\n");
	return false;
}

bool play_skip(struct player *p, const char *why)
{
	p->result = PLAY_SKIPPED;
	play_add(p, "%s:%u: %s\n", script_path(p->script), p->number, why);
	return false;
}

void play_trace(struct player *p, const char *fmt, ...)
{
	va_list ap;

	if (!p->o->trace)
		return;
	fprintf(p->o->trace, "%14.3f us  ",
		(double)(p->bench->ops->now(p->bench) - SEC) / 1000.0);
	va_start(ap, fmt);
	vfprintf(p->o->trace, fmt, ap);
	va_end(ap);
	fputc('\n', p->o->trace);
}

/* ---- what was seen ---- */

struct end *play_end(struct player *p, const char *name)
{
	for (unsigned i = 0; i < p->nend; i++)
		if (!strcmp(p->end[i].name, name))
			return &p->end[i];
	return NULL;
}

struct end *play_end_of(struct player *p, uint32_t own)
{
	for (unsigned i = 0; i < p->nend; i++)
		if (p->end[i].own == own)
			return &p->end[i];
	return NULL;
}

static const char *show_packet(const struct seen *s, char *text, size_t size)
{
	struct span data = {s->bytes, s->len};
	struct roce r = {0};
	enum drop d = roce_decode(&r, data);

	if (d)
		snprintf(text, size, "(a packet that does not decode: %s)",
			 drop_word(d));
	else
		roce_print(&r, text, size);
	return text;
}

const char *play_show(const struct seen *s, char *text, size_t size)
{
	char packet[512];

	switch (s->kind) {
	case SEEN_PACKET:
		snprintf(text, size, "< %s",
			 show_packet(s, packet, sizeof(packet)));
		break;
	case SEEN_WC: snprintf(text, size, "wc %s", s->bytes); break;
	case SEEN_EVENT: snprintf(text, size, "event %s", s->bytes); break;
	}
	return text;
}

/* Adds all that was seen and not asked for. */
static void add_unasked(struct player *p)
{
	char text[600];

	for (struct list *n = p->bench->seen.next; n != &p->bench->seen;
	     n = n->next)
		play_add(p, "  actual:   %s\n",
			 play_show(list_entry(n, struct seen, node), text,
				   sizeof(text)));
}

static bool get_time(struct player *p, const char *key, nsec_t *value)
{
	const char *text = words_get(&p->w, key);

	if (!text || words_time(text, value))
		return true;
	return play_fail(p, "%s=%s: not a time; write 10us, 0.64ms, 2s", key,
			 text);
}

/* The next of @kind, waited for until @until; NULL: there is none. */
static struct seen *next_seen(struct player *p, enum seen_kind kind,
			      nsec_t until)
{
	struct bench *b = p->bench;

	while (!bench_has(b, kind) && b->ops->now(b) < until && !b->trouble[0])
		b->ops->run(b, until, true);
	return bench_take(b, kind);
}

static void fail_time(struct player *p, const char *bound, nsec_t want,
		      nsec_t got)
{
	play_fail(p, "time: expected %s %.3f us, got %.3f us", bound,
		  (double)want / 1000.0, (double)(int64_t)got / 1000.0);
	play_add(p, "  expected: %s\n", p->text);
}

/* The earliest that @s may have come. */
static nsec_t earliest(struct player *p, const struct seen *s, nsec_t after)
{
	if (!p->bench->live)
		return p->mark + after;
	return after ? play_since(p, s) + after : 0;
}

struct seen *play_await(struct player *p, enum seen_kind kind, const char *what)
{
	nsec_t within = p->bench->live ? 0 : WAIT_VIRTUAL, after = 0;
	struct bench *b = p->bench;
	nsec_t got = 0;
	bool early = false;
	struct seen *s;

	if (!get_time(p, "within", &within) || !get_time(p, "after", &after) ||
	    play_is_too_long(p, after))
		return NULL;
	if (b->live)
		within = within * 4 + WAIT_LIVE; /* clocks and machines vary */
	s = next_seen(p, kind, p->mark + within);
	while (s && s->at < earliest(p, s, after)) {
		got = s->at - (earliest(p, s, after) - after);
		/* What came before the answer had left is none to it, but what
		 * a late script has caused.
		 */
		if (!b->live || (int64_t)got >= 0) {
			early = true;
			if (!play_is_late_repeat(p, s))
				break;
		}
		free(s);
		s = next_seen(p, kind, p->mark + within);
	}
	if (!s && b->trouble[0]) {
		play_fail(p, "%s", b->trouble);
	} else if (early && (!s || s->at < earliest(p, s, after))) {
		fail_time(p, "after", after, got);
	} else if (!s) {
		play_fail(p, "%s: expected within %.3f us, got none", what,
			  (double)within / 1000.0);
		play_add(p, "  expected: %s\n", p->text);
		add_unasked(p);
	} else if (s->at > p->mark + within) {
		fail_time(p, "within", within, s->at - p->mark);
	} else {
		if (kind == SEEN_PACKET)
			p->since = s->since;
		return s;
	}
	free(s);
	return NULL;
}

bool play_finish(struct player *p)
{
	p->bench->ops->run(p->bench,
			   p->bench->ops->now(p->bench) +
				   (p->bench->live ? GRACE : 0),
			   false);
	play_drop_late_repeats(p);
	play_drop_last_words(p);
	if (p->bench->trouble[0])
		return play_fail(p, "%s", p->bench->trouble);
	if (list_empty(&p->bench->seen))
		return true;
	play_fail(p, "the drill ends, but the NIC did more");
	play_add(p, "  expected: nothing more\n");
	add_unasked(p);
	return false;
}

bool play_nothing(struct player *p)
{
	struct bench *b = p->bench;
	nsec_t time = 0, until;

	if (p->w.n > 1 && !words_time(p->w.w[1].text, &time))
		return play_fail(p, "%s: not a time; write 10us, 0.64ms, 2s",
				 p->w.w[1].text);
	if (play_is_too_long(p, time))
		return false;
	p->since += time;
	until = b->ops->now(b) + time;
	do {
		b->ops->run(b, until, true);
		play_drop_late_repeats(p);
	} while (list_empty(&b->seen) && b->ops->now(b) < until &&
		 !b->trouble[0]);
	if (list_empty(&b->seen))
		return true;
	play_fail(p, "expected nothing, got something after %.3f us",
		  (double)(b->ops->now(b) - p->mark) / 1000.0);
	play_add(p, "  expected: %s\n", p->text);
	add_unasked(p);
	return false;
}

bool play_wait(struct player *p)
{
	struct bench *b = p->bench;
	nsec_t time;

	if (p->w.n != 2 || !words_time(p->w.w[1].text, &time))
		return play_fail(p, "write: wait TIME (10us, 0.64ms, 2s)");
	if (play_is_too_long(p, time))
		return false;
	p->since += time;
	b->ops->run(b, b->ops->now(b) + time, false);
	return true;
}

/* "impair RULE" */
static bool play_impair(struct player *p)
{
	return p->bench->live
		       ? play_skip(p, "only the NIC in memory takes faults")
		       : play_verb(p);
}

/* "virtual REASON": the drill is about the NIC in memory itself. */
bool play_virtual(struct player *p)
{
	if (p->w.n < 2)
		return play_fail(p, "write: virtual REASON");
	return !p->bench->live ||
	       play_skip(p, p->text + strspn(p->text, " \t"));
}

/* ---- dispatch ---- */

static const struct statement {
	const char *word;
	bool (*play)(struct player *p);
} statements[] = {
	{">", play_send},
	{"<", play_expect},
	{"wc", play_wc},
	{"event", play_event},
	{"nothing", play_nothing},
	{"wait", play_wait},
	{"mem", play_mem},
	{"query", play_query},
	{"counter", play_counter},
	{"virtual", play_virtual},
	/* forwarded to the NIC's side */
	{"pd", play_verb},
	{"mr", play_verb},
	{"mw", play_verb},
	{"cq", play_verb},
	{"srq", play_verb},
	{"xrcd", play_verb},
	{"qp", play_verb},
	{"modify", play_verb},
	{"post_send", play_verb},
	{"post_recv", play_verb},
	{"limit", play_verb},
	{"attach", play_verb},
	{"detach", play_verb},
	{"write", play_verb},
	{"free", play_verb},
	{"impair", play_impair},
};

#define STATEMENTS (sizeof(statements) / sizeof(*statements))

static bool unknown(struct player *p, const char *word)
{
	struct nearest near;

	nearest_init(&near, word);
	for (size_t i = 0; i < STATEMENTS; i++)
		nearest_offer(&near, statements[i].word);
	if (near.best)
		return play_fail(p, "%s: no such statement; did you mean %s?",
				 word, near.best);
	return play_fail(p, "%s: no such statement; docs/drill.md lists them",
			 word);
}

static bool take_line(struct player *p, unsigned i)
{
	char why[WORDS_WHY_MAX];

	p->number = script_number(p->script, i);
	if (!script_line(p->script, i, p->run, p->text, sizeof(p->text), why) ||
	    !words_split(&p->w, p->text, why))
		return play_fail(p, "%s", why);
	return true;
}

/* What it waits for came when the NIC saw to it, not when the line began. */
static bool is_awaiting(const char *word)
{
	return !strcmp(word, "<") || !strcmp(word, "wc") ||
	       !strcmp(word, "event") || !strcmp(word, "mem") ||
	       !strcmp(word, "query") || !strcmp(word, "counter");
}

static bool play_line(struct player *p, unsigned i)
{
	char why[WORDS_WHY_MAX];
	const char *word;

	if (!take_line(p, i))
		return false;
	if (!p->w.n)
		return true;
	if (!grammar_check(&p->w, why))
		return play_fail(p, "%s", why);
	word = p->w.w[0].text;
	play_trace(p, "%s", p->text);
	if (!is_awaiting(word))
		p->since = p->bench->ops->now(p->bench);
	for (size_t k = 0; k < STATEMENTS; k++)
		if (!strcmp(statements[k].word, word)) {
			bool ok = statements[k].play(p);

			if (ok && p->bench->trouble[0])
				ok = play_fail(p, "%s", p->bench->trouble);
			p->mark = p->bench->ops->now(p->bench);
			return ok;
		}
	if (!strcmp(word, "nic"))
		return play_fail(p, "nic: only as the first statement");
	return unknown(p, word);
}

/* The first statement may say what NIC it is to be; *@first: the line after. */
static bool make_bench(struct player *p, unsigned *first)
{
	char spec[1024] = "", why[WORDS_WHY_MAX] = "";
	const char *text;
	bool skip = false;
	size_t n;

	*first = 0;
	if (!take_line(p, 0))
		return false;
	text = p->text + strspn(p->text, " \t");
	if (p->w.n && !strcmp(p->w.w[0].text, "nic")) {
		text += 3 + strspn(text + 3, " \t");
		n = strcspn(text, " \t#");
		snprintf(spec, sizeof(spec), "%.*s", (int)n, text);
		*first = 1;
	}
	p->bench = p->o->bench ? p->o->bench(p->o->bench_ctx, spec, why, &skip)
			       : vnic_new(spec, p->o->capture, why);
	if (p->bench)
		return true;
	return skip ? play_skip(p, why) : play_fail(p, "%s", why);
}

enum play_result play(const struct script *s, unsigned run,
		      const struct play_options *o,
		      char complaint[COMPLAINT_MAX])
{
	struct player *p = calloc(1, sizeof(*p));
	enum play_result result;
	unsigned i;

	complaint[0] = '\0';
	if (!p) {
		snprintf(complaint, COMPLAINT_MAX, "%s: no memory\n",
			 script_path(s));
		return PLAY_FAILED;
	}
	p->script = s;
	p->run = run;
	p->o = o;
	p->complaint = complaint;
	if (make_bench(p, &i)) {
		p->mark = p->since = p->bench->ops->now(p->bench);
		while (i < script_lines(s) && play_line(p, i))
			i++;
		if (p->result == PLAY_PASSED)
			play_finish(p);
		if (o->coverage)
			coverage_take(o->coverage, p->bench);
		p->bench->ops->free(p->bench);
	}
	result = p->result;
	free(p);
	return result;
}
