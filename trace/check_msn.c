/* The MSN counts the messages that the responder completed; it starts at 0
 * when the QP does.  The log counts the messages seen, from wherever the
 * capture starts.  Their difference, off, stays the same for a connection, and
 * each answer bounds it:
 *
 *	MSN >= off + messages that end at or before the answer's PSN
 *	MSN <= off + messages that end in anything seen so far
 *
 * since the responder may have gone on while the answer was on its way.  An
 * answer that leaves no room for off is wrong.  A hole in the log may hide a
 * message with each of its PSNs, so it widens the upper bound until an answer
 * acknowledges it; then the sniffer has missed what the responder got, and off
 * is found afresh.
 *
 * If a hole lies in front of the start of a message, at least one message ends
 * in it.  A responder that did not count one has not got one: the requester
 * skipped those PSNs.
 */
#include "trace/judge.h"

/* Completed, at least, when @p was sent. */
static uint32_t completed(const struct packet *p, const struct stream *s)
{
	const struct reqlog *log = &s->q.log;
	uint32_t psn = p->roce.bth.psn;
	const struct req *r = reqlog_cover(log, psn);

	if (aeth_kind(p->roce.aeth.syndrome) != AETH_ACK)
		return reqlog_ended(log, psn_add(psn, PSN_MASK));
	/* Whether a READ counts with its first response or its last differs. */
	if (p->roce.op->flags & IS_READ && r && req_is_read(r))
		return reqlog_ended(log, psn_add(r->psn, PSN_MASK));
	return reqlog_ended(log, psn);
}

static uint32_t holes_open(const struct stream *s)
{
	const struct reqlog *log = &s->q.log;
	uint32_t from = log->has_settled ? log->settled : log->v[0].psn;

	return reqlog_holes(log, from, reqlog_end(log));
}

int32_t msn_surplus(const struct stream *s, uint32_t msn)
{
	return psn_diff(msn, s->a.off + reqlog_ended_all(&s->q.log));
}

void msn_lost_count(struct stream *s)
{
	s->a.has_msn = false;
	s->q.log.anchored = false;
}

static void anchor(struct responder *a, uint32_t low, uint32_t high)
{
	a->off = low;
	a->off_width = psn_diff(high, low);
	a->has_msn = true;
	a->has_other = false;
}

/* A responder that miscounted goes on from there: it is blamed once. */
static bool miscounted_before(struct responder *a, uint32_t low, uint32_t high)
{
	bool again = a->has_other && psn_diff(high, a->other) >= 0 &&
		     psn_diff(low, a->other) <= a->other_width;

	a->has_other = !again;
	a->other = low;
	a->other_width = psn_diff(high, low);
	return again;
}

static void narrow(struct responder *a, uint32_t low, uint32_t high)
{
	uint32_t top = psn_add(a->off, (uint32_t)a->off_width);

	if (psn_diff(low, a->off) < 0)
		low = a->off;
	if (psn_diff(high, top) > 0)
		high = top;
	anchor(a, low, high);
}

/* The answer to an atomic may be kept and sent again as it was. */
static bool may_be_kept(const struct packet *p)
{
	return p->roce.op->flags & HAS_ATOMICACK ||
	       (p->roce.op->flags & IS_READ && p->roce.payload.len == 0);
}

static void judge_order(struct check *c, const struct packet *p,
			struct stream *s, struct stream *t)
{
	struct responder *a = &s->a;
	uint32_t psn = p->roce.bth.psn, msn = p->roce.aeth.msn;

	if (may_be_kept(p))
		return;
	if (a->has_top && psn_diff(psn, a->top_psn) < 0)
		return;
	if (a->has_top && psn_diff(msn, a->top_msn) < 0)
		accuse(c, RULE_MSN_BACK, needs_for_answer(s), culprit(p, t),
		       "psn %u: msn %u, before %u", psn, msn, a->top_msn);
	a->has_top = true;
	a->top_psn = psn;
	a->top_msn = msn;
}

/* Too many: or the sniffer missed some, as a hole in what follows shows. */
static void accuse_msn(struct check *c, const struct packet *p,
		       struct stream *s, struct stream *t, uint32_t least,
		       uint32_t most)
{
	const struct responder *a = &s->a;
	uint32_t top = psn_add(a->off, (uint32_t)a->off_width + most);

	if (psn_diff(p->roce.aeth.msn, top) > 0)
		answer_unsent(c, p, s, t, RULE_MSN, false);
	else
		accuse(c, RULE_MSN, needs_for_answer(s), culprit(p, t),
		       "psn %u: msn %u, want %u to %u", p->roce.bth.psn,
		       p->roce.aeth.msn, psn_add(a->off, least), top);
}

