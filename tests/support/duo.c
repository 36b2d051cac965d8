#include "tests/support/duo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const struct duo *current; /* what duo_fail prints */

void duo_fail(const char *file, int line, const char *what, long long got,
	      long long want)
{
	if (current)
		fabric_dump(&current->f);
#ifdef DUO_ABORTS
	fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", file, line, what, got,
		want);
	abort();
#else
	cr_assert_fail("%s:%d: %s is %lld, not %lld", file, line, what, got,
		       want);
#endif
}

/* ---- making it ----------------------------------------------------------- */

struct duo_options duo_defaults(void)
{
	return (struct duo_options){
		.pmtu = 1024,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.min_rnr_timer = 12,
		.rd_atomic = 4,
		.dest_rd_atomic = 4,
		.psn = {0x1000, 0x2000},
		.qp_access = GN_ACCESS_REMOTE_WRITE | GN_ACCESS_REMOTE_READ |
			     GN_ACCESS_REMOTE_ATOMIC,
		.mr_access = GN_ACCESS_LOCAL_WRITE | GN_ACCESS_REMOTE_WRITE |
			     GN_ACCESS_REMOTE_READ | GN_ACCESS_REMOTE_ATOMIC,
		.cap = {.max_send_wr = 64,
			.max_recv_wr = 64,
			.max_send_sge = 8,
			.max_recv_sge = 8,
			.max_inline = 256},
		.cqe = 256,
		.mem = 65536,
		.credits = true,
		.window = 128 * 1024,
		.seed = 1,
	};
}

static void open_side(struct duo *d, unsigned i)
{
	struct side *s = &d->s[i];
	struct engine_config cfg = engine_config_default();

	cfg.seed = d->o.seed * 2 + i;
	cfg.credits = d->o.credits;
	cfg.notes = d->o.notes;
	cfg.window = d->o.window;
	s->node = fabric_add(&d->f, &cfg);
	s->engine = &s->node->engine;
	CHECK_EQ(pd_new(s->engine, &s->pd), 0);
	CHECK_EQ(cq_new(s->engine, d->o.cqe, NULL, NULL, &s->scq), 0);
	CHECK_EQ(cq_new(s->engine, d->o.cqe, NULL, NULL, &s->rcq), 0);
	s->scq->listener = s->rcq->listener = (struct gn_listener *)s;
	s->mem = mmap(NULL, d->o.mem, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(s->mem != MAP_FAILED);
	CHECK_EQ(mr_new(s->pd, s->mem, d->o.mem, (uintptr_t)s->mem,
			d->o.mr_access, &s->mr),
		 0);
	s->qp = duo_qp(d, i);
}

void duo_open(struct duo *d, const struct duo_options *o)
{
	*d = (struct duo){.o = *o};
	current = d;
	fabric_init(&d->f, o->seed);
	open_side(d, A);
	open_side(d, B);
	duo_raise(d, A, d->s[A].qp, d->s[B].qp->qpn, GN_QPS_RTS);
	duo_raise(d, B, d->s[B].qp, d->s[A].qp->qpn, GN_QPS_RTS);
}

void duo_open_default(struct duo *d)
{
	struct duo_options o = duo_defaults();

	duo_open(d, &o);
}

void duo_close(struct duo *d)
{
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &d->s[i];

		if (s->qp)
			qp_free(s->qp);
		if (s->mr)
			CHECK_EQ(mr_free(s->mr), 0);
		CHECK_EQ(cq_free(s->scq), 0);
		CHECK_EQ(cq_free(s->rcq), 0);
		CHECK_EQ(pd_free(s->pd), 0);
		CHECK_EQ(s->engine->timers.n, 0);
		munmap(s->mem, d->o.mem);
	}
	fabric_fini(&d->f);
	current = NULL;
}

struct gn_qp *duo_qp(struct duo *d, unsigned side)
{
	struct side *s = &d->s[side];
	struct gn_qp_init init = {.type = GN_QPT_RC,
				  .send_cq = s->scq,
				  .recv_cq = s->rcq,
				  .cap = d->o.cap,
				  .sq_sig_all = d->o.sig_all,
				  .listener = (struct gn_listener *)s,
				  .cookie = DUO_COOKIE};
	struct gn_qp *qp;

