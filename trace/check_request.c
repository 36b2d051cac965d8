/* A requester numbers its packets one after another; a READ takes as many
 * PSNs as its answer has packets.  Where a request stands to the log of those
 * seen before says what it is:
 *
 *	NEXT	the PSN behind all others: the normal case
 *	GAP	beyond it: packets between were lost, or missed by the sniffer
 *	KNOWN	sent before: a retransmission, and it must be the same
 *	INSIDE	within a READ: the READ asked for again from there on
 *	HOLE	was missing: a retransmission of what the sniffer did not see
 *	BEFORE	older than the log
 *	FAR	elsewhere: a new connection with the same QPN, or an outlier
 *
 * Nothing tells a sniffer that a QPN got a new connection, except the CM.  So
 * where a request contradicts the log, and there is no reason to send it again
 * (its PSN is acknowledged, or refused for good, or the requester was idle, or
 * nobody is known to answer), it is taken for a new beginning.  A packet far
 *from the sequence waits as suspect until the next one follows it (a new
 *beginning) or the old sequence (an outlier).
 */
#include "trace/judge.h"

#define IDLE_NSEC 100000000LL

enum place { NEXT, GAP, KNOWN, INSIDE, HOLE, BEFORE, FAR };

static enum place place_of(const struct reqlog *log, const struct req *r)
{
	int32_t ahead = psn_diff(r->psn, reqlog_end(log));
	int32_t ahead_most = psn_diff(r->psn, reqlog_end_max(log));
	const struct req *there;

	if (ahead_most >= FAR_PSNS ||
	    psn_diff(r->psn, log->v[0].psn) < -FAR_PSNS)
		return FAR;
	if (ahead >= 0)
		return ahead_most <= 0 ? NEXT : GAP;
	if (psn_diff(r->psn, log->v[0].psn) < 0)
		return BEFORE;
	there = reqlog_cover(log, r->psn);
	if (!there)
		return HOLE;
	return there->psn == r->psn ? KNOWN : INSIDE;
}

static bool acked(const struct stream *s, uint32_t psn)
{
	return s->a.has_acked && psn_diff(s->a.acked, psn) > 0;
}

/* Whether everything sent was acknowledged. */
static bool quiet(const struct stream *s)
{
	return acked(s, psn_add(reqlog_end(&s->q.log), PSN_MASK));
}

/* Whether a contradiction at @r may come from a new connection.  Where the CM
 * announced this one, it would have announced that, too.
 */
static bool may_be_new(const struct stream *s, const struct req *r)
{
	int64_t idle = r->sent_nsec - s->q.idle_since;
	bool again = acked(s, r->psn) && !s->q.has_start;

	return s->q.doubt || again || s->a.fatal || !s->peer ||
	       s->key.transport == TRANSPORT_UC || idle > IDLE_NSEC;
}

/* Was nothing seen, ever, of the PSNs from @psn up to @end? */
static bool all_missing(const struct reqlog *log, uint32_t psn, uint32_t end)
{
	int i = reqlog_at(log, psn_add(end, PSN_MASK));

	return i < 0 ||
	       psn_diff(psn_add(log->v[i].psn, req_span(log, &log->v[i])),
			psn) <= 0;
}

bool requester_went_back(const struct stream *s, uint32_t psn, int64_t nsec)
{
	const struct req *r = reqlog_cover(&s->q.log, psn);

	if (r && r->sent_nsec > nsec)
		return true;
	/* Or to @psn, and that was lost again, before the sniffer. */
	return s->q.back_nsec > nsec &&
	       (psn_diff(s->q.back_psn, psn) <= 0 ||
		all_missing(&s->q.log, psn, s->q.back_psn));
}

static bool continues(const struct req *a, const struct req *b)
{
	uint32_t kind = IS_SEND | IS_WRITE;

	if (a->flags & IS_END)
		return b->flags & IS_START;
	return b->flags & (IS_MIDDLE | IS_LAST) &&
	       (a->flags & kind) == (b->flags & kind);
}

static bool fits(const struct reqlog *log, int i)
{
	const struct req *r = &log->v[i];

	return !(reqlog_adjacent(log, i) && !continues(r - 1, r)) &&
	       !(reqlog_adjacent(log, i + 1) && !continues(r, r + 1)) &&
	       message_wrong(log, i) < 0;
}

/* Request @i against its neighbours in the log. */
static void judge_sequence(struct check *c, const struct packet *p,
			   struct stream *s, int i)
{
	const struct reqlog *log = &s->q.log;
	const struct req *r = &log->v[i];

