/* What a NAK obliges the requester to: to wait after "receiver not ready", to
 * stop after one that ends the connection.  It can only obey what it got, and
 * only from then on: packets that were on their way are not blamed.
 */
#include "trace/judge.h"

/* An answer to @old jumped over a READ or atomic in front of it: that is a
 * reason to go back, too.
 */
static bool implied_nak(const struct reqlog *log, const struct req *old)
{
	for (int i = (int)(old - log->v), n = 64; i >= 0 && n > 0; i--, n--)
		if (log->v[i].overtaken_frame)
			return true;
	return false;
}

/* RNR NAK: the requester is to wait before it sends @r again.  A requester
 * that never got the NAK sends again when its own timer runs out.
 */
void judge_rnr_wait(struct check *c, const struct packet *p,
		    const struct stream *s, const struct req *old)
{
	const struct responder *a = &s->a;
	int64_t waited = p->nsec - a->nak_nsec;
	int64_t since_sent = p->nsec - old->sent_nsec;
	bool going_back =
		waited < IN_FLIGHT_NSEC && s->q.back_nsec > old->sent_nsec;

	if (!clock_runs(c) || waited < 0)
		return; /* nobody knows how long it was */
	if (a->nak != NAK_RNR || a->nak_psn != p->roce.bth.psn ||
	    old->sent_nsec > a->nak_nsec || going_back ||
	    implied_nak(&s->q.log, old))
		return;
	if (waited * 10 < (int64_t)a->rnr_usec * 9000)
		accuse(c, RULE_RNR_EARLY,
		       NEEDS_PAIR |
			       (since_sent < TIMEOUT_NSEC ? 0 : NEEDS_DELIVERY),
		       culprit(p, s), "psn %u: %lld us after an RNR NAK for %u",
		       p->roce.bth.psn, (long long)waited / 1000, a->rnr_usec);
}

/* What follows without a pause was still on its way, however long that is. */
void judge_after_nak(struct check *c, const struct packet *p, struct stream *s,
		     const struct req *r)
{
	const struct responder *a = &s->a;
	bool paused = r->sent_nsec - s->q.idle_since > IN_FLIGHT_NSEC;

	if (!a->fatal || r->sent_nsec - a->fatal_nsec <= IN_FLIGHT_NSEC ||
	    !(paused || s->q.disobeys) ||
	    requester_went_back(s, a->fatal_psn, a->fatal_nsec))
		return;
	s->q.disobeys = true;
	accuse(c, RULE_AFTER_FATAL, NEEDS_DELIVERY | NEEDS_PAIR, culprit(p, s),
	       "%s psn %u after the NAK in frame %llu", p->roce.op->name,
	       r->psn, (unsigned long long)a->fatal_frame);
}
