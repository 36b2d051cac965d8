#include "replay/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLAYS_AT_ONCE 32u
#define BYTES_AT_ONCE (UINT64_C(1) << 28)
#define NEWS_EVERY    4096u

enum part_state { PART_WAITS, PART_PLAYS, PART_DONE };

/* A flow and a side. */
struct part {
	struct flow *flow;
	enum side side;
	enum part_state state;
	struct role *play;
};

struct replay {
	const struct replay_source *source;
	const struct replay_options *o;
	struct flows *flows;
	struct role_setting setting;
	struct part *part; /* of flow n: those from SIDE_N * (n - 1) on */
	uint32_t nparts, nwanted;
	unsigned playing, begun; /* now; in this pass */
	uint64_t bytes;		 /* that they may take */
	uint64_t packets;	 /* in the capture */
	uint64_t faults;
	char no_drill[REPLAY_WHY_MAX]; /* why a drill is not to be had */
	char *why;
};

/* ---- the account ---- */

#define QP_TEXT 16u

/* Nothing tells the number of a requester that is never answered. */
static const char *qp_text(uint32_t qpn, char text[QP_TEXT])
{
	text[0] = '\0';
	if (qpn)
		snprintf(text, QP_TEXT, " QP 0x%x", qpn);
	return text;
}

static void print_part(FILE *out, const struct part *t)
{
	const struct stream_key *k = &t->flow->key;
	bool answers = t->side == SIDE_RESPONDER;
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX], qa[QP_TEXT], qb[QP_TEXT];

	ip_format(answers ? &k->dst : &k->src, a);
	ip_format(answers ? &k->src : &k->dst, b);
	fprintf(out, "flow %u: %s%s as %s of %s%s", t->flow->number, a,
		qp_text(answers ? k->dqpn : t->flow->asker, qa),
		side_word(t->side), b,
		qp_text(answers ? t->flow->asker : k->dqpn, qb));
	if (k->vni != VNI_NONE)
		fprintf(out, " (VNI %u)", k->vni);
	fputs(": ", out);
}

static void print_class(FILE *out, const struct tally *t, enum diff_class class)
{
	uint64_t sum = 0;
	const char *comma = " (";

	for (unsigned k = 0; k < DIFF_N; k++)
		if (diff_class((enum diff)k) == class)
			sum += t->n[k];
	fprintf(out, ", %s %" PRIu64, diff_class_word(class), sum);
	if (!sum)
		return;
	for (unsigned k = 0; k < DIFF_N; k++) {
		if (diff_class((enum diff)k) != class || !t->n[k])
			continue;
		fprintf(out, "%s%s %" PRIu64, comma, diff_word((enum diff)k),
			t->n[k]);
		comma = ", ";
	}
	fputs(")", out);
}

static uint64_t faults_of(const struct tally *t)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < DIFF_N; k++)
		if (diff_class((enum diff)k) == CLASS_VIOLATION)
			sum += t->n[k];
	return sum;
}

static void print_tally(FILE *out, const struct part *t)
{
	const struct role *p = t->play;

	print_part(out, t);
	fprintf(out, "%" PRIu64 " played, same %" PRIu64, p->tally.played,
		p->tally.same);
	for (unsigned c = 0; c < CLASS_N; c++)
		print_class(out, &p->tally, (enum diff_class)c);
	fputc('\n', out);
	if (p->stage.trouble[0])
		fprintf(out, "  played no further: %s\n", p->stage.trouble);
}

static void print_left(FILE *out, const struct flows_left *left)
{
	const struct {
		uint64_t n;
		const char *what;
	} rows[] = {
		{left->damaged, "damaged"},
		{left->unknown, "of opcodes that are not known"},
		{left->cut, "cut by the sniffer within their headers"},
		{left->copies, "copies that the network or the sniffer made"},
		{left->cnps, "CNPs"},
		{left->unpaired, "answers to what nobody knows"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].n)
			fprintf(out, "left out: %" PRIu64 " packets: %s\n",
				rows[i].n, rows[i].what);
}

