/* Fates: each action, each match, each frequency, and that a seed decides. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "nic/impair/impair.h"
#include "wire/opcode.h"

static struct impair im;
static struct counters counters;
static struct fate fate;
static char why[IMPAIR_WHY_MAX + 16];
static nsec_t now = 7 * SEC;

static void rules(const char *text)
{
	impair_fini(&im);
	memset(&counters, 0, sizeof(counters));
	impair_init(&im, 42, &counters);
	cr_assert_eq(impair_add(&im, text, why), 0, "%s", why);
}

static struct impair_view packet(uint8_t opcode, uint32_t dqpn, uint32_t psn)
{
	struct impair_view v = {
		.proto = IMPAIR_ROCE,
		.bth = {.opcode = opcode, .dqpn = dqpn, .psn = psn},
		.len = 1000,
		.body_len = 1000};

	ip_parse(&v.src, "10.0.0.1");
	ip_parse(&v.dst, "10.0.0.2");
	return v;
}

static bool judge_dir(enum impair_dir dir, const struct impair_view *v)
{
	return impair_judge(&im, dir, v, now, &fate);
}

static bool judge(const struct impair_view *v)
{
	return judge_dir(IMPAIR_OUT, v);
}

static bool hits(uint32_t psn)
{
	struct impair_view v = packet(0x04, 0x123, psn);

	return judge(&v);
}

/* Which of @n packets are hit: "..x..x". */
static const char *pattern(unsigned n)
{
	static char text[200];

	for (unsigned i = 0; i < n; i++)
		text[i] = hits(i) ? 'x' : '.';
	text[n] = '\0';
	return text;
}

/* ---- which packets ---- */

Test(impair, no_rule_does_nothing)
{
	rules("# nothing");
	cr_assert(!impair_concerns(&im, IMPAIR_IN));
	cr_assert_str_eq(pattern(20), "....................");
}

Test(impair, direction)
{
	struct impair_view v = packet(4, 5, 6);

	rules("in drop");
	cr_assert(impair_concerns(&im, IMPAIR_IN));
	cr_assert(!impair_concerns(&im, IMPAIR_OUT));
	cr_assert(judge_dir(IMPAIR_IN, &v) && !judge_dir(IMPAIR_OUT, &v));
}

Test(impair, absolute_psn_once)
{
	rules("drop psn=7 once");
	cr_assert_str_eq(pattern(10), ".......x..");
	cr_assert_str_eq(pattern(10), "..........");
	cr_assert_eq(counters.n[CNT_IMPAIR_LOST], 1);
}

Test(impair, relative_psn_counts_from_the_first_of_each_stream)
{
	struct impair_view a = packet(0x04, 0x100, 0xfffffe);
	struct impair_view ack = packet(0x11, 0x100, 500);
	struct impair_view b = packet(0x04, 0x200, 10);

	rules("drop psn=+3");
	for (unsigned i = 0; i < 6; i++) {
		cr_assert_eq(judge(&a), i == 3, "%u", i);
		cr_assert_eq(judge(&ack), i == 3, "%u", i);
		cr_assert_eq(judge(&b), i == 3, "%u", i);
		a.bth.psn = psn_add(a.bth.psn, 1);
		ack.bth.psn++;
		b.bth.psn++;
	}
}

Test(impair, qp_in_the_order_of_appearance)
{
	struct impair_view cm = packet(0x64, 1, 0);
	struct impair_view a = packet(0x04, 0x900, 0);
	struct impair_view b = packet(0x04, 0x100, 0);

	rules("drop qp=2");
	cr_assert(!judge(&cm) && !judge(&a) && judge(&b));
	cr_assert(!judge(&a) && judge(&b) && !judge(&cm));
}

Test(impair, round_counts_how_often_the_sender_went_back)
{
	rules("drop round=2 psn=+1");
	cr_assert_str_eq(pattern(4), "....");
	cr_assert_str_eq(pattern(4), ".x..");
	cr_assert_str_eq(pattern(4), "....");
}

Test(impair, opcode_dqpn_aeth_addresses)
{
	struct impair_view v = packet(0x11, 0x55, 9);

	v.aeth = IMPAIR_AETH_NAK;
	rules("drop opcode=ACKNOWLEDGE dqpn=0x55 aeth=nak src=10.0.0.1 "
	      "dst=10.0.0.2");
	cr_assert(judge(&v));
	v.aeth = IMPAIR_AETH_ACK;
	cr_assert(!judge(&v));
	v.aeth = IMPAIR_AETH_NAK;
	v.bth.dqpn = 0x56;
	cr_assert(!judge(&v));
	v.bth.dqpn = 0x55;
	v.bth.opcode = 0x12;
	cr_assert(!judge(&v));
	v.bth.opcode = 0x11;
	ip_parse(&v.src, "10.0.0.9");
	cr_assert(!judge(&v));
}

