/* Nodes: engine, memory, queues that QPs share; and whether all of it is gone
 * in the end.
 */
#include "tests/sim/world.h"

#define CQES 1024u

void world_must(const struct world *w, int rc, int want, const char *what)
{
	SIM_CHECK(w, rc == want, "return", "%s returned %d, not %d", what, rc,
		  want);
}

struct key *key_new(struct world *w, uint32_t key, unsigned rights,
		    unsigned owner)
{
	struct key *k = &w->keys[w->nkey++];

	SIM_CHECK(w, w->nkey < KEYS, "plan", "too many keys");
	*k = (struct key){.key = key,
			  .rights = rights,
			  .owner = owner,
			  .maybe_from = w->f.now,
			  .sure_from =
				  owner == OWNER_REGION ? w->f.now : NSEC_NEVER,
			  .sure_until = NSEC_NEVER,
			  .maybe_until = NSEC_NEVER};
	return k;
}

void region_reg(struct world *w, unsigned node, enum region r)
{
	static const unsigned access[REGION_N] = {
		[REGION_CELLS] = ALL_REMOTE | GN_ACCESS_LOCAL_WRITE |
				 GN_ACCESS_FLUSH_GLOBAL | GN_ACCESS_MW_BIND,
		[REGION_COMING] = ALL_REMOTE | GN_ACCESS_LOCAL_WRITE |
				  GN_ACCESS_FLUSH_GLOBAL,
		[REGION_READ] = GN_ACCESS_REMOTE_READ,
		[REGION_LOCAL] = GN_ACCESS_LOCAL_WRITE,
	};
	const struct plan *p = w->plan;
	struct host *h = &w->host[node];
	uint8_t *at = h->mem;
	uint64_t len = p->local_len;

	if (r != REGION_LOCAL) {
		at += p->cells[r];
		len = 2ull * p->nconn * p->cell_len;
	}
	if (r == REGION_CELLS) { /* and the counter before them */
		at = h->mem + p->counter;
		len += p->cells[r] - p->counter;
	}
	world_must(w,
		   mr_new(h->pd, at, len, (uintptr_t)at, access[r], &h->mr[r]),
		   0, "mr_new");
	h->key[r] = key_new(w, h->mr[r]->h.key, access[r], OWNER_REGION);
}

void region_dereg(struct world *w, unsigned node, enum region r)
{
	struct host *h = &w->host[node];

	world_must(w, mr_free(h->mr[r]), 0, "mr_free");
	h->mr[r] = NULL;
	h->key[r]->sure_until = h->key[r]->maybe_until = w->f.now;
}

static void srq_open(struct world *w, unsigned node, bool xrc)
{
	struct host *h = &w->host[node];
	struct recv_queue *q = xrc ? &h->xrc_srq : &h->srq;
	struct gn_srq_init init = {.max_wr = RECVS,
				   .max_sge = PLAN_SGES,
				   .xrcd = xrc ? h->xrcd : NULL,
				   .cq = xrc ? h->rcq : NULL};

	world_must(w, srq_new(h->pd, &init, &q->srq), 0, "srq_new");
	q->id = PLAN_FLOWS + 2 * node + xrc;
	q->node = node;
}

static void host_open(struct world *w, unsigned node)
{
	struct host *h = &w->host[node];
	struct engine_config cfg = engine_config_default();
	struct engine *e;

	cfg.seed = w->plan->seed * PLAN_NODES + node;
	cfg.credits = w->plan->credits;
	cfg.notes = w->plan->notes || w->verbose;
	cfg.window = w->plan->window;
	h->node = fabric_add(&w->f, &cfg);
	e = &h->node->engine;
	world_must(w, pd_new(e, &h->pd), 0, "pd_new");
	world_must(w, cq_new(e, CQES, NULL, NULL, &h->scq), 0, "cq_new");
	world_must(w, cq_new(e, CQES, NULL, NULL, &h->rcq), 0, "cq_new");
	world_must(w, xrcd_open(e, 0, true, false, &h->xrcd), 0, "xrcd_open");
	srq_open(w, node, false);
	srq_open(w, node, true);
	for (enum region r = 0; r < REGION_N; r++)
		region_reg(w, node, r);
}

void hosts_open(struct world *w)
{
	memory_init(w);
	for (unsigned i = 0; i < w->plan->nnode; i++)
		host_open(w, i);
	for (unsigned c = 0; c < w->plan->nconn; c++)
		for (unsigned s = 0; s < 2; s++) {
			struct end *e = &w->end[c][s];
			const struct conn_plan *p = &w->plan->conn[c];
			struct flow *f = world_flow(w, c, s);
			struct host *h = &w->host[p->node[s]];

			e->conn = c;
			e->side = s;
			e->node = e->own.node = p->node[s];
			e->own.id = flow_of(c, s);
			e->rq = p->type == GN_QPT_XRC_SEND && s ? &h->xrc_srq
				: p->type != GN_QPT_XRC_SEND && p->srq[s]
					? &h->srq
					: &e->own;
			f->id = flow_of(c, s);
			f->conn = c;
			f->drained = NO_INDEX;
			f->side = s;
			f->node = p->node[s];
			f->to = p->node[!s];
		}
}

void hosts_close(struct world *w)
{
	for (unsigned i = 0; i < w->plan->nnode; i++) {
		struct host *h = &w->host[i];
		struct engine *e = &h->node->engine;

		world_must(w, srq_free(h->srq.srq), 0, "srq_free");
		world_must(w, srq_free(h->xrc_srq.srq), 0, "srq_free");
		world_must(w, xrcd_close(h->xrcd), 0, "xrcd_close");
		for (enum region r = 0; r < REGION_N; r++)
			if (h->mr[r])
				region_dereg(w, i, r);
		world_must(w, cq_free(h->scq), 0, "cq_free");
		world_must(w, cq_free(h->rcq), 0, "cq_free");
		world_must(w, pd_free(h->pd), 0, "pd_free");
		SIM_CHECK(w,
			  !e->timers.n && engine_deadline(e) == NSEC_NEVER &&
				  !e->qps && !e->pds && !e->srqs && !e->mws &&
				  !e->ncqs && !e->mrs.used && e->timed == 1,
			  "leak",
			  "node %u keeps %zu timers, %u QPs, %u keys, ...", i,
			  e->timers.n, e->qps, e->mrs.used);
	}
}
