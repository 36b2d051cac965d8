/* Conversations that keep the rules, and accidents that are nobody's fault:
 * none of them may be blamed on anyone.
 */
#include "tests/unit/trace/talk.h"

static void send_all(struct talk *t)
{
	greet(t);
	ask(t, A, OP_SEND_FIRST, 103, PMTU);
	ask(t, A, OP_SEND_LAST_IMM, 104, PMTU);
	ask(t, A, OP_SEND_ONLY, 105, 0);
	ask(t, A, OP_SEND_ONLY_IMM, 106, 3);
	ask(t, A, OP_SEND_ONLY_INV, 107, PMTU);
	ask(t, A, OP_SEND_FIRST, 108, PMTU);
	ask(t, A, OP_SEND_LAST_INV, 109, 1);
	ack(t, 109, 6); /* one for all */
}

static void write_all(struct talk *t)
{
	ask_memory(t, OP_WRITE_FIRST, 100, 0, 2 * PMTU + 5, PMTU);
	ask(t, A, OP_WRITE_MIDDLE, 101, PMTU);
	ask(t, A, OP_WRITE_LAST, 102, 5);
	ack(t, 102, 1);
	ask_memory(t, OP_WRITE_ONLY, 103, 0, 0, 0);
	ask_memory(t, OP_WRITE_ONLY_IMM, 104, 0, 64, 64);
	ask_memory(t, OP_WRITE_FIRST, 105, 0, 2 * PMTU, PMTU);
	ask(t, A, OP_WRITE_LAST_IMM, 106, PMTU);
	ack(t, 103, 4); /* the MSN may be ahead of the PSN */
	ack(t, 106, 4);
}

static void read_three(struct talk *t, uint32_t psn, uint32_t msn)
{
	read_response(t, OP_READ_RESPONSE_FIRST, psn, msn, PMTU);
	read_response(t, OP_READ_RESPONSE_MIDDLE, psn + 1, 0, PMTU);
	read_response(t, OP_READ_RESPONSE_LAST, psn + 2, msn, 5);
}

static void read_all(struct talk *t)
{
	read_request(t, 100, 0x1000, 2 * PMTU + 5);
	read_request(t, 103, 0x1000, 0);
	read_three(t, 100, 1);
	read_response(t, OP_READ_RESPONSE_ONLY, 103, 2, 0);
	read_request(t, 104, 0x1000, 2 * PMTU + 5);
	send_only(t, 107);
	read_three(t, 104, 2); /* the MSN counts a READ with its last packet */
	ack(t, 107, 4);
}

static void atomics(struct talk *t)
{
	atomic(t, 100, 0x1000);
	atomic_ack(t, 100, 1);
	ask_memory(t, OP_ATOMIC_WRITE, 101, 0x1000, 8, 8);
	ask_memory(t, OP_FLUSH, 102, 0x1000, 64, 0);
	read_response(t, OP_READ_RESPONSE_ONLY, 101, 2, 0);
	read_response(t, OP_READ_RESPONSE_ONLY, 102, 3, 0);
}

static void xrc(struct talk *t)
{
	t->transport = TRANSPORT_XRC;
	send_all(t);
}

static void both_directions(struct talk *t)
{
	greet(t);
	ask(t, B, OP_SEND_ONLY, 900, 64);
	answer(t, A, OP_ACKNOWLEDGE, 900, CREDITS_UNLIMITED, 1, 0);
	send_only(t, 103);
	ack(t, 103, 2);
	ask(t, B, OP_SEND_ONLY, 901, 64);
	answer(t, A, OP_ACKNOWLEDGE, 901, CREDITS_UNLIMITED, 2, 0);
}

static void to_itself(struct talk *t)
{
	t->to_itself = true;
	both_directions(t);
	read_request(t, 104, 0x1000, 0);
	ask(t, B, OP_SEND_ONLY, 902, 64);
	read_response(t, OP_READ_RESPONSE_ONLY, 104, 3, 0);
	answer(t, A, OP_ACKNOWLEDGE, 902, CREDITS_UNLIMITED, 3, 0);
}

/* One QP, connected with itself. */
static void qp_to_itself(struct talk *t)
{
	t->to_itself = true;
	t->qpn[A] = t->qpn[B] = 0x11;
	send_all(t);
}

/* A network so long that much is on its way when the NAK comes. */
static void fatal_far_away(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	nak(t, NAK_REMOTE_ACCESS, 103, 1);
	for (uint32_t psn = 104; psn < 200; psn++)
		send_only(t, psn);
}

