/* glassnic as receiver of what nobody answers: it has to take all of it, and to
 * say nothing.
 */
#include <stdlib.h>
#include "replay/answering.h"

static bool start(struct role *p, const struct item *i)
{
	struct answering *a = p->answering;
	char attrs[160];

	if (role_is_datagram(p))
		snprintf(attrs, sizeof(attrs), "qkey=0x%x max_recv_sge=%u",
			 p->flow->qkey, ANSWER_SGES);
	else
		snprintf(attrs, sizeof(attrs),
			 "pmtu=%u rq_psn=%u max_recv_sge=%u "
			 "access=remote_write",
			 p->flow->pmtu, item_psn(i), ANSWER_SGES);
	a->in_step = stage_qp(&p->stage, role_qp_type(p), attrs);
	return a->in_step;
}

static void judge(struct role *p, const struct item *i, enum drop word)
{
	switch ((int)word) {
	case DROP_NONE:
	case DROP_N: p->tally.same++; return;
	case DROP_UC_BROKEN:
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "its message has lost a packet");
		return;
	case DROP_QKEY:
		role_note(p, DIFF_NOT_TOLD, i->frame, &i->roce, NULL,
			  "another Q_Key than those before");
		return;
	}
	role_blame(p, DIFF_REFUSES, i->frame, 0, &i->roce, NULL, "%s: %s",
		   drop_word(word), drop_text(word));
}

static void play_one(struct role *p, const struct item *i)
{
	struct answering *a = p->answering;
	struct roce r = i->roce;
	enum drop word;

	if (!a->in_step && !(item_flags(i) & IS_START)) {
		role_note(p, DIFF_LOST_REQUEST, i->frame, &i->roce, NULL,
			  "its message's beginning was not seen");
		return;
	}
	if (!a->in_step && !start(p, i))
		return;
	stage_clock(&p->stage, i->nsec);
	a->epsn = item_psn(i);
	if (!answer_prepare(p, i, FATE_ACCEPTED, NULL, &r))
		return;
	word = stage_send(&p->stage, &r, i->frame);
	p->tally.played++;
	if (word == DROP_NONE && item_flags(i) & IS_END &&
	    item_flags(i) & TAKES_RECV)
		a->has_spare = false;
	judge(p, i, word);
}

static void go_on(struct role *p, bool all)
{
	struct item *i;
	struct out *o;

	while ((i = queue_head(&p->queue)) && !p->stage.trouble[0]) {
		if (!i->answer)
			play_one(p, i);
		queue_take(&p->queue, i);
		free(i);
	}
	while ((o = role_next(p, NULL))) {
		role_blame(p, DIFF_DIFFERS, o->frame, 0, NULL, &o->roce,
			   "an answer where there is none");
		stage_drop(&p->stage, o);
	}
}

const struct role_ops listener_ops = {
	.begin = answer_begin,
	.go_on = go_on,
	.end = answer_end,
};