Test(impair, packets_that_are_no_roce)
{
	struct impair_view arp = {
		.proto = IMPAIR_ARP, .len = 42, .body_len = 28};
	struct impair_view v = packet(4, 5, 6);

	rules("drop proto=arp");
	cr_assert(judge(&arp) && !judge(&v));
	rules("drop");
	cr_assert(judge(&arp) && judge(&v));
	rules("drop psn=0");
	cr_assert(!judge(&arp));
	rules("corrupt\ntruncate\nmark");
	cr_assert(!judge(&arp));
	rules("corrupt proto=arp");
	cr_assert(judge(&arp));
	cr_assert_lt(fate.flip[0], 28 * 8);
}

/* ---- how often ---- */

Test(impair, frequencies)
{
	rules("drop every 3");
	cr_assert_str_eq(pattern(10), "..x..x..x.");
	rules("drop next 4");
	cr_assert_str_eq(pattern(10), "xxxx......");
	rules("drop skip 3 next 2");
	cr_assert_str_eq(pattern(10), "...xx.....");
	rules("drop skip 1 every 2 next 3");
	cr_assert_str_eq(pattern(10), "..x.x.x...");
	rules("drop chance 0");
	cr_assert_str_eq(pattern(10), "..........");
	rules("drop chance 100%");
	cr_assert_str_eq(pattern(10), "xxxxxxxxxx");
}

Test(impair, once_is_once_for_both_directions)
{
	struct impair_view v = packet(4, 5, 7);

	rules("drop psn=7 once");
	cr_assert(judge_dir(IMPAIR_IN, &v) && !judge_dir(IMPAIR_OUT, &v));
}

Test(impair, chance_is_about_right)
{
	unsigned n = 0;

	rules("loss 0.05");
	for (unsigned i = 0; i < 100000; i++)
		n += hits(i);
	cr_assert(n > 4700 && n < 5300, "%u", n);
}

Test(impair, windows_of_time)
{
	rules("blackhole for 300ms after 1s");
	cr_assert(!hits(0));
	now += SEC - 1;
	cr_assert(!hits(1));
	now += 1;
	cr_assert(hits(2));
	now += 300 * MSEC - 1;
	cr_assert(hits(3));
	now += 1;
	cr_assert(!hits(4));
	now += 100 * SEC;
	cr_assert(!hits(5));
}

Test(impair, the_seed_decides_and_nothing_else)
{
	char first[200];
	struct impair_view in = packet(4, 9, 9);

	rules("drop chance 0.3");
	strcpy(first, pattern(100));
	rules("drop chance 0.3");
	cr_assert_str_eq(pattern(100), first);
	/* Neither what comes in nor another rule changes it. */
	rules("drop chance 0.3\nin corrupt chance 0.5");
	for (unsigned i = 0; i < 100; i++) {
		judge_dir(IMPAIR_IN, &in);
		cr_assert_eq(hits(i), first[i] == 'x');
	}
	impair_init(&im, 43, &counters);
	impair_add(&im, "drop chance 0.3", why);
	cr_assert_str_neq(pattern(100), first);
}

/* ---- what happens ---- */

Test(impair, lost_says_by_which_rule)
{
	rules("mark next 1 skip 5\nout drop psn=3 once # that one");
	cr_assert(hits(3));
	cr_assert(fate.lost);
	cr_assert_str_eq(fate.note,
			 "impair: lost by rule 2 (out drop psn=3 once)");
}

Test(impair, several_rules_add_up)
{
	rules("hold for 2ms\nhold for 1ms\ndup\nmark");
	cr_assert(hits(1));
	cr_assert_eq(fate.until, now + 3 * MSEC);
	cr_assert_eq(fate.copies, 1);
	cr_assert(fate.mark && !fate.lost && !fate.cut && !fate.nflip);
	cr_assert_str_eq(
		fate.note,
		"impair: held by rule 1 (hold for 2ms), held by rule 2 "
		"(hold for 1ms), duplicated by rule 3 (dup), marked CE "
		"by rule 4 (mark)");
	cr_assert_eq(counters.n[CNT_IMPAIR_DELAYED], 2);
	cr_assert_eq(counters.n[CNT_IMPAIR_DUPLICATED], 1);
	cr_assert_eq(counters.n[CNT_IMPAIR_MARKED], 1);
}

