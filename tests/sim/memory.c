/* The model's memory: an arena for each node that holds what the node's must.
 *
 * A flow's cells are written by its requests only, in their order.  What has
 * completed with success is in the model; what was posted behind that may have
 * happened or not, byte by byte, so a byte is right if it is the model's or one
 * that such a request writes there.  Unreliable requests never become sure.
 */
#include "tests/sim/world.h"

#include <string.h>
#include <sys/mman.h>

#define ARENA_MAX (4u << 20)
#define ARENA_AT  0x200000000000u
#define ARENA_GAP 0x10000000000u

static uint8_t *arena(unsigned node)
{
	static uint8_t *arenas[PLAN_NODES];

	if (!arenas[node])
		/* Addresses are in packets: the same for every process. */
		arenas[node] = mmap((void *)(ARENA_AT + node * ARENA_GAP),
				    ARENA_MAX, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return arenas[node];
}

static uint8_t *model(unsigned node)
{
	static uint8_t models[PLAN_NODES][ARENA_MAX];

	return models[node];
}

void memory_init(struct world *w)
{
	for (unsigned i = 0; i < w->plan->nnode; i++) {
		struct host *h = &w->host[i];
		uint64_t counter = 0;

		h->mem = arena(i);
		h->model = model(i);
		SIM_CHECK(w, w->plan->size <= ARENA_MAX, "plan",
			  "the arena is too small");
		for (uint32_t at = 0; at < w->plan->size; at += 8) {
			uint64_t v = random_next(&w->random);

			memcpy(h->model + at, &v, 8);
		}
		memcpy(h->model + w->plan->counter, &counter, 8);
		memcpy(h->mem, h->model, w->plan->size);
	}
}

uint32_t memory_local(const struct step *s, uint32_t i)
{
	uint32_t at = s->local;

	for (unsigned k = 0; k < s->nsge; k++) {
		if (i < s->piece[k])
			return at + i;
		i -= s->piece[k];
		at += s->piece[k] + SGE_GAP;
	}
	return at;
}

static enum region region_of(enum key_choice key)
{
	switch (key) {
	case KEY_COMING: return REGION_COMING;
	case KEY_READ: return REGION_READ;
	case KEY_CELLS:
	case KEY_WINDOW1:
	case KEY_WINDOW2:
	case KEY_FOREIGN:
	case KEY_NONSENSE:
	case KEY_N: break;
	}
	return REGION_CELLS;
}

/* So that the last byte, or all of a word, is not the key's any more. */
static uint32_t past_end(const struct world *w, const struct wr *wr,
			 enum region r)
{
	const struct plan *p = w->plan;
	uint32_t end = plan_cell(p, r, 2 * p->nconn);

	if (wr->key && wr->key->owner != OWNER_REGION)
		end = plan_cell(p, r, wr->cell + 1);
	return wr_is_atomic(wr->op) || wr->op == GN_WR_ATOMIC_WRITE
		       ? end
		       : end - wr->step->len + 1;
}

uint32_t memory_target(const struct world *w, const struct flow *f,
		       const struct wr *wr)
{
	const struct step *s = wr->step;
	enum region r = region_of(s->key);
	uint32_t cell = plan_cell(w->plan, r, wr->cell);

	if (s->shared)
		return w->plan->counter;
	if (s->spoil == SPOIL_RANGE)
		return past_end(w, wr, r);
	if (s->spoil == SPOIL_ALIGNMENT)
		cell += 4;
	return wr_is_atomic(wr->op) ? cell : cell + CELL_BYTES + s->target;
}

static uint8_t message_byte(const struct world *w, const struct flow *f,
			    const struct wr *wr, uint32_t i)
{
	return wr->step->flags & GN_SEND_INLINE
		       ? wr->data[i]
		       : w->host[f->node].model[memory_local(wr->step, i)];
}

const uint8_t *memory_message(struct world *w, const struct flow *f,
			      const struct wr *wr)
{
	static uint8_t buf[MESSAGE_MAX];

	for (uint32_t i = 0; i < wr->step->len; i++)
		buf[i] = message_byte(w, f, wr, i);
	return buf;
}

/* ---- what may be in a byte ---- */

/* May a request of @f from number @i on have written @value at @at?  Up to one
 * that is fenced, if @fenced.
 */
static bool may_be_written(struct world *w, const struct flow *f, uint32_t i,
			   uint32_t at, uint8_t value, bool fenced)
{
	for (; i < f->n; i++) {
		const struct wr *wr = &f->wr[i];
		uint32_t off = at - memory_target(w, f, wr);

		if (fenced && (wr->step->flags & GN_SEND_FENCE))
			return false;
		if (wr_is_write(wr->op) && off < wr->step->len &&
		    expect_touch(w, f, wr) &&
		    message_byte(w, f, wr, off) == value)
			return true;
	}
	return false;
}

/* The first request of @f that is not sure. */
static uint32_t unsure(const struct world *w, const struct flow *f)
{
	return is_reliable(conn_of(w, f)) ? f->sure : 0;
}

static void check_bytes(struct world *w, const struct flow *f, uint32_t at,
			uint32_t len, const char *when)
{
	const struct host *h = &w->host[f->to];

	if (!memcmp(h->mem + at, h->model + at, len))
		return;
	for (uint32_t i = at; i < at + len; i++)
		SIM_CHECK(w,
			  h->mem[i] == h->model[i] ||
				  may_be_written(w, f, unsure(w, f), i,
						 h->mem[i], false),
			  "memory",
			  "node %u byte %u, of flow %u: 0x%02x, not 0x%02x, %s",
			  f->to, i, f->id, h->mem[i], h->model[i], when);
}

/* ---- atomics ---- */

static uint64_t load(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, 8);
	return v;
}

