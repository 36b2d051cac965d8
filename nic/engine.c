#include "nic/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nic/completer.h"
#include "nic/datagram.h"
#include "nic/mcast.h"
#include "nic/migrate.h"
#include "nic/qp.h"
#include "nic/raw.h"
#include "nic/requester.h"
#include "nic/responder.h"
#include "nic/responder_parts.h"
#include "nic/srq.h"
#include "nic/uc.h"
#include "wire/opcode.h"

#define TURN_BYTES (64u * 1024) /* of one QP before the next gets its turn */
#define TURN_MIN   16u	/* packets */
#define BATCH_BYTES (128u * 1024) /* what a batch holds at most, about */
#define TTL	   64
#define UNRELIABLE_GAP (80 * USEC) /* 64 KiB each: 800 MB/s */

struct engine_config engine_config_default(void)
{
	return (struct engine_config){
		.limits = { .max_qp = 65536,
			    .max_cq = 65536,
			    .max_mr = 1u << 20,
			    .max_pd = 65536,
			    .max_qp_wr = 32768,
			    .max_cqe = 1u << 22,
			    .max_sge = 32,
			    .max_inline = 1024,
			    .max_rd_atomic = 128,
			    .max_ah = 1u << 20,
			    .max_srq = 65536,
			    .max_srq_wr = 32768,
			    .max_srq_sge = 32,
			    .max_mw = 1u << 20,
			    .max_xrcd = 65536,
			    .max_mcast_grp = 8192,
			    .max_mcast_qp_attach = 256,
			    .max_ind_size = 1024,
			    .max_dm_size = 1u << 24,
			    .max_mr_size = UINT64_MAX / 2,
			    .max_msg_size = 1u << 31,
			    .gid_count = ENGINE_GIDS,
			    .pkey_count = 1 },
		.migreq = true,
		.credits = true,
		.window = 128 * 1024,
	};
}

static void next_burst(struct timer *t, nsec_t now)
{
	struct engine *e = list_entry(t, struct engine, pace_timer);

	while (!list_empty(&e->paced)) {
		struct gn_qp *qp =
			list_entry(e->paced.next, struct gn_qp, waiting);

		list_del(&qp->waiting);
		engine_ready(e, qp);
	}
}

int engine_init(struct engine *e, const struct engine_config *cfg,
		const struct engine_hooks *hooks, void *hook_ctx)
{
	*e = (struct engine){ .cfg = *cfg,
			      .hooks = hooks,
			      .hook_ctx = hook_ctx,
			      .random = { cfg->seed } };
	timers_init(&e->timers);
	list_init(&e->ready);
	list_init(&e->begun);
	list_init(&e->cqs);
	list_init(&e->paced);
	e->pace.gap = UNRELIABLE_GAP;
	e->pace_timer.fire = next_burst;
	e->timed = 1;
	if (timers_reserve(&e->timers, e->timed))
		return -ENOMEM;
	e->next_qpn = (uint32_t)random_next(&e->random);
	e->batch = calloc(ENGINE_BATCH, sizeof(*e->batch));
	e->slots = calloc(ENGINE_BATCH, sizeof(*e->slots));
	if (!e->batch || !e->slots) {
		engine_fini(e);
		return -ENOMEM;
	}
	return 0;
}

void engine_attach(struct engine *e, struct link *link)
{
	e->link = link;
	e->ngid = link->naddr;
	for (unsigned i = 0; i < link->naddr; i++)
		e->gid[i] = link->addr[i];
	link_set_up(link, engine_deliver, e);
	e->cfg.limits.raw_packet = link->ops->send_frames != NULL;
	link->raw = raw_deliver;
}

void engine_fini(struct engine *e)
{
	mr_table_fini(&e->mrs);
	timers_fini(&e->timers);
	free(e->batch);
	free(e->slots);
}

unsigned engine_pmtu(const struct engine *e)
{
	unsigned pmtu = PMTU_MAX;

	while (pmtu > 256 && pmtu + ROCE_HEADERS_MAX > e->link->ip_mtu)
		pmtu /= 2;
	return pmtu;
}

