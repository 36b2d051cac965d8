#include "tests/unit/replay/captured.h"

TestSuite(replay, .timeout = 120);

/* Both sides of a conversation that keeps the rules: nothing differs. */
static void alike(enum transport t, const char *const *lines,
		  const char *responder, const char *requester)
{
	expect_replay(t, lines, SIDE_RESPONDER, responder);
	expect_replay(t, lines, SIDE_REQUESTER, requester);
}

Test(replay, messages_and_their_acknowledgements)
{
	alike(TRANSPORT_RC,
	      LINES("> SEND_FIRST psn=100 payload=1024",
		    "> SEND_MIDDLE psn=101 payload=1024",
		    "> SEND_LAST_IMM psn=102 payload=5 imm=0x77 ackreq se",
		    "< ACKNOWLEDGE psn=102 msn=1 credits=0",
		    "> WRITE_FIRST psn=103 va=0x1003 len=1030 payload=1024",
		    "> WRITE_LAST psn=104 payload=6 ackreq",
		    "< ACKNOWLEDGE psn=104 msn=2 credits=0",
		    "> WRITE_ONLY_IMM psn=105 va=0x9 len=0 imm=1 ackreq",
		    "< ACKNOWLEDGE psn=105 msn=3 credits=0",
		    "> SEND_ONLY psn=106 ackreq",
		    "< ACKNOWLEDGE psn=106 msn=4 credits=0"),
	      "7 played, same 4, violation 0, captured 0, legal 0, loss 0",
	      "11 played, same 7, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, reads_bring_what_was_captured)
{
	alike(TRANSPORT_RC,
	      LINES("> READ_REQUEST psn=16777215 va=0x1000 len=2050 ackreq",
		    "> READ_REQUEST psn=2 va=0x1000 len=0 ackreq",
		    "< READ_RESPONSE_FIRST psn=16777215 payload=1024 msn=1 "
		    "credits=0",
		    "< READ_RESPONSE_MIDDLE psn=0 payload=1024",
		    "< READ_RESPONSE_LAST psn=1 payload=2 msn=1 credits=0",
		    "< READ_RESPONSE_ONLY psn=2 msn=2 credits=0"),
	      "2 played, same 4, violation 0, captured 0, legal 0, loss 0",
	      "6 played, same 2, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, atomics_and_what_is_like_them)
{
	alike(TRANSPORT_RC,
	      LINES("> COMPARE_SWAP psn=7 va=0x1008 swap_add=5 compare=9 "
		    "ackreq",
		    "< ATOMIC_ACKNOWLEDGE psn=7 msn=1 orig=9 credits=0",
		    "> FETCH_ADD psn=8 va=0x1008 swap_add=5 ackreq",
		    "< ATOMIC_ACKNOWLEDGE psn=8 msn=2 orig=0x1122334455667788 "
		    "credits=0",
		    "> ATOMIC_WRITE psn=9 va=0x1010 payload=8 ackreq",
		    "< READ_RESPONSE_ONLY psn=9 msn=3 credits=0",
		    "> FLUSH psn=10 type=1 selectivity=0 va=0x1000 len=64 "
		    "ackreq",
		    "< READ_RESPONSE_ONLY psn=10 msn=4 credits=0"),
	      "4 played, same 4, violation 0, captured 0, legal 0, loss 0",
	      "8 played, same 4, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, a_key_is_invalidated)
{
	alike(TRANSPORT_RC,
	      LINES("> SEND_ONLY_INV psn=1 inv_rkey=0x700 payload=4 ackreq",
		    "< ACKNOWLEDGE psn=1 msn=1 credits=0",
		    "> WRITE_ONLY psn=2 va=0x1000 payload=4 ackreq",
		    "< ACKNOWLEDGE psn=2 nak=remote_access msn=1"),
	      "same 2, violation 0, captured 0, legal 0, loss 0",
	      "same 2, violation 0, captured 0, legal 0, loss 0");
}

/* Whatever was refused, and why, the NIC is brought to refuse it, too. */
Test(replay, refusals)
{
	static const struct {
		const char *request, *nak;
	} cases[] = {
		{"> SEND_ONLY psn=2 payload=9 ackreq", "invalid_request"},
		{"> SEND_ONLY psn=2 payload=9 ackreq", "remote_operational"},
		{"> WRITE_ONLY psn=2 va=8 payload=9 ackreq", "remote_access"},
		{"> WRITE_ONLY psn=2 va=8 payload=9 ackreq", "invalid_request"},
		{"> READ_REQUEST psn=2 va=8 len=900 ackreq", "remote_access"},
		{"> READ_REQUEST psn=2 va=8 len=900 ackreq", "invalid_request"},
		{"> FETCH_ADD psn=2 va=8 swap_add=1 ackreq", "remote_access"},
		{"> FETCH_ADD psn=2 va=8 swap_add=1 ackreq", "invalid_request"},
	};

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		bool xrc = i % 2;
		char ack[80], nak[80];

		snprintf(ack, sizeof(ack),
			 "< ACKNOWLEDGE psn=1 msn=1 credits=%u",
			 xrc ? CREDITS_UNLIMITED : 0);
		snprintf(nak, sizeof(nak), "< ACKNOWLEDGE psn=2 nak=%s msn=1",
			 cases[i / 2].nak);
		alike(xrc ? TRANSPORT_XRC : TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq", ack,
			    cases[i / 2].request, nak),
		      "same 2, violation 0, captured 0, legal 0, loss 0",
		      "same 2, violation 0, captured 0, legal 0, loss 0");
	}
}

Test(replay, a_message_is_refused_before_its_end)
{
	alike(TRANSPORT_RC,
	      LINES("> WRITE_FIRST psn=2 va=8 len=1025 payload=1024",
		    "< ACKNOWLEDGE psn=2 nak=remote_access msn=0"),
	      "same 1, violation 0, captured 0, legal 0, loss 0",
	      "same 1, violation 0, captured 0, legal 1 (cut-off 1), loss 0");
}

Test(replay, a_refusal_without_a_reason_is_nobodys_fault)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> WRITE_ONLY psn=2 va=8 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=2 nak=remote_operational msn=0"),
		      SIDE_RESPONDER, "legal 2 (ack-pace 1, not-told 1)");
}

Test(replay, every_rnr_timer)
{
	for (unsigned code = 0; code < 32; code++) {
		char rnr[80], wait[32];

		snprintf(rnr, sizeof(rnr), "< ACKNOWLEDGE psn=1 timer=%u msn=0",
			 code);
		snprintf(wait, sizeof(wait), "wait %uus", rnr_usec(code) + 20);
		alike(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq", rnr, wait,
			    "> SEND_ONLY psn=1 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 msn=1 credits=0"),
		      "2 played, same 2, violation 0, captured 0, legal 0",
		      "4 played, same 2, violation 0, captured 0, legal 0");
	}
}

/* An extended reliable connection: receives are a shared queue's, which gives
 * no credits.
 */
Test(replay, extended_reliable_connections)
{
	alike(TRANSPORT_XRC,
	      LINES("> SEND_FIRST psn=1 srqn=7 payload=1024",
		    "> SEND_LAST_IMM psn=2 srqn=7 payload=5 imm=0x77 ackreq",
		    "< ACKNOWLEDGE psn=2 msn=1",
		    "> SEND_ONLY psn=3 srqn=8 payload=5 ackreq",
		    "< ACKNOWLEDGE psn=3 timer=1 msn=1", "wait 30us",
		    "> SEND_ONLY psn=3 srqn=8 payload=5 ackreq",
		    "< ACKNOWLEDGE psn=3 msn=2",
		    "> READ_REQUEST psn=4 srqn=7 va=8 len=1030 ackreq",
		    "< READ_RESPONSE_FIRST psn=4 payload=1024 msn=3",
		    "< READ_RESPONSE_LAST psn=5 payload=6 msn=3",
		    "> FETCH_ADD psn=6 srqn=7 va=8 swap_add=1 ackreq",
		    "< ATOMIC_ACKNOWLEDGE psn=6 msn=4 orig=9"),
	      "6 played, same 6, violation 0, captured 0, legal 0, loss 0",
	      "12 played, same 6, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, an_xrc_qp_is_made_anew)
{
	alike(TRANSPORT_XRC,
	      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=1 msn=1",
		    "> SEND_ONLY psn=3 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=3 msn=3"),
	      "same 2, violation 0, captured 0, legal 0, loss 1 "
	      "(lost-request 1)",
	      "same 2, violation 0, captured 0, legal 0, loss 1 "
	      "(lost-request 1)");
}

Test(replay, no_key_can_be_invalidated_by_a_send_to_an_xrc_qp)
{
	const char *const *lines =
		LINES("> SEND_ONLY_INV psn=1 inv_rkey=0x700 payload=4 ackreq",
		      "< ACKNOWLEDGE psn=1 msn=1");

	expect_replay(TRANSPORT_XRC, lines, SIDE_RESPONDER,
		      "played no further: glassnic has no key");
	expect_replay(TRANSPORT_XRC, lines, SIDE_REQUESTER, "same 1");
}

Test(replay, a_gap_that_the_network_made)
{
	alike(TRANSPORT_RC,
	      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=1 msn=1 credits=0",
		    "> SEND_ONLY psn=3 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=2 nak=psn_sequence msn=1",
		    "> SEND_ONLY psn=2 payload=9 ackreq",
		    "> SEND_ONLY psn=3 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=2 msn=2 credits=0",
		    "< ACKNOWLEDGE psn=3 msn=3 credits=0"),
	      "same 4, violation 0, captured 0, legal 0, loss 0",
	      "violation 0, captured 0, legal 1 (timing 1), loss 0");
}

Test(replay, a_gap_that_the_sniffer_made)
{
	alike(TRANSPORT_RC,
	      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=1 msn=1 credits=0",
		    "> SEND_ONLY psn=3 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=3 msn=3 credits=0"),
	      "same 2, violation 0, captured 0, legal 0, loss 1 "
	      "(lost-request 1)",
	      "same 2, violation 0, captured 0, legal 0, loss 1 "
	      "(lost-request 1)");
}

