/* A line is cut into words.  The first that is no direction is the action; each
 * of the others is the name of a setting, and its value follows a '=' or a
 * blank.  Two tables say which actions and settings there are, and all messages
 * come from them.
 */
#include "nic/impair/rule.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "nic/base/nearest.h"
#include "nic/impair/rule_value.h"

#define ONLY(a) (1u << IMPAIR_##a)
#define ALL	(~0u)

static const struct action {
	const char *name;
	enum impair_action action;
	const char *value; /* setting that its first value is for, or NULL */
	bool needs_value;
} actions[] = {
	{"drop", IMPAIR_LOSE, NULL, false},
	{"loss", IMPAIR_LOSE, "chance", true},
	{"blackhole", IMPAIR_LOSE, NULL, false},
	{"dup", IMPAIR_DUPLICATE, NULL, false},
	{"reorder", IMPAIR_REORDER, NULL, false},
	{"hold", IMPAIR_HOLD, "for", false},
	{"delay", IMPAIR_DELAY, "delay", true},
	{"rate", IMPAIR_RATE, "rate", true},
	{"corrupt", IMPAIR_CORRUPT, NULL, false},
	{"truncate", IMPAIR_TRUNCATE, NULL, false},
	{"mark", IMPAIR_MARK, NULL, false},
};