void judge_msn(struct check *c, const struct packet *p, struct stream *s,
	       struct stream *t, uint32_t unseen)
{
	struct responder *a = &s->a;
	const struct reqlog *log = &s->q.log;
	uint32_t msn = p->roce.aeth.msn;
	uint32_t least = completed(p, s);
	uint32_t most = reqlog_ended_all(log) + holes_open(s) + unseen;
	uint32_t low = psn_add(msn, 0u - most), high = psn_add(msn, 0u - least);
	bool old = log->has_settled &&
		   psn_diff(p->roce.bth.psn + 1, log->settled) < 0;

	if (old && !a->has_msn)
		return;
	if (old && psn_diff(high, a->off) < 0)
		s->q.doubt = true;
	if (old)
		high = psn_add(a->off, (uint32_t)a->off_width);
	if (!a->has_msn) {
		s->q.log.anchored = true;
		a->fresh = psn_diff(0, low) >= 0 && psn_diff(0, high) <= 0;
		anchor(a, low, high);
	} else if (psn_diff(high, a->off) >= 0 &&
		   psn_diff(low, a->off) <= a->off_width) {
		narrow(a, low, high);
		s->q.doubt &= old;
	} else if (excused(c, s)) {
		return;
	} else if (miscounted_before(a, low, high)) {
		anchor(a, low, high);
	} else {
		accuse_msn(c, p, s, t, least, most);
		return;
	}
	if (!old)
		judge_order(c, p, s, t);
}

/* Holes in [@from, @to) that hide at least one message each; the first's
 * index goes to @first.
 */
static uint32_t hiding_holes(const struct reqlog *log, uint32_t from,
			     uint32_t to, int *first)
{
	uint32_t n = 0;

	for (int i = reqlog_at(log, psn_add(to, PSN_MASK)); i >= 0; i--) {
		const struct req *r = &log->v[i];

		if (psn_diff(r->psn, from) < 0)
			break;
		if (r->hole && r->flags & IS_START) {
			*first = i;
			n++;
		}
	}
	return n;
}

/* Whether the MSN proves that nothing was sent where the holes are. */
static bool judge_skip(struct check *c, const struct packet *p,
		       struct stream *s, uint32_t from, uint32_t to)
{
	const struct reqlog *log = &s->q.log;
	struct culprit who = {0, &s->key.src, s, REQUESTER};
	uint32_t hidden, counted;
	int first = 0;

	/* Only where the count started at 0 is it certain. */
	if (!s->a.has_msn || s->a.off != 0 || s->a.off_width != 0)
		return false;
	hidden = hiding_holes(log, from, to, &first);
	counted = p->roce.aeth.msn - s->a.off - completed(p, s);
	if (psn_diff(counted, 0) < 0 || psn_diff(counted, hidden) >= 0)
		return false;
	who.frame = log->v[first].frame;
	accuse(c, RULE_PSN_SKIP, NEEDS_WHOLE | NEEDS_PAIR, who,
	       "psn %u skips %u; frame %llu acknowledges psn %u with msn %u",
	       log->v[first].psn, log->v[first].hole,
	       (unsigned long long)p->frame, p->roce.bth.psn, p->roce.aeth.msn);
	return true;
}

void msn_settle(struct check *c, const struct packet *p, struct stream *s,
		uint32_t psn)
{
	struct reqlog *log = &s->q.log;
	uint32_t from = log->has_settled ? log->settled : log->v[0].psn;
	uint32_t msn = p->roce.aeth.msn;
	bool aeth = p->roce.op->flags & HAS_AETH;
	uint32_t passed;

	if (psn_diff(psn, from) <= 0)
		return;
	passed = reqlog_holes(log, from, psn);
	if (passed && !(aeth && judge_skip(c, p, s, from, psn)))
		sniffer_lost(c, p->frame);
	log->settled = psn;
	log->has_settled = true;
	if (!passed)
		return;
	s->a.has_msn = false;
	if (aeth)
		anchor(&s->a,
		       psn_add(msn, 0u - reqlog_ended_all(log) - holes_open(s)),
		       psn_add(msn, 0u - completed(p, s)));
}

/* A SEND may start while its number is at most one beyond the limit granted.
 * The requester knows no more than the sniffer saw, except in the beginning.
 */
void judge_credit(struct check *c, const struct packet *p, struct stream *s)
{
	const struct responder *a = &s->a;
	const struct reqlog *log = &s->q.log;
	uint32_t flags = p->roce.op->flags;
	uint32_t ssn;

	if (!a->limited || !a->fresh || a->off_width != 0 ||
	    p->nsec - a->credit_nsec < IN_FLIGHT_NSEC || holes_open(s) ||
	    !(flags & TAKES_RECV) || !(flags & IS_START) ||
	    !(log->v[log->n - 1].flags & IS_END))
		return;
	ssn = psn_add(a->off, reqlog_ended_all(log) + 1);
	if (psn_diff(ssn, psn_add(a->lsn, 1)) > 0)
		accuse(c, RULE_CREDIT, NEEDS_WHOLE | NEEDS_PAIR, culprit(p, s),
		       "psn %u starts message %u, the limit is %u",
		       p->roce.bth.psn, ssn, a->lsn);
}
