/* Verbs: a line is sent to the NIC's side with its names resolved, and what
 * comes back is learnt.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "drill/player.h"
#include "drill/verbs_words.h"

#define OWN_QPN_FIRST 0x100u
/* A drill that says none does not want to see one expire: 537 ms (67 ms is the
 * preset) is longer than a busy machine delays the script.
 */
#define LIVE_TIMEOUT " timeout=17"

/* The transport that QPs of @type speak. */
static enum transport transport_of(const char *type)
{
	switch (type[0]) {
	case 'X': return TRANSPORT_XRC;
	case 'U': return type[1] == 'D' ? TRANSPORT_UD : TRANSPORT_UC;
	default: return TRANSPORT_RC;
	}
}

static uint32_t number_of(const struct player *p, const char *key,
			  uint32_t preset)
{
	const char *text = words_get(&p->w, key);
	uint64_t v;

	return text && words_number(text, &v) ? (uint32_t)v : preset;
}

/* The script's end of the QP that this line makes. */
static bool add_end(struct player *p, struct end **end)
{
	struct end *e = &p->end[p->nend];

	if (p->nend == ENDS_MAX || strlen(p->w.w[1].text) >= NAME_LEN)
		return play_fail(p,
				 "more than %u QPs, or a name of more than "
				 "%u letters",
				 ENDS_MAX, NAME_LEN - 1);
	*e = (struct end){.transport = transport_of(p->w.w[2].text),
			  .own = OWN_QPN_FIRST + p->nend,
			  .next_psn = number_of(p, "rq_psn", 0),
			  .last_psn = number_of(p, "sq_psn", 0),
			  .pmtu = number_of(p, "pmtu", 1024),
			  .qkey = number_of(p, "qkey", 0x11111111)};
	if (!e->pmtu)
		e->pmtu = 1024;
	strcpy(e->name, p->w.w[1].text);
	*end = e;
	return true;
}

/* Does the line leave open who the QP's peer is? Only some moves may say it. */
static bool needs_peer(const struct player *p, const struct end *e)
{
	const char *verb = p->w.w[0].text;

	if (!strcmp(verb, "modify"))
		return p->w.n > 2 && !strcmp(p->w.w[2].text, "RTR") &&
		       e->transport != TRANSPORT_UD &&
		       !words_has(&p->w, "only");
	return !strcmp(verb, "qp") || !strcmp(verb, "post_send");
}

/* What such a line gets. */
static void add_peer(const struct player *p, const struct end *e, char *line,
		     size_t size)
{
	char ip[IP_TEXT_MAX];
	size_t n = strlen(line);

	if (!words_get(&p->w, "dqpn"))
		n += (size_t)snprintf(line + n, size - n, " dqpn=0x%x", e->own);
	if (!words_get(&p->w, "dgid") && n < size)
		snprintf(line + n, size - n, " dgid=%s",
			 ip_format(&p->bench->own, ip));
}

/* A number, a name's key, or a sum: the NIC's side knows only numbers. */
static bool resolve(struct player *p, const struct word *w, char *out,
		    size_t size)
{
	static const char *const numbers[] = {"rkey",	 "inv_rkey", "va",
					      "imm",	 "srqn",     "dqpn",
					      "compare", "swap",     "add"};
	char why[WORDS_WHY_MAX];
	uint64_t v;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		const char *attr = numbers[i];

		if (strcmp(attr, w->text) || words_number(w->value, &v))
			continue;
		if (!strcmp(attr, "inv_rkey"))
			attr = "rkey";
		else if (!strcmp(attr, "dqpn"))
			attr = "own";
		if (!names_value(&p->names, w->value, attr, &v, why))
			return play_fail(p, "%s", why);
		snprintf(out, size, "%s=0x%llx", w->text,
			 (unsigned long long)v);
		return true;
	}
	snprintf(out, size, "%s=%s", w->text, w->value);
	return true;
}

