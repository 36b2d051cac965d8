/* Lengths of requests (IBTA 9.7.2, 9.7.4.1).  The path MTU is in no packet:
 * the first First or Middle of a requester shows it.
 *
 * A WRITE's DMALen says how many packets the message takes, so the place of
 * the Last and its payload follow from the First.
 */
#include "trace/judge.h"

#define PMTU_MAX 4096u

bool pmtu_valid(size_t len)
{
	return len >= 256 && len <= PMTU_MAX && (len & (len - 1)) == 0;
}

void learn_largest_pmtu(struct reqlog *log, size_t len)
{
	if (!log->pmtu && len > PMTU_MAX / 2 && len <= PMTU_MAX)
		reqlog_set_pmtu(log, PMTU_MAX);
}

static void judge_middle(struct check *c, const struct packet *p,
			 struct stream *s)
{
	struct reqlog *log = &s->q.log;
	size_t len = p->roce.payload.len;

	if (log->pmtu && len != log->pmtu)
		accuse(c, RULE_LEN_MIDDLE, 0, culprit(p, s),
		       "psn %u: payload %zu, path MTU %u", p->roce.bth.psn, len,
		       log->pmtu);
	else if (!pmtu_valid(len))
		accuse(c, RULE_PMTU, 0, culprit(p, s), "psn %u: payload %zu",
		       p->roce.bth.psn, len);
	else
		reqlog_set_pmtu(log, (uint32_t)len);
}

static void judge_last(struct check *c, const struct packet *p,
		       const struct stream *s)
{
	size_t len = p->roce.payload.len;
	uint32_t most = s->q.log.pmtu ? s->q.log.pmtu : PMTU_MAX;

	if (len == 0 || len > most)
		accuse(c, RULE_LEN_LAST, 0, culprit(p, s),
		       "psn %u: payload %zu, path MTU %u", p->roce.bth.psn, len,
		       most);
}

static void judge_only(struct check *c, const struct packet *p,
		       const struct stream *s)
{
	const struct roce *r = &p->roce;
	size_t len = r->payload.len;
	uint32_t most = s->q.log.pmtu ? s->q.log.pmtu : PMTU_MAX;

	if (opcode_operation(r->bth.opcode) == OP_ATOMIC_WRITE) {
		if (len != 8 || r->reth.len != 8)
			accuse(c, RULE_ATOMIC_WRITE, 0, culprit(p, s),
			       "psn %u: payload %zu, DMALen %u", r->bth.psn,
			       len, r->reth.len);
		return;
	}
	if (len > most)
		accuse(c, RULE_LEN_ONLY, 0, culprit(p, s),
		       "psn %u: payload %zu, path MTU %u", r->bth.psn, len,
		       most);
	else if (r->op->flags & IS_WRITE && r->reth.len != len)
		accuse(c, RULE_DMALEN_SUM, 0, culprit(p, s),
		       "psn %u: DMALen %u, payload %zu", r->bth.psn,
		       r->reth.len, len);
}

static void judge_address(struct check *c, const struct packet *p,
			  const struct stream *s)
{
	const struct roce *r = &p->roce;
	uint64_t va;

	if (r->op->flags & HAS_RETH && r->reth.len > 1u << 31)
		accuse(c, RULE_DMALEN_MAX, 0, culprit(p, s),
		       "psn %u: DMALen %u", r->bth.psn, r->reth.len);
	if (!(r->op->flags & IS_ATOMIC))
		return;
	va = r->op->flags & HAS_RETH ? r->reth.va : r->atomic.va;
	if (va % 8 != 0)
		accuse(c, RULE_ATOMIC_ALIGN, 0, culprit(p, s),
		       "psn %u: address 0x%llx", r->bth.psn,
		       (unsigned long long)va);
}

void judge_request_length(struct check *c, const struct packet *p,
			  struct stream *s)
{
	uint32_t flags = p->roce.op->flags;

	if (flags & (IS_FIRST | IS_MIDDLE))
		judge_middle(c, p, s);
	else if (flags & IS_LAST)
		judge_last(c, p, s);
	else if (flags & HAS_PAYLOAD)
		judge_only(c, p, s);
	learn_largest_pmtu(&s->q.log, p->roce.payload.len);
	judge_address(c, p, s);
}

/* What DMALen should have been, for a Last at @r whose First is known. */
static uint32_t sum_at(const struct reqlog *log, const struct req *r)
{
	return (uint32_t)psn_diff(r->psn, r->msg_psn) * log->pmtu + r->payload;
}

int message_wrong(const struct reqlog *log, int i)
{
	for (; (size_t)i < log->n; i++) {
		const struct req *r = &log->v[i];

		if (!(r->flags & IS_WRITE) || !r->msg_known || !log->pmtu)
			return -1;
		if (r->flags & IS_LAST && sum_at(log, r) != r->msg_len)
			return i;
		if (r->flags & IS_END || !reqlog_adjacent(log, i + 1))
			return -1;
	}
	return -1;
}

void judge_message_length(struct check *c, struct stream *s, int i)
{
	const struct reqlog *log = &s->q.log;
	struct culprit who = {0, &s->key.src, s, REQUESTER};
	const struct req *r;

	i = message_wrong(log, i);
	if (i < 0)
		return;
	r = &log->v[i];
	who.frame = r->frame;
	accuse(c, RULE_DMALEN_SUM, 0, who,
	       "psn %u: DMALen %u in psn %u, "
	       "payload %u",
	       r->psn, r->msg_len, r->msg_psn, sum_at(log, r));
}
