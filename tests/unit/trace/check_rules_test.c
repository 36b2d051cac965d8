/* For each rule a conversation that breaks it, and nothing else.  A story
 * returns the frame that is to blame.
 */
#include "tests/unit/trace/talk.h"

static uint64_t icrc(struct talk *t)
{
	greet(t);
	t->bad_icrc = true;
	return send_only(t, 103);
}

static uint64_t ip_length(struct talk *t)
{
	greet(t);
	t->udp_missing = 4;
	return send_only(t, 103);
}

static uint64_t opcode(struct talk *t)
{
	greet(t);
	make(t, A, request(OP_SEND_ONLY, 103), 64);
	t->data[0] = 0x15;
	return emit(t, A);
}

static uint64_t tver(struct talk *t)
{
	greet(t);
	make(t, A, request(OP_SEND_ONLY, 103), 64);
	t->data[1] |= 1;
	return emit(t, A);
}

static uint64_t pad(struct talk *t)
{
	struct roce r = request(OP_SEND_ONLY, 103);

	greet(t);
	r.bth.pad = 3;
	make(t, A, r, 0);
	return emit(t, A);
}

static uint64_t length(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return answer(t, B, OP_ACKNOWLEDGE, 103, CREDITS_UNLIMITED, 2, 4);
}

static uint64_t pad_zero(struct talk *t)
{
	greet(t);
	make(t, A, request(OP_SEND_ONLY, 103), 61);
	t->data[t->len - 1] = 1;
	return emit(t, A);
}

static uint64_t reserved(struct talk *t)
{
	struct roce r = request(OP_SEND_ONLY, 103);

	greet(t);
	r.bth.resv7 = 1;
	make(t, A, r, 64);
	return emit(t, A);
}

static uint64_t aeth_reserved(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return answer(t, B, OP_ACKNOWLEDGE, 103,
		      aeth_syndrome(AETH_RESERVED, 0), 1, 0);
}

static uint64_t nak_reserved(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return nak(t, (enum nak)7, 103, 1);
}

static uint64_t cnp(struct talk *t)
{
	struct roce r = {.bth = {.opcode = OPCODE_CNP}};

	greet(t);
	make(t, B, r, CNP_PAD_LEN); /* without BECN */
	return emit(t, B);
}

static uint64_t pkey(struct talk *t)
{
	struct roce r = request(OP_SEND_ONLY, 103);

	greet(t);
	r.bth.pkey = 0x8001;
	make(t, A, r, 64);
	return emit(t, A);
}

static uint64_t pmtu(struct talk *t)
{
	return ask(t, A, OP_SEND_FIRST, 100, 1000);
}

static uint64_t len_middle(struct talk *t)
{
	ask(t, A, OP_SEND_FIRST, 100, PMTU);
	return ask(t, A, OP_SEND_MIDDLE, 101, 512);
}

static uint64_t len_last(struct talk *t)
{
	ask(t, A, OP_SEND_FIRST, 100, PMTU);
	return ask(t, A, OP_SEND_LAST, 101, 0);
}

static uint64_t len_only(struct talk *t)
{
	greet(t);
	return ask(t, A, OP_SEND_ONLY, 103, 2 * PMTU);
}

static uint64_t ud_length(struct talk *t)
{
	struct roce r = {
		.bth = {.opcode = TRANSPORT_UD | OP_SEND_ONLY},
		.deth = {.qkey = 1, .sqpn = 0x11},
	};

	make(t, A, r, 4100);
	return emit(t, A);
}

static uint64_t dmalen_max(struct talk *t)
{
	return read_request(t, 100, 0, (1u << 31) + 1);
}

static uint64_t dmalen_sum_only(struct talk *t)
{
	return ask_memory(t, OP_WRITE_ONLY, 100, 0, 68, 64);
}

static uint64_t dmalen_sum(struct talk *t)
{
	ask_memory(t, OP_WRITE_FIRST, 100, 0, 3 * PMTU, PMTU);
	return ask(t, A, OP_WRITE_LAST, 101, PMTU);
}

static uint64_t atomic_align(struct talk *t)
{
	return atomic(t, 100, 0x1004);
}

static uint64_t atomic_write(struct talk *t)
{
	return ask_memory(t, OP_ATOMIC_WRITE, 100, 0x1000, 8, 4);
}

static uint64_t opcode_seq(struct talk *t)
{
	ask(t, A, OP_SEND_FIRST, 100, PMTU);
	return send_only(t, 101);
}

/* The packet that fills a hole must fit what follows, too. */
static uint64_t opcode_seq_behind(struct talk *t)
{
	greet(t);
	ask(t, A, OP_SEND_FIRST, 103, PMTU);
	ask(t, A, OP_SEND_LAST, 105, 64);
	nak(t, NAK_PSN_SEQUENCE, 104, 1);
	return ask(t, A, OP_SEND_LAST, 104, 64);
}

