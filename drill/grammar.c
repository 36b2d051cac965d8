#include "drill/grammar.h"

#include <stdio.h>
#include <string.h>
#include "drill/verbs_words.h"
#include "nic/base/nearest.h"

#define TIMES "after within "

static const struct grammar {
	const char *word;
	unsigned places;   /* words that stand for something by their place */
	const char *flags; /* each ends with a blank */
	const char *keys;
	bool attrs; /* and all attributes of a QP */
	/* Word @at is one of @words, which are called @what. */
	unsigned at;
	const struct verbs_word *words;
	const char *what;
} grammars[] = {
	{"wc", 2, "grh solicited ",
	 "id opcode len qp imm inv_rkey src_qp " TIMES, false, 1,
	 verbs_statuses, "status"},
	{"event", 3, "", TIMES, false, 1, verbs_events, "event"},
	{"query", 2, "",
	 "state sq_psn rq_psn qkey timeout retry_cnt rnr_retry min_rnr_timer "
	 "dqpn sq_draining mig_state ",
	 false, 0, NULL, NULL},
	{"pd", 2, "", "", false, 0, NULL, NULL},
	{"mr", 3, "", "access pd ", false, 0, NULL, NULL},
	{"mw", 2, "", "type pd ", false, 0, NULL, NULL},
	{"cq", 2, "hold ", "cqe ", false, 0, NULL, NULL},
	{"srq", 2, "", "max_wr max_sge limit xrcd cq pd ", false, 0, NULL,
	 NULL},
	{"xrcd", 2, "", "", false, 0, NULL, NULL},
	{"qp", 3, "sq_sig_all ",
	 "state pd scq rcq srq xrcd max_send_wr max_recv_wr max_send_sge "
	 "max_recv_sge max_inline ",
	 true, 2, verbs_types, "type"},
	{"modify", 3, "only ", "", true, 2, verbs_states, "state"},
	{"post_send", 3, "unsignaled fence solicited inline ",
	 "id sge va rkey imm inv_rkey compare swap add srqn dqpn dgid qkey "
	 "traffic_class mw mr bind_at bind_len access flush_len type "
	 "selectivity ",
	 false, 2, verbs_opcodes, "opcode"},
	{"post_recv", 2, "", "id sge times ", false, 0, NULL, NULL},
	{"limit", 3, "", "", false, 0, NULL, NULL},
	{"attach", 3, "", "", false, 0, NULL, NULL},
	{"detach", 3, "", "", false, 0, NULL, NULL},
	{"write", 3, "", "", false, 0, NULL, NULL},
	{"free", 2, "", "", false, 0, NULL, NULL},
};

static const struct grammar *find(const char *word)
{
	for (size_t i = 0; i < sizeof(grammars) / sizeof(*grammars); i++)
		if (!strcmp(grammars[i].word, word))
			return &grammars[i];
	return NULL;
}

/* Is @word one of @list?  All of them are offered to @near. */
static bool is_in(const char *list, const char *word, char (*seen)[24],
		  unsigned *nseen, struct nearest *near)
{
	for (size_t n; *list; list += n + 1) {
		char *one = seen[(*nseen)++];

		n = strcspn(list, " ");
		snprintf(one, sizeof(*seen), "%.*s", (int)n, list);
		if (!strcmp(one, word))
			return true;
		nearest_offer(near, one);
	}
	return false;
}

static bool is_attr(const char *word, struct nearest *near)
{
	for (unsigned i = 0; i < ATTR_N; i++) {
		if (!strcmp(verbs_attrs[i].word, word))
			return true;
		nearest_offer(near, verbs_attrs[i].word);
	}
	return false;
}

static bool check_word(const struct grammar *g, const struct word *w, char *why)
{
	char seen[64][24]; /* what @near points to */
	unsigned n = 0;
	struct nearest near;

	nearest_init(&near, w->text);
	if (is_in(w->value ? g->keys : g->flags, w->text, seen, &n, &near) ||
	    (w->value && g->attrs && is_attr(w->text, &near)))
		return true;
	n = (unsigned)snprintf(why, WORDS_WHY_MAX, "%.40s%s: %s has no such %s",
			       w->text, w->value ? "=" : "", g->word,
			       w->value ? "field" : "word");
	if (near.best)
		snprintf(why + n, WORDS_WHY_MAX - n, "; did you mean %s%s?",
			 near.best, w->value ? "=" : "");
	else
		snprintf(why + n, WORDS_WHY_MAX - n,
			 "; docs/drill.md lists them");
	return false;
}

static bool check_place(const struct grammar *g, const struct words *w,
			char *why)
{
	const struct word *is = &w->w[g->at];
	struct nearest near;
	uint64_t ignored;

	if (!g->words || w->n <= g->at || is->value ||
	    verbs_find(g->words, is->text, &ignored))
		return true;
	nearest_init(&near, is->text);
	for (const struct verbs_word *t = g->words; t->word; t++)
		nearest_offer(&near, t->word);
	snprintf(why, WORDS_WHY_MAX, "%.40s: no such %s%s%s%s", is->text,
		 g->what, near.best ? "; did you mean " : "",
		 near.best ? near.best : "", near.best ? "?" : "");
	return false;
}

bool grammar_check(const struct words *w, char *why)
{
	const struct grammar *g = w->n ? find(w->w[0].text) : NULL;

	if (!g)
		return true;
	if (!check_place(g, w, why))
		return false;
	for (unsigned i = 1; i < w->n && strcmp(w->w[i].text, "=>"); i++) {
		if (!w->w[i].value && i < g->places)
			continue;
		if (!check_word(g, &w->w[i], why))
			return false;
	}
	return true;
}
