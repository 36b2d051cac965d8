/* Rules are asked in their order, each whether it hits the packet; a packet may
 * be hit by several, and what they do adds up.  The rule that loses it is the
 * last that is asked.
 */
#include "nic/impair/impair.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A packet being judged. */
struct trial {
	struct impair *im;
	const struct impair_view *v;
	enum impair_dir dir;
	nsec_t now;
	nsec_t leaves; /* so far */
	struct track_flow *flow;
	struct track_stream *stream;
	struct fate *fate;
	const struct impair_rule *rule; /* the one at work */
	struct impair_memory *memory;
};

void impair_init(struct impair *im, uint64_t seed, struct counters *counters)
{
	memset(im, 0, sizeof(*im));
	im->seed = seed;
	im->counters = counters;
}

void impair_fini(struct impair *im)
{
	free(im->track);
	im->track = NULL;
}

static int add_rule(struct impair *im, const struct impair_rule *rule)
{
	struct random seeds = {im->seed + im->nrule};
	struct impair_memory *m = &im->memory[im->nrule];

	if (rule->match & MATCH_FLOW && !im->track) {
		im->track = calloc(1, sizeof(*im->track));
		if (!im->track)
			return -ENOMEM;
	}
	memset(m, 0, sizeof(*m));
	for (int dir = 0; dir < IMPAIR_DIRS; dir++)
		m->random[dir].state = random_next(&seeds);
	im->rule[im->nrule++] = *rule;
	im->dirs |= rule->dirs;
	return 0;
}

static int add_line(struct impair *im, const char *line, char *why)
{
	struct impair_rule rule;
	int rc = impair_rule_parse(line, &rule, why);

	if (rc)
		return rc > 0 ? 0 : rc;
	if (im->nrule == IMPAIR_RULES) {
		snprintf(why, IMPAIR_WHY_MAX, "more than %u rules",
			 IMPAIR_RULES);
		return -ENOSPC;
	}
	rc = add_rule(im, &rule);
	if (rc)
		snprintf(why, IMPAIR_WHY_MAX, "out of memory");
	return rc;
}