Test(replay, a_request_lost_behind_the_sniffer)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
			    "> SEND_ONLY psn=2 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 nak=psn_sequence msn=0",
			    "> SEND_ONLY psn=1 payload=9 ackreq",
			    "> SEND_ONLY psn=2 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 msn=1 credits=0",
			    "< ACKNOWLEDGE psn=2 msn=2 credits=0"),
		      SIDE_RESPONDER, "loss 1 (lost-behind 1)");
}

Test(replay, data_that_the_sniffer_missed_is_made_up)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> READ_REQUEST psn=1 va=8 len=2050 ackreq",
			    "< READ_RESPONSE_FIRST psn=1 payload=1024 msn=1",
			    "< READ_RESPONSE_LAST psn=3 payload=2 msn=1",
			    "> FETCH_ADD psn=4 va=8 swap_add=1 ackreq",
			    "> SEND_ONLY psn=5 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=5 msn=3",
			    "> SEND_ONLY psn=6 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=6 msn=4"),
		      SIDE_REQUESTER,
		      "same 4, violation 0, captured 0, legal 0, loss 2 "
		      "(lost-answer 2)");
}

Test(replay, data_that_the_network_lost_is_asked_for_again)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> READ_REQUEST psn=1 va=8 len=2050 ackreq",
			    "< READ_RESPONSE_FIRST psn=1 payload=1024 msn=1",
			    "< READ_RESPONSE_LAST psn=3 payload=2 msn=1",
			    "> READ_REQUEST psn=2 va=1032 len=1026 ackreq",
			    "< READ_RESPONSE_FIRST psn=2 payload=1024 msn=1",
			    "< READ_RESPONSE_LAST psn=3 payload=2 msn=1"),
		      SIDE_REQUESTER,
		      "same 2, violation 0, captured 0, legal 0, loss 0");
}

