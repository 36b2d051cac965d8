/* What happens to packets: the rules of the plan, and nodes that are down.  The
 * fabric has no ICRC: a packet whose ICRC would be wrong is lost.
 *
 * Everything that can cost a retry is noted as a mishap of its connection.
 */
#include "tests/sim/world.h"

#include <string.h>
#include "wire/aeth.h"

#define ECN_CE 3u /* of the TOS byte */

/* Later than this, an answer may come after its requester's patience. */

#define PATIENCE (100 * USEC)

void faults_note(struct world *w, unsigned conn, nsec_t at)
{
	uint32_t n = w->nmishap[conn]++;

	w->mishap[conn][n % MISHAPS] = at;
}

void faults_note_flights(struct world *w, unsigned conn)
{
	for (const struct flight *fl = w->f.first; fl; fl = fl->next) {
		faults_note(w, conn, w->f.now);
		faults_note(w, conn, fl->at);
	}
}

unsigned faults_count(const struct world *w, unsigned conn, nsec_t from,
		      nsec_t to)
{
	uint32_t n = w->nmishap[conn] < MISHAPS ? w->nmishap[conn] : MISHAPS;
	unsigned hits = 0;

	for (uint32_t i = 0; i < n; i++)
		hits += w->mishap[conn][i] >= from && w->mishap[conn][i] <= to;
	return hits;
}

static void note(struct world *w, const struct flight *fl)
{
	for (unsigned c = 0; c < w->plan->nconn; c++) {
		bool here = !fl->decoded;

		for (unsigned s = 0; s < 2 && !here; s++) {
			const struct end *e = &w->end[c][s];

			here = e->qp && e->node == fl->to &&
			       e->qp->qpn == fl->roce.bth.dqpn;
		}
		if (!here)
			continue;
		faults_note(w, c, fl->sent);
		faults_note(w, c, fl->at);
	}
}

static enum impair_aeth aeth_of(const struct roce *r)
{
	if (!(r->op->flags & HAS_AETH))
		return IMPAIR_AETH_NONE;
	switch (aeth_kind(r->aeth.syndrome)) {
	case AETH_ACK: return IMPAIR_AETH_ACK;
	case AETH_RNR: return IMPAIR_AETH_RNR;
	case AETH_NAK: return IMPAIR_AETH_NAK;
	case AETH_RESERVED: break;
	}
	return IMPAIR_AETH_NONE;
}

static void damage(struct flight *fl, const struct fate *fate)
{
	if (fate->cut && fate->cut < fl->len)
		fl->len = fate->cut;
	for (unsigned i = 0; i < fate->nflip; i++)
		if (fate->flip[i] / 8 < fl->len)
			fl->bytes[fate->flip[i] / 8] ^=
				(uint8_t)(1u << fate->flip[i] % 8);
}

static void suffer(struct world *w, struct flight *fl, const struct fate *fate)
{
	nsec_t late = fate->until > fl->sent ? fate->until - fl->sent : 0;
	bool lost = fate->lost || fate->icrc_wrong;

	fl->at += late;
	fl->copies = lost ? 0 : 1 + fate->copies;
	snprintf(fl->note, sizeof(fl->note), "%.*s", NOTE_MAX - 1, fate->note);
	if (fate->mark)
		fl->tos |= ECN_CE;
	damage(fl, fate);
	if (fl->copies != 1 || fate->overtake || late > PATIENCE ||
	    strstr(fate->note, "held"))
		note(w, fl);
}

static void judge(struct world *w, struct flight *fl)
{
	struct impair_view v = {.proto = IMPAIR_ROCE,
				.bth = fl->roce.bth,
				.src = fl->src,
				.dst = fl->dst,
				.len = (uint32_t)fl->len,
				.body_len = (uint32_t)fl->len};
	uint32_t nth = w->npacket++;
	struct fate fate;

	v.aeth = fl->decoded ? aeth_of(&fl->roce) : IMPAIR_AETH_NONE;
	if (!impair_judge(&w->impair[fl->from], IMPAIR_OUT, &v, fl->sent,
			  &fate))
		return;
	if (nth < CHOICE_PACKETS) {
		if (w->choice->no_fault[nth]) {
			note(w, fl); /* it may overtake one that is delayed */
			return;
		}
		w->choice->hit[nth] = true;
	}
	suffer(w, fl, &fate);
}

static void mix(struct world *w, const struct flight *fl)
{
	uint64_t h = w->hash ^ fl->at ^ (uint64_t)fl->to << 56;

	for (size_t i = 0; i < fl->len; i++)
		h = (h ^ fl->bytes[i]) * 0x100000001b3u;
	w->hash = h + fl->copies;
}

static void on_flight(void *ctx, struct flight *fl)
{
	struct world *w = ctx;

	plant_packet(w, fl);
	if (!w->healed)
		judge(w, fl);
	if (fl->copies && (w->host[fl->from].down || w->host[fl->to].down)) {
		fl->copies = 0;
		snprintf(fl->note, sizeof(fl->note), "down");
		note(w, fl);
	}
	mix(w, fl);
}

void faults_install(struct world *w)
{
	char why[IMPAIR_WHY_MAX + 16];

	for (unsigned i = 0; i < w->plan->nnode; i++) {
		struct impair *im = &w->impair[i];

		impair_init(im, w->plan->seed + i,
			    &w->host[i].node->engine.counters);
		for (unsigned k = 0; k < w->plan->nrule; k++)
			if (!w->choice->no_rule[k] &&
			    impair_add(im, w->plan->rule[k], why))
				sim_fail(w, "plan", "rule %u (%s): %s", k,
					 w->plan->rule[k], why);
	}
	w->f.filter = on_flight;
	w->f.filter_ctx = w;
}

void faults_remove(struct world *w)
{
	for (unsigned i = 0; i < w->plan->nnode; i++)
		impair_fini(&w->impair[i]);
}