	CHECK_EQ(qp_new(s->pd, &init, &qp), 0);
	return qp;
}

/* ---- states -------------------------------------------------------------- */

struct gn_qp_attr duo_attr(const struct duo *d, unsigned side, uint32_t dqpn)
{
	const struct duo_options *o = &d->o;

	return (struct gn_qp_attr){
		.cur_state = GN_QPS_RESET,
		.path_mtu = o->pmtu,
		.rq_psn = o->psn[!side],
		.sq_psn = o->psn[side],
		.dest_qpn = dqpn,
		.access = o->qp_access,
		.ah = {.is_global = true,
		       .dgid = d->s[!side].node->link.addr[0],
		       .port_num = 1},
		.max_rd_atomic = o->rd_atomic,
		.max_dest_rd_atomic = o->dest_rd_atomic,
		.min_rnr_timer = o->min_rnr_timer,
		.timeout = o->timeout,
		.retry_cnt = o->retry_cnt,
		.rnr_retry = o->rnr_retry,
		.port_num = 1,
	};
}

int duo_move(struct gn_qp *qp, struct gn_qp_attr attr, enum gn_qp_state to,
	     unsigned mask)
{
	attr.state = to;
	return qp_modify(qp, &attr, mask);
}

void duo_raise(struct duo *d, unsigned side, struct gn_qp *qp, uint32_t dqpn,
	       enum gn_qp_state to)
{
	static const struct {
		enum gn_qp_state to;
		unsigned mask;
	} steps[] = {
		[GN_QPS_RESET] = {GN_QPS_INIT, DUO_INIT_MASK},
		[GN_QPS_INIT] = {GN_QPS_RTR, DUO_RTR_MASK},
		[GN_QPS_RTR] = {GN_QPS_RTS, DUO_RTS_MASK},
	};
	struct gn_qp_attr attr = duo_attr(d, side, dqpn);

	for (unsigned i = qp_state(qp); i < 3 && qp_state(qp) != to; i++)
		CHECK_EQ(duo_move(qp, attr, steps[i].to, steps[i].mask), 0);
	if (qp_state(qp) != to)
		CHECK_EQ(duo_move(qp, attr, to, GN_QP_STATE), 0);
}

/* ---- posting ------------------------------------------------------------- */

uint64_t duo_va(const struct duo *d, unsigned side, size_t offset)
{
	return (uintptr_t)d->s[side].mem + offset;
}

struct gn_sge duo_sge(const struct duo *d, unsigned side, size_t offset,
		      uint32_t len)
{
	return (struct gn_sge){duo_va(d, side, offset), len,
			       d->s[side].mr ? d->s[side].mr->h.key : 0};
}

struct gn_send_wr duo_wr(struct duo *d, unsigned side, uint64_t wr_id,
			 enum gn_wr_opcode opcode, uint32_t len)
{
	static struct gn_sge sge[2];

	sge[side] = duo_sge(d, side, 0, len);
	return (struct gn_send_wr){
		.wr_id = wr_id,
		.opcode = opcode,
		.flags = GN_SEND_SIGNALED,
		.sge = &sge[side],
		.nsge = 1,
		.remote_addr = duo_va(d, !side, 0),
		.rkey = d->s[!side].mr ? d->s[!side].mr->h.key : 0,
	};
}

int duo_post(struct duo *d, unsigned side, struct gn_send_wr wr)
{
	int rc = qp_post_send(d->s[side].qp, &wr);

	qp_ring(d->s[side].qp);
	return rc;
}

int duo_recv(struct duo *d, unsigned side, uint64_t wr_id, size_t offset,
	     uint32_t len)
{
	struct gn_sge sge = duo_sge(d, side, offset, len);
	struct gn_recv_wr wr = {.wr_id = wr_id, .sge = &sge, .nsge = 1};
	int rc = qp_post_recv(d->s[side].qp, &wr);

	qp_ring(d->s[side].qp);
	return rc;
}