static void print_note(const struct replay *r)
{
	char note[REPLAY_WHY_MAX] = "";

	if (r->source->note)
		r->source->note(r->source->ctx, note);
	if (note[0])
		fprintf(r->o->out, "left out: %s\n", note);
}

/* ---- parts ---- */

/* A drill that is not the whole of it must not be taken for one. */
static void refuse_drill(struct replay *r, const struct part *t,
			 const char *what, const char *why)
{
	snprintf(r->no_drill, REPLAY_WHY_MAX, "flow %u, as %s: %s: %.300s",
		 t->flow->number, side_word(t->side), what, why);
}

static bool is_wanted(const struct replay *r, const struct flow *f,
		      enum side side)
{
	return r->o->side[side] && (!r->o->flow || r->o->flow == f->number);
}

static bool list_parts(struct replay *r)
{
	r->nparts = flows_count(r->flows) * SIDE_N;
	r->part = calloc(r->nparts + 1u, sizeof(*r->part));
	if (!r->part)
		return false;
	for (uint32_t i = 0; i < r->nparts; i++) {
		struct part *t = &r->part[i];

		t->flow = flows_get(r->flows, i / SIDE_N + 1);
		t->side = (enum side)(i % SIDE_N);
		t->state = PART_DONE;
		if (!is_wanted(r, t->flow, t->side))
			continue;
		t->state = PART_WAITS;
		r->nwanted++;
	}
	return true;
}

static void end_drill(struct replay *r, const struct part *t)
{
	const char *trouble = t->play->stage.trouble;

	if (!t->play->tally.played)
		refuse_drill(r, t, "nothing to write",
			     trouble[0] ? trouble
					: "none of its packets can be played");
	else if (trouble[0])
		refuse_drill(r, t, "played no further", trouble);
}

static void end_part(struct replay *r, struct part *t)
{
	role_end_flow(t->play);
	if (!r->o->as_drill)
		print_tally(r->o->out, t);
	else
		end_drill(r, t);
	r->faults += faults_of(&t->play->tally);
	role_free(t->play);
	t->play = NULL;
	t->state = PART_DONE;
	r->playing--;
	r->bytes -= role_room(t->flow);
}

static void begin_part(struct replay *r, struct part *t, int64_t now)
{
	char why[WORDS_WHY_MAX];

	if (r->playing == (r->o->bench ? 1 : PLAYS_AT_ONCE) ||
	    (r->playing && r->bytes + role_room(t->flow) > BYTES_AT_ONCE))
		return; /* in another pass */
	t->play = role_new(t->flow, t->side, now, &r->setting, why);
	if (!t->play) {
		if (r->o->as_drill) {
			refuse_drill(r, t, "nothing to write", why);
		} else {
			print_part(r->o->out, t);
			fprintf(r->o->out, "not played: %s\n", why);
		}
		t->state = PART_DONE;
		return;
	}
	t->state = PART_PLAYS;
	r->begun++;
	r->playing++;
	r->bytes += role_room(t->flow);
}

static void play_packet(struct replay *r, const struct packet *p)
{
	bool answer;
	struct flow *f = flows_find(r->flows, p, &answer);

	for (unsigned s = 0; f && s < SIDE_N; s++) {
		struct part *t = &r->part[(f->number - 1) * SIDE_N + s];

		if (t->state == PART_WAITS && p->frame == f->first_frame)
			begin_part(r, t, p->nsec);
		if (t->state != PART_PLAYS)
			continue;
		role_take(t->play, p, answer);
		if (p->frame >= f->last_frame && p->segment == p->segments)
			end_part(r, t);
	}
}

/* ---- passes ---- */

static void tell(const struct replay *r, uint64_t packets)
{
	if (r->o->progress && packets % NEWS_EVERY == 0)
		r->o->progress(r->o->progress_ctx, packets, r->packets);
}

typedef void (*take_fn)(struct replay *r, const struct packet *p);

