#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include "trace/judge.h"
#include "trace/pair.h"

struct check *check_new(void)
{
	struct check *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->streams = streams_new();
	c->cm = cm_new();
	c->report = report_new();
	if (c->streams && c->cm && c->report)
		return c;
	check_free(c);
	return NULL;
}

void check_free(struct check *c)
{
	if (!c)
		return;
	streams_free(c->streams);
	cm_free(c->cm);
	report_free(c->report);
	free(c);
}

struct culprit culprit(const struct packet *p, const struct stream *s)
{
	const struct opcode *op = opcode_find(p->roce.bth.opcode);

	return (struct culprit){
		.frame = p->frame,
		.addr = &p->ip.src,
		.stream = s,
		.role = op && op->flags & IS_RESPONSE ? RESPONDER : REQUESTER,
	};
}

/* The culprit's own QPN is what its peer's packets are addressed to. */
static void name(const struct culprit *who, char *text, size_t size)
{
	static const char *const roles[] = {
		[REQUESTER] = "requester", [RESPONDER] = "responder"};
	const struct stream *s = who->stream;
	char addr[IP_TEXT_MAX];

	ip_format(who->addr, addr);
	if (s && s->key.transport == TRANSPORT_UD)
		snprintf(text, size, "%s QP 0x%x as %s", addr, s->key.sqpn,
			 roles[who->role]);
	else if (s && s->peer)
		snprintf(text, size, "%s QP 0x%x as %s", addr,
			 s->peer->key.dqpn, roles[who->role]);
	else if (s)
		snprintf(text, size, "%s (to QP 0x%x) as %s", addr, s->key.dqpn,
			 roles[who->role]);
	else
		snprintf(text, size, "%s as %s", addr, roles[who->role]);
}

void accuse(struct check *c, enum rule rule, unsigned needs, struct culprit who,
	    const char *format, ...)
{
	struct violation v = {
		.rule = rule,
		.frame = who.frame,
		.stream = who.stream ? who.stream->number : 0,
		.needs = needs,
	};
	char side[100];
	va_list args;
	int n;

	name(&who, side, sizeof(side));
	n = snprintf(v.text, sizeof(v.text), "%s: ", side);
	va_start(args, format);
	vsnprintf(v.text + n, sizeof(v.text) - (size_t)n, format, args);
	va_end(args);
	report_add(c->report, &v);
}

void sniffer_lost(struct check *c, uint64_t frame)
{
	if (!c->sniffer_lost)
		c->sniffer_lost = frame;
}

void network_lost(struct check *c, uint64_t frame)
{
	if (!c->network_lost)
		c->network_lost = frame;
}

/* An answer to something never seen, excused because it may have been missed:
 * then it was.
 */
static void settle_unsent(struct check *c, const struct stream *s)
{
	if (s->a.has_unsent && !s->a.unsent_reported)
		sniffer_lost(c, s->a.unsent_frame);
}

/* What is known about @s is about to be forgotten. */
static void settle(struct check *c, const struct stream *s)
{
	settle_unsent(c, s);
	if (report_stored(c->report) == 0)
		return;
	report_settle_pair(c->report, s->number, pair_is_sure(c->streams, s));
}

void forget(struct check *c, struct stream *s)
{
	settle(c, s);
	if (s->peer)
		settle(c, s->peer);
	stream_restart(s);
}

void restart(struct check *c, struct stream *s)
{
	c->n.restarts++;
	forget(c, s);
}

bool new_connection(struct check *c, struct stream *s)
{
	if (!s->q.doubt)
		return false;
	restart(c, s);
	return true;
}

bool excused(struct check *c, struct stream *s)
{
	if (new_connection(c, s))
		return true;
	if (!s->peer || pair_is_sure(c->streams, s))
		return false;
	report_settle_pair(c->report, s->number, false);
	report_settle_pair(c->report, s->peer->number, false);
	stream_unpair(s);
	return true;
}

bool excused_at(struct check *c, struct stream *s, uint32_t psn)
{
	if (s->a.has_acked && psn_diff(psn, s->a.acked) < 0)
		s->q.doubt = true;
	return excused(c, s);
}

/* An answer is judged by what the sniffer saw of the requests; if it began in
 * the middle, they may have begun earlier.
 */
unsigned needs_for_answer(const struct stream *s)
{
	return NEEDS_WHOLE | NEEDS_PAIR | (s->a.fresh ? 0 : NEEDS_DELIVERY);
}

static enum note judge_connected(struct check *c, const struct packet *p,
				 struct stream *t)
{
	struct stream *s;

	if (p->roce.op->flags & IS_REQUEST)
		return judge_request(c, p, t);
	s = pair_find(c->streams, t, p);
	if (s)
		return judge_response(c, p, s, t);
	return p->roce.op->flags & HAS_AETH &&
			       aeth_kind(p->roce.aeth.syndrome) != AETH_ACK
		       ? NOTE_NAK
		       : NOTE_NONE;
}

static void count_aeth(struct check *c, const struct packet *p)
{
	const struct aeth *a = &p->roce.aeth;

	if (!(p->roce.op->flags & HAS_AETH))
		return;
	if (aeth_kind(a->syndrome) == AETH_RNR)
		c->n.rnrs++;
	if (aeth_kind(a->syndrome) == AETH_NAK)
		c->n.naks[aeth_value(a->syndrome)]++;
}

