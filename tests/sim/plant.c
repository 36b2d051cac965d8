#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>
#include "wire/opcode.h"

static bool is_planted(const struct world *w, const char *name)
{
	return w->plant && !strcmp(w->plant, name);
}

static const char *const names[] = {
	"atomic-twice", "flip",	 "swallow",  "repeat",	"swap",
	"status",	"timer", "scribble", "silence",
};

const char *plant_name(unsigned i)
{
	return i < sizeof(names) / sizeof(*names) ? names[i] : NULL;
}

bool plant_exists(const char *name)
{
	const char *have;

	for (unsigned i = 0; (have = plant_name(i)); i++)
		if (!strcmp(have, name))
			return true;
	return false;
}

/* The responder executes a FETCH_ADD once more. */
static void add_again(struct world *w, const struct flight *fl)
{
	uint8_t *at = (uint8_t *)(uintptr_t)fl->roce.atomic.va;
	uint64_t v;

	if (opcode_operation(fl->roce.bth.opcode) != OP_FETCH_ADD ||
	    w->planted++ || fl->roce.atomic.va & 7)
		return;
	memcpy(&v, at, 8);
	v += fl->roce.atomic.swap_add;
	memcpy(at, &v, 8);
}

void plant_packet(struct world *w, struct flight *fl)
{
	if (!w->plant || !fl->decoded)
		return;
	if (is_planted(w, "atomic-twice"))
		add_again(w, fl);
	if (is_planted(w, "flip") && fl->roce.op->flags & IS_WRITE &&
	    fl->roce.payload.len && !w->planted++)
		fl->bytes[fl->roce.payload.p - fl->bytes] ^= 1;
	if (is_planted(w, "silence") && fl->roce.op->flags & IS_RESPONSE)
		fl->copies = 0; /* and nobody knows of it */
}

void plant_step(struct world *w)
{
	if (is_planted(w, "scribble") && w->nposted > 3 && !w->planted++)
		w->host[0].mem[w->plan->counter - 1] ^= 1;
}

static struct gn_wc *wc_at(struct gn_cq *cq, uint32_t i)
{
	return &cq->ring[(cq->head + i) & (cq->size - 1)].wc;
}

void plant_cqe(struct world *w, struct gn_cq *cq)
{
	uint32_t n = cq->tail - cq->head;
	struct cqe first;

	if (!w->plant || !n)
		return;
	if (is_planted(w, "swallow") && !w->planted++)
		cq->head++;
	if (is_planted(w, "repeat") && !w->planted++)
		cq->ring[cq->tail++ & (cq->size - 1)] =
			cq->ring[cq->head & (cq->size - 1)];
	if (is_planted(w, "status") && wc_at(cq, 0)->status == GN_WC_SUCCESS &&
	    !w->planted++)
		wc_at(cq, 0)->status = GN_WC_REM_OP_ERR;
	if (n < 2 || wc_at(cq, 0)->qp != wc_at(cq, 1)->qp ||
	    !is_planted(w, "swap") || w->planted++)
		return;
	first = cq->ring[cq->head & (cq->size - 1)];
	cq->ring[cq->head & (cq->size - 1)] =
		cq->ring[(cq->head + 1) & (cq->size - 1)];
	cq->ring[(cq->head + 1) & (cq->size - 1)] = first;
}

void plant_end(struct world *w)
{
	static struct timer forgotten;

	forgotten.place = 0;
	if (is_planted(w, "timer"))
		timer_arm(&w->host[0].node->engine.timers, &forgotten,
			  w->f.now + SEC);
}
