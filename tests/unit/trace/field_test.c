/* A packet as JSON: names and forms are what users rely on. */
#include <stdlib.h>
#include "tests/unit/trace/talk.h"
#include "trace/field.h"

static char *json, *text;

static void on_packet(struct talk *t, const struct packet *p)
{
	struct fields f;
	size_t len;
	FILE *to;

	free(json);
	free(text);
	fields_of(&f, p, t->note, p->nsec - 1500);
	to = open_memstream(&json, &len);
	fields_json(&f, to);
	fclose(to);
	to = open_memstream(&text, &len);
	fields_text(&f, to);
	fclose(to);
}

static struct talk t;

static void setup(void)
{
	talk_begin(&t);
	t.on_packet = on_packet;
	t.constant_id = true;
}

static void teardown(void)
{
	talk_end(&t);
	free(json);
	free(text);
}

TestSuite(field, .init = setup, .fini = teardown);

#define IP_AND_UDP(src, dst)                               \
	"\"src\":\"10.0.0." src "\",\"dst\":\"10.0.0." dst \
	"\",\"dscp\":0,\"ecn\":\"not-ect\",\"ttl\":64,\"sport\":50000,"

static void expect_start(const char *want)
{
	cr_assert(!strncmp(json, want, strlen(want)), "%s is not %s", json,
		  want);
}

static void expect_in(const char *want)
{
	cr_assert(strstr(json, want), "no %s in %s", want, json);
}

Test(field, a_send)
{
	send_only(&t, 5);
	expect_start(
		"{\"frame\":1,\"time\":0.000001500,\"kind\":"
		"\"data\"," IP_AND_UDP(
			"1",
			"2") "\"opcode\":\"RC_SEND_ONLY\",\"opcode_number\":4,"
			     "\"dqpn\":18,\"psn\":5,\"ackreq\":true,\"se\":"
			     "false,"
			     "\"fecn\":false,\"becn\":false,\"migreq\":true,"
			     "\"pkey\":65535,\"pad\":0,\"payload\":64,"
			     "\"icrc\":\"ok\",\"icrc_value\":");
	cr_assert_str_eq(json + strlen(json) - 2, "}\n");
	cr_assert(strstr(text, "\ndqpn 0x12\npsn 5\nackreq yes\n"));
}

Test(field, a_write)
{
	ask_memory(&t, OP_WRITE_ONLY, 5, 0xffffffffffffffff, 64, 64);
	expect_in("\"va\":\"0xffffffffffffffff\",\"rkey\":7,\"dma_len\":64,"
		  "\"payload\":64");
}

Test(field, answers)
{
	send_only(&t, 5);
	ack(&t, 5, 1);
	expect_in("\"kind\":\"ack\"");
	expect_in("\"aeth\":\"ack\",\"credit_code\":31,\"msn\":1,");
	answer(&t, B, OP_ACKNOWLEDGE, 5, aeth_syndrome(AETH_ACK, 6), 1, 0);
	expect_in("\"credit_code\":6,\"credits\":8,\"msn\":1,");
	rnr(&t, 6, 1);
	expect_in("\"kind\":\"rnr\"");
	expect_in(
		"\"aeth\":\"rnr\",\"rnr_code\":12,\"rnr_usec\":640,\"msn\":1,");
	nak(&t, NAK_REMOTE_ACCESS, 6, 1);
	expect_in("\"kind\":\"nak\"");
	expect_in("\"aeth\":\"nak\",\"nak_code\":2,"
		  "\"nak\":\"remote access error\",\"msn\":1,");
}

Test(field, a_retransmission)
{
	greet(&t);
	t.note = NOTE_NONE;
	send_only(&t, 103);
	wait_usec(&t, 5000);
	send_only(&t, 103);
	expect_in("\"kind\":\"again\"");
}

Test(field, what_is_wrong)
{
	t.bad_icrc = true;
	send_only(&t, 5);
	expect_in("\"kind\":\"bad\"");
	expect_in("\"icrc\":\"bad\"");
	make(&t, A, request(OP_SEND_ONLY, 5), 8);
	t.data[0] = 0x15;
	emit(&t, A);
	expect_in("\"opcode\":\"unknown\",\"opcode_number\":21,");
	expect_in("\"undecodable\":\"opcode\"");
	t.udp_missing = 100; /* more than there is: it underflows */
	send_only(&t, 5);
	expect_in("\"undecodable\":\"udp_length\",\"icrc\":\"bad\"}");
}