static uint64_t psn_overlap(struct talk *t)
{
	greet(t);
	read_request(t, 103, 0, 3 * PMTU);
	return send_only(t, 104);
}

static uint64_t psn_skip(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	guilty = send_only(t, 105);
	ack(t, 105, 2);
	return guilty;
}

static uint64_t psn_jump(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	guilty = send_only(t, 5000000);
	send_only(t, 103);
	return guilty;
}

static uint64_t retransmit(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	return ask(t, A, OP_SEND_ONLY, 103, 60);
}

/* What is left of a READ is where it was. */
static uint64_t retransmit_read(struct talk *t)
{
	greet(t);
	read_request(t, 103, 0x1000, 3 * PMTU);
	read_response(t, OP_READ_RESPONSE_FIRST, 103, 2, PMTU);
	return read_request(t, 104, 0x1000, 2 * PMTU);
}

static uint64_t rnr_early(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	rnr(t, 103, 1);
	wait_usec(t, 300);
	return send_only(t, 103);
}

static uint64_t after_fatal(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	nak(t, NAK_REMOTE_ACCESS, 103, 1);
	wait_usec(t, 300);
	return send_only(t, 104);
}

static uint64_t credit(struct talk *t)
{
	send_only(t, 100);
	answer(t, B, OP_ACKNOWLEDGE, 100, 1 /* WQE */, 1, 0);
	wait_usec(t, 300);
	send_only(t, 101); /* message 2, the limit */
	send_only(t, 102); /* one beyond: allowed */
	return send_only(t, 103);
}

static uint64_t ack_unsent(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	guilty = ack(t, 105, 1);
	send_only(t, 103);
	ack(t, 103, 2);
	return guilty;
}

/* It counts a message, but the requester shows that there was none. */
static uint64_t ack_unsent_counted(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	guilty = ack(t, 103, 2);
	wait_usec(t, 250);
	send_only(t, 103);
	return guilty;
}

static uint64_t response_kind(struct talk *t)
{
	greet(t);
	atomic(t, 103, 0x1000);
	return ack(t, 103, 2);
}

static uint64_t response_kind_read(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return read_response(t, OP_READ_RESPONSE_ONLY, 103, 2, 64);
}

static uint64_t response_kind_atomic(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return atomic_ack(t, 103, 2);
}

static uint64_t read_opcode(struct talk *t)
{
	greet(t);
	read_request(t, 103, 0, 3 * PMTU);
	read_response(t, OP_READ_RESPONSE_FIRST, 103, 2, PMTU);
	return read_response(t, OP_READ_RESPONSE_LAST, 104, 2, PMTU);
}

static uint64_t read_length(struct talk *t)
{
	greet(t);
	read_request(t, 103, 0, 100);
	return read_response(t, OP_READ_RESPONSE_ONLY, 103, 2, 96);
}

static uint64_t ack_overtakes(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	read_request(t, 103, 0, 100);
	send_only(t, 104);
	guilty = ack(t, 104, 3);
	read_response(t, OP_READ_RESPONSE_ONLY, 103, 3, 100);
	return guilty;
}

static uint64_t msn_low(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return ack(t, 103, 1);
}

static uint64_t msn_high(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return ack(t, 103, 3);
}

/* It goes on from the wrong number: that is one fault. */
static uint64_t msn_miscounted(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	send_only(t, 103);
	guilty = ack(t, 103, 1);
	for (uint32_t psn = 104; psn < 110; psn++) {
		send_only(t, psn);
		ack(t, psn, psn - 102);
	}
	return guilty;
}

static uint64_t msn_once(struct talk *t)
{
	uint64_t guilty;

	greet(t);
	send_only(t, 103);
	guilty = ack(t, 103, 1);
	send_only(t, 104);
	ack(t, 104, 3);
	return guilty;
}

static uint64_t msn_back(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	send_only(t, 105);
	ack(t, 103, 4);
	return ack(t, 104, 3);
}

static uint64_t nak_seq_psn(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	ack(t, 103, 2);
	return nak(t, NAK_PSN_SEQUENCE, 103, 2);
}

static uint64_t nak_seq_nogap(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	return nak(t, NAK_PSN_SEQUENCE, 103, 1);
}

static uint64_t nak_seq_repeat(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	send_only(t, 105);
	nak(t, NAK_PSN_SEQUENCE, 103, 1);
	return nak(t, NAK_PSN_SEQUENCE, 103, 1);
}

static uint64_t nak_seq_rnr(struct talk *t)
{
	greet(t);
	send_only(t, 103);
	send_only(t, 104);
	rnr(t, 103, 1);
	return nak(t, NAK_PSN_SEQUENCE, 103, 1);
}

