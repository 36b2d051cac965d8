#include "tests/support/fabric.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_BUDGET 64u
#define SEEN_MAX   200000u

/* ---- flights ------------------------------------------------------------- */

static void enqueue(struct fabric *f, struct flight *fl)
{
	struct flight **at = &f->first;

	if (f->last && f->last->at <= fl->at)
		at = &f->last->next;
	while (*at && (*at)->at <= fl->at)
		at = &(*at)->next;
	fl->next = *at;
	*at = fl;
	if (!fl->next)
		f->last = fl;
}

static struct flight *dequeue(struct fabric *f)
{
	struct flight *fl = f->first;

	f->first = fl->next;
	if (!f->first)
		f->last = NULL;
	return fl;
}

static int node_at(const struct fabric *f, const struct ip_addr *a)
{
	for (unsigned i = 0; i < f->nnode; i++)
		for (unsigned k = 0; k < f->node[i]->link.naddr; k++)
			if (ip_equal(&f->node[i]->link.addr[k], a))
				return (int)i;
	return -1;
}

static bool chance(struct fabric *f, unsigned of1000)
{
	return of1000 && random_next(&f->random) % 1000 < of1000;
}

static void random_fate(struct fabric *f, struct flight *fl)
{
	if (chance(f, f->faults.lost))
		fl->copies = 0;
	else if (chance(f, f->faults.twice))
		fl->copies = 2;
	if (chance(f, f->faults.late))
		fl->at += random_next(&f->random) % f->faults.max_delay;
}

static struct seen *see(struct fabric *f, const struct flight *fl)
{
	struct seen *s;

	if (!f->keep || f->nseen >= SEEN_MAX)
		return NULL;
	if (f->nseen == f->seen_room) {
		f->seen_room = f->seen_room ? 2 * f->seen_room : 256;
		f->seen = realloc(f->seen, f->seen_room * sizeof(*f->seen));
		assert(f->seen);
	}
	s = &f->seen[f->nseen++];
	*s = (struct seen){.from = fl->from,
			   .to = fl->to,
			   .nth = fl->nth,
			   .id = fl->id,
			   .at = fl->sent,
			   .decoded = fl->decoded,
			   .roce = fl->roce,
			   .copies = fl->copies};
	s->roce.payload.p = NULL;
	memcpy(s->note, fl->note, sizeof(s->note));
	return s;
}

static struct flight *make_flight(struct node *n, const struct pkt *p,
				  nsec_t now)
{
	struct fabric *f = n->fabric;
	struct flight *fl = calloc(1, sizeof(*fl) + p->len);

	assert(fl);
	*fl = (struct flight){.from = n->index,
			      .nth = n->sent++,
			      .id = p->id,
			      .sent = now,
			      .at = now + f->latency,
			      .copies = 1,
			      .src = p->src,
			      .dst = p->dst,
			      .tos = p->tos,
			      .len = p->len};
	if (p->note)
		snprintf(fl->note, sizeof(fl->note), "%s", p->note);
	pkt_flatten(p, fl->bytes);
	fl->decoded =
		roce_decode(&fl->roce, (struct span){fl->bytes, fl->len}) ==
		DROP_NONE;
	return fl;
}

static void launch(struct fabric *f, struct flight *fl, int to)
{
	fl->to = to < 0 ? FABRIC_NODES : (unsigned)to;
	if (to < 0)
		fl->copies = 0;
	random_fate(f, fl);
	if (f->filter)
		f->filter(f->filter_ctx, fl);
	see(f, fl);
	if (fl->copies)
		enqueue(f, fl);
	else
		free(fl);
}

static unsigned find_group(const struct node *n, const struct ip_addr *group)
{
	unsigned i = 0;

	while (i < n->ngroup && !ip_equal(&n->group[i], group))
		i++;
	return i;
}

static void launch_to_group(struct node *from, const struct pkt *p, nsec_t now)
{
	struct fabric *f = from->fabric;

	for (unsigned i = 0; i < f->nnode; i++)
		if (find_group(f->node[i], &p->dst) < f->node[i]->ngroup)
			launch(f, make_flight(from, p, now), (int)i);
}

static void link_send_(struct link *l, struct pkt *batch, unsigned n,
		       nsec_t now)
{
	struct node *node = (struct node *)(void *)l;

	for (unsigned i = 0; i < n; i++)
		if (ip_is_multicast(&batch[i].dst))
			launch_to_group(node, &batch[i], now);
		else
			launch(node->fabric, make_flight(node, &batch[i], now),
			       node_at(node->fabric, &batch[i].dst));
}

static void tell_seen(struct fabric *f, const struct flight *fl, enum drop v)
{
	for (size_t i = f->nseen; i--;) {
		struct seen *s = &f->seen[i];

		if (s->from != fl->from || s->nth != fl->nth)
			continue;
		s->arrived++;
		s->verdict = v;
		return;
	}
}

static enum drop deliver(struct fabric *f, unsigned to, struct dgram *d)
{
	struct node *n = f->node[to];
	enum drop v = n->link.deliver(n->link.ctx, d, f->now);

	if (v != DROP_NONE)
		n->engine.counters.drop[v]++;
	return v;
}

static void land(struct fabric *f, struct flight *fl)
{
	struct note note = {""};
	struct dgram d = {.src = fl->src,
			  .dst = fl->dst,
			  .tos = fl->tos,
			  .ttl = 64,
			  .note = &note};

	for (; fl->copies; fl->copies--) {
		/* At its own place, so that a sanitizer sees overruns. */
		uint8_t *copy = malloc(fl->len ? fl->len : 1);

		memcpy(copy, fl->bytes, fl->len);
		d.data = (struct span){copy, fl->len};
		tell_seen(f, fl, deliver(f, fl->to, &d));
		free(copy);
	}
	free(fl);
}

