/* Each fault, both ways, on a link over real sockets: what arrives, what is
 * counted, and what a capture says.
 */
#include "udp_world.h"

#include "nic/impair/impair_link.h"

static struct impair im_a, im_b;
static char wrong[IMPAIR_WHY_MAX + 16];

/* Puts @rules around the link of @e. */
static void impair(struct end *e, struct impair *im, const char *rules)
{
	impair_init(im, 7, &e->counters);
	cr_assert_eq(impair_add(im, rules, wrong), 0, "%s", wrong);
	cr_assert_eq(impair_link_new(e->link, im, &e->link), 0);
	link_set_up(e->link, take, e);
}

static void start(const char *rules_a, const char *rules_b)
{
	open_both(true);
	if (rules_a)
		impair(&a, &im_a, rules_a);
	if (rules_b)
		impair(&b, &im_b, rules_b);
}

static void stop(void)
{
	close_both();
	impair_fini(&im_a);
	impair_fini(&im_b);
}

static void send_many(const size_t *len, unsigned n)
{
	static struct pkt p[64];

	for (unsigned i = 0; i < n; i++)
		make(&p[i], &a, &b, len[i]);
	link_send(a.link, p, n, 0);
}

static void is_note(const struct frame *f, const char *note)
{
	cr_assert_str_eq(f->note, note);
}

/* The payload's length of what came up b: BTH to pad. */
static size_t len_up(unsigned i)
{
	cr_assert_lt(i, b.n);
	return b.dgram[i].data.len;
}

Test(impair_link, nothing_happens_without_a_rule_that_hits)
{
	start("drop psn=8", "drop psn=8");
	send_one(100);
	receive(&b, 1);
	cr_assert_eq(b.n, 1);
	is_note(&rec_a.frame[0], "");
	is_note(&rec_b.frame[0], "");
	cr_assert_eq(link_deadline(a.link), NSEC_NEVER);
	stop();
}

/* ---- lost ---- */

Test(impair_link, lost_on_the_way_out_is_shown_and_does_not_leave)
{
	start("out drop psn=7 once", NULL);
	send_one(100);
	send_one(200);
	receive(&b, 1);
	cr_assert_eq(link_receive(b.link, 8, 0), 0);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(len_up(0), BTH_LEN + 200);
	cr_assert_eq(rec_a.n, 2);
	is_note(&rec_a.frame[0],
		"impair: lost by rule 1 (out drop psn=7 once)");
	is_note(&rec_a.frame[1], "");
	cr_assert_eq(a.counters.n[CNT_IMPAIR_LOST], 1);
	stop();
}

Test(impair_link, the_senders_remark_is_kept)
{
	struct pkt p;

	start("drop once\nmark once", NULL);
	for (unsigned i = 0; i < 2; i++) {
		make(&p, &a, &b, 8);
		p.note = "retransmission";
		link_send(a.link, &p, 1, 0);
	}
	is_note(&rec_a.frame[0],
		"impair: lost by rule 1 (drop once); retransmission");
	is_note(&rec_a.frame[1],
		"impair: marked CE by rule 2 (mark once); retransmission");
	stop();
}

Test(impair_link, lost_on_the_way_in_is_refused_under_its_own_name)
{
	start(NULL, "in drop once");
	send_one(100);
	send_one(200);
	receive(&b, 2);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(len_up(0), BTH_LEN + 200);
	cr_assert_eq(b.counters.drop[DROP_IMPAIRED], 1);
	is_note(&rec_b.frame[0], "impair: lost by rule 1 (in drop once)");
	stop();
}

Test(impair_link, the_rest_of_a_batch_leaves_in_order)
{
	static const size_t len[] = {4, 8, 12, 16, 20, 24, 28, 32, 36};

	start("drop every 3", NULL);
	send_many(len, 9);
	receive(&b, 6);
	for (unsigned i = 0; i < 6; i++)
		cr_assert_eq(len_up(i), BTH_LEN + len[i + i / 2]);
	cr_assert_eq(rec_a.n, 9);
	for (unsigned i = 0; i < 9; i++)
		cr_assert_eq(rec_a.frame[i].note[0] != 0, i % 3 == 2);
	stop();
}