#define LEAD 16u /* answers, until the checker is sure of the pair */

static void add_answer(struct captured *c, unsigned msn)
{
	char line[96];

	snprintf(line, sizeof(line),
		 "< READ_RESPONSE_ONLY psn=%u payload=16 msn=%u credits=0",
		 LEAD, LEAD + msn);
	add_line(c, line);
}

/* A READ (message 1) and two SENDs behind it (2 and 3); MSNs of the READ's
 * answer, and of the one when it is repeated.
 */
static void repeat(unsigned first, unsigned again, int faults,
		   const char *words)
{
	static struct captured c;
	char line[96];

	capture(&c, TRANSPORT_RC, LINES("wait 1us"));
	for (unsigned n = 0; n < LEAD; n++) {
		snprintf(line, sizeof(line),
			 "> SEND_ONLY psn=%u payload=9 ackreq", n);
		add_line(&c, line);
		snprintf(line, sizeof(line),
			 "< ACKNOWLEDGE psn=%u msn=%u credits=0", n, n + 1);
		add_line(&c, line);
	}
	add_line(&c, "> READ_REQUEST psn=16 va=8 len=16 ackreq");
	add_line(&c, "> SEND_ONLY psn=17 payload=9 ackreq");
	add_line(&c, "> SEND_ONLY psn=18 payload=9 ackreq");
	add_answer(&c, first);
	add_line(&c, "< ACKNOWLEDGE psn=18 msn=19 credits=0");
	add_line(&c, "> READ_REQUEST psn=16 va=8 len=16 ackreq");
	add_answer(&c, again);
	add_line(&c, "> SEND_ONLY psn=19 payload=9 ackreq");
	add_line(&c, "< ACKNOWLEDGE psn=19 msn=20 credits=0");
	cr_expect_eq(replay_as(&c, SIDE_RESPONDER), faults, "%u, %u: %s", first,
		     again, c.said);
	expect_said(&c, words);
	captured_free(&c);
}

