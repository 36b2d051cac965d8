/* Each fault, both ways, on whole Ethernet frames between two hosts, ARP and
 * neighbour discovery included.
 */
#include "eth_world.h"

#include "nic/impair/impair_port.h"
#include "nic/port/capture.h"

static struct impair im_a, im_b;
static char wrong[IMPAIR_WHY_MAX + 16];

/* A tap that remembers the last remarks. */
static char note_a[8][256], note_b[8][256];
static unsigned nnote_a, nnote_b;

static void note_frame(struct tap *tap, enum tap_dir dir,
		       const struct span *piece, unsigned n, const char *note);
static const struct tap_ops note_ops = {.frame = note_frame};
static struct tap tap_a = {&note_ops}, tap_b = {&note_ops};

static void note_frame(struct tap *tap, enum tap_dir dir,
		       const struct span *piece, unsigned n, const char *note)
{
	if (!note)
		return;
	if (tap == &tap_a && dir == TAP_OUT)
		snprintf(note_a[nnote_a++ % 8], 256, "%s", note);
	if (tap == &tap_b && dir == TAP_IN)
		snprintf(note_b[nnote_b++ % 8], 256, "%s", note);
}

static void wrap(struct port **port, struct impair *im, struct tap *tap,
		 struct counters *counters)
{
	impair_init(im, 7, counters);
	cr_assert_eq(capture_port_new(*port, tap, port), 0);
	cr_assert_eq(impair_port_new(*port, im, port), 0);
}

static void add(struct impair *im, const char *rules)
{
	if (rules)
		cr_assert_eq(impair_add(im, rules, wrong), 0, "%s", wrong);
}

/* Two hosts that have announced themselves and do not know each other yet; the
 * rules are for what comes then.
 */
static void strangers(const char *rules_a, const char *rules_b)
{
	start();
	wrap(&wire[0], &im_a, &tap_a, &a.counters);
	wrap(&wire[1], &im_b, &tap_b, &b.counters);
	two_hosts();
	add(&im_a, rules_a);
	add(&im_b, rules_b);
}

/* The same, when they know each other by both addresses. */
static void friends(const char *rules_a, const char *rules_b)
{
	strangers(NULL, NULL);
	send_to(&a, "10.0.0.2");
	send_to(&a, "fe80::b");
	settle();
	cr_assert_eq(b.n, 2);
	b.n = 0;
	add(&im_a, rules_a);
	add(&im_b, rules_b);
}

static void end(void)
{
	stop();
	impair_fini(&im_a);
	impair_fini(&im_b);
}

static void send_n(const char *to, unsigned n)
{
	struct ip_addr dst = ip(to);
	static struct pkt p[16];

	for (unsigned i = 0; i < n; i++)
		make(&p[i], &a, &dst, 4 * i + 4);
	link_send(a.link, p, n, now);
	settle();
}

static size_t len_up(unsigned i)
{
	cr_assert_lt(i, b.n);
	return b.dgram[i].data.len;
}

static void sleep_until_due(void)
{
	nsec_t due = link_deadline(a.link), other = link_deadline(b.link);

	now = due < other ? due : other;
	settle();
}

/* ---- asking for addresses ---- */

Test(impair_port, a_lost_arp_is_asked_again)
{
	strangers("out drop proto=arp once", NULL);
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(b.n, 0);
	cr_assert_eq(a.counters.n[CNT_IMPAIR_LOST], 1);
	cr_assert_str_eq(note_a[0],
			 "impair: lost by rule 1 (out drop proto=arp once)");
	sleep_until_due();
	cr_assert_eq(b.n, 1);
	end();
}

Test(impair_port, a_lost_answer_to_arp_is_asked_again)
{
	strangers("in drop proto=arp src=10.0.0.2 once", NULL);
	send_to(&a, "10.0.0.2");
	settle();
	cr_assert_eq(b.n, 0);
	cr_assert_eq(a.counters.drop[DROP_IMPAIRED], 1);
	sleep_until_due();
	cr_assert_eq(b.n, 1);
	end();
}

Test(impair_port, a_lost_solicitation_is_sent_again)
{
	strangers("drop proto=nd once", NULL);
	send_to(&a, "fe80::b");
	settle();
	cr_assert_eq(b.n, 0);
	sleep_until_due();
	cr_assert_eq(b.n, 1);
	end();
}

/* ---- frames ---- */

Test(impair_port, nothing_happens_without_a_rule_that_hits)
{
	friends("drop psn=8", "drop psn=8");
	send_n("10.0.0.2", 5);
	cr_assert_eq(b.n, 5);
	cr_assert_eq(nnote_a + nnote_b, 0);
	cr_assert(no_drops(&b));
	end();
}

Test(impair_port, lost_both_ways)
{
	friends("out drop psn=7 skip 1 once", "in drop once");
	send_n("10.0.0.2", 4);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(len_up(0), BTH_LEN + 12);
	cr_assert_eq(len_up(1), BTH_LEN + 16);
	cr_assert_eq(b.counters.drop[DROP_IMPAIRED], 1);
	cr_assert_str_eq(note_a[0],
			 "impair: lost by rule 1 (out drop psn=7 skip 1 once)");
	cr_assert_str_eq(note_b[0], "impair: lost by rule 1 (in drop once)");
	end();
}