uint16_t engine_lid(const struct engine *e)
{
	return e->cfg.lids ? get_be16(e->gid[e->ngid - 1].b + 14) : 0;
}

void engine_resolve_lid(const struct engine *e, struct gn_ah *ah)
{
	if (ah->is_global || !e->cfg.lids || !ah->dlid)
		return;
	ah->is_global = true;
	ah->sgid_index = (uint8_t)(e->ngid - 1);
	ah->dgid = e->gid[ah->sgid_index];
	put_be16(ah->dgid.b + 14, ah->dlid);
}

struct gn_qp *engine_find_qp(const struct engine *e, uint32_t qpn)
{
	struct gn_qp *qp = e->bucket[qpn % ENGINE_BUCKETS];

	while (qp && qp->qpn != qpn)
		qp = qp->next;
	return qp;
}

/* ---- in ------------------------------------------------------------------- */

/* IBTA 10.9.3: the low 15 bits match, and one of the two is a full member. */
static bool pkey_matches(uint16_t a, uint16_t b)
{
	return !((a ^ b) & 0x7fff) && ((a | b) & 0x8000);
}

/* Of the two ends of an XRC connection, one only asks and the other answers. */
static bool speaks(const struct gn_qp *qp, uint32_t flags)
{
	switch (qp->init.type) {
	case GN_QPT_XRC_SEND: return flags & IS_RESPONSE;
	case GN_QPT_XRC_RECV: return flags & IS_REQUEST;
	case GN_QPT_RC:
	case GN_QPT_UC:
	case GN_QPT_UD:
	case GN_QPT_RAW_PACKET: break;
	}
	return true;
}

static enum drop check_qp(struct gn_qp *qp, const struct roce *r,
			  const struct dgram *d)
{
	if (!qp)
		return DROP_QPN;
	if (opcode_transport(r->bth.opcode) != qp_transport(qp) ||
	    qp->init.type == GN_QPT_RAW_PACKET)
		return DROP_TRANSPORT;
	if (!pkey_matches(r->bth.pkey, PKEY_DEFAULT))
		return DROP_PKEY;
	if (!speaks(qp, r->op->flags))
		return DROP_TRANSPORT;
	if (qp->init.type == GN_QPT_UD)
		return DROP_NONE;
	if (!qp->peer)
		return DROP_QP_STATE;
	if (!migrate_follows(qp, r, d))
		return DROP_PEER_ADDR;
	return DROP_NONE;
}

static enum drop deliver_to(struct gn_qp *qp, const struct roce *r,
			    const struct dgram *d)
{
	enum drop v = check_qp(qp, r, d);

	if (v != DROP_NONE)
		return v;
	switch (qp->init.type) {
	case GN_QPT_UD: return datagram_receive(qp, r, d);
	case GN_QPT_UC: return uc_receive(qp, r);
	case GN_QPT_RC:
	case GN_QPT_XRC_SEND:
	case GN_QPT_XRC_RECV:
	case GN_QPT_RAW_PACKET: break;
	}
	if (r->op->flags & IS_RESPONSE)
		return completer_receive(qp, r);
	return responder_receive(qp, r, d->note);
}

enum drop engine_deliver(void *engine, const struct dgram *d, nsec_t now)
{
	struct engine *e = engine;
	struct roce r;
	enum drop v;

	e->now = now;
	count(&e->counters, CNT_RX_PKTS);
	count_add(&e->counters, CNT_RX_BYTES, d->data.len);
	v = roce_decode(&r, d->data);
	if (v != DROP_NONE)
		return v;
	if (opcode_transport(r.bth.opcode) == TRANSPORT_CNP) {
		count(&e->counters, CNT_RX_CNP);
		return engine_find_qp(e, r.bth.dqpn) ? DROP_NONE : DROP_QPN;
	}
	/* Groups are reached by this number, and nothing else is. */
	if ((r.bth.dqpn == QPN_MASK) != ip_is_multicast(&d->dst))
		return r.bth.dqpn == QPN_MASK ? DROP_MCAST : DROP_QPN;
	if (r.bth.dqpn == QPN_MASK)
		return mcast_deliver(e, &r, d, deliver_to);
	return deliver_to(engine_find_qp(e, r.bth.dqpn), &r, d);
}

