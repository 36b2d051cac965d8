/* NAKs (IBTA 9.7.5.2).
 *
 * A sequence NAK names the PSN that the responder waits for.  It has not
 * acknowledged that one, something later must have been sent, and it says so
 * once: the next is due when the requester went back and something was lost
 * again.  A responder that answered "receiver not ready" discards what follows
 * without a word, for it expects to get all of it again.
 */
#include "trace/judge.h"

static void judge_sequence_nak(struct check *c, const struct packet *p,
			       struct stream *s, struct stream *t)
{
	struct responder *a = &s->a;
	uint32_t psn = p->roce.bth.psn;
	bool again =
		a->nak_psn == psn && !requester_went_back(s, psn, a->nak_nsec);
	int32_t sent = psn_diff(reqlog_end_max(&s->q.log), psn);

	if (a->has_acked && psn_diff(psn, a->acked) < 0) {
		if (excused(c, s))
			return;
		accuse(c, RULE_NAK_SEQ_PSN, NEEDS_PAIR, culprit(p, t),
		       "NAK for psn %u, but all before psn %u is acknowledged",
		       psn, a->acked);
	} else if (a->nak == NAK_RNR && again) {
		accuse(c, RULE_NAK_SEQ_RNR, NEEDS_WHOLE | NEEDS_PAIR,
		       culprit(p, t),
		       "NAK for psn %u, which drew an RNR NAK "
		       "and was not sent again",
		       psn);
		return;
	} else if (sent < 2) {
		answer_unsent(c, p, s, t, RULE_NAK_SEQ_NOGAP, false);
	} else if (a->nak == NAK_SEQUENCE && again) {
		accuse(c, RULE_NAK_SEQ_REPEAT, NEEDS_WHOLE | NEEDS_PAIR,
		       culprit(p, t),
		       "second NAK for psn %u, which was not "
		       "sent again",
		       psn);
	} else {
		network_lost(c, p->frame);
	}
	a->nak = NAK_SEQUENCE;
}

static void judge_rnr(struct check *c, const struct packet *p, struct stream *s,
		      struct stream *t)
{
	const struct req *r = reqlog_cover(&s->q.log, p->roce.bth.psn);
	uint32_t takes = IS_SEND | TAKES_RECV;

	s->a.nak = NAK_RNR;
	s->a.rnr_usec = rnr_usec(aeth_value(p->roce.aeth.syndrome));
	if (r && !(r->flags & takes) && !excused(c, s))
		accuse(c, RULE_RNR_KIND, NEEDS_PAIR, culprit(p, t),
		       "RNR NAK for psn %u, which is a %s", r->psn,
		       opcode_find(r->opcode)->name);
}

static void note_fatal(const struct packet *p, struct stream *s)
{
	struct responder *a = &s->a;

	if (a->fatal)
		return;
	a->fatal = true;
	a->fatal_psn = p->roce.bth.psn;
	a->fatal_frame = p->frame;
	a->fatal_nsec = p->nsec;
}

void judge_nak(struct check *c, const struct packet *p, struct stream *s,
	       struct stream *t)
{
	struct responder *a = &s->a;
	uint8_t syndrome = p->roce.aeth.syndrome;
	bool after_rnr = a->nak == NAK_RNR && a->nak_psn == p->roce.bth.psn;

	if (aeth_kind(syndrome) == AETH_RNR)
		judge_rnr(c, p, s, t);
	else if (aeth_kind(syndrome) != AETH_NAK)
		return; /* reserved, and reported */
	else if (aeth_value(syndrome) == NAK_PSN_SEQUENCE)
		judge_sequence_nak(c, p, s, t);
	else if (aeth_value(syndrome) < NAK_INVALID_RD)
		note_fatal(p, s);
	if (s->q.log.n == 0 || s->peer != t)
		return; /* excused */
	if (after_rnr && a->nak == NAK_RNR && aeth_kind(syndrome) != AETH_RNR)
		return; /* the time still runs from the RNR NAK */
	a->nak_psn = p->roce.bth.psn;
	a->nak_nsec = p->nsec;
}
