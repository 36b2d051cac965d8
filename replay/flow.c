/* The checker (trace/check.h) knows streams, pairs them, learns path MTUs and
 * sees when a QPN got a new connection.  Here is what it does not keep: each
 * connection's own facts, for the time when it is played.
 */
#include "replay/flow.h"

#include <stdlib.h>
#include "trace/by_stream.h"
#include "trace/pair.h"
#include "trace/check.h"
#include "wire/bth.h"

#define PMTU_LOW 1024u /* the least that is assumed of who shows nothing */
#define PMTU_TOP 4096u

struct flows {
	struct check *check;
	struct flow **all;
	uint32_t n, cap;
	/* By stream, from 1: */
	uint32_t *first; /* its first flow */
	uint32_t *last;	 /* its last, or, in the second pass, present one */
	uint32_t *asks;	 /* the stream that its answers are for */
	struct copies *copies; /* in the second pass */
	uint32_t streams;
	uint64_t last_frame; /* of the capture */
	struct flows_left left;
};

struct flows *flows_new(void)
{
	struct flows *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->check = check_new();
	if (t->check)
		return t;
	free(t);
	return NULL;
}

void flows_free(struct flows *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n; i++)
		free(t->all[i]);
	free(t->all);
	free(t->first);
	free(t->last);
	free(t->asks);
	free(t->copies);
	check_free(t->check);
	free(t);
}

uint32_t flows_count(const struct flows *t)
{
	return t->n;
}

struct flow *flows_get(const struct flows *t, uint32_t number)
{
	return number && number <= t->n ? t->all[number - 1] : NULL;
}

const struct flows_left *flows_left(const struct flows *t)
{
	return &t->left;
}

/* ---- tables ---- */

static bool grow(uint32_t **v, uint32_t from, uint32_t to)
{
	uint32_t *more = by_stream_grow(*v, from, to, sizeof(**v));

	if (more)
		*v = more;
	return more;
}

static bool has_room_for(struct flows *t, uint32_t stream)
{
	uint32_t to = by_stream_room(t->streams, stream);

	if (to == t->streams)
		return true;
	if (!grow(&t->first, t->streams, to) ||
	    !grow(&t->last, t->streams, to) || !grow(&t->asks, t->streams, to))
		return false;
	t->streams = to;
	return true;
}