/* Its own, the newest, or one between. */
Test(replay, a_repeated_answer_has_one_of_several_msns)
{
	repeat(1, 1, 0, "same 20, violation 0, captured 0, legal 1 (ack-pace");
	repeat(1, 2, 0, "legal 2 (ack-pace 1, repeat-msn 1)");
	repeat(1, 3, 0, "legal 2 (ack-pace 1, repeat-msn 1)");
	repeat(1, 0, 0, "rule (captured)");
	/* Newer than all that was asked: requests were not seen. */
	repeat(1, 4, 0, "legal 1 (ack-pace 1), loss 1 (lost-answer 1)");
}

/* The responder has gone on before it left. */
Test(replay, a_first_answer_counts_newer_messages)
{
	repeat(2, 1, 0, "msn-pace (legal)");
	repeat(3, 1, 0, "msn-pace (legal)");
	repeat(0, 1, 0, "rule (captured)");
}

Test(replay, an_acknowledgement_counts_newer_messages)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=0 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=0 msn=1 credits=0",
			    "> SEND_ONLY psn=1 payload=9 ackreq",
			    "> SEND_ONLY psn=2 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 msn=3 credits=0",
			    "< ACKNOWLEDGE psn=2 msn=3 credits=0"),
		      SIDE_RESPONDER,
		      "same 3, violation 0, captured 0, legal 1 (msn-pace 1)");
}

/* Where nothing tells how far it had counted before. */
Test(replay, a_first_acknowledgement_counts_newer_messages)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
			    "> SEND_ONLY psn=2 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 msn=2 credits=0",
			    "< ACKNOWLEDGE psn=2 msn=2 credits=0",
			    "> SEND_ONLY psn=3 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=3 msn=3 credits=0"),
		      SIDE_RESPONDER,
		      "same 3, violation 0, captured 0, legal 0");
}

Test(replay, a_read_counts_with_the_last_packet_of_its_answer)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=0 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=0 msn=1 credits=0",
			    "> READ_REQUEST psn=1 va=8 len=1030 ackreq",
			    "< READ_RESPONSE_FIRST psn=1 payload=1024 msn=1 "
			    "credits=0",
			    "< READ_RESPONSE_LAST psn=2 payload=6 msn=2 "
			    "credits=0"),
		      SIDE_RESPONDER,
		      "same 3, violation 0, captured 0, legal 1 (msn-pace 1)");
}

