/* The log is an array sorted by PSN, oldest first.  Nearly every packet is
 * appended; one that fills a hole (a retransmission of what the sniffer did
 * not see the first time) goes in between, and the running sums behind it are
 * mended.  At LOG_MAX the oldest quarter is forgotten.
 */
#include <stdlib.h>
#include <string.h>
#include "trace/reqlog.h"

#define LOG_MAX	 4096u
#define SPAN_MAX (1u << 23)

void reqlog_fini(struct reqlog *log)
{
	free(log->v);
	*log = (struct reqlog){0};
}

void reqlog_clear(struct reqlog *log)
{
	log->n = 0;
	log->pmtu = 0;
	log->has_settled = false;
	log->anchored = false;
}

struct req req_of(const struct packet *p)
{
	const struct roce *roce = &p->roce;
	struct req r = {
		.psn = roce->bth.psn,
		.opcode = roce->bth.opcode,
		.flags = roce->op->flags,
		.payload = (uint32_t)roce->payload.len,
		.frame = p->frame,
		.sent_nsec = p->nsec,
	};

	if (r.flags & HAS_RETH) {
		r.va = roce->reth.va;
		r.rkey = roce->reth.rkey;
		r.len = roce->reth.len;
	}
	if (r.flags & HAS_ATOMICETH) {
		r.va = roce->atomic.va;
		r.rkey = roce->atomic.rkey;
		r.operands = roce->atomic.swap_add ^ roce->atomic.compare;
	}
	return r;
}

static uint32_t span_for(const struct req *r, uint32_t pmtu)
{
	uint32_t n;

	if (!req_is_read(r) || r->len == 0)
		return 1;
	n = (r->len - 1) / pmtu + 1;
	return n < SPAN_MAX ? n : SPAN_MAX - 1;
}

uint32_t req_span(const struct reqlog *log, const struct req *r)
{
	return span_for(r, log->pmtu ? log->pmtu : 4096);
}

uint32_t req_span_max(const struct reqlog *log, const struct req *r)
{
	return span_for(r, log->pmtu ? log->pmtu : 256);
}

uint32_t reqlog_end(const struct reqlog *log)
{
	const struct req *last = &log->v[log->n - 1];

	return psn_add(last->psn, req_span(log, last));
}

uint32_t reqlog_end_max(const struct reqlog *log)
{
	const struct req *last = &log->v[log->n - 1];

	return psn_add(last->psn, req_span_max(log, last));
}

int reqlog_at(const struct reqlog *log, uint32_t psn)
{
	size_t lo = 0, hi = log->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (psn_diff(log->v[mid].psn, psn) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int)lo - 1;
}

struct req *reqlog_cover(const struct reqlog *log, uint32_t psn)
{
	int i = reqlog_at(log, psn);
	struct req *r;

	if (i < 0)
		return NULL;
	r = &log->v[i];
	return psn_diff(psn, r->psn) < (int32_t)req_span(log, r) ? r : NULL;
}

bool reqlog_adjacent(const struct reqlog *log, int i)
{
	const struct req *before;

	if (i <= 0 || (size_t)i >= log->n || log->v[i].suffix)
		return false;
	before = &log->v[i - 1];
	return psn_add(before->psn, req_span(log, before)) == log->v[i].psn;
}

static bool make_room(struct reqlog *log)
{
	size_t cap = log->cap ? 2 * log->cap : 16;
	struct req *v;

	if (log->n < log->cap)
		return true;
	if (log->cap >= LOG_MAX) {
		log->n -= LOG_MAX / 4;
		memmove(log->v, log->v + LOG_MAX / 4, log->n * sizeof(*log->v));
		return true;
	}
	v = realloc(log->v, cap * sizeof(*v));
	if (!v)
		return false;
	log->v = v;
	log->cap = cap;
	return true;
}

/* PSNs missing in front of request @i.  While the path MTU is unknown nobody
 * can tell how many a READ took.
 */