Test(impair_port, doubled_both_ways)
{
	friends("dup once", "dup");
	send_n("fe80::b", 1);
	cr_assert_eq(b.n, 4);
	cr_assert_eq(a.counters.n[CNT_IMPAIR_DUPLICATED], 1);
	cr_assert_eq(b.counters.n[CNT_IMPAIR_DUPLICATED], 2);
	end();
}

Test(impair_port, held_both_ways)
{
	nsec_t t;

	friends("out hold for 2ms", "in hold for 1ms");
	t = now;
	send_n("10.0.0.2", 1);
	cr_assert_eq(b.n, 0);
	sleep_until_due();
	cr_assert_eq(now, t + 2 * MSEC);
	cr_assert_eq(b.n, 0);
	b.verdict = DROP_QPN;
	sleep_until_due();
	cr_assert_eq(now, t + 3 * MSEC);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.counters.drop[DROP_QPN], 1);
	end();
}

Test(impair_port, overtaken_both_ways)
{
	static const size_t order[] = {12, 4, 8, 16};

	friends("out reorder by=2 once", "in reorder once");
	/* a: 8 12 4 16; b: the first is overtaken by the next. */
	send_n("10.0.0.2", 4);
	cr_assert_eq(b.n, 4);
	cr_assert_eq(len_up(0), BTH_LEN + order[0]);
	cr_assert_eq(len_up(1), BTH_LEN + 8);
	cr_assert_eq(len_up(2), BTH_LEN + 4);
	end();
}

Test(impair_port, at_a_rate)
{
	friends("out rate 1Mbit", NULL);
	send_n("10.0.0.2", 3);
	cr_assert_eq(b.n, 0);
	for (unsigned i = 1; i <= 3; i++) {
		sleep_until_due();
		cr_assert_eq(b.n, i);
	}
	end();
}

static void corrupted(const char *to)
{
	friends("out corrupt once", "in corrupt once skip 1");
	send_n(to, 3);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 2);
	cr_assert_eq(b.n, 1);
	cr_assert_str_eq(note_b[1], "impair: corrupted by rule 1 (in corrupt "
				    "once skip 1); drop: icrc: wrong ICRC");
	end();
}

Test(impair_port, corrupted_ipv4)
{
	corrupted("10.0.0.2");
}

Test(impair_port, corrupted_ipv6)
{
	corrupted("fe80::b");
}

static void corrupted_and_fixed(const char *to)
{
	friends("out corrupt byte=12 bits=8 icrc=fixed once",
		"in corrupt byte=13 bits=8 icrc=fixed once skip 1");
	send_n(to, 2);
	cr_assert(no_drops(&b));
	cr_assert_eq(b.n, 2);
	cr_assert_eq(b.data[0][12], (uint8_t)~payload[0]);
	cr_assert_eq(b.data[1][13], (uint8_t)~payload[1]);
	end();
}

Test(impair_port, corrupted_with_a_right_icrc_ipv4)
{
	corrupted_and_fixed("10.0.0.2");
}

Test(impair_port, corrupted_with_a_right_icrc_ipv6)
{
	corrupted_and_fixed("fe80::b");
}

static void cut_short(const char *to)
{
	friends("out truncate to 13 once\n"
		"out truncate to 14 icrc=fixed once skip 1",
		"in truncate to 15 icrc=fixed once");
	send_n(to, 3);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(len_up(0), 14);
	cr_assert_eq(len_up(1), 15);
	end();
}

Test(impair_port, cut_short_ipv4)
{
	cut_short("10.0.0.2");
}

Test(impair_port, cut_short_ipv6)
{
	cut_short("fe80::b");
}

static void marked(const char *to)
{
	friends("out mark once", "in mark once skip 1");
	send_n(to, 3);
	cr_assert(no_drops(&b));
	cr_assert_eq(b.n, 3);
	cr_assert_eq(b.dgram[0].tos, 3);
	cr_assert_eq(b.dgram[1].tos, 3);
	cr_assert_eq(b.dgram[2].tos, 0);
	end();
}

Test(impair_port, marked_ipv4)
{
	marked("10.0.0.2");
}

Test(impair_port, marked_ipv6)
{
	marked("fe80::b");
}

Test(impair_port, nonsense_frames_pass_or_are_refused)
{
	uint8_t frame[200];

	start();
	wrap(&wire[0], &im_a, &tap_a, &a.counters);
	one_host();
	add(&im_a, "corrupt proto=any\nmark chance 0.5\ntruncate chance 0.5 "
		   "icrc=fixed\ndup chance 0.3");
	for (unsigned i = 0; i < 20000; i++) {
		static struct random r = {1};
		size_t len = random_next(&r) % sizeof(frame);

		for (size_t k = 0; k < len; k++)
			frame[k] = (uint8_t)random_next(&r);
		if (len > 14)
			put_be16(frame + 12, i & 1   ? ETHERTYPE_IPV4
					     : i & 2 ? ETHERTYPE_IPV6
						     : ETHERTYPE_ARP);
		if (len > 20)
			frame[14] = i & 1 ? 0x45 : 0x60;
		put_frame(frame, len);
	}
	cr_assert_eq(a.n, 0);
	end();
}

Test(impair_port, drained_before_it_goes)
{
	friends("out hold for 1s", NULL);
	send_n("10.0.0.2", 3);
	cr_assert_eq(b.n, 0);
	port_drain(wire[0], now);
	settle();
	cr_assert_eq(b.n, 3);
	send_n("10.0.0.2", 3);
	end(); /* with three that are held */
}
