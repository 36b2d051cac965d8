/* Answers.  What an answer is for follows from its PSN: the request that the
 * log has there.  It also acknowledges all earlier ones; a NAK only those.
 */
#include "trace/judge.h"

#define SETTLED_IN_NSEC 1000000000LL

static bool is_nak(const struct packet *p)
{
	return p->roce.op->flags & HAS_AETH &&
	       aeth_kind(p->roce.aeth.syndrome) != AETH_ACK;
}

void responder_begin(struct stream *s, uint32_t psn)
{
	s->a = (struct responder){
		.has_acked = true,
		.acked = psn,
		.has_msn = true,
		.fresh = true,
	};
}

static const struct stream *answering(const struct stream *s)
{
	return s->peer ? s->peer : s;
}

/* @last: the last PSN sent. */
static void accuse_unsent(struct check *c, const struct stream *s,
			  uint32_t last)
{
	const struct responder *a = &s->a;
	const struct stream *t = answering(s);
	struct culprit who = {a->unsent_frame, &s->key.dst, t, RESPONDER};
	unsigned needs = needs_for_answer(s);
	const char *what = "answer to psn %u, which was never sent; the last "
			   "request has psn %u";

	if (a->unsent_rule == RULE_NAK_SEQ_NOGAP)
		needs |= NEEDS_DELIVERY;
	if (a->unsent_rule == RULE_NAK_SEQ_NOGAP)
		what = "NAK for psn %u; the last request has psn %u";
	if (a->unsent_rule == RULE_MSN)
		what = "psn %u: the MSN counts more messages than were sent "
		       "up to psn %u";
	accuse(c, a->unsent_rule, needs, who, what, a->unsent_psn, last);
}

/* What was sent before the capture, and seen again in it, may end earlier than
 * what the responder got.
 */
static bool end_is_known(const struct packet *p, const struct stream *s)
{
	return s->a.fresh || p->nsec - s->q.first_nsec > SETTLED_IN_NSEC;
}

void answer_unsent(struct check *c, const struct packet *p, struct stream *s,
		   struct stream *t, enum rule rule, bool explained)
{
	struct responder *a = &s->a;
	uint32_t psn = p->roce.bth.psn;

	if (!end_is_known(p, s) || (a->has_unsent && a->unsent_psn == psn))
		return;
	a->has_unsent = true;
	a->unsent_reported = !explained;
	a->unsent_rule = rule;
	a->unsent_psn = psn;
	a->unsent_frame = p->frame;
	a->unsent_nsec = p->nsec;
	if (!explained)
		accuse_unsent(c, s, psn_add(reqlog_end(&s->q.log), PSN_MASK));
}

void responder_new_request(struct check *c, struct stream *s,
			   const struct req *r, uint32_t hole)
{
	struct responder *a = &s->a;
	bool late, again;

	if (!a->has_unsent)
		return;
	a->has_unsent = false;
	/* What is answered stands close behind: the sniffer's order is wrong.
	 */
	late = r->sent_nsec - a->unsent_nsec < IN_FLIGHT_NSEC &&
	       reqlog_cover(&s->q.log, a->unsent_psn);
	if ((hole > 0 || late) && a->unsent_reported)
		report_retract(c->report, a->unsent_rule, answering(s)->number,
			       a->unsent_frame);
	if (late)
		return;
	/* Without a hole @r is what was answered.  Either it is sent again (a
	 * READ or atomic whose answer was lost at once, others after a timeout)
	 * and was missed the first time; or it came late.
	 */
	again = r->sent_nsec - a->unsent_nsec >= TIMEOUT_NSEC ||
		!(r->flags & (IS_SEND | IS_WRITE));
	if (hole > 0 || (again && !a->unsent_reported))
		sniffer_lost(c, r->frame);
	else if (!a->unsent_reported)
		accuse_unsent(c, s, psn_add(r->psn, PSN_MASK));
}

/* @p answers something at least @beyond PSNs behind the last request seen.
 * Either it is wrong, or the sniffer missed that request.  The MSN decides: it
 * counts what was missed.
 */
static void judge_unsent(struct check *c, const struct packet *p,
			 struct stream *s, struct stream *t, uint32_t beyond)
{
	const struct reqlog *log = &s->q.log;
	const struct responder *a = &s->a;
	bool within = !(log->v[log->n - 1].flags & IS_END);
	bool more = a->has_unsent && !a->unsent_reported;
	uint32_t msn = p->roce.aeth.msn;
	int32_t surplus;