	if (reqlog_adjacent(log, i) && !continues(r - 1, r))
		accuse(c, RULE_OPCODE_SEQ, 0, culprit(p, s),
		       "psn %u: %s after %s", r->psn, p->roce.op->name,
		       opcode_find(r[-1].opcode)->name);
	else if (reqlog_adjacent(log, i + 1) && !continues(r, r + 1))
		accuse(c, RULE_OPCODE_SEQ, 0, culprit(p, s),
		       "psn %u: %s, but psn %u was %s", r->psn,
		       p->roce.op->name, r[1].psn,
		       opcode_find(r[1].opcode)->name);
	else
		judge_message_length(c, s, i);
}

static void begin(struct stream *s, const struct req *r)
{
	s->q.first_nsec = r->sent_nsec;
	if (s->q.has_start && s->q.start_psn == r->psn)
		responder_begin(s, r->psn);
	reqlog_add(&s->q.log, r);
}

static void add(struct check *c, const struct packet *p, struct stream *s,
		const struct req *r)
{
	bool behind = psn_diff(r->psn, reqlog_end(&s->q.log)) < 0;
	bool new = s->q.doubt || (behind && may_be_new(s, r));
	int i = reqlog_add(&s->q.log, r);

	if (i < 0)
		return;
	if (new && !fits(&s->q.log, i)) {
		restart(c, s);
		begin(s, r);
		return;
	}
	judge_sequence(c, p, s, i);
}

static enum note next(struct check *c, const struct packet *p, struct stream *s,
		      const struct req *r)
{
	int32_t hole = psn_diff(r->psn, reqlog_end_max(&s->q.log));

	if (hole <= 0 && psn_diff(r->psn, reqlog_end(&s->q.log)) > 0)
		msn_lost_count(s);
	if (hole > 0 && quiet(s) && r->flags & IS_START)
		s->q.doubt = true;
	judge_after_nak(c, p, s, r);
	judge_credit(c, p, s);
	add(c, p, s, r);
	responder_new_request(c, s, r, hole > 0 ? (uint32_t)hole : 0);
	return NOTE_NONE;
}

/* The log says something else about @r's PSN. */
static void contradiction(struct check *c, const struct packet *p,
			  struct stream *s, const struct req *r,
			  const struct req *old, enum rule rule)
{
	if (may_be_new(s, r)) {
		restart(c, s);
		begin(s, r);
		return;
	}
	accuse(c, rule, 0, culprit(p, s),
	       "psn %u: %s of %u bytes; frame %llu: psn %u %s of %u bytes",
	       r->psn, p->roce.op->name, r->len ? r->len : r->payload,
	       (unsigned long long)old->frame, old->psn,
	       opcode_find(old->opcode)->name,
	       old->len ? old->len : old->payload);
}

/* A request seen before, or older than all seen. */
static void went_back(struct check *c, const struct packet *p, struct stream *s,
		      const struct req *r)
{
	bool starts =
		psn_diff(r->psn, s->q.last_psn) <= 0 || s->q.back_nsec == 0;
	int64_t idle = p->nsec - s->q.idle_since;

	c->n.retransmissions++;
	s->q.again_nsec = p->nsec;
	if (!starts)
		return;
	if (acked(s, r->psn) || idle > IDLE_NSEC)
		s->q.doubt = true;
	if (s->a.nak == NAK_NONE)
		network_lost(c, p->frame); /* why else */
	s->q.back_nsec = p->nsec;
	s->q.back_psn = r->psn;
	if (s->a.fatal && psn_diff(r->psn, s->a.fatal_psn) <= 0)
		report_retract(c->report, RULE_AFTER_FATAL, s->number,
			       s->a.fatal_frame);
}

static bool same_request(const struct req *a, const struct req *b)
{
	return a->opcode == b->opcode && a->payload == b->payload &&
	       a->va == b->va && a->rkey == b->rkey && a->len == b->len &&
	       a->operands == b->operands;
}

static void note_again(struct req *r, const struct packet *p)
{
	r->sent_nsec = p->nsec;
	r->again = true;
}

/* UC sends nothing twice: the QPN has a new connection, or the network was
 * late with a copy.
 */
static enum note uc_again(struct check *c, const struct packet *p,
			  struct stream *s, const struct req *r)
{
	if (!(r->flags & IS_START))
		return NOTE_COPY;
	restart(c, s);
	begin(s, r);
	return NOTE_NONE;
}

static enum note known(struct check *c, const struct packet *p,
		       struct stream *s, const struct req *r)
{
	struct req *old = reqlog_cover(&s->q.log, r->psn);