/* ---- out ------------------------------------------------------------------ */

void engine_flush(struct engine *e)
{
	if (e->nbatch)
		link_send(e->link, e->batch, e->nbatch, e->now);
	e->nbatch = 0;
	e->batch_bytes = 0;
}

struct pkt *engine_packet_to(struct engine *e, const struct gn_ah *ah,
			     uint16_t sport, struct slot **slot)
{
	struct pkt *p = &e->batch[e->nbatch];

	*slot = &e->slots[e->nbatch];
	pkt_reset(p);
	e->migreq = e->cfg.migreq;
	p->src = e->gid[ah->sgid_index];
	p->dst = ah->dgid;
	p->sport = sport;
	p->tos = ah->traffic_class;
	p->ttl = ah->hop_limit > 1 ? ah->hop_limit : TTL;
	return p;
}

struct pkt *engine_packet(struct engine *e, const struct gn_qp *qp,
			  struct slot **slot)
{
	struct pkt *p = engine_packet_to(e, &qp->attr.ah, qp->sport, slot);

	e->migreq = e->cfg.migreq && migrate_bit(qp);
	return p;
}

void engine_commit(struct engine *e, struct roce *r, uint32_t payload_len)
{
	struct pkt *p = &e->batch[e->nbatch];
	uint8_t head[ROCE_HEAD_MAX];
	size_t n;

	r->bth.pad = (uint8_t)(-payload_len & 3);
	r->bth.pkey = PKEY_DEFAULT;
	r->bth.migreq = e->migreq;
	n = roce_encode_head(r, head);
	memcpy(pkt_push(p, n), head, n);
	pkt_add_span(p, e->slots[e->nbatch].payload, payload_len);
	memset(pkt_add_tail(p, r->bth.pad), 0, r->bth.pad);
	p->slot = (uint16_t)(r->bth.dqpn >> QPN_LOCAL_BITS);
	count(&e->counters, CNT_TX_PKTS);
	count_add(&e->counters, CNT_TX_BYTES, p->len);
	e->batch_bytes += p->len;
	if (++e->nbatch == ENGINE_BATCH || e->batch_bytes >= BATCH_BYTES)
		engine_flush(e);
}

/* ---- whose turn it is ------------------------------------------------------ */

void engine_pace(struct engine *e, struct gn_qp *qp)
{
	if (list_empty(&qp->waiting))
		list_add_tail(&e->paced, &qp->waiting);
	timer_arm(&e->timers, &e->pace_timer, e->pace.until);
}

void engine_ready(struct engine *e, struct gn_qp *qp)
{
	if (list_empty(&qp->ready))
		list_add_tail(&e->ready, &qp->ready);
}

void engine_begun(struct engine *e, struct gn_qp *qp)
{
	if (list_empty(&qp->begun))
		list_add_tail(&e->begun, &qp->begun);
}

void engine_window_opened(struct engine *e, struct peer *p)
{
	while (peer_has_room(p) && !list_empty(&p->waiting)) {
		struct gn_qp *next =
			list_entry(p->waiting.next, struct gn_qp, waiting);

		list_del(&next->waiting);
		engine_ready(e, next);
	}
}

void engine_answer_bells(struct engine *e, const struct gn_qp *gone)
{
	struct gn_qp *qp = atomic_exchange(&e->bells, NULL), *next;

	for (; qp; qp = next) {
		next = qp->bell_next;
		/* Reads what the poster wrote, so that its request is seen. */
		atomic_exchange(&qp->bell, false);
		if (qp == gone)
			continue;
		if (qp_state(qp) == GN_QPS_ERR)
			qp_flush(qp);
		if (qp_state(qp) == GN_QPS_SQE)
			requester_flush(qp);
		engine_ready(e, qp);
	}
}

static void expire_timers(struct engine *e, nsec_t now)
{
	struct timer *t;

	while ((t = timers_expired(&e->timers, now)))
		t->fire(t, now);
}

/* The owner's time is from before its look for packets, and can be old by now:
 * its thread has lost the CPU meanwhile, say.  One look at the clock does for
 * all timers.
 */