static void psn_wraps(struct talk *t)
{
	ask(t, A, OP_SEND_FIRST, 0xfffffe, PMTU);
	ask(t, A, OP_SEND_MIDDLE, 0xffffff, PMTU);
	ask(t, A, OP_SEND_LAST, 0, 9);
	send_only(t, 1);
	ack(t, 0, 1);
	ack(t, 1, 2);
}

/* Lost in front of the sniffer: NAK, and back. */
static void loss_before(struct talk *t)
{
	greet(t);
	send_only(t, 104);
	nak(t, NAK_PSN_SEQUENCE, 103, 1);
	send_only(t, 103);
	send_only(t, 104);
	ack(t, 104, 3);
}

/* Lost behind it, and the second time, too; then a new NAK is due. */
static void loss_behind(struct talk *t)
{
	greet(t);
	for (int i = 0; i < 3; i++) {
		send_only(t, 103);
		send_only(t, 104);
		nak(t, NAK_PSN_SEQUENCE, 103, 1);
	}
	send_only(t, 103);
	send_only(t, 104);
	ack(t, 104, 3);
}

static void ack_lost(struct talk *t)
{
	greet(t);
	wait_usec(t, 67000);
	ask(t, A, OP_SEND_LAST, 102, 100);
	ack(t, 102, 1);
	send_only(t, 103);
	ack(t, 103, 2);
}

static void rnr_waits(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104); /* discarded without a word */
	rnr(t, 103, 1);
	wait_usec(t, 640);
	send_only(t, 103);
	send_only(t, 104);
	ack(t, 104, 3);
}

/* The RNR NAK got lost: the requester's own timer is shorter than its. */
static void rnr_lost(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	answer(t, B, OP_ACKNOWLEDGE, 103, aeth_syndrome(AETH_RNR, 0), 1, 0);
	wait_usec(t, 67000);
	send_only(t, 103);
	wait_usec(t, 67000);
	send_only(t, 103);
	answer(t, B, OP_ACKNOWLEDGE, 103, aeth_syndrome(AETH_RNR, 0), 1, 0);
	/* Elsewhere, something shows that the network loses packets. */
	wait_usec(t, 700000);
	send_only(t, 103);
	ack(t, 103, 2);
	send_only(t, 104);
	wait_usec(t, 67000);
	send_only(t, 104);
	ack(t, 104, 3);
}

/* A READ's responses got lost from the second on. */
static void read_again(struct talk *t)
{
	greet(t);
	read_request(t, 103, 0x1000, 2 * PMTU + 5);
	read_response(t, OP_READ_RESPONSE_FIRST, 103, 2, PMTU);
	wait_usec(t, 67000);
	read_request(t, 104, 0x1000 + PMTU, PMTU + 5);
	read_response(t, OP_READ_RESPONSE_FIRST, 104, 2, PMTU);
	read_response(t, OP_READ_RESPONSE_LAST, 105, 2, 5);
	send_only(t, 106);
	ack(t, 106, 3);
}

static void fatal_and_silent(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	nak(t, NAK_REMOTE_ACCESS, 103, 1);
	send_only(t, 105); /* was on its way */
}

/* The requester never got the NAK. */
static void fatal_lost(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	nak(t, NAK_REMOTE_ACCESS, 103, 1);
	wait_usec(t, 300);
	send_only(t, 104);
	wait_usec(t, 67000);
	send_only(t, 103);
	send_only(t, 104);
}

static void seen_from_the_middle(struct talk *t)
{
	ask(t, A, OP_SEND_MIDDLE, 500, PMTU);
	ask(t, A, OP_SEND_LAST, 501, 8);
	ack(t, 490, 70);
	ack(t, 501, 77);
	send_only(t, 502);
	ack(t, 502, 78);
}

static void sniffer_missed_request(struct talk *t)
{
	greet(t);
	t->unseen = true;
	send_only(t, 103);
	t->unseen = false;
	ack(t, 103, 2);
	send_only(t, 104);
	ack(t, 104, 3);
}

static void sniffer_missed_middle(struct talk *t)
{
	greet(t);
	ask(t, A, OP_SEND_FIRST, 103, PMTU);
	ask(t, A, OP_SEND_LAST, 105, 8);
	ack(t, 105, 2);
}

static void sniffer_missed_read(struct talk *t)
{
	greet(t);
	read_three(t, 103, 2);
	send_only(t, 106);
	ack(t, 106, 3);
}

