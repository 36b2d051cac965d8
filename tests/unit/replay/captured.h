/* Captures in the words of drills, for tests: a line is a packet of the
 * requester
 * (">", 10.0.0.1, QP 0x11) or of the responder ("<", 10.0.0.2, QP 0x12), each
 * 10 us after the one before; "wait TIME" is more.
 */
#ifndef TESTS_UNIT_REPLAY_CAPTURED_H
#define TESTS_UNIT_REPLAY_CAPTURED_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "drill/packet.h"
#include "replay/replay.h"
#include "wire/aeth.h"
#include "wire/bth.h"

#define LINES_MAX 400u

struct captured {
	struct packet packet[LINES_MAX];
	unsigned n, at;
	enum transport transport;
	int64_t nsec;
	char *said; /* the account of the last replay */
};

static bool no_names(void *ctx, const char *text, const char *attr,
		     uint64_t *value, char *why)
{
	return words_number(text, value);
}

static inline void preset(struct packet_text *t, enum field f, uint64_t v)
{
	if (!packet_gives(t, f) && packet_has(t->opcode, f))
		packet_set(t, f, v);
}

/* As a drill's line would be filled in. */
static inline void fill_in(struct packet_text *t, bool asks)
{
	preset(t, F_DQPN, asks ? 0x12 : 0x11);
	preset(t, F_SQPN, 0x11);
	preset(t, F_QKEY, 0x11111111);
	preset(t, F_MIGREQ, 1);
	preset(t, F_PKEY, PKEY_DEFAULT);
	preset(t, F_LEN, t->v[F_PAYLOAD]);
	preset(t, F_KIND, AETH_ACK);
	preset(t, F_VALUE, CREDITS_UNLIMITED);
	preset(t, F_RKEY, 0x700);
	preset(t, F_PAD, -t->v[F_PAYLOAD] & 3);
	if (!t->has_data)
		for (size_t i = 0; i < t->v[F_PAYLOAD]; i++)
			t->data[i] = (uint8_t)(i * 7 + t->v[F_PSN]);
}

static inline void add_packet(struct captured *c, const struct packet_text *t,
			      bool asks)
{
	static const uint8_t addr[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
	struct packet *p = &c->packet[c->n];
	uint8_t *data = malloc(ROCE_HEAD_MAX + t->v[F_PAYLOAD] + 4);
	struct roce r;
	size_t n;

	cr_assert(data && c->n < LINES_MAX);
	packet_to_roce(t, &r);
	n = roce_encode_head(&r, data);
	memcpy(data + n, t->data, r.payload.len);
	memset(data + n + r.payload.len, 0, r.bth.pad);
	*p = (struct packet){
		.frame = ++c->n,
		.nsec = c->nsec += 10000,
		.ip = {.src = ip_from_v4(addr[!asks]),
		       .dst = ip_from_v4(addr[asks]),
		       .version = 4,
		       .id = (uint16_t)c->n},
		.udp = {.sport = 50000},
		.data = {data, n + r.payload.len + r.bth.pad},
		.icrc_received = c->n,
	};
	p->drop = roce_decode(&p->roce, p->data);
	cr_assert_eq(p->drop, DROP_NONE, "packet %u: %s", c->n,
		     drop_text(p->drop));
}

static inline void add_line(struct captured *c, const char *line)
{
	static struct packet_text t;
	char why[WORDS_WHY_MAX];
	struct words w;
	nsec_t wait;

	cr_assert(words_split(&w, line, why), "%s: %s", line, why);
	if (!strcmp(w.w[0].text, "wait")) {
		cr_assert(words_time(w.w[1].text, &wait));
		c->nsec += (int64_t)wait;
		return;
	}
	memset(&t, 0, sizeof(t));
	cr_assert(packet_opcode(w.w[1].text, c->transport, &t.opcode, why),
		  "%s: %s", line, why);
	for (unsigned i = 2; i < w.n; i++)
		cr_assert_eq(packet_take(&t, &w.w[i], no_names, NULL, why), 1,
			     "%s: %s", line, w.w[i].text);
	fill_in(&t, w.w[0].text[0] == '>');
	add_packet(c, &t, w.w[0].text[0] == '>');
}

/* @lines end with NULL. */
static inline void capture(struct captured *c, enum transport t,
			   const char *const *lines)
{
	*c = (struct captured){.transport = t, .nsec = 1700000000000000000};
	for (; *lines; lines++)
		add_line(c, *lines);
}

static inline void captured_free(struct captured *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free((void *)c->packet[i].data.p);
	free(c->said);
}

static bool captured_rewind(void *ctx, char why[REPLAY_WHY_MAX])
{
	((struct captured *)ctx)->at = 0;
	return true;
}

static int captured_next(void *ctx, struct packet *p, char why[REPLAY_WHY_MAX])
{
	struct captured *c = ctx;

	if (c->at == c->n)
		return 0;
	*p = c->packet[c->at++];
	return 1;
}

/* Replays it from @side; returns what replay() does. */
static inline int replay_as(struct captured *c, enum side side)
{
	struct replay_source source = {c, captured_rewind, captured_next,
				       NULL};
	struct replay_options o = {.spec = "", .verbose = true};
	char why[REPLAY_WHY_MAX];
	size_t size;
	int faults;

	setenv("GLASSNIC_LOG", "error", 0);
	free(c->said);
	o.side[side] = true;
	o.out = open_memstream(&c->said, &size);
	cr_assert(o.out);
	faults = replay(&source, &o, why);
	fclose(o.out);
	cr_assert_geq(faults, 0, "%s", why);
	return faults;
}

static inline void expect_said(const struct captured *c, const char *words)
{
	cr_expect(strstr(c->said, words), "no \"%s\" in:\n%s", words, c->said);
}

/* From that side: no fault, and @words are in the account. */
static inline void expect_replay(enum transport t, const char *const *lines,
				 enum side side, const char *words)
{
	static struct captured c;

	capture(&c, t, lines);
	cr_expect_eq(replay_as(&c, side), 0, "%s", c.said);
	expect_said(&c, words);
	captured_free(&c);
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
