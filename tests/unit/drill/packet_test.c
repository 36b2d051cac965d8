/* What wire/print.c prints of a packet is a drill's line for that packet. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "drill/names.h"
#include "drill/packet.h"
#include "nic/base/random.h"
#include "wire/aeth.h"
#include "wire/print.h"

TestSuite(packet, .timeout = 120);

static struct packet_text want, got;
static char why[WORDS_WHY_MAX];

static bool look_up(void *ctx, const char *text, const char *attr,
		    uint64_t *value, char *reason)
{
	static const struct names none;

	return names_value(&none, text, attr, value, reason);
}

/* 1 or false: @why. */
static bool parse(const char *line, struct packet_text *p)
{
	static struct words w;
	int took = 1;

	memset(p, 0, sizeof(*p));
	if (!words_split(&w, line, why) ||
	    !packet_opcode(w.w[0].text, TRANSPORT_RC, &p->opcode, why))
		return false;
	for (unsigned i = 1; i < w.n && took == 1; i++) {
		took = packet_take(p, &w.w[i], look_up, NULL, why);
		if (!took)
			snprintf(why, sizeof(why), "%s: no field", w.w[i].text);
	}
	return took == 1;
}

static const uint8_t payload[4096];

/* Any values in all that opcode @op has. */
static struct roce any_packet(struct random *g, unsigned op)
{
	uint64_t a = random_next(g), b = random_next(g), c = random_next(g);

	return (struct roce){
		.bth = {.opcode = (uint8_t)op,
			.dqpn = a & 0xffffff,
			.psn = b & 0xffffff,
			.ackreq = a >> 24 & 1,
			.se = a >> 25 & 1,
			.fecn = a >> 26 & 1,
			.becn = a >> 27 & 1,
			.migreq = a >> 28 & 1,
			.pkey = a >> 29 & 1 ? PKEY_DEFAULT : (uint16_t)c,
			.pad = b >> 24 & 3,
			.resv6 = b >> 26 & 63,
			.resv7 = b >> 32 & 127},
		.op = opcode_find((uint8_t)op),
		.srqn = c & 0xffffff,
		.deth = {(uint32_t)random_next(g), a >> 40},
		.feth = {b >> 40 & 15, b >> 44 & 3},
		.reth = {random_next(g), (uint32_t)a, (uint32_t)b},
		.atomic = {random_next(g), (uint32_t)c, random_next(g),
			   random_next(g)},
		.aeth = {b >> 48 & 127, c >> 40},
		.orig = random_next(g),
		.imm = (uint32_t)random_next(g),
		.inv_rkey = (uint32_t)random_next(g),
		.payload = {payload, a % sizeof(payload)},
	};
}

static void fill_in(struct packet_text *p)
{
	if (!packet_gives(p, F_MIGREQ))
		packet_set(p, F_MIGREQ, 1);
	if (!packet_gives(p, F_PKEY))
		packet_set(p, F_PKEY, PKEY_DEFAULT);
}

/* The line is accepted, matches the packet, and makes it again. */
static void round_trip(struct roce *r)
{
	uint8_t a[ROCE_HEAD_MAX], b[ROCE_HEAD_MAX];
	struct roce again;
	char line[512];
	size_t n;

	if (!(r->op->flags & HAS_PAYLOAD))
		r->payload = (struct span){0};
	roce_print(r, line, sizeof(line));
	cr_assert(parse(line, &want), "%s: %s", line, why);
	packet_from_roce(&got, r);
	cr_assert(packet_match(&want, &got, why), "%s: %s", line, why);
	fill_in(&want);
	packet_to_roce(&want, &again);
	n = roce_encode_head(r, a);
	cr_assert_eq(roce_encode_head(&again, b), n);
	cr_assert_arr_eq(a, b, n, "%s", line);
	cr_assert_eq(again.payload.len, r->payload.len);
}