void duo_do(struct duo *d, unsigned side, uint64_t wr_id,
	    enum gn_wr_opcode opcode, uint32_t len)
{
	CHECK_EQ(duo_post(d, side, duo_wr(d, side, wr_id, opcode, len)), 0);
}

/* ---- memory -------------------------------------------------------------- */

void duo_fill(struct duo *d, unsigned side, size_t offset, size_t len,
	      unsigned seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		d->s[side].mem[offset + i] = (uint8_t)(x >> 24);
	}
}

bool duo_same(const struct duo *d, size_t a_off, size_t b_off, size_t len)
{
	return !memcmp(d->s[A].mem + a_off, d->s[B].mem + b_off, len);
}

/* ---- running and looking ------------------------------------------------- */

static void check_qp_quiet(const struct gn_qp *qp)
{
	CHECK(list_empty(&qp->ready));
	CHECK(list_empty(&qp->waiting));
	CHECK_EQ(qp->req.ack_by == NSEC_NEVER, true);
	CHECK_EQ(qp->req.rnr_until, 0);
	CHECK_EQ(qp->req.charged, qp->req.paid);
	CHECK_EQ(qp->req.una, qp->req.nxt);
	if (qp->peer) {
		CHECK_EQ(qp->peer->in_flight, 0);
		CHECK(list_empty(&qp->peer->waiting));
	}
}

void duo_check_quiet(struct duo *d)
{
	for (unsigned i = 0; i < 2; i++) {
		struct engine *e = d->s[i].engine;

		CHECK(engine_deadline(e) == NSEC_NEVER);
		CHECK_EQ(e->nbatch, 0);
		for (unsigned b = 0; b < ENGINE_BUCKETS; b++)
			for (struct gn_qp *q = e->bucket[b]; q; q = q->next)
				check_qp_quiet(q);
	}
}

void duo_idle(struct duo *d)
{
	CHECK(fabric_idle(&d->f, 3600 * SEC));
	duo_check_quiet(d);
}

static struct gn_wc next_wc(struct gn_cq *cq, uint64_t wr_id,
			    enum gn_wc_status status)
{
	struct gn_wc wc;

	CHECK_EQ(cq_take(cq, 1, &wc), 1);
	CHECK_EQ(wc.wr_id, wr_id);
	CHECK_EQ(wc.status, status);
	return wc;
}

struct gn_wc duo_sent(struct duo *d, unsigned side, uint64_t wr_id,
		      enum gn_wc_status status)
{
	return next_wc(d->s[side].scq, wr_id, status);
}

struct gn_wc duo_received(struct duo *d, unsigned side, uint64_t wr_id,
			  enum gn_wc_status status)
{
	return next_wc(d->s[side].rcq, wr_id, status);
}

void duo_no_more(struct duo *d)
{
	struct gn_wc wc;

	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(cq_take(d->s[i].scq, 1, &wc), 0);
		CHECK_EQ(cq_take(d->s[i].rcq, 1, &wc), 0);
	}
}

unsigned duo_events(const struct duo *d, unsigned side, enum gn_event_type type)
{
	const struct node *n = d->s[side].node;
	unsigned hits = 0;

	for (unsigned i = 0; i < n->nevent; i++)
		hits += n->event[i].type == type;
	return hits;
}

/* ---- losing -------------------------------------------------------------- */

static struct loss {
	unsigned from, opcode, left;
	bool done;
} loss;

static void lose(void *ctx, struct flight *fl)
{
	struct loss *l = ctx;

	if (l->done || fl->from != l->from ||
	    fl->roce.bth.opcode != l->opcode || l->left--)
		return;
	fl->copies = 0;
	l->done = true;
}

void duo_lose(struct duo *d, unsigned from, unsigned opcode, unsigned nth)
{
	loss = (struct loss){from, opcode, nth, false};
	d->f.filter = lose;
	d->f.filter_ctx = &loss;
}