static void begin_timers(struct engine *e)
{
	if (list_empty(&e->begun))
		return;
	if (e->hooks->now)
		e->now = e->hooks->now(e->hook_ctx);
	while (!list_empty(&e->begun)) {
		struct gn_qp *qp =
			list_entry(e->begun.next, struct gn_qp, begun);

		list_del(&qp->begun);
		requester_began(qp);
	}
}

/* Packets that @qp may send in its turn: what makes one long train. */
static unsigned turn_of(const struct gn_qp *qp)
{
	unsigned pmtu = qp->attr.path_mtu;

	return pmtu && TURN_BYTES / pmtu > TURN_MIN ? TURN_BYTES / pmtu
						    : TURN_MIN;
}

/* One turn of one QP, of at most @most packets each way: answers first, since
 * somebody waits for them.
 */
static void serve(struct engine *e, struct gn_qp *qp, uint64_t most)
{
	unsigned quota = turn_of(qp);
	bool more = false;

	if (quota > most)
		quota = (unsigned)most;
	list_del(&qp->ready);
	if (reply_pending(qp))
		more = reply_send(qp, quota);
	more |= requester_send(qp, quota);
	if (more)
		engine_ready(e, qp);
}

bool engine_run(struct engine *e, unsigned budget, nsec_t now)
{
	uint64_t stop;

	e->now = now;
	stop = e->counters.n[CNT_TX_PKTS] + budget;
	engine_answer_bells(e, NULL);
	expire_timers(e, now);
	while (!list_empty(&e->ready) && e->counters.n[CNT_TX_PKTS] < stop)
		serve(e, list_entry(e->ready.next, struct gn_qp, ready),
		      stop - e->counters.n[CNT_TX_PKTS]);
	engine_flush(e);
	begin_timers(e);
	return !list_empty(&e->ready) || atomic_load(&e->bells);
}

nsec_t engine_deadline(const struct engine *e)
{
	if (!list_empty(&e->ready) || atomic_load(&e->bells))
		return 0;
	return timers_next(&e->timers);
}

/* ---- what programs hear ---------------------------------------------------- */

void engine_comp_event(struct engine *e, struct gn_cq *cq)
{
	e->hooks->comp_event(e->hook_ctx, cq);
}

void engine_event(struct engine *e, struct gn_listener *l,
		  enum gn_event_type type, void *cookie)
{
	struct gn_event ev = { .type = type, .cookie = cookie };

	if (l)
		e->hooks->async_event(e->hook_ctx, l, &ev);
}

void engine_qp_event(struct gn_qp *qp, enum gn_event_type type)
{
	engine_event(qp->engine, qp->init.listener, type, qp->init.cookie);
}

void engine_forget_listener(struct engine *e, const struct gn_listener *l)
{
	for (struct list *at = e->cqs.next; at != &e->cqs; at = at->next) {
		struct gn_cq *cq = list_entry(at, struct gn_cq, all);

		if (cq->listener == l)
			cq->listener = NULL;
	}
	for (struct gn_srq *srq = e->srq_list; srq; srq = srq->next)
		if (srq->init.listener == l)
			srq->init.listener = NULL;
	for (unsigned i = 0; i < ENGINE_BUCKETS; i++)
		for (struct gn_qp *qp = e->bucket[i]; qp; qp = qp->next)
			if (qp->init.listener == l)
				qp->init.listener = NULL;
}

/* IBTA 10.10.2: the CQ's error, then that of each QP whose completion has
 * nowhere to go.
 */
void engine_cq_overrun(struct engine *e, struct gn_cq *cq)
{
	engine_event(e, cq->listener, GN_EVENT_CQ_ERR, cq->cookie);
	for (unsigned i = 0; i < ENGINE_BUCKETS; i++) {
		for (struct gn_qp *qp = e->bucket[i]; qp; qp = qp->next) {
			if (qp->init.send_cq != cq &&
			    responder_cq(qp) != cq)
				continue;
			if (qp_state(qp) == GN_QPS_ERR)
				continue;
			engine_qp_event(qp, GN_EVENT_QP_FATAL);
			qp_set_error(qp);
		}
	}
}
