/* The two clocks of a requester: how long it waits for an answer, and how long
 * a peer without receives has asked it to stay away.
 *
 * What the engine takes for now is from before packets came and went.  So both
 * begin twice: at once, so that everybody sees them running, and again, at the
 * time it then is, when the run is over (requester_began).  Too late does no
 * harm; too early would break what the peer was promised.
 */
#include "nic/engine.h"
#include "nic/migrate.h"
#include "nic/requester.h"

/* IBTA 9.7.6.1.3: 4.096 us * 2^timeout; 0 is "never". */
static nsec_t ack_timeout(const struct gn_qp *qp)
{
	return qp->attr.timeout ? (nsec_t)4096 << qp->attr.timeout : NSEC_NEVER;
}

static void set_ack_by(struct gn_qp *qp)
{
	nsec_t t = ack_timeout(qp);

	qp->req.ack_by = qp->req.una == qp->req.nxt || t == NSEC_NEVER
				 ? NSEC_NEVER
				 : qp->engine->now + t;
}

void requester_wait(struct gn_qp *qp)
{
	set_ack_by(qp);
	qp->req.ack_began = true;
	engine_begun(qp->engine, qp);
}

void requester_wait_rnr(struct gn_qp *qp, nsec_t wait)
{
	qp->req.rnr_began = wait;
	qp->req.rnr_until = qp->engine->now + wait;
	qp->req.ack_by = NSEC_NEVER;
	engine_begun(qp->engine, qp);
	qp_arm(qp);
}

void requester_began(struct gn_qp *qp)
{
	struct requester *q = &qp->req;

	if (q->ack_began && q->ack_by != NSEC_NEVER)
		set_ack_by(qp);
	if (q->rnr_began && q->rnr_until)
		q->rnr_until = qp->engine->now + q->rnr_began;
	q->ack_began = false;
	q->rnr_began = 0;
}

bool requester_retry(struct gn_qp *qp)
{
	peer_shrink(qp->peer, qp->engine->now);
	if (!qp->req.retry_left && migrate(qp))
		qp->req.retry_left = (uint8_t)(qp->attr.retry_cnt + 1);
	if (!qp->req.retry_left) {
		requester_fail(qp, GN_WC_RETRY_EXC_ERR);
		return false;
	}
	qp->req.retry_left--;
	return true;
}

void requester_tick(struct gn_qp *qp, nsec_t now)
{
	struct requester *q = &qp->req;

	if (q->rnr_until && q->rnr_until <= now) {
		q->rnr_until = 0;
		engine_ready(qp->engine, qp);
	}
	if (q->room_by && q->room_by <= now)
		engine_ready(qp->engine, qp);
	if (q->ack_by > now)
		return;
	q->ack_by = NSEC_NEVER;
	if (q->una == q->nxt)
		return;
	q->naked = false;
	count(&qp->engine->counters, CNT_TIMEOUT);
	if (requester_retry(qp))
		requester_go_back(qp, q->una);
}
