/* What is counted of a connection. */
#include <stdlib.h>
#include "tests/unit/trace/talk.h"
#include "trace/flow.h"
#include "trace/stats.h"

static struct talk t;
static struct stats *stats;
static char *json;

static void on_packet(struct talk *talk, const struct packet *p)
{
	cr_assert(stats_add(stats, p, talk->note, check_stream(talk->check)));
}

static void setup(void)
{
	talk_begin(&t);
	t.on_packet = on_packet;
	stats = stats_new();
	cr_assert(stats);
}

static void teardown(void)
{
	talk_end(&t);
	stats_free(stats);
	free(json);
}

TestSuite(stats, .init = setup, .fini = teardown);

/* Both flows of the one connection: that of A and that of B. */
static const char *flow_of_a, *flow_of_b;

static void finish(void)
{
	size_t len;
	FILE *to = open_memstream(&json, &len);

	stats_json(stats, to);
	fclose(to);
	flow_of_a = strstr(json, "{\"src\":\"10.0.0.1\"");
	flow_of_b = strstr(json, "{\"src\":\"10.0.0.2\"");
	cr_assert(flow_of_a);
}

static void expect(const char *flow, const char *name, uint64_t want)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(flow, key);
	cr_assert(at, "no %s in %s", name, flow);
	cr_assert_eq(strtoull(at + strlen(key), NULL, 10), want,
		     "%s is not %llu in %s", name, (unsigned long long)want,
		     flow);
}

Test(stats, messages_and_the_time_of_their_answer)
{
	greet(&t); /* three packets, 2 * 1024 + 100 bytes; the ACK 10 us later
		    */
	send_only(&t, 103);
	wait_usec(&t, 20);
	ack(&t, 103, 2);
	finish();
	expect(flow_of_a, "packets", 4);
	expect(flow_of_a, "requests", 4);
	expect(flow_of_a, "messages", 2);
	expect(flow_of_a, "bytes", 2 * PMTU + 100 + 64);
	expect(flow_of_a, "new_bytes", 2 * PMTU + 100 + 64);
	expect(flow_of_a, "sqpn", 0x11);
	expect(flow_of_a, "dqpn", 0x12);
	expect(flow_of_a, "rtts", 2);
	expect(flow_of_a, "rtt_min_nsec", 10 * USEC);
	expect(flow_of_a, "rtt_mean_nsec", 20 * USEC);
	expect(flow_of_a, "rtt_max_nsec", 30 * USEC);
	expect(flow_of_b, "acks", 2);
	expect(flow_of_b, "answers", 2);
	/* 2212 bytes in 70 us */
	expect(flow_of_a, "goodput_bps", 252800000);
}

Test(stats, a_lost_packet)
{
	greet(&t);
	t.unseen = true;
	send_only(&t, 103);
	t.unseen = false;
	send_only(&t, 104);
	nak(&t, NAK_PSN_SEQUENCE, 103, 1);
	wait_usec(&t, 100);
	send_only(&t, 103);
	send_only(&t, 104);
	ack(&t, 104, 3);
	finish();
	expect(flow_of_a, "retransmissions", 2);
	expect(flow_of_a, "out_of_order", 1);
	expect(flow_of_a, "messages", 3);
	expect(flow_of_a, "bytes", 2 * PMTU + 100 + 3 * 64);
	expect(flow_of_a, "new_bytes", 2 * PMTU + 100 + 2 * 64);
	expect(flow_of_a, "rtts", 1); /* what was sent twice measures nothing */
	expect(flow_of_b, "sequence_naks", 1);
}

Test(stats, refusals)
{
	greet(&t);
	send_only(&t, 103);
	rnr(&t, 103, 1);
	wait_usec(&t, 2000);
	send_only(&t, 103);
	nak(&t, NAK_INVALID_REQUEST, 103, 1);
	finish();
	expect(flow_of_b, "rnr_naks", 1);
	expect(flow_of_b, "fatal_naks", 1);
	expect(flow_of_b, "sequence_naks", 0);
}

Test(stats, a_read_and_what_comes_again_of_it)
{
	greet(&t);
	read_request(&t, 103, 0x1000, 2 * PMTU + 5);
	read_response(&t, OP_READ_RESPONSE_FIRST, 103, 2, PMTU);
	read_response(&t, OP_READ_RESPONSE_MIDDLE, 104, 0, PMTU);
	wait_usec(&t, 1000);
	read_request(&t, 104, 0x1000 + PMTU, PMTU + 5);
	read_response(&t, OP_READ_RESPONSE_FIRST, 104, 2, PMTU);
	read_response(&t, OP_READ_RESPONSE_LAST, 105, 2, 5);
	finish();
	expect(flow_of_a, "messages", 2);
	expect(flow_of_a, "retransmissions", 1);
	expect(flow_of_b, "bytes", 3 * PMTU + 5);
	expect(flow_of_b, "new_bytes", 2 * PMTU + 5);
}

Test(stats, congestion)
{
	struct roce cnp = {.bth = {.opcode = OPCODE_CNP, .becn = true}};

	greet(&t);
	send_only(&t, 103);
	ack(&t, 103, 2);
	make(&t, B, cnp, CNP_PAD_LEN);
	emit(&t, B);
	finish();
	expect(flow_of_b, "cnps", 1);
	expect(flow_of_a, "cnps", 0);
}

Test(stats, who_is_not_answered_stands_alone)
{
	t.transport = TRANSPORT_UC;
	ask(&t, A, OP_SEND_ONLY, 7, 10);
	finish();
	cr_assert_null(flow_of_b);
	cr_assert(strstr(json, "\"transport\":\"UC\""));
	cr_assert(strstr(json, "\"sqpn\":null"));
	expect(flow_of_a, "messages", 1);
}

Test(stats, people_read_tables)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	greet(&t);
	t.bad_icrc = true;
	send_only(&t, 103);
	stats_print(stats, to);
	fclose(to);
	cr_assert(strstr(text, "RC 10.0.0.1 QP 0x11 and 10.0.0.2 QP 0x12"));
	cr_assert(strstr(text, "  messages                               1"));
	cr_assert(strstr(text, "1 packets belong to no connection"));
	free(text);
	finish();
}

/* Addresses of any length stand above their columns. */
Test(stats, columns_are_as_wide_as_the_addresses)
{
	struct flow a = {.packets = 3}, b = {.packets = 1};
	char *text = NULL, *from, *packets;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	memset(a.key.src.b, 0x22, sizeof(a.key.src.b));
	a.key.dst = ip_from_v4((const uint8_t[]){10, 0, 0, 2});
	connection_print(&a, &b, to);
	fclose(to);
	from = strstr(text, "  from");
	packets = strstr(text, "  packets");
	cr_assert(from && packets);
	cr_assert_eq(strcspn(from, "\n"), strcspn(packets, "\n"));
	free(text);
}