Test(impair, the_rule_that_loses_is_the_last)
{
	rules("drop every 2\nmark next 1");
	cr_assert(hits(0));
	cr_assert(fate.mark && !fate.lost);
	cr_assert(hits(1));
	cr_assert(fate.lost && !fate.mark);
}

Test(impair, delay_keeps_the_order)
{
	nsec_t last = 0;

	rules("delay 1ms jitter=500us");
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert(hits(i));
		cr_assert(fate.until >= now + MSEC);
		cr_assert(fate.until <= now + MSEC + 500 * USEC);
		cr_assert(fate.until >= last);
		last = fate.until;
		now += 10 * USEC;
	}
}

Test(impair, reorder_waits_for_others_but_not_forever)
{
	rules("reorder by=3 within=2ms next 1");
	cr_assert(hits(0));
	cr_assert_eq(fate.overtake, 3);
	cr_assert_eq(fate.until, now + 2 * MSEC);
	cr_assert_eq(counters.n[CNT_IMPAIR_REORDERED], 1);
}

Test(impair, rate_is_kept_and_its_queue_has_an_end)
{
	/* 1000 bytes each are a millisecond. */
	rules("rate 8Mbit limit=3500");
	for (unsigned i = 1; i <= 3; i++) {
		cr_assert(hits(i));
		cr_assert_eq(fate.until, now + i * MSEC, "%u", i);
	}
	cr_assert(hits(4) && fate.lost);
	cr_assert(strstr(fate.note, "queue being full"), "%s", fate.note);
	now += MSEC;
	cr_assert(hits(5) && !fate.lost);
	cr_assert_eq(fate.until, now + 3 * MSEC);
	now += 10 * MSEC;
	cr_assert(hits(6));
	cr_assert_eq(fate.until, now + MSEC);
}

Test(impair, each_direction_has_its_own_rate)
{
	struct impair_view v = packet(4, 5, 6);

	rules("rate 8Mbit");
	cr_assert(judge_dir(IMPAIR_OUT, &v));
	cr_assert_eq(fate.until, now + MSEC);
	cr_assert(judge_dir(IMPAIR_IN, &v));
	cr_assert_eq(fate.until, now + MSEC);
}

Test(impair, flips_are_distinct_and_covered_by_the_icrc)
{
	rules("corrupt bits=32");
	for (unsigned i = 0; i < 200; i++) {
		struct impair_view v = packet(4, 5, i);

		v.body_len = 12;
		cr_assert(judge(&v));
		cr_assert(fate.icrc_wrong);
		cr_assert_eq(fate.nflip, 32);
		for (unsigned k = 0; k < 32; k++) {
			cr_assert_lt(fate.flip[k], 96);
			cr_assert_neq(fate.flip[k] / 8, 4);
			for (unsigned j = 0; j < k; j++)
				cr_assert_neq(fate.flip[k], fate.flip[j]);
		}
	}
}

Test(impair, flips_of_one_byte)
{
	rules("corrupt byte=17 bits=20 icrc=fixed\ncorrupt byte=17 bits=3");
	cr_assert(hits(0));
	cr_assert_eq(fate.nflip, 8);
	cr_assert_eq(fate.flip[0] / 8, 17);
	rules("corrupt byte=1000 once");
	cr_assert(!hits(0));
}

Test(impair, truncation)
{
	rules("truncate to 40 next 1");
	cr_assert(hits(0));
	cr_assert_eq(fate.cut, 40);
	cr_assert(fate.icrc_wrong);
	rules("truncate icrc=fixed");
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert(hits(i));
		cr_assert(fate.cut >= 12 && fate.cut < 1000);
		cr_assert(!fate.icrc_wrong);
	}
	rules("truncate to 1000 once");
	cr_assert(!hits(0));
	cr_assert_eq(counters.n[CNT_IMPAIR_TRUNCATED], 0);
}

Test(impair, more_connections_than_can_be_followed)
{
	rules("drop psn=+0 qp=1");
	for (uint32_t q = 2; q < 3 * TRACK_FLOWS; q++) {
		struct impair_view v = packet(4, q, 0);

		cr_assert_eq(judge(&v), q == 2);
	}
}
