/* Packets to the NIC (">"). */
#include <stdlib.h>
#include <string.h>
#include "drill/play_packet.h"
#include "nic/base/nearest.h"
#include "wire/aeth.h"

#define SPORT 50000u

static void preset(struct packet_text *t, enum field f, uint64_t v)
{
	if (!packet_gives(t, f) && packet_has(t->opcode, f))
		packet_set(t, f, v);
}

static uint64_t name_or_0(struct player *p, const char *name, const char *attr)
{
	uint64_t v = 0;

	names_get(&p->names, name, attr, &v);
	return v;
}

static void preset_payload(struct packet_text *t, const struct opcode *op,
			   const struct end *e)
{
	if (op && op->flags & (IS_FIRST | IS_MIDDLE))
		preset(t, F_PAYLOAD, e ? e->pmtu : 1024);
	if (t->opcode == OPCODE_CNP)
		preset(t, F_PAYLOAD, 16);
	if (op && !t->has_data && t->opcode != OPCODE_CNP)
		for (size_t i = 0; i < t->v[F_PAYLOAD] && i < sizeof(t->data);
		     i++)
			t->data[i] = (uint8_t)i;
}

/* What the line leaves open is as the peer of a well-behaved connection would
 * have it.
 */
static void fill_in(struct player *p, struct packet_text *t,
		    const struct end *e)
{
	const struct opcode *op = opcode_find(t->opcode);
	bool answer = op && op->flags & IS_RESPONSE;

	preset(t, F_MIGREQ, 1);
	preset(t, F_PKEY, PKEY_DEFAULT);
	preset_payload(t, op, e);
	preset(t, F_VA, name_or_0(p, p->first_mr, "va"));
	preset(t, F_RKEY, name_or_0(p, p->first_mr, "rkey"));
	preset(t, F_SRQN, name_or_0(p, p->first_srq, "srqn"));
	preset(t, F_LEN, t->v[F_PAYLOAD]);
	preset(t, F_KIND, AETH_ACK);
	preset(t, F_VALUE, CREDITS_UNLIMITED);
	preset(t, F_SPORT, SPORT);
	preset(t, F_TTL, 64);
	if (!e)
		return;
	preset(t, F_DQPN, e->qpn);
	preset(t, F_PSN, answer ? e->last_psn : e->next_psn);
	preset(t, F_QKEY, e->qkey);
	preset(t, F_SQPN, e->own);
}

/* How many PSNs a request takes. */
static uint32_t psns(const struct packet_text *t, const struct end *e)
{
	uint64_t len = t->v[F_LEN];

	if (opcode_operation(t->opcode) != OP_READ_REQUEST || !len)
		return 1;
	return (uint32_t)((len + e->pmtu - 1) / e->pmtu);
}

/* What is left of @len bytes when up to *@strip are taken off. */
static size_t take_off(size_t len, size_t *strip)
{
	size_t n = len < *strip ? len : *strip;

	*strip -= n;
	return len - n;
}

static void encode(struct player *p, const struct packet_text *t,
		   const struct around *a, struct pkt *pkt)
{
	const struct opcode *op = opcode_find(t->opcode);
	uint8_t head[ROCE_HEAD_MAX];
	struct roce r;
	size_t n = BTH_LEN, strip = a->strip, pad;

	packet_to_roce(t, &r);
	if (!packet_gives(t, F_PAD))
		r.bth.pad = (uint8_t)(-t->v[F_PAYLOAD] & 3);
	if (op)
		n = roce_encode_head(&r, head);
	else
		bth_encode(&r.bth, head);
	pkt_reset(pkt);
	pkt->src = a->src;
	pkt->dst = a->dst;
	pkt->sport = (uint16_t)t->v[F_SPORT];
	pkt->tos = (uint8_t)t->v[F_TOS];
	pkt->ttl = (uint8_t)t->v[F_TTL];
	pad = take_off(r.bth.pad, &strip);
	r.payload.len = take_off(r.payload.len, &strip);
	n = BTH_LEN + take_off(n - BTH_LEN, &strip);
	memcpy(pkt_push(pkt, n), head, n);
	pkt_add_span(pkt, r.payload.p, r.payload.len);
	memset(pkt_add_tail(pkt, pad), 0, pad);
}

static bool check_verdict(struct player *p, const char *want, enum drop got)
{
	if (got == DROP_N) /* it cannot be known */
		return true;
	if (!strcmp(want ? want : drop_word(DROP_NONE), drop_word(got)))
		return true;
	play_fail(p, "verdict: expected %s, got %s",
		  want ? want : "none (the packet is accepted)",
		  drop_word(got));
	play_add(p, "  packet:   %s\n  got:      %s: %s\n", p->text,
		 drop_word(got), drop_text(got));
	return false;
}

static bool check_word(struct player *p, const char *word)
{
	struct nearest near;

	nearest_init(&near, word);
	for (unsigned i = 0; i < DROP_N; i++) {
		if (!strcmp(drop_word((enum drop)i), word))
			return true;
		nearest_offer(&near, drop_word((enum drop)i));
	}
	return play_fail(p, "=> %s: no such verdict%s%s%s", word,
			 near.best ? "; did you mean " : "",
			 near.best ? near.best : "", near.best ? "?" : "");
}

static bool is_tampered(const struct tamper *m)
{
	return m->n || m->cut || m->trailer || m->bad_icrc || m->udp_checksum;
}

static bool check_sendable(struct player *p, const struct packet_text *t,
			   const struct around *a)
{
	const struct tamper *m = &a->tamper;

	if (a->verdict && !check_word(p, a->verdict))
		return false;
	if (t->v[F_PAYLOAD] > PACKET_DATA_MAX - 300)
		return play_fail(p, "payload=%llu: at most %u",
				 (unsigned long long)t->v[F_PAYLOAD],
				 PACKET_DATA_MAX - 300);
	if (play_names_address(p))
		return false;
	if (p->bench->live && is_tampered(m))
		return play_skip(p, "only the NIC in memory can be sent that");
	return true;
}

static bool send_one(struct player *p, const struct packet_text *t,
		     const struct around *a)
{
	const struct tamper *m = &a->tamper;
	struct pkt *pkt = malloc(sizeof(*pkt));
	enum drop verdict;

	if (!pkt)
		return play_fail(p, "no memory");
	encode(p, t, a, pkt);
	p->sent_since = p->bench->ops->now(p->bench);
	verdict = p->bench->ops->send(p->bench, pkt, is_tampered(m) ? m : NULL);
	free(pkt);
	p->sent = p->bench->ops->now(p->bench);
	if (p->o->coverage)
		coverage_packet(p->o->coverage, COVER_IN, t);
	return check_verdict(p, a->verdict, verdict);
}

bool play_send(struct player *p)
{
	struct packet_text t;
	struct around a;
	struct end *e;
	const struct opcode *op;

	if (!play_parse_packet(p, &t, &a, &e, true))
		return false;
	fill_in(p, &t, e);
	if (!check_sendable(p, &t, &a))
		return false;
	op = opcode_find(t.opcode);
	while (a.times--) {
		uint32_t next;

		if (!send_one(p, &t, &a))
			return false;
		next = psn_add((uint32_t)t.v[F_PSN], e ? psns(&t, e) : 1);
		t.v[F_PSN] = next;
		if (e && op && op->flags & IS_REQUEST)
			e->next_psn = next;
	}
	return true;
}