/* As rdma_rxe of Linux 4.x and early 5.x: WRITEs are not counted. */
Test(replay, a_responder_that_miscounts_is_blamed_once_a_time)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 msn=1 credits=0",
			    "> WRITE_ONLY psn=2 va=8 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=2 msn=1 credits=0",
			    "> SEND_ONLY psn=3 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=3 msn=2 credits=0",
			    "> READ_REQUEST psn=4 va=8 len=9 ackreq",
			    "< READ_RESPONSE_ONLY psn=4 payload=9 msn=3 "
			    "credits=0",
			    "> WRITE_ONLY psn=5 va=8 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=5 msn=3 credits=0",
			    "> SEND_ONLY psn=6 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=6 msn=4 credits=0"),
		      SIDE_RESPONDER,
		      "same 6, violation 0, captured 2 (rule 2), legal 0");
}

Test(replay, a_repeated_answer_whose_repetition_was_not_seen)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=1 msn=1 credits=0",
			    "> READ_REQUEST psn=2 va=8 len=16 ackreq",
			    "> SEND_ONLY psn=3 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=3 msn=3 credits=0",
			    "< READ_RESPONSE_ONLY psn=2 payload=16 msn=3 "
			    "credits=0"),
		      SIDE_RESPONDER, "legal 1 (repeat-msn 1)");
}

/* The capture begins between the READ and its repetition. */
Test(replay, a_first_answer_that_may_be_a_repetition)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> READ_REQUEST psn=2 va=8 len=16 ackreq",
			    "> SEND_ONLY psn=3 payload=9 ackreq",
			    "< READ_RESPONSE_ONLY psn=2 payload=16 msn=18 "
			    "credits=0",
			    "< ACKNOWLEDGE psn=3 msn=18 credits=0",
			    "> SEND_ONLY psn=4 payload=9 ackreq",
			    "< ACKNOWLEDGE psn=4 msn=19 credits=0"),
		      SIDE_RESPONDER,
		      "same 3, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, a_repeated_atomic_has_one_of_several_msns)
{
	expect_replay(
		TRANSPORT_RC,
		LINES("> SEND_ONLY psn=1 payload=9 ackreq",
		      "< ACKNOWLEDGE psn=1 msn=1 credits=0",
		      "> FETCH_ADD psn=2 va=8 swap_add=1 ackreq",
		      "> SEND_ONLY psn=3 payload=9 ackreq",
		      "< ACKNOWLEDGE psn=3 msn=3 credits=0",
		      "> FETCH_ADD psn=2 va=8 swap_add=1 ackreq",
		      "< ATOMIC_ACKNOWLEDGE psn=2 msn=3 orig=9 credits=0"),
		SIDE_RESPONDER, "repeat-msn 1");
}