#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static const struct setting {
	const char *name;
	unsigned actions; /* for which */
	/* NULL, or what is wrong with @value. */
	const char *(*take)(struct impair_rule *rule, const char *value);
	const char *allowed; /* NULL: it has no value */
} settings[] = {
	{"opcode", ALL, rule_take_opcode,
	 "an opcode's name (SEND_ONLY, RC_SEND_ONLY, READ_RESPONSE*) or "
	 "number"},
	{"psn", ALL, rule_take_psn,
	 "0 to 16777215, or +N: the N'th behind the first that was seen"},
	{"dqpn", ALL, rule_take_dqpn, "0 to 16777215"},
	{"qp", ALL, rule_take_qp, "1 (the first QP that was sent to), 2, ..."},
	{"round", ALL, rule_take_round, "1, 2 (resent once), ..."},
	{"aeth", ALL, rule_take_aeth, "ack, nak or rnr"},
	{"src", ALL, rule_take_src, "an IP address"},
	{"dst", ALL, rule_take_dst, "an IP address"},
	{"proto", ALL, rule_take_proto, "roce, arp, nd, ip, other or any"},
	{"once", ALL, rule_take_once, NULL},
	{"every", ALL, rule_take_every, "1, 2, ..."},
	{"next", ALL, rule_take_next, "1, 2, ..."},
	{"skip", ALL, rule_take_skip, "1, 2, ..."},
	{"chance", ALL, rule_take_chance, CHANCE_ALLOWED},
	{"after", ALL, rule_take_after, DURATION_ALLOWED},
	{"for", ALL, rule_take_for, DURATION_ALLOWED},
	{"copies", ONLY(DUPLICATE), rule_take_copies, "1 to 8"},
	{"by", ONLY(REORDER), rule_take_by, "1 to 1000 packets"},
	{"within", ONLY(REORDER), rule_take_within, DURATION_ALLOWED},
	{"delay", ONLY(DELAY), rule_take_delay, DURATION_ALLOWED},
	{"jitter", ONLY(DELAY), rule_take_jitter, DURATION_ALLOWED},
	{"rate", ONLY(RATE), rule_take_rate, RATE_ALLOWED},
	{"limit", ONLY(RATE), rule_take_limit, BYTES_ALLOWED},
	{"bits", ONLY(CORRUPT), rule_take_bits, "1 to 32"},
	{"byte", ONLY(CORRUPT), rule_take_byte,
	 "0 to 65535, from the beginning of the BTH"},
	{"to", ONLY(TRUNCATE), rule_take_to, "12 to 65535 bytes"},
	{"icrc", ONLY(CORRUPT) | ONLY(TRUNCATE), rule_take_icrc,
	 "wrong or fixed"},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static int refuse(char *why, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, IMPAIR_WHY_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int refuse_action(const char *word, char *why)
{
	struct nearest near;
	char list[100] = "";

	nearest_init(&near, word);
	for (size_t i = 0; i < ACTIONS; i++)
		nearest_offer(&near, actions[i].name);
	if (near.best)
		return refuse(why, "%.32s: no such action; did you mean %s?",
			      word, near.best);
	for (size_t i = 0; i < ACTIONS; i++) {
		strcat(list, i ? ", " : "");
		strcat(list, actions[i].name);
	}
	return refuse(why, "%.32s: no such action; allowed: %s", word, list);
}

static int refuse_setting(const char *word, char *why)
{
	struct nearest near;

	nearest_init(&near, word);
	for (size_t i = 0; i < SETTINGS; i++)
		nearest_offer(&near, settings[i].name);
	if (near.best)
		return refuse(why, "%.32s: no such word; did you mean %s?",
			      word, near.best);
	return refuse(why,
		      "%.32s: no such word; docs/impair.md lists them, among "
		      "them opcode, psn, once, every",
		      word);
}

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	return NULL;
}

static const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

/* ---- words ---- */

struct words {
	char *rest;
};

/* The next word up to a blank; NULL at the end. */
static char *next_word(struct words *w)
{
	char *word;

	w->rest += strspn(w->rest, " \t\r\n");
	if (!*w->rest)
		return NULL;
	word = w->rest;
	w->rest += strcspn(word, " \t\r\n");
	if (*w->rest)
		*w->rest++ = '\0';
	return word;
}

static int take_setting(struct impair_rule *rule, const struct action *action,
			char *word, struct words *w, char *why)
{
	char *value = strchr(word, '=');
	const struct setting *s;
	const char *wrong;

	if (value)
		*value++ = '\0';
	s = find_setting(word);
	if (!s)
		return refuse_setting(word, why);
	if (!(s->actions >> rule->action & 1))
		return refuse(why, "%s: not for %s", word, action->name);
	if (!s->allowed && value)
		return refuse(why, "%s=%.40s: %s takes no value", word, value,
			      word);
	if (s->allowed && !value)
		value = next_word(w);
	if (s->allowed && (!value || !*value))
		return refuse(why, "%s: no value; allowed: %s", word,
			      s->allowed);
	wrong = s->take(rule, value);
	if (wrong)
		return refuse(why, "%s=%.40s: %s; allowed: %s", word, value,
			      wrong, s->allowed);
	return 0;
}

/* The action's own value, which needs no name: "loss 0.05". */
static int take_first(struct impair_rule *rule, const struct action *action,
		      struct words *w, char *why)
{
	const struct setting *s = find_setting(action->value);
	const char *wrong;
	char *value;

	w->rest += strspn(w->rest, " \t");
	if (!action->needs_value && (*w->rest < '0' || *w->rest > '9'))
		return 0;
	value = next_word(w);
	if (!value)
		return refuse(why, "%s: no value; allowed: %s", action->name,
			      s->allowed);
	wrong = s->take(rule, value);
	if (wrong)
		return refuse(why, "%s %.40s: %s; allowed: %s", action->name,
			      value, wrong, s->allowed);
	return 0;
}

/* ---- the rule ---- */

static void set_presets(struct impair_rule *rule, enum impair_action action)
{
	const unsigned roce = 1u << IMPAIR_ROCE;

	rule->action = action;
	rule->chance = 1;
	rule->every = 1;
	rule->copies = 1;
	rule->bits = 1;
	rule->overtake = 1;
	rule->within = MSEC;
	rule->limit = 256 << 10;
	rule->protos = (1u << IMPAIR_PROTOS) - 1;
	if (action == IMPAIR_CORRUPT || action == IMPAIR_TRUNCATE)
		rule->protos = roce;
	if (action == IMPAIR_MARK)
		rule->protos = roce | 1u << IMPAIR_IP;
}

static int check(struct impair_rule *rule, const struct action *action,
		 char *why)
{
	const unsigned roce = 1u << IMPAIR_ROCE;

	if (rule->match & MATCH_ROCE)
		rule->protos &= roce;
	if (!rule->protos)
		return refuse(why, "proto: packets that are no RoCE have "
				   "neither opcode, psn, dqpn, qp, round nor "
				   "aeth");
	if (action->action == IMPAIR_HOLD && !rule->delay)
		return refuse(why, "hold: for how long? hold for DURATION; "
				   "allowed: " DURATION_ALLOWED);
	if (action->action == IMPAIR_TRUNCATE && rule->protos != roce)
		return refuse(why, "proto: truncate is for roce only");
	if (action->action == IMPAIR_MARK &&
	    rule->protos & (1u << IMPAIR_ARP | 1u << IMPAIR_OTHER))
		return refuse(why, "proto: mark is for roce, nd and ip");
	return 0;
}

/* What remarks quote: without comment and blanks around it. */
static void quote(struct impair_rule *rule, const char *line)
{
	size_t len;

	line += strspn(line, " \t");
	len = strcspn(line, "#\r\n");
	while (len && strchr(" \t", line[len - 1]))
		len--;
	snprintf(rule->text, sizeof(rule->text), "%.*s%s",
		 (int)(len < IMPAIR_TEXT_MAX ? len : IMPAIR_TEXT_MAX - 4), line,
		 len < IMPAIR_TEXT_MAX ? "" : "...");
}

static unsigned take_dirs(char **word, struct words *w)
{
	unsigned dirs = 1u << IMPAIR_IN | 1u << IMPAIR_OUT;

	if (!strcmp(*word, "in"))
		dirs = 1u << IMPAIR_IN;
	else if (!strcmp(*word, "out"))
		dirs = 1u << IMPAIR_OUT;
	else
		return dirs;
	*word = next_word(w);
	return dirs;
}

int impair_rule_parse(const char *line, struct impair_rule *rule, char *why)
{
	char copy[IMPAIR_LINE_MAX], *word;
	struct words w = {copy};
	const struct action *action;
	int rc;

	if (strlen(line) >= sizeof(copy))
		return refuse(why, "%.20s...: longer than %u bytes", line,
			      IMPAIR_LINE_MAX - 1);
	strcpy(copy, line);
	copy[strcspn(copy, "#")] = '\0';
	word = next_word(&w);
	if (!word)
		return 1;
	memset(rule, 0, sizeof(*rule));
	rule->dirs = take_dirs(&word, &w);
	if (!word)
		return refuse(why, "no action; allowed: [in|out] ACTION ...");
	action = find_action(word);
	if (!action)
		return refuse_action(word, why);
	set_presets(rule, action->action);
	quote(rule, line);
	rc = action->value ? take_first(rule, action, &w, why) : 0;
	while (!rc && (word = next_word(&w)))
		rc = take_setting(rule, action, word, &w, why);
	return rc ? rc : check(rule, action, why);
}