static uint64_t applied(const struct wr *wr, uint64_t v)
{
	if (wr->op == GN_WR_FETCH_ADD)
		return v + wr->compare_add;
	return v == wr->compare_add ? wr->step->value[1] : v;
}

uint64_t memory_foresee(struct world *w, const struct flow *f,
			const struct wr *wr)
{
	uint32_t at = memory_target(w, f, wr);
	uint64_t v = load(w->host[f->to].model + at);

	for (uint32_t i = f->done; i < f->n; i++)
		if (wr_is_atomic(f->wr[i].op) && !f->wr[i].step->shared &&
		    memory_target(w, f, &f->wr[i]) == at)
			v = applied(&f->wr[i], v);
	return v;
}

/* All requests up to some one of those that are not sure were executed. */
static void check_word(struct world *w, const struct flow *f, enum region r)
{
	const struct host *h = &w->host[f->to];
	uint32_t at = plan_cell(w->plan, r, f->id);
	uint64_t have = load(h->mem + at), v = load(h->model + at);

	for (uint32_t i = unsure(w, f); v != have && i < f->n; i++)
		if (wr_is_atomic(f->wr[i].op) && !f->wr[i].step->shared &&
		    expect_touch(w, f, &f->wr[i]) &&
		    memory_target(w, f, &f->wr[i]) == at)
			v = applied(&f->wr[i], v);
	SIM_CHECK(w, v == have, "atomic",
		  "node %u word of flow %u in region %u: 0x%llx, not 0x%llx",
		  f->to, f->id, r, (unsigned long long)have,
		  (unsigned long long)v);
}

/* Each FETCH_ADD of the counter has two bits of its own: 01 if it was executed
 * once.
 */
static void check_counter(struct world *w, unsigned node)
{
	struct host *h = &w->host[node];
	uint64_t v = load(h->mem + w->plan->counter);

	for (unsigned i = 0; i < COUNTER_DIGITS; i++) {
		const struct wr *wr = w->digit[node][i];
		unsigned times = v >> 2 * i & 3;

		SIM_CHECK(
			w,
			times <= (wr != NULL) &&
				(times || !wr || wr->fate != DONE),
			"atomic",
			"node %u: FETCH_ADD of digit %u was executed %u times",
			node, i, times);
	}
	memcpy(h->model + w->plan->counter, &v, 8);
}

static void atomic_done(struct world *w, struct flow *f, struct wr *wr)
{
	uint32_t at = memory_target(w, f, wr);
	uint8_t *word = w->host[f->to].model + at, got[8];
	const struct host *own = &w->host[f->node];
	uint64_t v, orig = load(word);

	for (uint32_t i = 0; i < 8; i++)
		got[i] = own->mem[memory_local(wr->step, i)];
	v = load(got);
	if (wr->step->shared) {
		SIM_CHECK(w, !(v >> 2 * wr->step->digit & 3), "atomic",
			  "FETCH_ADD of digit %u saw itself: 0x%llx",
			  wr->step->digit, (unsigned long long)v);
	} else {
		SIM_CHECK(w, v == orig, "atomic",
			  "an atomic of flow %u saw 0x%llx, not 0x%llx", f->id,
			  (unsigned long long)v, (unsigned long long)orig);
		orig = applied(wr, orig);
		memcpy(word, &orig, 8);
	}
	memory_adopt(w, f->node, wr->step);
}

/* ---- requests ---- */

