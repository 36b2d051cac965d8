/* Packets from the NIC ("<"). */
#include <stdlib.h>
#include <string.h>
#include "drill/play_packet.h"

static bool match_address(const char *key, const struct ip_addr *want,
			  const struct ip_addr *got, char *why)
{
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];

	if (ip_equal(want, got))
		return true;
	snprintf(why, WORDS_WHY_MAX, "%s: expected %s, got %s", key,
		 ip_format(want, a), ip_format(got, b));
	return false;
}

static bool match_addresses(const struct around *a, const struct seen *s,
			    char *why)
{
	return (!a->has_src || match_address("src", &a->src, &s->src, why)) &&
	       (!a->has_dst || match_address("dst", &a->dst, &s->dst, why));
}

static bool match(struct player *p, const struct packet_text *want,
		  const struct around *a, const struct end *e,
		  const struct seen *s)
{
	static struct packet_text got;
	char why[WORDS_WHY_MAX], text[600];
	struct roce r = {0};
	enum drop d = roce_decode(&r, (struct span){s->bytes, s->len});
	struct end *of;

	if (d) {
		snprintf(why, sizeof(why), "it does not decode: %s",
			 drop_word(d));
		goto differs;
	}
	packet_from_roce(&got, &r);
	packet_set(&got, F_TOS, s->tos);
	packet_set(&got, F_TTL, s->ttl);
	packet_set(&got, F_SPORT, s->sport);
	if (p->o->coverage)
		coverage_packet(p->o->coverage, COVER_OUT, &got);
	of = play_end_of(p, r.bth.dqpn);
	if (of && r.op->flags & IS_REQUEST)
		of->last_psn = r.bth.psn;
	if (!packet_match(want, &got, why) || !match_addresses(a, s, why))
		goto differs;
	if (packet_gives(want, F_DQPN) || !e || r.bth.dqpn == e->own)
		return true;
	snprintf(why, sizeof(why), "dqpn: expected 0x%x (%s), got 0x%x", e->own,
		 e->name, r.bth.dqpn);
differs:
	play_fail(p, "%s", why);
	play_add(p, "  expected: %s\n  actual:   %s\n", p->text,
		 play_show(s, text, sizeof(text)));
	return false;
}

/* A field that the opcode does not have would be compared with nothing. */
static bool check_fields(struct player *p, const struct packet_text *t)
{
	const struct opcode *op = opcode_find(t->opcode);

	for (unsigned f = 0; op && f < F_N; f++)
		if (packet_gives(t, (enum field)f) && f != F_PAYLOAD &&
		    !packet_has(t->opcode, (enum field)f))
			return play_fail(p, "%s: %s has no such field",
					 packet_field_name(f), op->name);
	return true;
}

static bool is_wanted(const struct packet_text *want, const struct seen *s)
{
	static struct packet_text got;
	char why[WORDS_WHY_MAX];
	struct roce r = {0};

	if (roce_decode(&r, (struct span){s->bytes, s->len}))
		return false;
	packet_from_roce(&got, &r);
	packet_set(&got, F_TOS, s->tos);
	packet_set(&got, F_TTL, s->ttl);
	packet_set(&got, F_SPORT, s->sport);
	return packet_match(want, &got, why);
}

/* The next packet that is not a repeat of the script's own making. */
static struct seen *await_packet(struct player *p,
				 const struct packet_text *want)
{
	struct seen *s = play_await(p, SEEN_PACKET, "packet");

	while (s && play_is_late_repeat(p, s) && !is_wanted(want, s)) {
		free(s);
		s = play_await(p, SEEN_PACKET, "packet");
	}
	return s;
}

bool play_expect(struct player *p)
{
	struct packet_text t;
	struct around a;
	struct end *e;

	if (!play_parse_packet(p, &t, &a, &e, false) || !check_fields(p, &t) ||
	    play_names_address(p))
		return false;
	if (a.verdict)
		return play_fail(p,
				 "=> %s: only packets to the NIC (>) have a "
				 "verdict",
				 a.verdict);
	while (a.times--) {
		struct seen *s = await_packet(p, &t);
		char text[600];
		bool ok;

		if (!s)
			return false;
		ok = match(p, &t, &a, e, s);
		play_note_taken(p, s);
		play_trace(p, "  %s", play_show(s, text, sizeof(text)));
		free(s);
		if (!ok)
			return false;
		t.v[F_PSN] = psn_add((uint32_t)t.v[F_PSN], 1);
	}
	return true;
}