/* The line as the NIC's side gets it: without "=> ERRNO", names resolved. */
static bool verb_line(struct player *p, char *line, size_t size,
		      const char **expected)
{
	size_t n = 0;

	*expected = NULL;
	line[0] = '\0';
	for (unsigned i = 0; i < p->w.n; i++) {
		const struct word *w = &p->w.w[i];
		char word[512];

		if (!strcmp(w->text, "=>") && i + 2 == p->w.n) {
			*expected = p->w.w[i + 1].text;
			return true;
		}
		if (!w->value)
			snprintf(word, sizeof(word), "%.500s", w->text);
		else if (!resolve(p, w, word, sizeof(word)))
			return false;
		n += (size_t)snprintf(line + n, size - n, "%s%s", i ? " " : "",
				      word);
		if (n >= size - 128)
			return play_fail(p, "too long for a verb");
	}
	return true;
}

static bool check_result(struct player *p, int rc, const char *expected,
			 const char *reply)
{
	const char *got = rc ? strerrorname_np(-rc) : "OK";

	if (rc == VERB_REFUSED)
		return play_fail(p, "%s", reply);
	if (rc == VERB_LOST)
		return play_fail(p, "the NIC's side is gone: %s", reply);
	if (!got)
		got = strerror(-rc);
	if (!strcmp(got, expected ? expected : "OK"))
		return true;
	if (p->bench->live && (rc == -EOPNOTSUPP || rc == -ENOSYS))
		return play_skip(p, "the peer's device or library cannot do "
				    "that");
	play_fail(p, "%s: expected %s, got %s", p->w.w[0].text,
		  expected ? expected : "OK", got);
	play_add(p, "  verb:     %s\n", p->text);
	return false;
}

static void learn(struct player *p, struct end *e, const char *reply)
{
	const char *verb = p->w.w[0].text, *name = p->w.w[1].text;
	const char *mw = words_get(&p->w, "mw");
	uint64_t v;

	if (!strcmp(verb, "post_send")) {
		if (mw)
			names_learn(&p->names, mw, reply);
		return;
	}
	names_learn(&p->names, name, reply);
	if (!strcmp(verb, "mr") && !p->first_mr[0])
		snprintf(p->first_mr, sizeof(p->first_mr), "%.31s", name);
	if (!strcmp(verb, "srq") && !p->first_srq[0])
		snprintf(p->first_srq, sizeof(p->first_srq), "%.31s", name);
	if (!e)
		return;
	names_set(&p->names, name, "own", e->own);
	if (names_get(&p->names, name, "qpn", &v))
		e->qpn = (uint32_t)v;
	p->nend++;
}

/* A QP that starts again counts from the line's PSNs. */
static void restart(struct player *p, struct end *e)
{
	const char *rq = words_get(&p->w, "rq_psn");
	const char *sq = words_get(&p->w, "sq_psn");

	if (rq || !strcmp(p->w.w[2].text, "RTR"))
		e->next_psn = number_of(p, "rq_psn", 0);
	if (sq)
		e->last_psn = number_of(p, "sq_psn", 0);
	e->pmtu = number_of(p, "pmtu", e->pmtu);
}

bool play_verb(struct player *p)
{
	const char *verb = p->w.w[0].text, *expected;
	struct end *e = NULL, *old;
	char line[2048], reply[REPLY_MAX];
	int rc;

	if (p->w.n < 2 || p->w.w[1].value)
		return play_fail(p, "%s: of what? it needs a name", verb);
	if (play_names_address(p) ||
	    !verb_line(p, line, sizeof(line), &expected))
		return false;
	old = play_end(p, p->w.w[1].text);
	if (!strcmp(verb, "qp")) {
		if (p->w.n < 3)
			return play_fail(p, "write: qp NAME TYPE");
		if (!add_end(p, &e))
			return false;
	}
	if (e && p->bench->live && !words_get(&p->w, "timeout"))
		strcat(line, LIVE_TIMEOUT);
	if ((e || old) && needs_peer(p, e ? e : old))
		add_peer(p, e ? e : old, line, sizeof(line));
	play_settle(p);
	rc = p->bench->ops->verb(p->bench, line, reply);
	if (rc == VERB_OK)
		learn(p, e, reply);
	if (rc == VERB_OK && !strcmp(verb, "modify") && old && p->w.n > 2)
		restart(p, old);
	return check_result(p, rc, expected, reply);
}
