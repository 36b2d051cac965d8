/* Completion queues that change: size, and how often they call. */
#include "tests/support/duo.h"

static struct duo d;

TestSuite(cq_change, .timeout = 120);

static void push(struct gn_cq *cq, uint64_t id)
{
	struct cqe e = { .wc = { .wr_id = id, .qp = d.s[A].qp } };

	cq->engine->now = d.f.now;
	cq_push(cq, &e);
}

static void take(struct gn_cq *cq, uint64_t from, unsigned n)
{
	struct gn_wc wc;

	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(cq_take(cq, 1, &wc), 1);
		CHECK_EQ(wc.wr_id, from + i);
	}
}

static struct gn_cq *make(unsigned cqe)
{
	struct gn_cq *cq;

	CHECK_EQ(cq_new(d.s[A].engine, cqe, (struct gn_channel *)1, NULL, &cq),
		 0);
	return cq;
}

/* ---- size ----------------------------------------------------------------------- */

/* What is queued stays, in order, wherever in the ring it began. */
Test(cq_change, resize)
{
	struct gn_cq *cq;
	uint64_t in = 0, out = 0;
	static const unsigned sizes[] = { 16, 8, 64, 7, 1024, 5 };

	duo_open_default(&d);
	cq = make(8);
	for (unsigned i = 0; i < 6; i++) {
		while (in - out < 5)
			push(cq, in++);
		take(cq, out, 2);
		out += 2;
		push(cq, in++);
		CHECK_EQ(cq_resize(cq, sizes[i]), 0);
		CHECK(cq->size >= sizes[i]);
		take(cq, out, 2);
		out += 2;
	}
	take(cq, out, in - out);
	CHECK(cq_is_empty(cq));
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

Test(cq_change, resize_refused)
{
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(8);
	for (unsigned i = 0; i < 5; i++)
		push(cq, i);
	CHECK_EQ(cq_resize(cq, 4), -EINVAL);
	CHECK_EQ(cq_resize(cq, 0), -EINVAL);
	CHECK_EQ(cq_resize(cq, cq->engine->cfg.limits.max_cqe + 1), -EINVAL);
	CHECK_EQ(cq->size, 8);
	take(cq, 0, 5);
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

/* Grown, it takes more; full, it overruns as ever. */
Test(cq_change, overrun_after_resize)
{
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(2);
	push(cq, 0);
	push(cq, 1);
	CHECK_EQ(cq_resize(cq, 4), 0);
	push(cq, 2);
	push(cq, 3);
	CHECK(!cq->overrun);
	push(cq, 4);
	CHECK(cq->overrun);
	CHECK_EQ(cq_resize(cq, 16), 0);
	take(cq, 0, 4);
	CHECK_EQ(cq_take(cq, 1, &(struct gn_wc){ 0 }), -EIO);
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

/* With work under way. */
Test(cq_change, resize_under_way)
{
	duo_open_default(&d);
	for (unsigned i = 0; i < 60; i++) {
		duo_do(&d, A, i, GN_WR_RDMA_WRITE, 100);
		if (i % 7 == 0)
			CHECK_EQ(cq_resize(d.s[A].scq, 64 << i % 3), 0);
		fabric_step(&d.f, d.f.now + SEC);
	}
	duo_idle(&d);
	for (unsigned i = 0; i < 60; i++)
		duo_sent(&d, A, i, GN_WC_SUCCESS);
	duo_close(&d);
}

/* ---- moderation ----------------------------------------------------------------- */

static unsigned events(void)
{
	return d.s[A].node->comp_events;
}

static void wait_for(nsec_t time)
{
	fabric_run(&d.f, d.f.now + time);
}

Test(cq_change, moderated_by_count)
{
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(64);
	CHECK_EQ(cq_moderate(cq, 4, 1000), 0);
	for (unsigned i = 1; i <= 12; i++) {
		if (i % 4 == 1)
			cq_arm(cq, false);
		push(cq, i);
		CHECK_EQ(events(), i / 4);
	}
	/* Nobody asked for more. */
	for (unsigned i = 0; i < 8; i++)
		push(cq, i);
	wait_for(SEC);
	CHECK_EQ(events(), 3);
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

Test(cq_change, moderated_by_time)
{
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(64);
	for (unsigned count = 0; count < 8; count += 4) {
		unsigned before = events();

		CHECK_EQ(cq_moderate(cq, count, 100), 0);
		cq_arm(cq, false);
		push(cq, 1);
		wait_for(60 * USEC);
		push(cq, 2);
		CHECK_EQ(events(), before);
		wait_for(39 * USEC);
		CHECK_EQ(events(), before);
		wait_for(2 * USEC);
		CHECK_EQ(events(), before + 1);
		wait_for(SEC);
		CHECK_EQ(events(), before + 1);
	}
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

/* Without a time it does not hold back: a last completion would never be told. */
Test(cq_change, not_moderated)
{
	static const unsigned counts[] = { 0, 1, 50 };
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(64);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(cq_moderate(cq, counts[i], 0), 0);
		cq_arm(cq, false);
		push(cq, i);
		CHECK_EQ(events(), i + 1);
	}
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

/* Switched off while an event waits: it comes in its time, once. */
Test(cq_change, switched_off)
{
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(64);
	CHECK_EQ(cq_moderate(cq, 10, 100), 0);
	cq_arm(cq, false);
	push(cq, 1);
	CHECK_EQ(cq_moderate(cq, 0, 0), 0);
	wait_for(SEC);
	CHECK_EQ(events(), 1);
	cq_arm(cq, false);
	push(cq, 2);
	CHECK_EQ(events(), 2);
	/* Freed while one waits. */
	CHECK_EQ(cq_moderate(cq, 10, 100), 0);
	cq_arm(cq, false);
	push(cq, 3);
	CHECK_EQ(cq_free(cq), 0);
	wait_for(SEC);
	CHECK_EQ(events(), 2);
	duo_close(&d);
}

/* Armed for solicited ones only, others do not count. */
Test(cq_change, moderated_solicited)
{
	struct cqe e = { .wc = { .solicited = true } };
	struct gn_cq *cq;

	duo_open_default(&d);
	cq = make(64);
	CHECK_EQ(cq_moderate(cq, 2, 100), 0);
	cq_arm(cq, true);
	for (unsigned i = 0; i < 5; i++)
		push(cq, i);
	wait_for(SEC);
	CHECK_EQ(events(), 0);
	e.wc.qp = d.s[A].qp;
	cq_push(cq, &e);
	CHECK_EQ(events(), 0);
	cq_push(cq, &e);
	CHECK_EQ(events(), 1);
	CHECK_EQ(cq_free(cq), 0);
	duo_close(&d);
}

/* ---- how many ------------------------------------------------------------------- */

Test(cq_change, limit)
{
	struct gn_cq *cq, *no;

	duo_open_default(&d);
	d.s[A].engine->cfg.limits.max_cq = 3; /* two are the duo's */
	cq = make(8);
	CHECK_EQ(cq_new(d.s[A].engine, 8, NULL, NULL, &no), -ENOMEM);
	CHECK_EQ(cq_free(cq), 0);
	cq = make(8);
	CHECK_EQ(cq_free(cq), 0);
	CHECK_EQ(cq_free(d.s[A].scq), -EBUSY);
	duo_close(&d);
}