/* ---- twice ---- */

Test(impair_link, doubled_both_ways)
{
	start("out dup once", "in dup copies=2 once");
	send_one(100);
	receive(&b, 2);
	cr_assert_eq(rec_a.n, 2);
	cr_assert_eq(b.n, 4);
	is_note(&rec_a.frame[1], "impair: duplicated by rule 1 (out dup once)");
	is_note(&rec_b.frame[0],
		"impair: duplicated by rule 1 (in dup copies=2 once)");
	cr_assert_eq(a.counters.n[CNT_IMPAIR_DUPLICATED], 1);
	stop();
}

Test(impair_link, each_refused_copy_counts)
{
	start(NULL, "dup");
	b.verdict = DROP_QPN;
	send_one(8);
	receive(&b, 1);
	cr_assert_eq(b.counters.drop[DROP_QPN], 2);
	is_note(&rec_b.frame[0],
		"impair: duplicated by rule 1 (dup); drop: qpn: no such QP");
	stop();
}

/* ---- late ---- */

Test(impair_link, held_on_the_way_out)
{
	static const size_t len[] = {100, 200};

	start("hold for 2ms once", NULL);
	send_many(len, 2);
	receive(&b, 1);
	cr_assert_eq(len_up(0), BTH_LEN + 200);
	cr_assert_eq(link_deadline(a.link), 2 * MSEC);
	link_tick(a.link, 2 * MSEC - 1);
	cr_assert_eq(rec_a.n, 1);
	link_tick(a.link, 2 * MSEC);
	receive(&b, 1);
	cr_assert_eq(len_up(1), BTH_LEN + 100);
	is_note(&rec_a.frame[1], "impair: held by rule 1 (hold for 2ms once)");
	cr_assert_eq(link_deadline(a.link), NSEC_NEVER);
	stop();
}

Test(impair_link, held_on_the_way_in_is_judged_later)
{
	start(NULL, "hold for 2ms");
	b.verdict = DROP_QPN;
	send_one(100);
	receive(&b, 1);
	cr_assert_eq(b.n, 0);
	is_note(&rec_b.frame[0], "impair: held by rule 1 (hold for 2ms)");
	cr_assert_eq(b.counters.drop[DROP_QPN], 0);
	link_tick(b.link, link_deadline(b.link));
	cr_assert_eq(b.n, 1);
	cr_assert_eq(len_up(0), BTH_LEN + 100);
	cr_assert_eq(b.counters.drop[DROP_QPN], 1);
	cr_assert(ip_equal(&b.dgram[0].src, &a.link->addr[0]));
	stop();
}