	if (s->key.transport == TRANSPORT_UC)
		return uc_again(c, p, s, r);
	if (!same_request(old, r)) {
		contradiction(c, p, s, r, old, RULE_RETRANSMIT);
		return NOTE_RETRANSMISSION;
	}
	judge_rnr_wait(c, p, s, old);
	went_back(c, p, s, r);
	note_again(old, p);
	return NOTE_RETRANSMISSION;
}

/* @r asks for what is left of the READ @old. */
static bool is_suffix(const struct reqlog *log, const struct req *old,
		      const struct req *r)
{
	uint32_t skipped = (uint32_t)psn_diff(r->psn, old->psn) * log->pmtu;

	return !log->pmtu ||
	       (r->va == old->va + skipped && r->len == old->len - skipped &&
		r->rkey == old->rkey);
}

static enum note inside(struct check *c, const struct packet *p,
			struct stream *s, const struct req *r)
{
	struct req *old = reqlog_cover(&s->q.log, r->psn);
	struct req suffix = *r;

	if (!req_is_read(r)) {
		contradiction(c, p, s, r, old, RULE_PSN_OVERLAP);
		return NOTE_NONE;
	}
	if (!is_suffix(&s->q.log, old, r)) {
		contradiction(c, p, s, r, old, RULE_RETRANSMIT);
		return NOTE_RETRANSMISSION;
	}
	note_again(old, p);
	suffix.suffix = true;
	went_back(c, p, s, r);
	reqlog_add(&s->q.log, &suffix);
	return NOTE_RETRANSMISSION;
}

static enum note fill(struct check *c, const struct packet *p, struct stream *s,
		      const struct req *r)
{
	bool reliable = s->key.transport != TRANSPORT_UC;

	if (reliable)
		went_back(c, p, s, r);
	add(c, p, s, r);
	return reliable ? NOTE_RETRANSMISSION : NOTE_NONE;
}

static enum note far(struct check *c, const struct packet *p, struct stream *s,
		     const struct req *r)
{
	struct requester *q = &s->q;
	int32_t d = q->has_suspect ? psn_diff(r->psn, q->suspect.psn) : -1;

	if (d >= 0 && d < FAR_PSNS) {
		requester_restart(c, s);
		return judge_request(c, p, s);
	}
	q->has_suspect = true;
	q->suspect = *r;
	return NOTE_NONE;
}

void requester_restart(struct check *c, struct stream *s)
{
	struct req first = s->q.suspect;

	restart(c, s);
	begin(s, &first);
}

/* The sequence goes on, so what left it was no new beginning. */
static void accuse_suspect(struct check *c, struct stream *s)
{
	const struct req *r = &s->q.suspect;
	struct culprit who = {r->frame, &s->key.src, s, REQUESTER};

	s->q.has_suspect = false;
	accuse(c, RULE_PSN_JUMP, 0, who,
	       "%s psn %u; the sequence goes on from psn %u",
	       opcode_find(r->opcode)->name, r->psn, reqlog_end(&s->q.log));
}

void judge_request_copy(struct stream *s, const struct packet *p)
{
	struct req *r;

	if (!(p->roce.op->flags & IS_REQUEST))
		return;
	s->q.again_nsec = p->nsec;
	r = reqlog_cover(&s->q.log, p->roce.bth.psn);
	if (r)
		note_again(r, p); /* or it was sent again very soon */
}

/* A stream that nobody is known to answer was silent for long: nothing is lost
 * by forgetting what was, unless it goes on from there.
 */
static bool stale(const struct stream *s, const struct req *r)
{
	return s->q.log.n > 0 && !s->peer &&
	       r->sent_nsec - s->q.idle_since > IDLE_NSEC &&
	       r->psn != reqlog_end(&s->q.log);
}

enum note judge_request(struct check *c, const struct packet *p,
			struct stream *s)
{
	static enum note (*const judges[])(
		struct check *, const struct packet *, struct stream *,
		const struct req *) = {
		[NEXT] = next,	   [GAP] = next,  [KNOWN] = known,
		[INSIDE] = inside, [HOLE] = fill, [BEFORE] = fill,
		[FAR] = far,
	};
	struct req r = req_of(p);
	enum note note = NOTE_NONE;
	enum place place;

	if (stale(s, &r))
		forget(c, s);
	if (s->q.log.n == 0) {
		judge_request_length(c, p, s);
		begin(s, &r);
	} else {
		place = place_of(&s->q.log, &r);
		if (place != FAR && s->q.has_suspect)
			accuse_suspect(c, s);
		if (place != FAR)
			judge_request_length(c, p, s);
		note = judges[place](c, p, s, &r);
		if (place == FAR)
			return note;
	}
	judge_pkey(c, p, s);
	s->q.last_psn = r.psn;
	s->q.idle_since = p->nsec;
	return note;
}
