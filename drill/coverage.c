#include "drill/coverage.h"

#include <string.h>
#include "drill/verbs_words.h"
#include "wire/aeth.h"

void coverage_packet(struct coverage *c, enum cover_dir dir,
		     const struct packet_text *p)
{
	c->opcode[dir][p->opcode]++;
	if (packet_gives(p, F_KIND))
		c->syndrome[dir][aeth_syndrome((enum aeth_kind)p->v[F_KIND],
					       (unsigned)p->v[F_VALUE])]++;
}

void coverage_wc(struct coverage *c, const char *status)
{
	uint64_t v;

	if (status && verbs_find(verbs_statuses, status, &v))
		c->status[v & 31]++;
}

void coverage_event(struct coverage *c, const char *event)
{
	char word[64];
	uint64_t v;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(event, " "), event);
	if (verbs_find(verbs_events, word, &v))
		c->event[v & 31]++;
}

/* A duplicate is answered, not refused: the NIC counts it elsewhere. */
static const char *counter_of(enum drop d)
{
	return d == DROP_DUPLICATE ? "duplicate_request" : drop_word(d);
}

void coverage_take(struct coverage *c, struct bench *b)
{
	uint64_t v;

	for (unsigned i = 1; i < DROP_N; i++)
		if (b->ops->counter(b, counter_of((enum drop)i), &v))
			c->drop[i] += v;
	for (unsigned i = 0; i < GN_QPS_N; i++)
		for (unsigned k = 0; k < GN_QPS_N; k++)
			c->move[i][k] += b->move[i][k];
}

/* ---- the report ---- */

static unsigned tell(FILE *out, uint64_t n, const char *kind, const char *what)
{
	fprintf(out, "%s %s %s", n ? "covered" : "MISSING", kind, what);
	if (n)
		fprintf(out, " %llu", (unsigned long long)n);
	fputc('\n', out);
	return !n;
}

static unsigned tell_drops(const struct coverage *c, FILE *out)
{
	unsigned missing = 0;

	for (unsigned i = 1; i < DROP_N; i++)
		missing += tell(out, c->drop[i], "verdict",
				drop_word((enum drop)i));
	return missing;
}

static unsigned tell_syndromes(const struct coverage *c, FILE *out)
{
	static const char *const kinds[COVER_DIRS][2] = {
		[COVER_IN] = {"rnr-timer-received", "nak-received"},
		[COVER_OUT] = {"rnr-timer-sent", "nak-sent"},
	};
	unsigned missing = 0;
	char text[32];

	for (unsigned d = 0; d < COVER_DIRS; d++) {
		for (unsigned i = 0; i < 32; i++) {
			snprintf(text, sizeof(text), "%u", i);
			missing += tell(
				out, c->syndrome[d][aeth_syndrome(AETH_RNR, i)],
				kinds[d][0], text);
		}
		for (unsigned i = 0; i < NAK_INVALID_RD; i++) {
			snprintf(text, sizeof(text), "%u", i);
			missing += tell(
				out, c->syndrome[d][aeth_syndrome(AETH_NAK, i)],
				kinds[d][1], text);
		}
	}
	return missing;
}

static unsigned tell_opcodes(const struct coverage *c, FILE *out)
{
	unsigned missing = 0;

	for (unsigned i = 0; i < 256; i++) {
		const struct opcode *op = opcode_find((uint8_t)i);

		if (!op)
			continue;
		missing += tell(out, c->opcode[COVER_IN][i], "opcode-received",
				op->name);
		if (i != OPCODE_CNP) /* it sends none */
			missing += tell(out, c->opcode[COVER_OUT][i],
					"opcode-sent", op->name);
	}
	return missing;
}

/* IBTA 10.3.1, figure 124: every move that a program may ask for or that
 * happens by itself.
 */
static bool is_move(unsigned from, unsigned to)
{
	static const uint8_t moves[GN_QPS_N] = {
#define M(state) (1u << GN_QPS_##state)
		[GN_QPS_RESET] = M(INIT),
		[GN_QPS_INIT] = M(INIT) | M(RTR),
		[GN_QPS_RTR] = M(RTS),
		[GN_QPS_RTS] = M(RTS) | M(SQD) | M(SQE),
		[GN_QPS_SQD] = M(RTS) | M(SQD) | M(SQE),
		[GN_QPS_SQE] = M(RTS),
#undef M
	};

	return (to == GN_QPS_RESET && from != GN_QPS_RESET) ||
	       (to == GN_QPS_ERR && from != GN_QPS_ERR) ||
	       moves[from] >> to & 1;
}

static unsigned tell_moves(const struct coverage *c, FILE *out)
{
	unsigned missing = 0;
	char text[32];

	for (unsigned from = 0; from < GN_QPS_N; from++)
		for (unsigned to = 0; to < GN_QPS_N; to++) {
			if (!is_move(from, to))
				continue;
			snprintf(text, sizeof(text), "%s>%s",
				 verbs_word(verbs_states, from),
				 verbs_word(verbs_states, to));
			missing += tell(out, c->move[from][to], "move", text);
		}
	return missing;
}

static unsigned tell_words(const uint64_t *n, const struct verbs_word *t,
			   const char *kind, FILE *out)
{
	unsigned missing = 0;

	for (; t->word; t++)
		missing += tell(out, n[t->value & 31], kind, t->word);
	return missing;
}

/* Two cannot be drawn from outside: PATH_MIG_ERR is for want of memory, and no
 * SRQ ever breaks (SRQ_ERR).
 */
static unsigned tell_events(const struct coverage *c, FILE *out)
{
	unsigned missing = 0;

	for (const struct verbs_word *t = verbs_events; t->word; t++)
		if (t->value != GN_EVENT_PATH_MIG_ERR &&
		    t->value != GN_EVENT_SRQ_ERR)
			missing += tell(out, c->event[t->value & 31], "event",
					t->word);
	return missing;
}

unsigned coverage_report(const struct coverage *c, FILE *out)
{
	return tell_drops(c, out) + tell_syndromes(c, out) +
	       tell_opcodes(c, out) + tell_moves(c, out) +
	       tell_words(c->status, verbs_statuses, "status", out) +
	       tell_events(c, out);
}
