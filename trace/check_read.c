/* READ responses.  The answer to a READ of n packets carries the PSNs of the
 * READ: First, Middle, ..., Last, or an Only.  If the READ was asked for again
 * from its middle on, that part starts with a First of its own, and rests of
 * the first answer may still come; so each place allows what any READ that
 * covers it does.
 *
 * FLUSH and ATOMIC WRITE are answered by an empty Only (Annex A19).
 */
#include "trace/judge.h"

struct place {
	bool starts; /* a READ starts at this PSN */
	bool inside; /* this PSN is within one */
	bool ends;   /* and its last */
};

static struct place place_of(const struct reqlog *log, uint32_t psn)
{
	const struct req *r = reqlog_cover(log, psn);
	struct place at = {
		.starts = r->psn == psn,
		.inside = r->psn != psn || r->suffix,
		.ends = psn_diff(psn, r->psn) + 1 == (int32_t)req_span(log, r),
	};

	return at;
}

static bool fits(const struct place *at, uint32_t flags)
{
	if (flags & IS_FIRST)
		return at->starts && !at->ends;
	if (flags & IS_ONLY)
		return at->starts && at->ends;
	if (flags & IS_MIDDLE)
		return at->inside && !at->ends;
	return at->inside && at->ends;
}

void learn_pmtu(struct reqlog *log, const struct packet *p)
{
	size_t len = p->roce.payload.len;

	if (log->pmtu || !(p->roce.op->flags & IS_READ))
		return;
	if (p->roce.op->flags & (IS_FIRST | IS_MIDDLE) && pmtu_valid(len))
		reqlog_set_pmtu(log, (uint32_t)len);
	else
		learn_largest_pmtu(log, len);
}

/* False if @r is no more: a new connection. */
static bool judge_length(struct check *c, const struct packet *p,
			 struct stream *s, const struct stream *t,
			 const struct req *r)
{
	uint32_t pmtu = s->q.log.pmtu ? s->q.log.pmtu : 4096;
	uint32_t psn = p->roce.bth.psn;
	uint32_t before = (uint32_t)psn_diff(psn, r->psn) * pmtu;
	uint32_t rest = r->len > before ? r->len - before : 0;
	uint32_t want = rest > pmtu ? pmtu : rest;

	if (p->roce.payload.len == want)
		return true;
	if (!s->q.log.pmtu && p->roce.payload.len < want &&
	    !(p->roce.op->flags & IS_ONLY))
		return true; /* the path MTU may be smaller */
	if (excused_at(c, s, psn))
		return false;
	accuse(c, RULE_READ_LENGTH, NEEDS_PAIR, culprit(p, t),
	       "psn %u: payload %zu, want %u (READ of %u bytes at psn %u)", psn,
	       p->roce.payload.len, want, r->len, r->psn);
	return true;
}

static void judge_empty(struct check *c, const struct packet *p,
			struct stream *s, const struct stream *t, struct req *r)
{
	enum operation op = opcode_operation(r->opcode);

	if ((op == OP_FLUSH || op == OP_ATOMIC_WRITE) &&
	    p->roce.op->flags & IS_ONLY && p->roce.payload.len == 0)
		r->answered = 1;
	else if (!excused_at(c, s, p->roce.bth.psn))
		accuse(c, RULE_RESPONSE_KIND, NEEDS_PAIR, culprit(p, t),
		       "%s of %zu bytes for psn %u, which is a %s",
		       p->roce.op->name, p->roce.payload.len, p->roce.bth.psn,
		       opcode_find(r->opcode)->name);
}

void judge_read_response(struct check *c, const struct packet *p,
			 struct stream *s, struct stream *t)
{
	uint32_t psn = p->roce.bth.psn;
	struct req *r = reqlog_cover(&s->q.log, psn);
	struct place at;
	uint32_t n;

	if (!req_is_read(r)) {
		judge_empty(c, p, s, t, r);
		return;
	}
	at = place_of(&s->q.log, psn);
	n = (uint32_t)psn_diff(psn, r->psn) + 1;
	if (p->roce.op->flags & IS_START && !at.starts && n <= r->answered) {
		/* A second answer, so there was a second question. */
		sniffer_lost(c, p->frame);
		return;
	}
	if (!fits(&at, p->roce.op->flags)) {
		if (excused_at(c, s, psn))
			return;
		accuse(c, RULE_READ_OPCODE, needs_for_answer(s), culprit(p, t),
		       "psn %u: %s at packet %d of %u of the READ at psn %u",
		       psn, p->roce.op->name, psn_diff(psn, r->psn) + 1,
		       req_span(&s->q.log, r), r->psn);
	} else if (!judge_length(c, p, s, t, r)) {
		return;
	}
	if (n > r->answered)
		r->answered = n;
}