int impair_add(struct impair *im, const char *text, char *why)
{
	char line[IMPAIR_LINE_MAX + 1], reason[IMPAIR_WHY_MAX];

	for (unsigned n = 1; *text; n++) {
		size_t len = strcspn(text, "\n");
		int rc;

		/* One that is too long stays so. */
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		rc = add_line(im, line, reason);
		if (rc) {
			snprintf(why, IMPAIR_WHY_MAX + 16, "line %u: %s", n,
				 reason);
			return rc;
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

/* ---- does a rule hit? ---- */

static bool flow_matches(const struct impair_rule *r, const struct trial *t)
{
	if (!t->flow)
		return false;
	if (r->match & MATCH_OFFSET &&
	    ((t->v->bth.psn - t->stream->first) & PSN_MASK) != r->psn)
		return false;
	if (r->match & MATCH_QP && t->flow->nth != r->qp)
		return false;
	return !(r->match & MATCH_ROUND) || t->stream->round == r->round;
}

/* Whether there is as much of it as the rule wants to damage. */
static bool is_long_enough(const struct impair_rule *r,
			   const struct impair_view *v)
{
	uint32_t least = v->proto == IMPAIR_ROCE ? BTH_LEN : 1;

	if (r->action == IMPAIR_CORRUPT)
		return v->body_len >= least &&
		       (!r->has_byte || r->byte < v->body_len);
	if (r->action == IMPAIR_TRUNCATE)
		return v->body_len > (r->cut ? r->cut : least);
	return true;
}

static bool matches(const struct impair_rule *r, const struct trial *t)
{
	const struct impair_view *v = t->v;
	const struct bth *bth = &v->bth;
	unsigned m = r->match;

	if (!(r->dirs >> t->dir & 1) || !(r->protos >> v->proto & 1) ||
	    !is_long_enough(r, v))
		return false;
	if (!m)
		return true;
	if (m & MATCH_OPCODE &&
	    !(r->opcode[bth->opcode / 64] >> bth->opcode % 64 & 1))
		return false;
	if (m & MATCH_PSN && bth->psn != r->psn)
		return false;
	if (m & MATCH_DQPN && bth->dqpn != r->dqpn)
		return false;
	if (m & MATCH_AETH && v->aeth != r->aeth)
		return false;
	if (m & MATCH_SRC && !ip_equal(&v->src, &r->src))
		return false;
	if (m & MATCH_DST && !ip_equal(&v->dst, &r->dst))
		return false;
	return !(m & MATCH_FLOW) || flow_matches(r, t);
}

/* 0 <= the result < 1. */
static double draw(const struct trial *t)
{
	return (double)(random_next(&t->memory->random[t->dir]) >> 11) *
	       0x1p-53;
}

/* @span + 1 values, from 0. */
static uint64_t draw_to(const struct trial *t, uint64_t span)
{
	return (uint64_t)(draw(t) * (double)(span + 1));
}

/* Of the packets that match, is this one hit? */
static bool is_turn(const struct trial *t)
{
	const struct impair_rule *r = t->rule;
	struct impair_memory *m = t->memory;

	if (t->now - t->im->start < r->after)
		return false;
	if (r->next && m->hits == r->next)
		return false;
	if (r->lasts && m->hits && t->now - m->first_hit >= r->lasts)
		return false;
	if (++m->matched <= r->skip || (m->matched - r->skip) % r->every)
		return false;
	if (r->chance < 1 && draw(t) >= r->chance)
		return false;
	if (!m->hits++)
		m->first_hit = t->now;
	return true;
}

/* ---- what it does ---- */

static void remark(const struct trial *t, const char *what)
{
	char *note = t->fate->note;
	size_t n = strlen(note);

	snprintf(note + n, IMPAIR_NOTE_MAX - n, "%s %s by rule %u (%s)",
		 n ? "," : "impair:", what,
		 (unsigned)(t->rule - t->im->rule) + 1, t->rule->text);
}

static void lose(struct trial *t, const char *what)
{
	t->fate->lost = true;
	t->fate->note[0] = '\0'; /* nothing else of it is to be seen */
	remark(t, what);
	count(t->im->counters, CNT_IMPAIR_LOST);
}

static void delay(struct trial *t)
{
	nsec_t *last = &t->memory->busy[t->dir];

	t->leaves += t->rule->delay + draw_to(t, t->rule->jitter);
	if (t->leaves < *last)
		t->leaves = *last;
	*last = t->leaves;
	remark(t, "delayed");
	count(t->im->counters, CNT_IMPAIR_DELAYED);
}

/* A sender of so many bits per second, and the queue in front of it. */
static void pass_rate(struct trial *t)
{
	const struct impair_rule *r = t->rule;
	nsec_t *busy = &t->memory->busy[t->dir];
	nsec_t start = *busy > t->leaves ? *busy : t->leaves;
	double waiting = (double)(start - t->leaves) * (double)r->rate / 8e9;

	if (start > t->leaves && waiting + t->v->len > (double)r->limit) {
		lose(t, "lost, its queue being full,");
		return;
	}
	*busy = start + (nsec_t)((double)t->v->len * 8e9 / (double)r->rate);
	t->leaves = *busy;
	remark(t, "delayed");
	count(t->im->counters, CNT_IMPAIR_DELAYED);
}

/* A bit that the ICRC covers: of the BTH it leaves out byte 4. */
static uint32_t pick_bit(const struct trial *t, uint32_t len)
{
	bool roce = t->v->proto == IMPAIR_ROCE;
	uint32_t byte;

	if (t->rule->has_byte)
		return t->rule->byte * 8 + (uint32_t)draw_to(t, 7);
	byte = (uint32_t)draw_to(t, len - (roce ? 2 : 1));
	if (roce && byte >= 4)
		byte++;
	return byte * 8 + (uint32_t)draw_to(t, 7);
}

static bool has_flip(const struct fate *f, uint32_t bit)
{
	for (unsigned i = 0; i < f->nflip; i++)
		if (f->flip[i] == bit)
			return true;
	return false;
}

static void corrupt(struct trial *t)
{
	struct fate *f = t->fate;
	uint32_t len = f->cut ? f->cut : t->v->body_len;
	unsigned bits = t->rule->bits;

	/* Of a byte more bits may be wanted than it has left. */
	for (unsigned i = 0; i < 256 && bits && f->nflip < IMPAIR_FLIPS; i++) {
		uint32_t bit = pick_bit(t, len);

		if (has_flip(f, bit))
			continue;
		f->flip[f->nflip++] = bit;
		bits--;
	}
	f->icrc_wrong |= !t->rule->fixed;
	remark(t, t->rule->fixed ? "corrupted, ICRC right," : "corrupted");
	count(t->im->counters, CNT_IMPAIR_CORRUPTED);
}

static void cut_short(struct trial *t)
{
	struct fate *f = t->fate;
	uint32_t len = f->cut ? f->cut : t->v->body_len, cut = t->rule->cut;

	if (len <= BTH_LEN || cut >= len) /* another rule has done it */
		return;
	if (!cut)
		cut = BTH_LEN + (uint32_t)draw_to(t, len - 1 - BTH_LEN);
	f->cut = cut;
	f->icrc_wrong |= !t->rule->fixed;
	remark(t, t->rule->fixed ? "truncated, ICRC right," : "truncated");
	count(t->im->counters, CNT_IMPAIR_TRUNCATED);
}

static void duplicate(struct trial *t)
{
	t->fate->copies += t->rule->copies;
	if (t->fate->copies > IMPAIR_COPIES)
		t->fate->copies = IMPAIR_COPIES;
	remark(t, "duplicated");
	count(t->im->counters, CNT_IMPAIR_DUPLICATED);
}

static void reorder(struct trial *t)
{
	t->fate->overtake = t->rule->overtake;
	t->leaves += t->rule->within;
	remark(t, "reordered");
	count(t->im->counters, CNT_IMPAIR_REORDERED);
}

static void hold(struct trial *t)
{
	t->leaves += t->rule->delay;
	remark(t, "held");
	count(t->im->counters, CNT_IMPAIR_DELAYED);
}

static void mark(struct trial *t)
{
	t->fate->mark = true;
	remark(t, "marked CE");
	count(t->im->counters, CNT_IMPAIR_MARKED);
}

static void apply(struct trial *t)
{
	switch (t->rule->action) {
	case IMPAIR_LOSE: lose(t, "lost"); break;
	case IMPAIR_DUPLICATE: duplicate(t); break;
	case IMPAIR_REORDER: reorder(t); break;
	case IMPAIR_HOLD: hold(t); break;
	case IMPAIR_DELAY: delay(t); break;
	case IMPAIR_RATE: pass_rate(t); break;
	case IMPAIR_CORRUPT: corrupt(t); break;
	case IMPAIR_TRUNCATE: cut_short(t); break;
	case IMPAIR_MARK: mark(t); break;
	case IMPAIR_ACTIONS: break;
	}
}

static void clear(struct fate *f)
{
	memset(f, 0, offsetof(struct fate, flip));
	f->icrc_wrong = false;
	f->note[0] = '\0';
}

bool impair_judge(struct impair *im, enum impair_dir dir,
		  const struct impair_view *v, nsec_t now, struct fate *fate)
{
	struct trial t = {.im = im,
			  .v = v,
			  .dir = dir,
			  .now = now,
			  .leaves = now,
			  .fate = fate};
	bool hit = false;

	if (!im->started) {
		im->started = true;
		im->start = now;
	}
	if (im->track && v->proto == IMPAIR_ROCE)
		t.flow = track_packet(im->track, dir, &v->dst, &v->bth,
				      &t.stream);
	for (unsigned i = 0; i < im->nrule && !(hit && fate->lost); i++) {
		t.rule = &im->rule[i];
		t.memory = &im->memory[i];
		if (!matches(t.rule, &t) || !is_turn(&t))
			continue;
		if (!hit)
			clear(fate);
		hit = true;
		apply(&t);
	}
	if (!hit)
		return false;
	fate->until = t.leaves > now ? t.leaves : 0;
	return true;
}
