/* What is asked about the NIC: completions, events, memory, a QP's attributes,
 * counters.
 */
#include <stdlib.h>
#include <string.h>
#include "drill/player.h"
#include "drill/verbs_words.h"

/* ---- comparing ---- */

/* Words that say how long to wait, or how the line's verb ends. */
static bool is_about_the_line(const char *key)
{
	return !strcmp(key, "after") || !strcmp(key, "within");
}

/* Verbs say less of a request that failed (ibv_poll_cq(3)). */
static bool is_unknown(const struct player *p, const char *key,
		       const char *value)
{
	return p->bench->live && !value &&
	       (!strcmp(key, "opcode") || !strcmp(key, "len") ||
		!strcmp(key, "src_qp"));
}

/* The preset is another then, if the drill does not care (LIVE_TIMEOUT). */
static bool is_live_preset(const struct player *p, const char *key,
			   const char *want, const char *got)
{
	return p->bench->live && !strcmp(key, "timeout") &&
	       !strcmp(want, "14") && !strcmp(got, "17");
}

static bool same(struct player *p, const char *key, const char *want,
		 const char *got)
{
	char why[WORDS_WHY_MAX];
	uint64_t a, b;

	if (!strcmp(want, got) || is_live_preset(p, key, want, got))
		return true;
	if (!strcmp(key, "inv_rkey"))
		key = "rkey";
	return words_number(got, &b) &&
	       names_value(&p->names, want, key, &a, why) && a == b;
}

/* The first of the line's words that @g does not have so, or NULL. */
static const struct word *differing(struct player *p, unsigned first,
				    const struct words *g)
{
	for (unsigned i = first; i < p->w.n; i++) {
		const struct word *w = &p->w.w[i];
		const char *value = words_get(g, w->text);

		if (w->value && (is_about_the_line(w->text) ||
				 is_unknown(p, w->text, value)))
			continue;
		if (w->value ? !value || !same(p, w->text, w->value, value)
			     : !words_has(g, w->text))
			return w;
	}
	return NULL;
}

bool play_compare(struct player *p, unsigned first, const char *got)
{
	char why[WORDS_WHY_MAX];
	const struct word *w;
	const char *value;
	struct words g;

	if (!words_split(&g, got, why))
		return play_fail(p, "%s", why);
	w = differing(p, first, &g);
	if (!w)
		return true;
	value = words_get(&g, w->text);
	if (w->value)
		play_fail(p, "%s: expected %s, got %s", w->text, w->value,
			  value ? value : "none");
	else
		play_fail(p, "expected %s, got %s", w->text, got);
	play_add(p, "  expected: %s\n  actual:   %s %s\n", p->text,
		 p->w.w[0].text, got);
	return false;
}

/* "wc STATUS id=1 ...": the status is a word, SUCCESS if there is none. */
bool play_wc(struct player *p)
{
	uint64_t status = 0, ignored;
	unsigned first = 1;
	struct words got;
	const char *is;
	char why[WORDS_WHY_MAX];
	struct seen *s;
	bool ok;

	if (p->w.n > 1 && !p->w.w[1].value) {
		verbs_find(verbs_statuses, p->w.w[1].text, &status);
		first = 2;
	}
	if (p->bench->live && words_has(&p->w, "solicited"))
		return play_skip(p, "verbs do not tell what was solicited");
	s = play_await(p, SEEN_WC, "completion");
	if (!s)
		return false;
	play_trace(p, "  wc %s", s->bytes);
	ok = words_split(&got, (const char *)s->bytes, why);
	is = ok ? words_get(&got, "status") : NULL;
	if (!is || !verbs_find(verbs_statuses, is, &ignored) ||
	    ignored != status) {
		play_fail(p, "status: expected %s, got %s",
			  verbs_word(verbs_statuses, status), is ? is : "none");
		play_add(p, "  expected: %s\n  actual:   wc %s\n", p->text,
			 s->bytes);
		ok = false;
	} else {
		ok = play_compare(p, first, (const char *)s->bytes);
	}
	if (p->o->coverage)
		coverage_wc(p->o->coverage, is);
	free(s);
	return ok;
}