static uint32_t hole_before(const struct reqlog *log, int i)
{
	const struct req *before;
	int32_t missing;

	if (i <= 0 || log->v[i].suffix)
		return 0;
	before = &log->v[i - 1];
	if (req_span(log, before) != req_span_max(log, before))
		return 0;
	missing = psn_diff(log->v[i].psn,
			   psn_add(before->psn, req_span(log, before)));
	return missing > 0 ? (uint32_t)missing : 0;
}

void reqlog_set_pmtu(struct reqlog *log, uint32_t pmtu)
{
	log->pmtu = pmtu;
	for (size_t i = 0; i < log->n; i++)
		log->v[i].hole = hole_before(log, (int)i);
}

/* Carries the message's beginning over to request @i and those behind it. */
static void relink(struct reqlog *log, int i)
{
	for (bool first = true; (size_t)i < log->n; i++, first = false) {
		struct req *r = &log->v[i];

		if (r->flags & IS_START) {
			if (!first)
				return;
			r->msg_known = true;
			r->msg_psn = r->psn;
			r->msg_len = r->len;
		} else if (reqlog_adjacent(log, i)) {
			r->msg_known = log->v[i - 1].msg_known;
			r->msg_psn = log->v[i - 1].msg_psn;
			r->msg_len = log->v[i - 1].msg_len;
		} else {
			return;
		}
	}
}

/* A message that ends below what is settled, or below all that was known when
 * an MSN was first seen, was counted by the responder already, and the MSN's
 * offset contains it.
 */
static bool counts(const struct reqlog *log, const struct req *r, int i)
{
	bool old = (log->has_settled && psn_diff(r->psn, log->settled) < 0) ||
		   (i == 0 && log->n > 1 && log->anchored);

	return (r->flags & IS_END) && !r->suffix && !old;
}

/* Where the sums start in front of the oldest request. */
static uint32_t ends_before(const struct reqlog *log, int i)
{
	if (i > 0)
		return log->v[i - 1].ends;
	return log->n > 1 ? log->v[1].ends - log->v[1].counts : 0;
}

int reqlog_add(struct reqlog *log, const struct req *r)
{
	int i;

	if (!make_room(log))
		return -1;
	i = reqlog_at(log, r->psn) + 1;
	memmove(log->v + i + 1, log->v + i, (log->n - (size_t)i) * sizeof(*r));
	log->v[i] = *r;
	log->n++;

	log->v[i].counts = counts(log, r, i);
	log->v[i].ends = ends_before(log, i) + log->v[i].counts;
	if (log->v[i].counts)
		for (size_t k = (size_t)i + 1; k < log->n; k++)
			log->v[k].ends++;
	log->v[i].hole = hole_before(log, i);
	if ((size_t)i + 1 < log->n)
		log->v[i + 1].hole = hole_before(log, i + 1);
	relink(log, i);
	return i;
}

uint32_t reqlog_ended(const struct reqlog *log, uint32_t psn)
{
	int i = reqlog_at(log, psn);
	const struct req *r;

	while (i > 0 && log->v[i].suffix)
		i--;
	if (i < 0)
		return log->v[0].ends - log->v[0].counts;
	r = &log->v[i];
	if (psn_diff(psn, r->psn) + 1 >= (int32_t)req_span(log, r))
		return r->ends;
	return r->ends - r->counts;
}

uint32_t reqlog_ended_all(const struct reqlog *log)
{
	return log->v[log->n - 1].ends;
}

uint32_t reqlog_holes(const struct reqlog *log, uint32_t from, uint32_t to)
{
	size_t i = (size_t)(reqlog_at(log, psn_add(from, PSN_MASK)) + 1);
	uint32_t sum = 0;

	for (; i < log->n; i++) {
		const struct req *r = &log->v[i];
		uint32_t first = psn_add(r->psn, 0u - r->hole);
		uint32_t end = r->psn;

		if (psn_diff(first, to) >= 0)
			break;
		if (psn_diff(first, from) < 0)
			first = from;
		if (psn_diff(end, to) > 0)
			end = to;
		if (psn_diff(end, first) > 0)
			sum += (uint32_t)psn_diff(end, first);
	}
	return sum;
}