/* ---- a node's surroundings ----------------------------------------------- */

static int link_reaches(const struct link *l, const struct ip_addr *dst)
{
	return 0;
}

static int link_join(struct link *l, const struct ip_addr *group, bool member)
{
	struct node *n = (struct node *)(void *)l;
	unsigned i = find_group(n, group);

	assert((i == n->ngroup) == member);
	if (member && n->ngroup == FABRIC_GROUPS)
		return -ENOMEM;
	if (member)
		n->group[n->ngroup++] = *group;
	else
		n->group[i] = n->group[--n->ngroup];
	return 0;
}

static const struct link_ops ops = { .send = link_send_,
				     .reaches = link_reaches,
				     .join = link_join };

static void on_comp(void *ctx, struct gn_cq *cq)
{
	struct node *n = ctx;

	n->comp_events++;
	n->comp_cq = cq;
}

static void on_async(void *ctx, struct gn_listener *l,
		     const struct gn_event *ev)
{
	struct node *n = ctx;

	if (n->nevent < FABRIC_EVENTS)
		n->event[n->nevent++] = *ev;
}

static nsec_t on_now(void *ctx)
{
	struct node *n = ctx;

	return n->fabric->now += n->fabric->stall;
}

static const struct engine_hooks hooks = {
	.comp_event = on_comp, .async_event = on_async, .now = on_now};

void fabric_init(struct fabric *f, uint64_t seed)
{
	*f = (struct fabric){
		.now = SEC, .latency = USEC, .random = {seed}, .keep = true};
}

struct node *fabric_add(struct fabric *f, const struct engine_config *cfg)
{
	unsigned i = f->nnode++;
	const uint8_t v4[4] = {10, 0, 0, (uint8_t)(i + 1)};
	struct node *n = calloc(1, sizeof(*n));

	assert(n && i < FABRIC_NODES);
	f->node[i] = n;
	n->fabric = f;
	n->index = i;
	assert(!engine_init(&n->engine, cfg, &hooks, n));
	n->link = (struct link){.ops = &ops,
				.counters = &n->engine.counters,
				.addr = {ip_from_v4(v4)},
				.naddr = 1,
				.ip_mtu = 9000};
	engine_attach(&n->engine, &n->link);
	return n;
}

void fabric_fini(struct fabric *f)
{
	while (f->first)
		free(dequeue(f));
	for (unsigned i = 0; i < f->nnode; i++) {
		engine_fini(&f->node[i]->engine);
		free(f->node[i]);
	}
	free(f->seen);
}

/* ---- the clock ----------------------------------------------------------- */

void fabric_settle(struct fabric *f)
{
	for (unsigned i = 0; i < f->nnode; i++)
		while (engine_run(&f->node[i]->engine, RUN_BUDGET, f->now))
			;
}

static nsec_t next_event(const struct fabric *f)
{
	nsec_t at = f->first ? f->first->at : NSEC_NEVER;

	for (unsigned i = 0; i < f->nnode; i++) {
		nsec_t d = engine_deadline(&f->node[i]->engine);

		if (d < at)
			at = d;
	}
	return at;
}

bool fabric_step(struct fabric *f, nsec_t until)
{
	nsec_t at;

	fabric_settle(f);
	at = next_event(f);
	if (at == NSEC_NEVER || at > until)
		return false;
	if (at > f->now)
		f->now = at;
	while (f->first && f->first->at <= f->now)
		land(f, dequeue(f));
	fabric_settle(f);
	return true;
}

void fabric_land_next(struct fabric *f)
{
	assert(f->first);
	if (f->first->at > f->now)
		f->now = f->first->at;
	land(f, dequeue(f));
}

void fabric_run(struct fabric *f, nsec_t until)
{
	while (fabric_step(f, until))
		;
	f->now = until > f->now ? until : f->now;
}

bool fabric_idle(struct fabric *f, nsec_t limit)
{
	nsec_t until = f->now + limit;

	while (fabric_step(f, until))
		;
	return next_event(f) == NSEC_NEVER;
}

/* ---- hand-made packets --------------------------------------------------- */

enum drop fabric_inject(struct fabric *f, unsigned to,
			const struct ip_addr *src, const uint8_t *data,
			size_t len)
{
	struct note note = {""};
	uint8_t *copy = malloc(len ? len : 1);
	struct dgram d = {.src = *src,
			  .dst = f->node[to]->link.addr[0],
			  .data = {copy, len},
			  .note = &note};
	enum drop v;

	if (len)
		memcpy(copy, data, len);
	v = deliver(f, to, &d);
	free(copy);
	return v;
}

enum drop fabric_inject_roce(struct fabric *f, unsigned from, unsigned to,
			     struct roce *r)
{
	uint8_t buf[ROCE_HEAD_MAX + PMTU_MAX + 4];
	size_t n;

	r->bth.pad = (uint8_t)(-r->payload.len & 3);
	n = roce_encode_head(r, buf);
	assert(n + r->payload.len + r->bth.pad <= sizeof(buf));
	if (r->payload.len)
		memcpy(buf + n, r->payload.p, r->payload.len);
	memset(buf + n + r->payload.len, 0, r->bth.pad);
	return fabric_inject(f, to, &f->node[from]->link.addr[0], buf,
			     n + r->payload.len + r->bth.pad);
}