bool play_event(struct player *p)
{
	struct seen *s;
	bool ok;

	if (p->w.n < 2)
		return play_fail(p, "write: event TYPE [OBJECT]");
	s = play_await(p, SEEN_EVENT, "event");
	if (!s)
		return false;
	play_trace(p, "  event %s", s->bytes);
	ok = play_compare(p, 1, (const char *)s->bytes);
	if (p->o->coverage)
		coverage_event(p->o->coverage, (const char *)s->bytes);
	free(s);
	return ok;
}

/* ---- memory, attributes, counters ---- */

/* What the NIC's side answers; false: it has been complained about. */
static bool ask(struct player *p, const char *line, char reply[REPLY_MAX])
{
	int rc = p->bench->ops->verb(p->bench, line, reply);

	if (rc == VERB_OK)
		return true;
	if (rc == VERB_REFUSED || rc == VERB_LOST)
		return play_fail(p, "%s", reply);
	return play_fail(p, "%s: %s", line, strerror(-rc));
}

/* What a real NIC is asked about may take it a while. */
#define PATIENCE (3 * SEC)

static nsec_t patience(struct player *p)
{
	return p->bench->ops->now(p->bench) + PATIENCE;
}

struct bytes {
	uint8_t b[REPLY_MAX / 2];
	size_t len;
};

/* The bytes that the line's "= BYTES" wants, as many as there are in @got. */
static bool wanted_bytes(struct player *p, size_t got, struct bytes *want)
{
	char why[WORDS_WHY_MAX];

	want->len = got;
	if (!words_bytes(p->w.w[3].text, want->b, sizeof(want->b), &want->len,
			 why))
		return play_fail(p, "%s", why);
	return want->len == got ||
	       play_fail(p, "%zu bytes of memory, but %zu expected", got,
			 want->len);
}

static bool read_bytes(struct player *p, char reply[REPLY_MAX],
		       struct bytes *got)
{
	char line[256], why[WORDS_WHY_MAX];

	snprintf(line, sizeof(line), "read %.200s", p->w.w[1].text);
	if (!ask(p, line, reply))
		return false;
	got->len = 0;
	return words_bytes(reply + strlen("data="), got->b, sizeof(got->b),
			   &got->len, why) ||
	       play_fail(p, "%s", why);
}

/* "mem MEMORY = BYTES" */
bool play_mem(struct player *p)
{
	nsec_t until = patience(p);
	struct bytes want, got;
	char reply[REPLY_MAX];
	size_t i = 0;

	if (p->w.n != 4 || strcmp(p->w.w[2].text, "="))
		return play_fail(p, "write: mem NAME+OFFSET:LENGTH = BYTES");
	do {
		if (!read_bytes(p, reply, &got) ||
		    !wanted_bytes(p, got.len, &want))
			return false;
	} while (memcmp(want.b, got.b, got.len) && play_try_again(p, until));
	while (i < got.len && want.b[i] == got.b[i])
		i++;
	if (i == got.len)
		return true;
	play_fail(p, "memory: byte %zu: expected 0x%02x, got 0x%02x", i,
		  want.b[i], got.b[i]);
	play_add(p, "  expected: %s\n  actual:   %.2000s\n", p->text,
		 reply + strlen("data="));
	return false;
}

bool play_query(struct player *p)
{
	char line[256], reply[REPLY_MAX], why[WORDS_WHY_MAX];
	nsec_t until = patience(p);
	struct words g;

	if (p->w.n < 2)
		return play_fail(p, "write: query QP KEY=VALUE ...");
	snprintf(line, sizeof(line), "query %.200s", p->w.w[1].text);
	do {
		if (!ask(p, line, reply))
			return false;
	} while (words_split(&g, reply, why) && differing(p, 2, &g) &&
		 play_try_again(p, until));
	return play_compare(p, 2, reply);
}

/* "counter NAME VALUE" */
bool play_counter(struct player *p)
{
	uint64_t want, got;

	if (p->w.n != 3 || !words_number(p->w.w[2].text, &want))
		return play_fail(p, "write: counter NAME NUMBER");
	if (p->bench->live) { /* those of a real NIC are not known */
		play_trace(p, "  (not checked)");
		return true;
	}
	if (!p->bench->ops->counter(p->bench, p->w.w[1].text, &got))
		return play_fail(p, "%s: no such counter or verdict",
				 p->w.w[1].text);
	return got == want ||
	       play_fail(p, "%s: expected %llu, got %llu", p->w.w[1].text,
			 (unsigned long long)want, (unsigned long long)got);
}