Test(impair_link, overtaken_by_so_many)
{
	static const size_t len[] = {4, 8, 12, 16};
	static const size_t order[] = {8, 12, 4, 16};

	start("reorder by=2 once", NULL);
	send_many(len, 4);
	receive(&b, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(len_up(i), BTH_LEN + order[i]);
	stop();
}

Test(impair_link, overtaken_on_the_way_in)
{
	static const size_t len[] = {4, 8, 12};
	static const size_t order[] = {8, 4, 12};

	start(NULL, "reorder once");
	send_many(len, 3);
	receive(&b, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(len_up(i), BTH_LEN + order[i]);
	stop();
}

Test(impair_link, who_is_overtaken_by_nobody_leaves_all_the_same)
{
	start("reorder within=500us", NULL);
	send_one(4);
	cr_assert_eq(link_deadline(a.link), 500 * USEC);
	link_tick(a.link, 500 * USEC);
	receive(&b, 1);
	stop();
}

Test(impair_link, at_a_rate)
{
	static const size_t len[] = {956, 956, 956, 956};

	/* 1000 bytes of IP packet take a millisecond. */
	start("rate 8Mbit limit=3500", NULL);
	send_many(len, 4);
	for (unsigned i = 1; i <= 3; i++) {
		cr_assert_eq(link_deadline(a.link), i * MSEC);
		link_tick(a.link, i * MSEC);
		receive(&b, 1);
	}
	cr_assert_eq(link_deadline(a.link), NSEC_NEVER);
	cr_assert_eq(a.counters.n[CNT_IMPAIR_LOST], 1);
	is_note(&rec_a.frame[0], "impair: lost, its queue being full, by rule "
				 "1 (rate 8Mbit limit=3500)");
	stop();
}

Test(impair_link, only_so_many_are_held)
{
	struct pkt p;

	rec_a.tap.ops = &recorder_ops;
	start("hold for 1s", NULL);
	for (unsigned i = 0; i < 4100; i++) {
		make(&p, &a, &b, 8);
		link_send(a.link, &p, 1, 0);
	}
	cr_assert_eq(a.counters.n[CNT_IMPAIR_LOST], 4);
	is_note(&rec_a.frame[3], "impair: lost, as too many are held");
	stop(); /* with all that are held */
}

Test(impair_link, drained_before_it_goes)
{
	static const size_t len[] = {4, 8, 12};

	start("hold for 1s", NULL);
	send_many(len, 3);
	link_drain(a.link, 0);
	receive(&b, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(len_up(i), BTH_LEN + len[i]);
	stop();
}

/* ---- damaged ---- */

static unsigned bits_changed(const uint8_t *x, const uint8_t *y, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += (unsigned)__builtin_popcount(x[i] ^ y[i]);
	return n;
}

Test(impair_link, corrupted_with_its_old_icrc)
{
	start("corrupt bits=3 once", NULL);
	send_one(100);
	send_one(100);
	receive(&b, 2);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(rec_a.frame[0].len, rec_a.frame[1].len);
	cr_assert_eq(bits_changed(rec_a.frame[0].bytes, rec_a.frame[1].bytes,
				  rec_a.frame[0].len),
		     3);
	is_note(&rec_a.frame[0],
		"impair: corrupted by rule 1 (corrupt bits=3 once)");
	stop();
}

Test(impair_link, corrupted_with_a_right_icrc)
{
	start("corrupt bits=3 byte=20 icrc=fixed once", NULL);
	send_one(100);
	send_one(100);
	receive(&b, 2);
	cr_assert_eq(b.n, 2);
	cr_assert_eq(bits_changed(b.data[0], b.data[1], 112), 3);
	cr_assert_eq(bits_changed(b.data[0] + 20, b.data[1] + 20, 1), 3);
	stop();
}

Test(impair_link, corrupted_on_the_way_in)
{
	start(NULL, "corrupt once\ncorrupt icrc=fixed once");
	for (unsigned i = 0; i < 2; i++)
		send_one(100);
	receive(&b, 2);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	is_note(&rec_b.frame[0],
		"impair: corrupted by rule 1 (corrupt once), corrupted, ICRC "
		"right, by rule 2 (corrupt icrc=fixed once); drop: icrc: wrong "
		"ICRC");
	cr_assert_eq(b.n, 1);
	stop();
}

Test(impair_link, what_is_fixed_on_the_way_in_comes_up_damaged)
{
	static const uint8_t clean[4] = {1, 2, 3, 4};

	start(NULL, "corrupt byte=12 icrc=fixed once");
	send_one(100);
	receive(&b, 1);
	cr_assert_eq(bits_changed(b.data[0] + 12, clean, 4), 1);
	stop();
}

Test(impair_link, cut_short)
{
	start("truncate to 40 once\ntruncate to 20 icrc=fixed once skip 1",
	      NULL);
	send_one(100);
	send_one(100);
	receive(&b, 2);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(rec_b.frame[0].len, 14 + 20 + 8 + 40 + 4);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(len_up(0), 20);
	stop();
}

Test(impair_link, cut_short_on_the_way_in)
{
	start(NULL,
	      "truncate to 40 once\ntruncate to 20 icrc=fixed once skip 1");
	send_one(100);
	send_one(100);
	receive(&b, 2);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(b.n, 1);
	cr_assert_eq(len_up(0), 20);
	stop();
}

Test(impair_link, marked)
{
	start("mark once", NULL);
	send_one(8);
	send_one(8);
	receive(&b, 2);
	cr_assert_eq(b.dgram[0].tos, 3);
	cr_assert_eq(b.dgram[1].tos, 0);
	stop();
}

Test(impair_link, marked_on_the_way_in)
{
	start(NULL, "mark once");
	send_one(8);
	send_one(8);
	receive(&b, 2);
	cr_assert_eq(b.dgram[0].tos, 3);
	cr_assert_eq(b.dgram[1].tos, 0);
	stop();
}

/* ---- within a train ---- */

/* Sends 40 packets of one size, whose PSNs count up, in one batch. */
static void send_train(nsec_t now)
{
	static struct pkt p[40];

	for (unsigned i = 0; i < 40; i++) {
		make(&p[i], &a, &b, 256);
		p[i].room[PKT_ROOM - 1] = (uint8_t)i;
	}
	link_send(a.link, p, 40, now);
}

static uint8_t psn_up(unsigned i)
{
	return b.data[i][BTH_LEN - 1];
}

Test(impair_link, faults_within_a_train_on_the_way_out)
{
	unsigned n = 0;

	cfg.gso = GSO_ON;
	start("drop psn=3 once\ncorrupt psn=9 once\nreorder by=2 psn=20 once\n"
	      "hold for 1ms psn=30 once\ndup psn=35 once",
	      NULL);
	send_train(0);
	receive(&b, 39); /* without 3 and 30; 35 twice */
	link_tick(a.link, MSEC);
	receive(&b, 1);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(b.n, 39);
	for (unsigned psn = 0; psn < 40; psn++) {
		if (psn == 3 || psn == 9 || psn == 20 || psn == 30)
			continue;
		cr_assert_eq(psn_up(n++), psn);
		if (psn == 35)
			cr_assert_eq(psn_up(n++), 35);
		if (psn == 22)
			cr_assert_eq(psn_up(n++), 20);
	}
	cr_assert_eq(psn_up(n), 30);
	cr_assert_eq(rec_a.n, 41, "each is shown once; 35 twice");
	stop();
}

Test(impair_link, faults_within_a_train_on_the_way_in)
{
	unsigned n = 0;

	cfg.gso = GSO_ON;
	start(NULL, "drop psn=3 once\ncorrupt psn=9 once\n"
		    "hold for 1ms psn=30 once");
	send_train(0);
	receive(&b, 40);
	link_tick(b.link, MSEC);
	cr_assert_eq(b.counters.drop[DROP_IMPAIRED], 1);
	cr_assert_eq(b.counters.drop[DROP_ICRC], 1);
	cr_assert_eq(b.n, 38);
	for (unsigned psn = 0; psn < 40; psn++)
		if (psn != 3 && psn != 9 && psn != 30)
			cr_assert_eq(psn_up(n++), psn);
	cr_assert_eq(psn_up(n), 30);
	stop();
}

Test(impair_link, all_at_once)
{
	start("drop chance 0.1\ndup chance 0.1\nreorder chance 0.1\n"
	      "corrupt chance 0.1\ntruncate chance 0.1\nmark chance 0.1\n"
	      "hold for 1ms chance 0.1",
	      "drop chance 0.1\ndup chance 0.1\nreorder chance 0.1\n"
	      "corrupt chance 0.1 icrc=fixed\ntruncate chance 0.1 icrc=fixed\n"
	      "delay 1us jitter=1ms");
	for (nsec_t t = 0; t < 100 * MSEC; t += MSEC) {
		struct pkt p;

		make(&p, &a, &b, 4 + t / MSEC);
		rec_a.n = rec_b.n = 0;
		link_send(a.link, &p, 1, t);
		link_tick(a.link, t);
		link_receive(b.link, 64, t);
		link_tick(b.link, t);
	}
	cr_assert(b.n > 50 && b.n < 150, "%u", b.n);
	stop();
}