	if (p->roce.op->flags & IS_READ && !(p->roce.op->flags & IS_START)) {
		/* The rest of an answer: its beginning has a PSN, too. */
		answer_unsent(c, p, s, t, RULE_ACK_UNSENT, beyond > 0);
		return;
	}
	if (is_nak(p) && beyond == 0) {
		/* Its request was missed, and will come again. */
		sniffer_lost(c, p->frame);
		return;
	}
	if (!a->has_msn && msn != reqlog_ended_all(log))
		return; /* seen from the middle on */
	surplus = a->has_msn ? msn_surplus(s, msn) : 0;
	answer_unsent(c, p, s, t, RULE_ACK_UNSENT,
		      surplus > 0 || within || more);
	if (surplus > 0)
		judge_msn(c, p, s, t, beyond + 1);
}

/* An ACK stands for SENDs and WRITEs.  The PSN of a READ or atomic can be in
 * one only when the answer was sent already and a duplicate of an earlier
 * request is acknowledged; if its answer follows, that was so.
 */
static void judge_ack(struct check *c, const struct packet *p, struct stream *s,
		      const struct stream *t, struct req *r)
{
	bool answered = r->answered >= req_span(&s->q.log, r);

	if (!(r->flags & (IS_READ | HAS_ATOMICETH)) || answered ||
	    s->q.again_nsec >= r->sent_nsec ||
	    excused_at(c, s, p->roce.bth.psn))
		return;
	r->blamed_frame = p->frame;
	accuse(c, RULE_RESPONSE_KIND, needs_for_answer(s), culprit(p, t),
	       "ACK for psn %u, which is a %s", p->roce.bth.psn,
	       opcode_find(r->opcode)->name);
}

static void judge_atomic_ack(struct check *c, const struct packet *p,
			     struct stream *s, const struct stream *t,
			     struct req *r)
{
	if (r->flags & HAS_ATOMICETH)
		r->answered = 1;
	else if (!excused_at(c, s, p->roce.bth.psn))
		accuse(c, RULE_RESPONSE_KIND, NEEDS_PAIR, culprit(p, t),
		       "ATOMIC ACK for psn %u, which is a %s", p->roce.bth.psn,
		       opcode_find(r->opcode)->name);
}

static void judge_kind(struct check *c, const struct packet *p,
		       struct stream *s, struct stream *t)
{
	struct req *r = reqlog_cover(&s->q.log, p->roce.bth.psn);

	if (is_nak(p)) {
		judge_nak(c, p, s, t);
		return;
	}
	if (!r)
		return;
	if (r->blamed_frame && p->roce.op->flags & (IS_READ | HAS_ATOMICACK))
		report_retract(c->report, RULE_RESPONSE_KIND, t->number,
			       r->blamed_frame);
	if (p->roce.op->flags & IS_READ)
		judge_read_response(c, p, s, t);
	else if (p->roce.op->flags & HAS_ATOMICACK)
		judge_atomic_ack(c, p, s, t, r);
	else
		judge_ack(c, p, s, t, r);
}

/* READs and atomics in front of what @p answers, not answered themselves: lost
 * answers, unless they come after all.
 */
static void note_overtaken(const struct packet *p, struct stream *s)
{
	struct reqlog *log = &s->q.log;
	uint32_t psn = p->roce.bth.psn;
	int i = reqlog_at(log, psn);

	for (; i >= 0; i--) {
		struct req *r = &log->v[i];
		uint32_t span = req_span_max(log, r);

		if (log->has_settled &&
		    psn_diff(psn_add(r->psn, span), log->settled) <= 0)
			return;
		if (!(r->flags & (IS_READ | HAS_ATOMICETH)) ||
		    psn_diff(psn, r->psn) < (int32_t)span ||
		    r->answered >= span || r->overtaken_frame)
			continue;
		r->overtaken_frame = p->frame;
		r->overtaken_id = p->ip.id;
	}
}

/* @p belongs to a request that a later one's answer overtook, and that was
 * asked for only once.
 */
static void judge_overtaken(struct check *c, const struct packet *p,
			    struct stream *s, struct stream *t)
{
	struct req *r = reqlog_cover(&s->q.log, p->roce.bth.psn);
	struct culprit who = {0, &t->key.src, t, RESPONDER};
	bool reordered;

	if (!r || !r->overtaken_frame)
		return;
	reordered =
		p->ip.version == 4 && (int16_t)(p->ip.id - r->overtaken_id) < 0;
	who.frame = r->overtaken_frame;
	r->overtaken_frame = 0;
	if (reordered || is_nak(p) || r->again || excused(c, s))
		return;
	accuse(c, RULE_ACK_OVERTAKES, needs_for_answer(s) | NEEDS_DELIVERY, who,
	       "the answer to %s psn %u comes later, with psn %u in frame %llu",
	       opcode_find(r->opcode)->name, r->psn, p->roce.bth.psn,
	       (unsigned long long)p->frame);
}

