#include "replay/queue.h"
#include "tests/unit/replay/captured.h"

TestSuite(queue, .timeout = 120);

#define PMTU 1024u

static struct captured captured;
static struct queue queue;

/* All of @lines in the queue. */
static void fill(const char *const *lines)
{
	capture(&captured, TRANSPORT_RC, lines);
	queue_init(&queue);
	for (unsigned i = 0; i < captured.n; i++) {
		const struct packet *p = &captured.packet[i];

		cr_assert(
			queue_add(&queue, p, p->roce.op->flags & IS_RESPONSE));
	}
}

static void empty(void)
{
	queue_fini(&queue);
	captured_free(&captured);
	cr_expect_eq(queue.n, 0);
	cr_expect_eq(queue.bytes, 0);
}

/* What becomes of the first of @lines. */
static void expect_fate(enum fate want, uint64_t frame,
			const char *const *lines)
{
	const struct item *by = NULL;
	enum fate got;

	fill(lines);
	got = queue_fate(&queue, queue_head(&queue), PMTU, &by);
	cr_expect_eq(got, want, "got %d, not %d", (int)got, (int)want);
	if (frame) {
		cr_assert(by);
		cr_expect_eq(by->frame, frame);
	}
	empty();
}

Test(queue, a_request_without_an_answer_is_open)
{
	expect_fate(FATE_OPEN, 0, LINES("> SEND_ONLY psn=5"));
	expect_fate(FATE_OPEN, 0,
		    LINES("> SEND_ONLY psn=5", "< ACKNOWLEDGE psn=4 msn=0",
			  "> SEND_ONLY psn=6"));
}

Test(queue, a_later_answer_accepts_it)
{
	expect_fate(FATE_ACCEPTED, 2,
		    LINES("> SEND_ONLY psn=5", "< ACKNOWLEDGE psn=9 msn=0"));
	expect_fate(FATE_ACCEPTED, 2,
		    LINES("> SEND_ONLY psn=16777215",
			  "< ACKNOWLEDGE psn=0 nak=psn_sequence msn=0"));
}

Test(queue, a_read_is_known_by_its_last_answer)
{
	const char *first = "< READ_RESPONSE_FIRST psn=5 payload=1024 msn=1";

	expect_fate(FATE_OPEN, 0,
		    LINES("> READ_REQUEST psn=5 len=1030", first));
	expect_fate(FATE_ACCEPTED, 3,
		    LINES("> READ_REQUEST psn=5 len=1030", first,
			  "< READ_RESPONSE_LAST psn=6 payload=6 msn=1"));
	expect_fate(FATE_ACCEPTED, 2,
		    LINES("> READ_REQUEST psn=5 len=1030", first,
			  "> READ_REQUEST psn=5 len=1030"));
}

Test(queue, a_sequence_nak_says_that_it_was_lost)
{
	const char *nak = "< ACKNOWLEDGE psn=5 nak=psn_sequence msn=0";

	expect_fate(FATE_OPEN, 0, LINES("> SEND_ONLY psn=5", nak));
	expect_fate(FATE_LOST, 2,
		    LINES("> SEND_ONLY psn=5", nak, "> SEND_ONLY psn=5"));
	expect_fate(FATE_ACCEPTED, 2,
		    LINES("> SEND_ONLY psn=5", nak, "< ACKNOWLEDGE psn=5 msn=1",
			  "> SEND_ONLY psn=5"));
}

Test(queue, refusals)
{
	expect_fate(FATE_RNR, 2,
		    LINES("> SEND_ONLY psn=5",
			  "< ACKNOWLEDGE psn=5 timer=1 msn=0"));
	expect_fate(FATE_REFUSED, 2,
		    LINES("> SEND_ONLY psn=5",
			  "< ACKNOWLEDGE psn=5 nak=remote_access msn=0"));
}

static bool hole(uint32_t psn, const char *const *lines)
{
	bool is;

	fill(lines);
	is = queue_hole(&queue, queue_head(&queue), psn, PMTU);
	empty();
	return is;
}

Test(queue, a_hole_is_one_when_nothing_fills_it_before_it_is_accepted)
{
	cr_expect(
		hole(4, LINES("> SEND_ONLY psn=5", "< ACKNOWLEDGE psn=5 msn=2",
			      "> SEND_ONLY psn=4")));
	cr_expect_not(hole(4, LINES("> SEND_ONLY psn=5", "> SEND_ONLY psn=4",
				    "< ACKNOWLEDGE psn=5 msn=2")));
	cr_expect_not(hole(4, LINES("> SEND_ONLY psn=5",
				    "< ACKNOWLEDGE psn=4 nak=psn_sequence "
				    "msn=0")));
}