/* A READ may see what requests behind it write, unless they are fenced. */
static void read_done(struct world *w, struct flow *f, struct wr *wr)
{
	const struct host *own = &w->host[f->node], *h = &w->host[f->to];
	uint32_t at = memory_target(w, f, wr);
	uint32_t self = (uint32_t)(wr - f->wr);

	for (uint32_t i = 0; i < wr->step->len; i++) {
		uint8_t got = own->mem[memory_local(wr->step, i)];

		SIM_CHECK(w,
			  got == h->model[at + i] ||
				  may_be_written(w, f, self + 1, at + i, got,
						 true),
			  "memory",
			  "byte %u of a READ of flow %u: 0x%02x, not 0x%02x", i,
			  f->id, got, h->model[at + i]);
	}
	memory_adopt(w, f->node, wr->step);
}

void memory_done(struct world *w, struct flow *f, struct wr *wr)
{
	uint32_t at = memory_target(w, f, wr);

	if (!is_reliable(conn_of(w, f)))
		return;
	if (wr_is_atomic(wr->op))
		atomic_done(w, f, wr);
	if (wr->op == GN_WR_RDMA_READ)
		read_done(w, f, wr);
	if (!wr_is_write(wr->op))
		return;
	memcpy(w->host[f->to].model + at, memory_message(w, f, wr),
	       wr->step->len);
}

void memory_received(struct world *w, unsigned node, const struct step *s,
		     const uint8_t *msg, uint32_t len, uint32_t skip)
{
	struct host *h = &w->host[node];

	for (uint32_t i = 0; i < skip; i++)
		h->model[memory_local(s, i)] = h->mem[memory_local(s, i)];
	for (uint32_t i = 0; i < len; i++) {
		uint32_t at = memory_local(s, skip + i);

		SIM_CHECK(w, h->mem[at] == msg[i], "memory",
			  "byte %u of a message received at node %u: 0x%02x, "
			  "not 0x%02x",
			  i, node, h->mem[at], msg[i]);
		h->model[at] = msg[i];
	}
}

void memory_adopt(struct world *w, unsigned node, const struct step *s)
{
	struct host *h = &w->host[node];
	uint32_t at = s->local;

	for (unsigned k = 0; k < s->nsge; k++) {
		memcpy(h->model + at, h->mem + at, s->piece[k]);
		at += s->piece[k] + SGE_GAP;
	}
}

/* ---- all of it ---- */

static void check_flow(struct world *w, const struct flow *f)
{
	for (enum region r = 0; r < REGION_CELLS_N; r++) {
		check_bytes(w, f, plan_cell(w->plan, r, f->id) + 8,
			    w->plan->cell_len - 8, "in its cell");
		check_word(w, f, r);
	}
}

void memory_settle(struct world *w, struct flow *f)
{
	struct host *h = &w->host[f->to];

	if (is_wild(w) || !is_reliable(conn_of(w, f)))
		return;
	check_flow(w, f);
	for (enum region r = 0; r < REGION_CELLS_N; r++) {
		uint32_t at = plan_cell(w->plan, r, f->id);

		memcpy(h->model + at, h->mem + at, w->plan->cell_len);
	}
}

/* What no request may have changed: in the wild, what no region covers. */
static void check_rest(struct world *w, unsigned node)
{
	const struct host *h = &w->host[node];
	const struct plan *p = w->plan;
	uint32_t cells = 2 * p->nconn * p->cell_len;

	for (uint32_t i = 0; i < p->size; i++) {
		if (h->mem[i] == h->model[i])
			continue;
		if (is_wild(w) && i - p->counter < p->cells[0] - p->counter)
			continue; /* belongs to the region of the cells */
		for (enum region r = 0; r < REGION_CELLS_N; r++) {
			SIM_CHECK(w,
				  i - p->cells[r] >= cells || r != REGION_READ,
				  "rights",
				  "node %u byte %u, which may only be read: "
				  "0x%02x, not 0x%02x",
				  node, i, h->mem[i], h->model[i]);
			if (i - p->cells[r] < cells)
				goto next;
		}
		sim_fail(w, "guard",
			 "node %u byte %u, which no request names: 0x%02x, not "
			 "0x%02x",
			 node, i, h->mem[i], h->model[i]);
next:;
	}
}

void memory_check(struct world *w)
{
	for (unsigned i = 0; i < 2 * w->plan->nconn && !is_wild(w); i++)
		check_flow(w, &w->flow[i]);
	for (unsigned i = 0; i < w->plan->nnode; i++) {
		if (!is_wild(w))
			check_counter(w, i);
		check_rest(w, i);
	}
}
