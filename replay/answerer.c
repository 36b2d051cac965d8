/* glassnic as responder.  A request is played when the answers behind it have
 * told what became of it: a receive request is posted for a SEND if the
 * captured side had one, memory gets the bytes that its READ responses carried,
 * a key that it refused opens nothing here (implied.c).  Then what the NIC
 * answers waits until the captured answers come (answered.c).
 *
 * Requests go to one region whatever their key: each gets a place of its own,
 * which those that are sent again find by their PSN.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "replay/answering.h"
#include "replay/role.h"
#include "wire/aeth.h"

/* ---- requests ---- */

static bool start(struct role *p, uint32_t psn)
{
	struct answering *a = p->answering;
	const struct flow *f = p->flow;
	char attrs[256];

	snprintf(attrs, sizeof(attrs),
		 "pmtu=%u rq_psn=%u max_dest_rd_atomic=128 max_recv_sge=%u "
		 "access=%s",
		 f->pmtu, psn, ANSWER_SGES, stage_access(&p->stage));
	if (!stage_qp(&p->stage, role_qp_type(p), attrs) ||
	    (!p->stage.rkey && !stage_region(&p->stage, "buf", p->stage.bytes)))
		return false;
	a->in_step = true;
	a->first = a->epsn = psn;
	a->msn = 0;
	a->has_acked = a->has_asked = a->gap = a->said_gap = false;
	a->refused = a->rnr = false;
	a->rnr_timer = 12; /* the preset */
	a->nplaces = 0;
	a->has_spare = false;
	p->has_msn = f->has_start && f->start_psn == psn;
	p->msn_is_sure = p->has_msn;
	p->msn_ahead = 0;
	return true;
}

/* Will a message that begins at @psn be played? */
static bool is_beginning(const struct role *p, uint32_t psn)
{
	for (const struct item *i = queue_head(&p->queue); i;
	     i = queue_next(&p->queue, i))
		if (!i->answer && item_psn(i) == psn)
			return item_begins(i);
	return false;
}

/* Where the captured side was when it got @i: there, unless the answer @by asks
 * for an earlier PSN.  False: within a message.
 */
static bool find_start(const struct role *p, const struct item *i,
		       const struct item *by, uint32_t *psn)
{
	int code;

	*psn = item_psn(i);
	if (by && item_refuses(by, &code) && code == NAK_PSN_SEQUENCE &&
	    psn_diff(item_psn(by), item_psn(i)) < 0) {
		*psn = item_psn(by);
		return is_beginning(p, *psn);
	}
	return item_begins(i);
}

/* The first answer behind @i. */
static const struct item *next_answer(const struct role *p,
				      const struct item *i)
{
	while (i && !i->answer)
		i = queue_next(&p->queue, i);
	return i;
}

/* False: it cannot be played, but what follows perhaps. */
static bool get_in_step(struct role *p, const struct item *i)
{
	struct answering *a = p->answering;
	uint32_t psn;
	bool hole = a->in_step && !a->refused &&
		    psn_diff(item_psn(i), a->epsn) > 0 &&
		    queue_hole(&p->queue, i, a->epsn, p->flow->pmtu);

	if (hole) {
		role_note(p, DIFF_LOST_REQUEST, i->frame, NULL, NULL,
			  "psn %u to %u were answered, but not seen", a->epsn,
			  psn_add(item_psn(i), PSN_MASK));
		answered_out_of_step(p, i->frame);
	}
	if (a->in_step)
		return psn_diff(item_psn(i), a->first) >= 0;
	if (a->has_settled && psn_diff(item_psn(i), a->settled) <= 0)
		return false; /* sent again */
	if (!find_start(p, i, next_answer(p, i), &psn)) {
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "its message's beginning was not seen");
		return false;
	}
	return start(p, psn);
}

/* What the NIC has made of @i. */
static void note_verdict(struct role *p, const struct item *i, enum fate fate,
			 enum drop word)
{
	struct answering *a = p->answering;
	int32_t ahead = psn_diff(item_psn(i), a->epsn);

	p->tally.played++;
	if (ahead > 0) {
		a->gap = true;
		a->said_gap |= word == DROP_SEQ_GAP;
	}
	a->rnr |= !ahead && word == DROP_RNR;
	if (!ahead && word != DROP_NONE && word != DROP_N &&
	    (fate == FATE_ACCEPTED || fate == FATE_OPEN)) {
		a->refused = true;
		a->word = word;
		a->refused_frame = i->frame;
	}
	a->ready = fate == FATE_ACCEPTED;
	if (ahead || (word != DROP_NONE && word != DROP_N) ||
	    (word == DROP_N && (fate == FATE_RNR || fate == FATE_REFUSED)))
		return;
	if (item_flags(i) & IS_END && item_flags(i) & TAKES_RECV)
		a->has_spare = false;
	a->epsn = psn_add(item_psn(i), item_span(i, p->flow->pmtu));
	if (item_ends(i)) {
		a->msn = psn_add(a->msn, 1);
		answer_note_msn(p, i);
	}
	a->gap = a->said_gap = a->rnr = false;
	if (i->roce.bth.ackreq) {
		a->has_asked = true;
		a->asked = item_psn(i);
	}
}

/* A real NIC takes its time to answer a READ, and what is in memory by then
 * counts.
 */
static void await_data(struct role *p, const struct item *i)
{
	uint32_t last =
		psn_add(item_psn(i), item_span(i, p->flow->pmtu) + PSN_MASK);
	nsec_t deadline = stage_deadline(&p->stage);

	if (!p->stage.bench->live || item_flags(i) & (IS_SEND | IS_WRITE) ||
	    psn_diff(last, p->answering->epsn) >= 0)
		return;
	while (!answered_has_new(p, last) && stage_step(&p->stage, deadline))
		;
}

/* False: not yet. */
static bool play_request(struct role *p, const struct item *i, bool forced)
{
	const struct item *by = NULL;
	enum fate fate = p->flow->answers
				 ? queue_fate(&p->queue, i, p->flow->pmtu, &by)
				 : FATE_ACCEPTED;
	struct roce r = i->roce;

	if (fate == FATE_OPEN && !forced)
		return false;
	if (!get_in_step(p, i))
		return true;
	/* Beyond a gap it is discarded, lost or not. */
	if (fate == FATE_LOST && item_psn(i) == p->answering->epsn) {
		role_note(p, DIFF_LOST_BEHIND, i->frame, &i->roce, NULL,
			  "frame %" PRIu64 " asks for it again", by->frame);
		return true;
	}
	stage_clock(&p->stage, i->nsec);
	answered_note(p);
	if (!answer_prepare(p, i, fate, by, &r))
		return true;
	note_verdict(p, i, fate, stage_send(&p->stage, &r, i->frame));
	await_data(p, i);
	answered_note(p);
	return true;
}

static void go_on(struct role *p, bool all)
{
	struct item *i;

	while ((i = queue_head(&p->queue)) && !p->stage.trouble[0]) {
		if (i->answer)
			answered_judge(p, i);
		else if (!play_request(p, i, all || queue_is_full(&p->queue)))
			return;
		answered_bound(p, i->frame);
		queue_take(&p->queue, i);
		free(i);
	}
	if (!all)
		return;
	stage_wait(&p->stage, STAGE_SETTLE);
	answered_leave_all(p, p->flow->last_frame);
}

const struct role_ops answerer_ops = {
	.begin = answer_begin,
	.go_on = go_on,
	.end = answer_end,
};