Test(packet, what_is_printed_is_a_line_of_the_language)
{
	struct random g = {1};

	for (unsigned op = 0; op < 256; op++)
		for (unsigned i = 0; opcode_find((uint8_t)op) && i < 200; i++) {
			struct roce r = any_packet(&g, op);

			round_trip(&r);
		}
}

/* A field of another value is noticed, and named. */
Test(packet, each_field_that_is_given_matters)
{
	struct random g = {1};

	for (unsigned op = 0; op < 256; op++) {
		struct roce r = any_packet(&g, op);
		char line[512];

		if (!r.op)
			continue;
		roce_print(&r, line, sizeof(line));
		cr_assert(parse(line, &want), "%s: %s", line, why);
		for (unsigned f = 0; f < F_N; f++) {
			if (!packet_gives(&want, (enum field)f))
				continue;
			packet_from_roce(&got, &r);
			got.v[f] ^= 1;
			cr_expect_not(packet_match(&want, &got, why));
			cr_expect_eq(strncmp(why, packet_field_name(f),
					     strlen(packet_field_name(f))),
				     0, "%s: %s", line, why);
		}
	}
}

Test(packet, opcodes)
{
	uint8_t op;

	cr_expect(packet_opcode("SEND_ONLY", TRANSPORT_UC, &op, why));
	cr_expect_eq(op, 0x24);
	cr_expect(packet_opcode("UD_SEND_ONLY", TRANSPORT_RC, &op, why));
	cr_expect_eq(op, 0x64);
	cr_expect(packet_opcode("CNP", TRANSPORT_RC, &op, why));
	cr_expect_eq(op, OPCODE_CNP);
	cr_expect(packet_opcode("OPCODE_0xff", TRANSPORT_RC, &op, why));
	cr_expect_eq(op, 0xff);
	cr_expect_not(packet_opcode("OPCODE_0x100", TRANSPORT_RC, &op, why));
	cr_expect_not(packet_opcode("READ_REQUEST", TRANSPORT_UD, &op, why));
	cr_expect_not(packet_opcode("RC_SEND_ONY", TRANSPORT_UD, &op, why));
	cr_expect_str_eq(why, "RC_SEND_ONY: no such opcode; did you mean "
			      "RC_SEND_ONLY?");
}

Test(packet, values_that_do_not_fit)
{
	static const char *const bad[][2] = {
		{"SEND_ONLY psn=0x1000000", "0x1000000: more than 24 bits"},
		{"SEND_ONLY pkey=65536", "65536: more than 16 bits"},
		{"SEND_ONLY pad=4", "4: more than 2 bits"},
		{"ACKNOWLEDGE credits=32", "credits=32: not in 0 to 31"},
		{"ACKNOWLEDGE nak=nobody", "nak=nobody: not in 0 to 31"},
		{"SEND_ONLY psn=x", "x: nothing of that name has a psn"},
		{"SEND_ONLY data=count", "count: of how many bytes? write "
					 "payload=N before it"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_expect_not(parse(bad[i][0], &want), "%s", bad[i][0]);
		cr_expect_str_eq(why, bad[i][1]);
	}
}

Test(packet, data_is_compared_only_if_it_was_written)
{
	struct roce r = {.bth.opcode = 0x04,
			 .op = opcode_find(0x04),
			 .payload = {payload, 4}};

	packet_from_roce(&got, &r);
	cr_assert(parse("SEND_ONLY payload=4", &want));
	cr_expect(packet_match(&want, &got, why));
	cr_assert(parse("SEND_ONLY data=00000000", &want));
	cr_expect(packet_match(&want, &got, why));
	cr_assert(parse("SEND_ONLY data=00000001", &want));
	cr_expect_not(packet_match(&want, &got, why));
	cr_expect_str_eq(why, "data[3]: expected 0x01, got 0x00");
	cr_assert(parse("SEND_ONLY data=000000", &want));
	cr_expect_not(packet_match(&want, &got, why));
	cr_expect_str_eq(why, "payload: expected 3, got 4");
}