static void find_flow(struct replay *r, const struct packet *p)
{
	flows_take(r->flows, p);
}

static bool pass(struct replay *r, take_fn take, uint64_t *packets)
{
	const struct replay_source *from = r->source;
	struct packet p;

	*packets = 0;
	if (!from->rewind(from->ctx, r->why))
		return false;
	while (from->next(from->ctx, &p, r->why) > 0) {
		take(r, &p);
		tell(r, ++*packets);
	}
	return true;
}

/* Ends what is still being played; true if something waits for another pass. */
static bool end_pass(struct replay *r)
{
	bool waits = false;

	for (uint32_t i = 0; i < r->nparts; i++) {
		struct part *t = &r->part[i];

		if (t->state == PART_PLAYS)
			end_part(r, t);
		waits |= t->state == PART_WAITS;
	}
	return waits;
}

static bool play_all(struct replay *r)
{
	uint64_t packets;

	do {
		r->begun = 0;
		flows_rewind(r->flows);
		if (!pass(r, play_packet, &packets))
			return false;
	} while (end_pass(r) && r->begun);
	return true;
}

static bool has_flow(const struct replay *r)
{
	uint32_t n = flows_count(r->flows);

	if (r->o->flow <= n)
		return true;
	snprintf(r->why, REPLAY_WHY_MAX, "no flow %u: there %s %u", r->o->flow,
		 n == 1 ? "is" : "are", n);
	return false;
}

static bool one_for_drill(struct replay *r)
{
	if (r->nwanted == 1)
		return true;
	snprintf(r->why, REPLAY_WHY_MAX,
		 "%u flows and sides to choose from, and a drill is of one: "
		 "give --as and --flow (without --as-drill they are listed)",
		 r->nwanted);
	return false;
}

static void finish(const struct replay *r)
{
	FILE *out = r->o->out;

	if (r->o->as_drill)
		return;
	print_left(out, flows_left(r->flows));
	print_note(r);
	if (r->why[0])
		fprintf(out, "the capture is not whole: %s\n", r->why);
	fprintf(out,
		"replay: %" PRIu64 " packets, %u flows, %" PRIu64
		" violations by %s\n",
		r->packets, flows_count(r->flows), r->faults,
		r->o->bench ? "the NIC" : "glassnic");
}

static bool run(struct replay *r)
{
	if (!pass(r, find_flow, &r->packets))
		return false;
	r->setting.report = flows_finish(r->flows);
	if (!list_parts(r)) {
		snprintf(r->why, REPLAY_WHY_MAX, "no memory");
		return false;
	}
	if (!has_flow(r) || (r->o->as_drill && !one_for_drill(r)))
		return false;
	if (!play_all(r))
		return false;
	finish(r);
	if (!r->no_drill[0])
		return true;
	memcpy(r->why, r->no_drill, REPLAY_WHY_MAX);
	return false;
}

int replay(const struct replay_source *source, const struct replay_options *o,
	   char why[REPLAY_WHY_MAX])
{
	struct replay r = {
		.source = source, .o = o, .flows = flows_new(), .why = why};
	FILE *nowhere = NULL;
	bool ok;

	why[0] = '\0';
	if (!r.flows) {
		snprintf(why, REPLAY_WHY_MAX, "no memory");
		return -1;
	}
	if (o->as_drill)
		nowhere = fopen("/dev/null", "w");
	r.setting = (struct role_setting){
		.spec = o->spec,
		.bench = o->bench,
		.bench_ctx = o->bench_ctx,
		.out = nowhere ? nowhere : o->out,
		.verbose = o->verbose,
		.drill = o->as_drill ? o->out : NULL,
	};
	ok = run(&r);
	for (uint32_t i = 0; i < r.nparts; i++)
		role_free(r.part[i].play);
	free(r.part);
	flows_free(r.flows);
	if (nowhere)
		fclose(nowhere);
	return ok ? r.faults > 0 : -1;
}
