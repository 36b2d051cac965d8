/* A flow is what one QP sends to another: requests, answers, CNPs.  Two flows
 * are a connection once the checker knows which stream answers which; streams
 * of UC and UD stay alone.  Copies that the network or the sniffer made count
 * as nothing else.
 *
 * New payload is that of requests seen for the first time, and of READ
 * responses beyond the highest PSN answered before.  The time of an answer is
 * measured from a request that was sent once to the first answer that has its
 * PSN and is no NAK; so an acknowledgement of several requests at once measures
 * the last one.
 */
#include <stdlib.h>
#include "trace/by_stream.h"
#include "trace/flow.h"
#include "trace/stats.h"
#include "wire/aeth.h"

struct stats {
	struct flow **by_number; /* of the stream, from 1; NULL: nothing seen */
	uint32_t n;
	uint64_t strays; /* packets of no stream */
};

struct stats *stats_new(void)
{
	return calloc(1, sizeof(struct stats));
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n; i++)
		free(s->by_number[i]);
	free(s->by_number);
	free(s);
}

static bool make_room(struct stats *s, uint32_t number)
{
	uint32_t n = by_stream_room(s->n, number);
	struct flow **more;

	if (n == s->n)
		return true;
	more = by_stream_grow(s->by_number, s->n, n, sizeof(struct flow *));
	if (!more)
		return false;
	s->by_number = more;
	s->n = n;
	return true;
}

static struct flow *flow_get(struct stats *s, const struct stream *t)
{
	struct flow **f;

	if (!make_room(s, t->number))
		return NULL;
	f = &s->by_number[t->number];
	if (!*f)
		*f = calloc(1, sizeof(**f));
	if (*f)
		(*f)->key = t->key;
	return *f;
}

static void count_request(struct flow *f, const struct packet *p,
			  enum note note, const struct stream *t)
{
	const struct req *r = reqlog_cover(&t->q.log, p->roce.bth.psn);
	bool is_first = r && r->frame == p->frame && !r->suffix;

	f->requests++;
	f->retransmissions += note == NOTE_RETRANSMISSION;
	f->out_of_order += is_first && r->hole > 0;
	if (note == NOTE_RETRANSMISSION && !is_first)
		return;
	f->new_bytes += p->roce.payload.len;
	f->messages += !!(p->roce.op->flags & IS_END);
}

static void count_aeth(struct flow *f, uint8_t syndrome)
{
	switch (aeth_kind(syndrome)) {
	case AETH_ACK: f->acks++; break;
	case AETH_RNR: f->rnr_naks++; break;
	case AETH_NAK:
		if (aeth_value(syndrome) == NAK_PSN_SEQUENCE)
			f->sequence_naks++;
		else
			f->fatal_naks++;
		break;
	case AETH_RESERVED: break;
	}
}

static bool is_nak(const struct packet *p)
{
	return p->roce.op->flags & HAS_AETH &&
	       aeth_kind(p->roce.aeth.syndrome) != AETH_ACK;
}

/* @p answers a request of @s, whose flow is @q. */
static void measure(struct flow *q, const struct packet *p,
		    const struct stream *s)
{
	uint32_t psn = p->roce.bth.psn;
	const struct req *r = reqlog_cover(&s->q.log, psn);
	int64_t took;

	if (is_nak(p) || !r || r->psn != psn || r->again ||
	    (q->has_answered && psn_diff(psn, q->answered_psn) <= 0))
		return;
	q->has_answered = true;
	q->answered_psn = psn;
	took = p->nsec - r->sent_nsec;
	if (took < 0)
		return;
	if (q->rtts == 0 || took < q->rtt_min)
		q->rtt_min = took;
	if (took > q->rtt_max)
		q->rtt_max = took;
	q->rtt_sum += (double)took;
	q->rtts++;
}

static void count_answer(struct flow *f, const struct packet *p)
{
	uint32_t psn = p->roce.bth.psn;

	f->answers++;
	if (p->roce.op->flags & HAS_AETH)
		count_aeth(f, p->roce.aeth.syndrome);
	if (!(p->roce.op->flags & HAS_PAYLOAD) || p->roce.payload.len == 0 ||
	    (f->has_read && psn_diff(psn, f->read_psn) <= 0))
		return;
	f->has_read = true;
	f->read_psn = psn;
	f->new_bytes += p->roce.payload.len;
}

static void note_time(struct flow *f, int64_t nsec)
{
	if (f->packets == 0 || nsec < f->first_nsec)
		f->first_nsec = nsec;
	if (f->packets == 0 || nsec > f->last_nsec)
		f->last_nsec = nsec;
}

/* The answer @p on @t is to requests on its peer. */
static bool measure_peer(struct stats *s, const struct packet *p,
			 const struct stream *t)
{
	struct flow *q = t->peer ? flow_get(s, t->peer) : NULL;

	if (!q)
		return !t->peer;
	q->peer = t->number;
	measure(q, p, t->peer);
	return true;
}

bool stats_add(struct stats *s, const struct packet *p, enum note note,
	       const struct stream *t)
{
	struct flow *f = t ? flow_get(s, t) : NULL;

	if (!t) {
		s->strays++;
		return true;
	}
	if (!f)
		return false;
	note_time(f, p->nsec);
	f->packets++;
	f->bytes += p->roce.payload.len;
	f->ce += (p->ip.tos & 3) == 3;
	f->peer = t->peer ? t->peer->number : f->peer;
	if (note == NOTE_COPY) {
		f->copies++;
	} else if (note == NOTE_CNP) {
		f->cnps++;
	} else if (p->roce.op->flags & IS_REQUEST) {
		count_request(f, p, note, t);
	} else {
		count_answer(f, p);
		return measure_peer(s, p, t);
	}
	return true;
}

/* The connections in order, each once, @b being NULL if it has one flow. */
static void each_connection(const struct stats *s, FILE *out,
			    void (*write)(const struct flow *a,
					  const struct flow *b, FILE *out))
{
	for (uint32_t i = 1; i < s->n; i++) {
		const struct flow *a = s->by_number[i];
		const struct flow *b =
			a && a->peer < s->n ? s->by_number[a->peer] : NULL;

		if (!a || !a->packets)
			continue;
		if (a->peer == i || (b && b->peer != i))
			b = NULL;
		if (!b || a->peer > i)
			write(a, b, out);
	}
}

void stats_print(const struct stats *s, FILE *out)
{
	each_connection(s, out, connection_print);
	if (s->strays)
		fprintf(out,
			"%llu packets belong to no connection (damaged, "
			"or CNPs of none)\n",
			(unsigned long long)s->strays);
}

void stats_json(const struct stats *s, FILE *out)
{
	each_connection(s, out, connection_json);
}
