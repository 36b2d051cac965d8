/* A line such as "> SEND_ONLY psn=1 payload=8 => seq_gap" becomes fields. */
#include "drill/play_packet.h"

#include <string.h>
#include "nic/base/nearest.h"

#define TIMES_MAX 100000u

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

/* ---- what is not a field ---- */

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

/* ---- a line as a packet ---- */

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

bool play_parse_packet(struct player *p, struct packet_text *t,
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