static void acknowledge(struct check *c, const struct packet *p,
			struct stream *s)
{
	struct responder *a = &s->a;
	uint32_t end = reqlog_end(&s->q.log);
	uint32_t upto = psn_add(p->roce.bth.psn, is_nak(p) ? 0 : 1);

	if (psn_diff(upto, end) > 0)
		upto = end;
	msn_settle(c, p, s, upto);
	if (a->has_acked && psn_diff(upto, a->acked) <= 0)
		return;
	a->has_acked = true;
	a->acked = upto;
	if (psn_diff(upto, a->nak_psn) > 0)
		a->nak = NAK_NONE;
}

static void note_credit(const struct packet *p, struct stream *s)
{
	struct responder *a = &s->a;
	unsigned code = aeth_value(p->roce.aeth.syndrome);
	uint32_t lsn;

	if (is_nak(p))
		return;
	if (a->credit_nsec == 0)
		a->limited = true;
	if (code == CREDITS_UNLIMITED) {
		a->limited = false;
		a->credit_nsec = p->nsec;
		return;
	}
	lsn = psn_add(p->roce.aeth.msn, credits_from_code(code));
	if (a->credit_nsec == 0 || psn_diff(lsn, a->lsn) > 0)
		a->lsn = lsn;
	if (a->credit_nsec == 0)
		a->credit_nsec = p->nsec;
}

static bool near(uint32_t a, uint32_t b)
{
	int32_t d = psn_diff(a, b);

	return d > -FAR_PSNS && d < FAR_PSNS;
}

static void judge_seen(struct check *c, const struct packet *p,
		       struct stream *s, struct stream *t)
{
	const struct reqlog *log = &s->q.log;

	judge_kind(c, p, s, t);
	if (log->n > 0 && s->peer == t && p->roce.op->flags & HAS_AETH)
		judge_msn(c, p, s, t, 0);
	if (log->n == 0 || s->peer != t)
		return; /* excused */
	if (p->roce.op->flags & HAS_AETH)
		note_credit(p, s);
	judge_overtaken(c, p, s, t);
	if (log->n == 0 || s->peer != t)
		return;
	note_overtaken(p, s);
	acknowledge(c, p, s);
}

/* @p answers what is older than all that was seen.  If the CM said where the
 * connection starts, there may be nothing older.
 */
static void judge_before(struct check *c, const struct packet *p,
			 const struct stream *s, const struct stream *t)
{
	uint32_t psn = p->roce.bth.psn, start = s->q.start_psn;
	int32_t sent = psn_diff(reqlog_end(&s->q.log), start);

	if (s->q.has_start && s->a.fresh && psn_diff(psn, start) < 0 &&
	    sent > 0 && sent < FAR_PSNS)
		accuse(c, RULE_ACK_UNSENT, needs_for_answer(s), culprit(p, t),
		       "answer to psn %u; the first request has psn %u", psn,
		       start);
}

/* What the answer with @psn is to decides how it is judged. */
static void judge_answer(struct check *c, const struct packet *p,
			 struct stream *s, struct stream *t)
{
	const struct reqlog *log = &s->q.log;
	uint32_t psn = p->roce.bth.psn;
	int32_t beyond = psn_diff(psn, reqlog_end_max(log));

	if (psn_diff(psn, log->v[0].psn) < 0)
		judge_before(c, p, s, t);
	else if (psn_diff(psn, reqlog_end(log)) < 0)
		judge_seen(c, p, s, t);
	else if (beyond < 0)
		return; /* perhaps a READ's, of unknown length in packets */
	else if (beyond >= FAR_PSNS) /* perhaps a new connection's */
		answer_unsent(c, p, s, t, RULE_ACK_UNSENT, true);
	else if (is_nak(p) && p->roce.aeth.syndrome ==
				      aeth_syndrome(AETH_NAK, NAK_PSN_SEQUENCE))
		judge_nak(c, p, s, t);
	else
		judge_unsent(c, p, s, t, (uint32_t)beyond);
}

enum note judge_response(struct check *c, const struct packet *p,
			 struct stream *s, struct stream *t)
{
	if (s->q.has_suspect && near(p->roce.bth.psn, s->q.suspect.psn)) {
		requester_restart(c, s);
		stream_pair(s, t);
	}
	judge_pkey(c, p, t);
	learn_pmtu(&s->q.log, p);
	if (s->q.log.n > 0)
		judge_answer(c, p, s, t);
	return is_nak(p) ? NOTE_NAK : NOTE_NONE;
}