/* When a NAK asked for @p again, which travels on @t. */
static int64_t asked_nsec(const struct stream *t, const struct packet *p)
{
	if (t->a.nak == NAK_NONE || !(p->roce.op->flags & IS_REQUEST) ||
	    psn_diff(p->roce.bth.psn, t->a.nak_psn) < 0)
		return INT64_MIN;
	return t->a.nak_nsec;
}

static enum note judge_stream(struct check *c, const struct packet *p,
			      struct stream *t)
{
	if (!t)
		return NOTE_NONE;
	t->sport = p->udp.sport;
	if (copies_note(&t->copies, p, asked_nsec(t, p))) {
		c->n.copies++;
		judge_request_copy(t, p);
		return NOTE_COPY;
	}
	count_aeth(c, p);
	if (t->key.transport != TRANSPORT_UD)
		return judge_connected(c, p, t);
	judge_pkey(c, p, t);
	if (p->roce.bth.dqpn == 1)
		cm_packet(c->cm, c->streams, p);
	return NOTE_NONE;
}

/* The stream to the QP that CNP @p goes to. */
static const struct stream *slowed_down(const struct check *c,
					const struct packet *p)
{
	struct stream_key key = stream_key(p);
	const struct stream *s =
		streams_between(c->streams, &key.src, &key.dst, key.vni);

	for (; s; s = s->host_next)
		if (s->key.dqpn == key.dqpn && s->key.vni == key.vni &&
		    s->key.transport != TRANSPORT_UD &&
		    ip_equal(&s->key.src, &key.src) &&
		    ip_equal(&s->key.dst, &key.dst))
			return s;
	return NULL;
}

const struct stream *check_stream(const struct check *c)
{
	return c->last;
}

/* Sniffers give several packets the same time; which came first matters. */
static int64_t strictly_later(struct check *c, int64_t nsec)
{
	if (c->n.packets == 0)
		c->first_nsec = nsec;
	c->ties = c->n.packets > 0 && nsec == c->stamp ? c->ties + 1 : 0;
	c->stamp = nsec;
	return nsec + c->ties;
}

static enum note judge(struct check *c, const struct packet *p)
{
	bool cnp = p->roce.bth.opcode == OPCODE_CNP;
	struct stream *t = NULL;
	struct stream_key key;

	if (packet_sound(p) && !cnp) {
		key = stream_key(p);
		t = streams_get(c->streams, &key);
	}
	c->last = t;
	if (!judge_alone(c, p, t))
		c->n.bad++;
	if (cnp && packet_sound(p)) {
		c->n.cnps++;
		c->last = slowed_down(c, p);
		return NOTE_CNP;
	}
	return judge_stream(c, p, t);
}

enum note check_packet(struct check *c, const struct packet *p)
{
	struct packet timed = *p;

	timed.nsec = strictly_later(c, p->nsec);
	c->n.packets++;
	return judge(c, &timed);
}

const struct stream *check_find(const struct check *c, const struct packet *p)
{
	struct stream_key key = stream_key(p);

	return streams_get(c->streams, &key);
}

const struct stream *check_guess(const struct check *c, uint32_t number,
				 const struct stream **on)
{
	*on = streams_at(c->streams, number);
	return *on ? pair_guess(c->streams, *on) : NULL;
}

const struct report *check_finish(struct check *c)
{
	const struct stream *s;
	unsigned missing;

	for (uint32_t i = 1; (s = streams_at(c->streams, i)); i++)
		settle(c, s);
	missing = (c->sniffer_lost ? NEEDS_WHOLE : 0) |
		  (c->network_lost ? NEEDS_DELIVERY : 0);
	report_settle(c->report, missing);
	report_sort(c->report);
	return c->report;
}

/* Streams that carried packets, and how many connections they make. */
static void count_streams(const struct check *c, uint64_t *connections,
			  uint64_t *datagram_flows)
{
	const struct stream *s;

	*connections = c->n.restarts;
	*datagram_flows = 0;
	for (uint32_t i = 1; (s = streams_at(c->streams, i)); i++) {
		if (s->copies.n == 0 && !s->q.has_start)
			continue;
		if (s->key.transport == TRANSPORT_UD)
			(*datagram_flows)++;
		else if (!s->peer || s->peer->number >= s->number)
			(*connections)++;
	}
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void check_summary(const struct check *c, FILE *out)
{
	uint64_t connections, datagram_flows;
	size_t violations = report_count(c->report);

	count_streams(c, &connections, &datagram_flows);
	fprintf(out,
		"retransmissions %" PRIu64 ", RNR NAKs %" PRIu64
		", CNPs %" PRIu64 ", copies %" PRIu64
		", datagram flows %" PRIu64 "\n",
		c->n.retransmissions, c->n.rnrs, c->n.cnps, c->n.copies,
		datagram_flows);
	for (unsigned code = 0; code < 32; code++)
		if (c->n.naks[code])
			fprintf(out, "NAK %u (%s) %" PRIu64 "\n", code,
				nak_text(code), c->n.naks[code]);
	if (c->sniffer_lost)
		fprintf(out,
			"the capture lacks frames (see frame %" PRIu64
			"): rules that need all of them were not applied\n",
			c->sniffer_lost);
	fprintf(out,
		"check: %" PRIu64 " packet%s, %" PRIu64
		" connection%s, %zu violation%s\n",
		c->n.packets, plural(c->n.packets), connections,
		plural(connections), violations, plural(violations));
}