static uint64_t rnr_kind(struct talk *t)
{
	greet(t);
	ask_memory(t, OP_WRITE_ONLY, 103, 0, 64, 64);
	return rnr(t, 103, 1);
}

static const struct {
	enum rule rule;
	uint64_t (*story)(struct talk *t);
} stories[] = {
	{RULE_ICRC, icrc},
	{RULE_IP_LENGTH, ip_length},
	{RULE_OPCODE, opcode},
	{RULE_TVER, tver},
	{RULE_PAD, pad},
	{RULE_LENGTH, length},
	{RULE_PAD_ZERO, pad_zero},
	{RULE_RESERVED, reserved},
	{RULE_AETH_RESERVED, aeth_reserved},
	{RULE_NAK_RESERVED, nak_reserved},
	{RULE_CNP, cnp},
	{RULE_PKEY, pkey},
	{RULE_PMTU, pmtu},
	{RULE_LEN_MIDDLE, len_middle},
	{RULE_LEN_LAST, len_last},
	{RULE_LEN_ONLY, len_only},
	{RULE_UD_LENGTH, ud_length},
	{RULE_DMALEN_MAX, dmalen_max},
	{RULE_DMALEN_SUM, dmalen_sum},
	{RULE_DMALEN_SUM, dmalen_sum_only},
	{RULE_ATOMIC_ALIGN, atomic_align},
	{RULE_ATOMIC_WRITE, atomic_write},
	{RULE_OPCODE_SEQ, opcode_seq},
	{RULE_OPCODE_SEQ, opcode_seq_behind},
	{RULE_PSN_OVERLAP, psn_overlap},
	{RULE_PSN_SKIP, psn_skip},
	{RULE_PSN_JUMP, psn_jump},
	{RULE_RETRANSMIT, retransmit},
	{RULE_RETRANSMIT, retransmit_read},
	{RULE_RNR_EARLY, rnr_early},
	{RULE_AFTER_FATAL, after_fatal},
	{RULE_CREDIT, credit},
	{RULE_ACK_UNSENT, ack_unsent},
	{RULE_ACK_UNSENT, ack_unsent_counted},
	{RULE_RESPONSE_KIND, response_kind},
	{RULE_RESPONSE_KIND, response_kind_read},
	{RULE_RESPONSE_KIND, response_kind_atomic},
	{RULE_READ_OPCODE, read_opcode},
	{RULE_READ_LENGTH, read_length},
	{RULE_ACK_OVERTAKES, ack_overtakes},
	{RULE_MSN, msn_low},
	{RULE_MSN, msn_high},
	{RULE_MSN, msn_once},
	{RULE_MSN, msn_miscounted},
	{RULE_MSN_BACK, msn_back},
	{RULE_NAK_SEQ_PSN, nak_seq_psn},
	{RULE_NAK_SEQ_NOGAP, nak_seq_nogap},
	{RULE_NAK_SEQ_REPEAT, nak_seq_repeat},
	{RULE_NAK_SEQ_RNR, nak_seq_rnr},
	{RULE_RNR_KIND, rnr_kind},
};

#define STORIES (sizeof(stories) / sizeof(*stories))

Test(check_rules, each_story_breaks_its_rule_and_no_other)
{
	for (size_t i = 0; i < STORIES; i++) {
		const char *word = rule_word(stories[i].rule);
		const struct report *report;
		uint64_t guilty;
		struct talk t;

		talk_begin(&t);
		guilty = stories[i].story(&t);
		report = check_finish(t.check);
		for (size_t k = 0; k < report_stored(report); k++)
			if (report_stored(report) != 1)
				report_print(report_get(report, k), stderr);
		cr_expect_eq(report_count(report), 1,
			     "story %zu (%s): %zu violations", i, word,
			     report_count(report));
		if (report_stored(report) > 0) {
			const struct violation *v = report_get(report, 0);

			cr_expect_str_eq(rule_word(v->rule), word);
			cr_expect_eq(v->frame, guilty, "%s: frame %lu, not %lu",
				     word, v->frame, guilty);
		}
		talk_end(&t);
	}
}

Test(check_rules, every_rule_has_a_story)
{
	bool told[RULE_N] = {false};

	for (size_t i = 0; i < STORIES; i++)
		told[stories[i].rule] = true;
	for (int r = 0; r < RULE_N; r++)
		cr_expect(told[r], "%s", rule_word((enum rule)r));
}

Test(check_rules, violation_names_rule_source_and_side)
{
	const struct violation *v;
	struct talk t;

	talk_begin(&t);
	nak_seq_rnr(&t);
	v = report_get(check_finish(t.check), 0);
	cr_expect_str_eq(rule_source(v->rule), "9.7.5.2.8");
	cr_expect_str_eq(
		v->text,
		"10.0.0.2 QP 0x12 as responder: NAK for psn 103, which "
		"drew an RNR NAK and was not sent again");
	talk_end(&t);
}
