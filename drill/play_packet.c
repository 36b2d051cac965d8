/* Packets to the NIC (">") and from it ("<"). */
#include <stdlib.h>
#include <string.h>
#include "drill/player.h"
#include "nic/base/nearest.h"
#include "wire/aeth.h"
#include "wire/print.h"

#define SPORT	  50000u
#define TIMES_MAX 100000u

/* What a packet line says beside fields. */
struct around {
	struct tamper tamper;
	struct ip_addr src, dst;
	bool has_src, has_dst;
	uint64_t times;
	uint64_t strip; /* bytes that it lacks at the end, before the ICRC */
	const char *verdict; /* behind "=>"; NULL: it is to be accepted */
};

/* For packet_take: names mean other things at the other end. */
struct lookup {
	struct player *p;
	bool to_nic;
};

/* A QP's name is its number at the end that the field is about. */
static bool look_up(void *ctx, const char *text, const char *attr,
		    uint64_t *value, char *why)
{
	struct lookup *l = ctx;

	if (!strcmp(attr, "qpn"))
		attr = l->to_nic ? "qpn" : "own";
	else if (!strcmp(attr, "sqpn"))
		attr = l->to_nic ? "own" : "qpn";
	return names_value(&l->p->names, text, attr, value, why);
}

/* ---- what is not a field
 * --------------------------------------------------------------- */

static const struct {
	const char *name;
	enum layer layer;
} layers[] = {
	{"eth[", L_ETH},	   {"ip[", L_IP},
	{"udp[", L_UDP},	   {"outer_eth[", L_OUTER_ETH},
	{"outer_ip[", L_OUTER_IP}, {"outer_udp[", L_OUTER_UDP},
	{"vxlan[", L_VXLAN},
};

/* "ip[9]=06": 1 taken, 0 not one, -1 wrong. */
static int take_patch(struct player *p, struct tamper *t, const struct word *w)
{
	for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
		size_t len = strlen(layers[i].name);
		uint8_t bytes[PATCHES_MAX];
		char why[WORDS_WHY_MAX], number[16];
		uint64_t offset;
		size_t n = 0;

		if (strncmp(w->text, layers[i].name, len))
			continue;
		snprintf(number, sizeof(number), "%.*s",
			 (int)strcspn(w->text + len, "]"), w->text + len);
		if (!words_number(number, &offset) || offset > 255 ||
		    !words_bytes(w->value, bytes, sizeof(bytes), &n, why) ||
		    t->n + n > PATCHES_MAX) {
			play_fail(p,
				  "%s=%s: write LAYER[OFFSET]=BYTES, at "
				  "most %u bytes in all",
				  w->text, w->value, PATCHES_MAX);
			return -1;
		}
		for (size_t k = 0; k < n; k++)
			t->patch[t->n++] = (struct patch){
				layers[i].layer, (uint16_t)(offset + k),
				bytes[k]};
		return 1;
	}
	return 0;
}

static bool take_address(struct player *p, const struct word *w,
			 struct ip_addr *a)
{
	return ip_parse(a, w->value) ||
	       play_fail(p, "%s=%s: not an address", w->text, w->value);
}

/* 1 taken, 0 not one, -1 wrong. */
static int take_around(struct player *p, struct around *a, const struct word *w)
{
	uint64_t n;

	if (!w->value)
		return 0;
	if (!strcmp(w->text, "src")) {
		a->has_src = true;
		return take_address(p, w, &a->src) ? 1 : -1;
	}
	if (!strcmp(w->text, "dst")) {
		a->has_dst = true;
		return take_address(p, w, &a->dst) ? 1 : -1;
	}
	if (!strcmp(w->text, "after") || !strcmp(w->text, "within"))
		return 1; /* play_await looks at them */
	if (!strcmp(w->text, "icrc") && !strcmp(w->value, "bad")) {
		a->tamper.bad_icrc = true;
		return 1;
	}
	if (!strcmp(w->text, "udp_checksum") && !strcmp(w->value, "good")) {
		a->tamper.udp_checksum = true;
		return 1;
	}
	if (!strcmp(w->text, "times") && words_number(w->value, &a->times) &&
	    a->times && a->times <= TIMES_MAX)
		return 1;
	if (!strcmp(w->text, "strip") && words_number(w->value, &a->strip))
		return 1;
	if (!strcmp(w->text, "cut") && words_number(w->value, &n)) {
		a->tamper.cut = n;
		return 1;
	}
	if (!strcmp(w->text, "trailer") && words_number(w->value, &n)) {
		a->tamper.trailer = n;
		return 1;
	}
	return take_patch(p, &a->tamper, w);
}

static bool no_field(struct player *p, const char *word)
{
	static const char *const others[] = {
		"data", "credits", "timer",	   "nak",     "src",
		"dst",	"after",   "within",	   "icrc",    "times",
		"cut",	"strip",   "udp_checksum", "trailer",
	};
	struct nearest near;

	nearest_init(&near, word);
	for (unsigned i = 0; packet_field_name(i); i++)
		nearest_offer(&near, packet_field_name(i));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		nearest_offer(&near, others[i]);
	if (near.best)
		return play_fail(p, "%s: no such field; did you mean %s?", word,
				 near.best);
	return play_fail(p, "%s: no such field; docs/drill.md lists them",
			 word);
}

/* ---- a line as a packet
 * ---------------------------------------------------------------- */

/* The end that the line is about: its dqpn=, or the first. */
static struct end *line_end(struct player *p)
{
	const char *name = words_get(&p->w, "dqpn");
	struct end *e = name ? play_end(p, name) : NULL;

	return e ? e : p->nend ? &p->end[0] : NULL;
}

static bool parse_words(struct player *p, struct lookup *l,
			struct packet_text *t, struct around *a)
{
	char why[WORDS_WHY_MAX];

	for (unsigned i = 2; i < p->w.n; i++) {
		const struct word *w = &p->w.w[i];
		int took;

		if (!strcmp(w->text, "=>") && i + 2 == p->w.n) {
			a->verdict = p->w.w[i + 1].text;
			return true;
		}
		took = take_around(p, a, w);
		if (took < 0)
			return false;
		if (!took)
			took = packet_take(t, w, look_up, l, why);
		if (took < 0)
			return play_fail(p, "%s: %s", w->text, why);
		if (!took)
			return no_field(p, w->text);
	}
	return true;
}

static bool parse_packet(struct player *p, struct packet_text *t,
			 struct around *a, struct end **end, bool to_nic)
{
	struct lookup l = {p, to_nic};
	char why[WORDS_WHY_MAX];

	memset(t, 0, sizeof(*t));
	*a = (struct around){
		.src = p->bench->own, .dst = p->bench->nic, .times = 1};
	*end = line_end(p);
	if (p->w.n < 2)
		return play_fail(p,
				 "which packet? write: %s OPCODE FIELD=VALUE",
				 p->w.w[0].text);
	if (!packet_opcode(p->w.w[1].text,
			   *end ? (*end)->transport : TRANSPORT_RC, &t->opcode,
			   why))
		return play_fail(p, "%s", why);
	return parse_words(p, &l, t, a);
}

/* ---- to the NIC
 * ----------------------------------------------------------------------- */

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

	if (!parse_packet(p, &t, &a, &e, true))
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

/* ---- from the NIC
 * --------------------------------------------------------------------- */

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

	if (!parse_packet(p, &t, &a, &e, false) || !check_fields(p, &t) ||
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