Test(replay, acknowledgements_are_coalesced)
{
	alike(TRANSPORT_RC,
	      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
		    "> SEND_ONLY psn=2 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=2 msn=2 credits=0"),
	      "same 1, violation 0, captured 0, legal 1 (ack-pace 1), loss 0",
	      "same 2, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, freedoms_are_named)
{
	alike(TRANSPORT_RC,
	      LINES("> SEND_ONLY psn=1 payload=9 ackreq nomigreq pkey=0x8001",
		    "< ACKNOWLEDGE psn=1 msn=1 credits=31 becn resv6=0x10"),
	      "legal 3 (credits 1, mark 2)", "legal 2 (migreq 1, pkey 1)");
	alike(TRANSPORT_RC,
	      LINES("> SEND_ONLY psn=1 payload=9 ackreq resv6=0x10",
		    "< ACKNOWLEDGE psn=1 msn=1 credits=0"),
	      "same 1, violation 0, captured 0, legal 0",
	      "same 1, violation 0, captured 0, legal 1 (mark 1)");
}

Test(replay, who_breaks_a_rule_in_the_capture_is_blamed_for_it)
{
	const char *const *lines = LINES("> SEND_FIRST psn=1 payload=1024",
					 "> SEND_LAST psn=2 payload=9 ackreq",
					 "< ACKNOWLEDGE psn=2 msn=1 credits=0",
					 "> SEND_ONLY psn=3 payload=9 ackreq",
					 "< ACKNOWLEDGE psn=3 msn=5 credits=0");

	expect_replay(TRANSPORT_RC, lines, SIDE_RESPONDER,
		      "captured 1 (rule 1)");
}

Test(replay, it_begins_in_the_middle)
{
	alike(TRANSPORT_RC,
	      LINES("> WRITE_MIDDLE psn=8 payload=1024",
		    "> WRITE_LAST psn=9 payload=4 ackreq",
		    "< ACKNOWLEDGE psn=9 msn=77 credits=0",
		    "> SEND_ONLY psn=10 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=10 msn=78 credits=0",
		    "> SEND_ONLY psn=11 payload=9 ackreq",
		    "< ACKNOWLEDGE psn=11 msn=79 credits=0"),
	      "same 2, violation 0, captured 0, legal 0, loss 3",
	      "same 2, violation 0, captured 0, legal 0, loss 3");
}

Test(replay, a_qpn_gets_a_new_connection)
{
	static struct captured c;

	capture(&c, TRANSPORT_RC,
		LINES("> SEND_ONLY psn=1 payload=9 ackreq",
		      "< ACKNOWLEDGE psn=1 msn=1 credits=0",
		      "> SEND_ONLY psn=9000000 payload=9 ackreq",
		      "> SEND_ONLY psn=9000001 payload=9 ackreq",
		      "> SEND_ONLY psn=9000002 payload=9 ackreq",
		      "< ACKNOWLEDGE psn=9000002 msn=3 credits=0"));
	cr_expect_eq(replay_as(&c, SIDE_RESPONDER), 0);
	expect_said(&c, "flow 1: ");
	expect_said(&c, "flow 2: ");
	captured_free(&c);
}

Test(replay, unreliable_connections)
{
	alike(TRANSPORT_UC,
	      LINES("> SEND_FIRST psn=1 payload=1024",
		    "> SEND_LAST_IMM psn=2 payload=9 imm=7",
		    "> WRITE_ONLY psn=3 va=0x1001 payload=9",
		    "> WRITE_ONLY_IMM psn=4 va=0x1001 payload=9 imm=1"),
	      "4 played, same 4, violation 0, captured 0, legal 0, loss 0",
	      "4 played, same 4, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, an_unreliable_message_that_lost_a_packet)
{
	expect_replay(TRANSPORT_UC,
		      LINES("> SEND_FIRST psn=1 payload=1024",
			    "> SEND_LAST psn=3 payload=9",
			    "> SEND_ONLY psn=4 payload=9"),
		      SIDE_RESPONDER,
		      "same 2, violation 0, captured 0, "
		      "legal 0, loss 1 (lost-request 1)");
}

Test(replay, datagrams)
{
	alike(TRANSPORT_UD,
	      LINES("> SEND_ONLY psn=5 payload=1000",
		    "> SEND_ONLY_IMM psn=9 payload=0 imm=3",
		    "> SEND_ONLY psn=10 payload=4096"),
	      "3 played, same 3, violation 0, captured 0, legal 0, loss 0",
	      "3 played, same 3, violation 0, captured 0, legal 0, loss 0");
}

Test(replay, requests_that_nobody_answers)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> SEND_ONLY psn=1 payload=9 ackreq",
			    "> SEND_ONLY psn=2 payload=9 ackreq"),
		      SIDE_RESPONDER, "legal 2 (ack-pace 2)");
	expect_replay(TRANSPORT_RC, LINES("> SEND_ONLY psn=1 payload=9 ackreq"),
		      SIDE_REQUESTER, "not played: ");
}

Test(replay, a_message_longer_than_can_be_played)
{
	expect_replay(TRANSPORT_RC,
		      LINES("> READ_REQUEST psn=1 va=1 len=2000000000 ackreq"),
		      SIDE_RESPONDER, "not played: a message of more than");
}