static void copies(struct talk *t)
{
	greet(t);
	make(t, A, request(OP_SEND_ONLY, 104), 64);
	emit_times(t, A, true);
	make(t, B,
	     (struct roce){
		     .bth = {.opcode = OP_ACKNOWLEDGE, .psn = 103},
		     .aeth = {.syndrome = aeth_syndrome(AETH_NAK, 0), .msn = 1},
	     },
	     0);
	emit_times(t, B, true);
	cr_assert_eq(t->note, NOTE_COPY);
}

/* As fast as a copy, and without an identification that would tell, but asked
 * for by the NAK: as on a machine's loopback.
 */
Test(check_clean, asked_for_is_no_copy)
{
	struct talk t;

	talk_begin(&t);
	t.constant_id = true;
	greet(&t);
	send_only(&t, 103);
	nak(&t, NAK_PSN_SEQUENCE, 103, 1);
	t.nsec -= 5 * USEC;
	send_only(&t, 103);
	cr_assert_eq(t.note, NOTE_RETRANSMISSION);
	talk_end(&t);
}

/* The same QPNs, a new connection; far from the old PSNs, or just there. */
static void connect_again(struct talk *t, uint32_t psn)
{
	greet(t);
	send_only(t, 103);
	ack(t, 103, 2);
	wait_usec(t, 500000);
	ask(t, A, OP_SEND_ONLY, psn, 8);
	ack(t, psn, 1);
	ask(t, A, OP_SEND_ONLY, psn + 1, 8);
	ack(t, psn + 1, 2);
}

static void connect_again_far(struct talk *t)
{
	connect_again(t, 9000000);
}

static void connect_again_same(struct talk *t)
{
	connect_again(t, 100);
}

static void connect_again_near(struct talk *t)
{
	connect_again(t, 120);
}

/* Two connections whose PSNs are the same; and ports do not tell. */
static void two_alike(struct talk *t)
{
	for (uint32_t psn = 0; psn < 30; psn++) {
		for (uint32_t qp = 0; qp < 2; qp++) {
			t->qpn[A] = 0x21 + qp;
			t->qpn[B] = 0x31 + qp;
			ask(t, A, OP_SEND_ONLY, psn, 8 + 8 * qp);
		}
		for (uint32_t qp = 0; qp < 2; qp++) {
			t->qpn[A] = 0x22 - qp;
			t->qpn[B] = 0x32 - qp;
			ack(t, psn, psn + 1);
		}
	}
}

static void uc_with_loss(struct talk *t)
{
	t->transport = TRANSPORT_UC;
	ask(t, A, OP_SEND_FIRST, 100, PMTU);
	ask(t, A, OP_SEND_LAST, 102, 4);
	ask(t, A, OP_SEND_ONLY, 103, 4);
	ask_memory(t, OP_WRITE_FIRST, 110, 0, 3 * PMTU, PMTU);
	ask(t, A, OP_WRITE_LAST, 112, PMTU);
	wait_usec(t, 100);
	ask(t, A, OP_SEND_ONLY, 103, 8); /* a new run */
}

static void datagrams(struct talk *t)
{
	for (uint32_t psn = 7; psn < 9; psn -= 3) { /* any order */
		struct roce r = {
			.bth = {.opcode = TRANSPORT_UD | OP_SEND_ONLY,
				.psn = psn},
			.deth = {.qkey = 1, .sqpn = 0x11},
		};

		make(t, A, r, 4096);
		emit(t, A);
	}
}

static void congestion(struct talk *t)
{
	struct roce r = {.bth = {.opcode = OPCODE_CNP, .becn = true}};

	greet(t);
	make(t, B, r, CNP_PAD_LEN);
	emit(t, B);
	cr_assert_eq(t->note, NOTE_CNP);
	send_only(t, 103);
	ack(t, 103, 2);
}

static void vendor_opcode(struct talk *t)
{
	greet(t);
	make(t, A, request(OP_SEND_ONLY, 103), 64);
	t->data[0] = 0xe4;
	emit(t, A);
	send_only(t, 103);
	ack(t, 103, 2);
}

static void credits_kept(struct talk *t)
{
	send_only(t, 100);
	answer(t, B, OP_ACKNOWLEDGE, 100, 2, 1, 0);
	wait_usec(t, 300);
	send_only(t, 101);
	send_only(t, 102);
	send_only(t, 103);
	ask_memory(t, OP_WRITE_ONLY, 104, 0, 8, 8); /* needs no credit */
	answer(t, B, OP_ACKNOWLEDGE, 104, 2, 5, 0);
	wait_usec(t, 300);
	send_only(t, 105);
}