static struct flow *add_flow(struct flows *t, const struct stream *s,
			     const struct packet *p)
{
	uint32_t cap = t->cap ? 2 * t->cap : 64;
	struct flow *f, **all, *before;

	if (t->n == t->cap) {
		all = realloc(t->all, cap * sizeof(struct flow *));
		if (!all)
			return NULL;
		t->all = all;
		t->cap = cap;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	t->all[t->n++] = f;
	*f = (struct flow){.number = t->n,
			   .stream = s->number,
			   .key = s->key,
			   .first_frame = p->frame,
			   .qkey = p->roce.deth.qkey,
			   .asker = s->key.sqpn,
			   .message_psn = p->roce.bth.psn,
			   .begun = s->q.first_nsec};
	before = flows_get(t, t->last[s->number]);
	if (before)
		before->next = t->n;
	else
		t->first[s->number] = t->n;
	t->last[s->number] = t->n;
	return f;
}

/* ---- the first pass ---- */

/* A READ's answer and a message take as many packets as PSNs. */
static void note_lengths(struct flow *f, const struct packet *p)
{
	uint32_t flags = p->roce.op->flags, packets;
	uint64_t len;

	if (flags & IS_START)
		f->message_psn = p->roce.bth.psn;
	packets = psn_add(p->roce.bth.psn, 1 - f->message_psn);
	len = (uint64_t)packets *
	      (f->pmtu > p->roce.payload.len ? f->pmtu : p->roce.payload.len);
	if (packets < 1u << 22 && flags & IS_SEND && len > f->longest_send)
		f->longest_send = len;
	if (flags & HAS_RETH && p->roce.reth.len > f->longest_memory)
		f->longest_memory = p->roce.reth.len;
}

/* The least path MTU that holds the payload, until packets show the true one.
 */
static void note_pmtu(struct flow *f, const struct stream *s,
		      const struct packet *p)
{
	uint32_t least = f->pmtu ? f->pmtu : PMTU_LOW;

	if (s->q.log.pmtu) {
		f->pmtu = s->q.log.pmtu;
		return;
	}
	while (least < p->roce.payload.len && least < PMTU_TOP)
		least *= 2;
	f->pmtu = least;
}

static void take_request(struct flows *t, const struct stream *s,
			 const struct packet *p)
{
	struct flow *f = flows_get(t, t->last[s->number]);
	bool connected = s->key.transport != TRANSPORT_UD;

	if (!f || (connected && f->begun != s->q.first_nsec))
		f = add_flow(t, s, p);
	if (!f)
		return;
	f->last_frame = p->frame;
	f->requests++;
	if (connected && s->q.has_start) {
		f->has_start = true;
		f->start_psn = s->q.start_psn;
	}
	note_pmtu(f, s, p);
	note_lengths(f, p);
}

/* @t carries an answer to a request of @s. */
static void take_answer(struct flows *t, const struct stream *on,
			const struct stream *s, const struct packet *p)
{
	struct flow *f = flows_get(t, t->last[s->number]);

	if (!f)
		return;
	f->last_frame = p->frame;
	if (!pair_fits(s, p))
		return; /* perhaps another's: nobody knows yet */
	t->asks[on->number] = s->number;
	f->back = on->number;
	f->asker = on->key.dqpn;
	f->answers++;
	if (s->q.log.pmtu)
		f->pmtu = s->q.log.pmtu;
}

static bool is_playable(struct flows *t, const struct packet *p)
{
	bool is_cnp;

	if (!packet_sound(p)) {
		if (p->icrc == ICRC_CUT)
			t->left.cut++;
		else if (p->icrc == ICRC_OK && p->drop == DROP_OPCODE)
			t->left.unknown++;
		else
			t->left.damaged++;
		return false;
	}
	is_cnp = opcode_transport(p->roce.bth.opcode) == TRANSPORT_CNP;
	if (is_cnp)
		t->left.cnps++;
	return !is_cnp;
}

void flows_take(struct flows *t, const struct packet *p)
{
	enum note note = check_packet(t->check, p);
	const struct stream *s;

	t->last_frame = p->frame;
	if (note == NOTE_COPY || !is_playable(t, p))
		return;
	s = check_stream(t->check);
	if (!s || !has_room_for(t, s->number))
		return;
	if (p->roce.op->flags & IS_REQUEST) {
		take_request(t, s, p);
		return;
	}
	if (s->peer && has_room_for(t, s->peer->number))
		take_answer(t, s, s->peer, p);
}

/* The answers to the requests on stream @s stand on stream @on, it seems. */
static void guess_answers(struct flows *t, uint32_t s, uint32_t on,
			  uint32_t asker)
{
	struct flow *f = flows_get(t, t->first[s]);

	if (t->asks[on] && t->asks[on] != s)
		return;
	t->asks[on] = s;
	for (; f; f = flows_get(t, f->next)) {
		if (f->answers && f->back != on)
			continue;
		f->back = on;
		f->asker = asker;
		f->answers++; /* at least */
		f->last_frame = t->last_frame;
	}
}

/* What a conversation of few answers leaves open, among others of the same
 * hosts. Whether it was guessed right shows when it is played.
 */
static void guess(struct flows *t)
{
	for (uint32_t i = 1; i < t->streams; i++) {
		const struct stream *on, *s = check_guess(t->check, i, &on);

		if (!s || s->number >= t->streams)
			continue;
		guess_answers(t, s->number, i, on->key.dqpn);
		guess_answers(t, i, s->number, s->key.dqpn);
	}
}

const struct report *flows_finish(struct flows *t)
{
	guess(t);
	return check_finish(t->check);
}

/* ---- the second pass ---- */

void flows_rewind(struct flows *t)
{
	for (uint32_t i = 0; i < t->streams; i++)
		t->last[i] = t->first[i];
	t->left = (struct flows_left){0};
	free(t->copies);
	t->copies = calloc(t->streams + 1u, sizeof(*t->copies));
}

/* The flow of stream @s at @frame. */
static struct flow *present(struct flows *t, uint32_t s, uint64_t frame)
{
	struct flow *f = flows_get(t, t->last[s]), *next;

	while (f && (next = flows_get(t, f->next)) &&
	       next->first_frame <= frame)
		f = next;
	if (f)
		t->last[s] = f->number;
	return f;
}

struct flow *flows_find(struct flows *t, const struct packet *p, bool *answer)
{
	const struct stream *s;
	struct flow *f;

	if (!is_playable(t, p))
		return NULL;
	s = check_find(t->check, p);
	if (!s || s->number >= t->streams)
		return NULL;
	if (t->copies && copies_note(&t->copies[s->number], p, INT64_MIN)) {
		t->left.copies++;
		return NULL;
	}
	*answer = p->roce.op->flags & IS_RESPONSE;
	if (!*answer)
		return present(t, s->number, p->frame);
	f = t->asks[s->number] ? present(t, t->asks[s->number], p->frame)
			       : NULL;
	if (f && f->back == s->number)
		return f;
	t->left.unpaired++;
	return NULL;
}