/* A sniffer with several queues, or on both directions of a link. */
static void sniffer_mixes_up(struct talk *t)
{
	greet(t);
	ack(t, 103, 2);
	send_only(t, 103);
	send_only(t, 104);
	ack(t, 104, 3);
	ack(t, 105, 4);
	wait_usec(t, 100);
	send_only(t, 105);
	send_only(t, 106);
	ack(t, 106, 5);
}

static void at_once(struct talk *t)
{
	wait_usec(t, -10);
}

/* All packets have the same time. */
static void no_clock(struct talk *t)
{
	send_only(t, 100);
	at_once(t);
	rnr(t, 100, 0);
	at_once(t);
	send_only(t, 100);
	at_once(t);
	ack(t, 100, 1);
}

/* A NAK and what it brings about have the same time, as the sniffer got them in
 * one go.
 */
static void coarse_clock(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	nak(t, NAK_PSN_SEQUENCE, 103, 1);
	at_once(t);
	send_only(t, 103); /* lost behind the sniffer, again */
	send_only(t, 104);
	nak(t, NAK_PSN_SEQUENCE, 103, 1);
	at_once(t);
	send_only(t, 103);
	send_only(t, 104);
	ack(t, 104, 3);
}

static void lost_before_twice(struct talk *t)
{
	greet(t);
	send_only(t, 104);
	send_only(t, 105);
	nak(t, NAK_PSN_SEQUENCE, 103, 1);
	send_only(t, 104);
	send_only(t, 105);
	nak(t, NAK_PSN_SEQUENCE, 103, 1);
	send_only(t, 103);
	send_only(t, 104);
	send_only(t, 105);
	ack(t, 105, 4);
}

/* A sniffer on two ports of a slow bridge: even of the first packets. */
static void late_copies(struct talk *t)
{
	send_only(t, 100);
	wait_usec(t, 50);
	t->id[A]--;
	send_only(t, 100);
	cr_assert_eq(t->note, NOTE_COPY);
	send_only(t, 102);
	nak(t, NAK_PSN_SEQUENCE, 101, 1);
	wait_usec(t, 50);
	t->id[B]--;
	nak(t, NAK_PSN_SEQUENCE, 101, 1);
	cr_assert_eq(t->note, NOTE_COPY);
	send_only(t, 101);
	send_only(t, 102);
	ack(t, 102, 3);
}

static const struct {
	const char *name;
	void (*story)(struct talk *t);
} stories[] = {
#define STORY(name)         \
	{                   \
#name, name \
	}
	STORY(send_all),
	STORY(write_all),
	STORY(read_all),
	STORY(atomics),
	STORY(xrc),
	STORY(both_directions),
	STORY(to_itself),
	STORY(qp_to_itself),
	STORY(fatal_far_away),
	STORY(psn_wraps),
	STORY(loss_before),
	STORY(loss_behind),
	STORY(ack_lost),
	STORY(rnr_waits),
	STORY(rnr_lost),
	STORY(read_again),
	STORY(fatal_and_silent),
	STORY(fatal_lost),
	STORY(seen_from_the_middle),
	STORY(sniffer_missed_request),
	STORY(sniffer_missed_middle),
	STORY(sniffer_missed_read),
	STORY(copies),
	STORY(connect_again_far),
	STORY(connect_again_same),
	STORY(connect_again_near),
	STORY(two_alike),
	STORY(uc_with_loss),
	STORY(datagrams),
	STORY(congestion),
	STORY(vendor_opcode),
	STORY(credits_kept),
	STORY(sniffer_mixes_up),
	STORY(no_clock),
	STORY(coarse_clock),
	STORY(lost_before_twice),
	STORY(late_copies),
};

static size_t violations_of(void (*story)(struct talk *t), bool constant_id)
{
	const struct report *report;
	struct talk t;
	size_t n;

	talk_begin(&t);
	t.constant_id = constant_id;
	story(&t);
	report = check_finish(t.check);
	n = report_count(report);
	for (size_t i = 0; i < report_stored(report); i++)
		report_print(report_get(report, i), stderr);
	talk_end(&t);
	return n;
}

Test(check_clean, nobody_is_blamed)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		cr_expect_eq(violations_of(stories[i].story, false), 0, "%s",
			     stories[i].name);
}

/* As hardware does it, so that retransmissions look like copies. */
Test(check_clean, nobody_is_blamed_without_ip_identification)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++)
		if (stories[i].story != copies &&
		    stories[i].story != late_copies)
			cr_expect_eq(violations_of(stories[i].story, true), 0,
				     "%s", stories[i].name);
}
