/* Nothing is ever answered.  A message that loses a packet is dropped, and the
 * next First or Only begins anew; the receive WR that the broken message had
 * taken serves the next one.
 */
#include "nic/uc.h"

#include "nic/engine.h"
#include "nic/responder_parts.h"

static enum drop check_psn(struct gn_qp *qp, const struct roce *r)
{
	struct responder *s = &qp->resp;

	if (r->op->flags & IS_START) {
		s->message = MESSAGE_NONE;
		return DROP_NONE;
	}
	return s->message != MESSAGE_NONE && r->bth.psn == s->epsn
		       ? DROP_NONE
		       : DROP_UC_BROKEN;
}

static enum drop check(struct gn_qp *qp, const struct roce *r)
{
	static enum drop (*const checks[])(const struct gn_qp *,
					   const struct roce *) = {
		check_sequence, check_length, check_enabled,
		check_memory,	check_recv,
	};
	enum drop v = check_psn(qp, r);

	for (size_t i = 0; v == DROP_NONE &&
			   i < sizeof(checks) / sizeof(*checks);
	     i++)
		v = checks[i](qp, r);
	return v == DROP_RNR ? DROP_NO_RECV : v;
}

/* The message is lost; a receive WR that was too short says so.  One whose own
 * memory is not accessible takes the QP along, as with RC (IBTA 9.9, table 59).
 */
static void give_up(struct gn_qp *qp, enum drop v)
{
	struct responder *s = &qp->resp;

	s->message = MESSAGE_NONE;
	if (!s->have_recv)
		return;
	if (v == DROP_RECV_LENGTH) {
		complete_recv(qp, NULL, GN_WC_LOC_LEN_ERR);
	} else if (v == DROP_RECV_LKEY) {
		complete_recv(qp, NULL, GN_WC_LOC_PROT_ERR);
		qp_set_error(qp);
	}
}

enum drop uc_receive(struct gn_qp *qp, const struct roce *r)
{
	enum gn_qp_state state = qp_state(qp);
	enum drop v;

	if (state == GN_QPS_RESET || state == GN_QPS_INIT ||
	    state == GN_QPS_ERR)
		return DROP_QP_STATE;
	responder_tell_established(qp);
	v = check(qp, r);
	if (v == DROP_NONE)
		v = r->op->flags & IS_SEND ? execute_send(qp, r)
					   : execute_write(qp, r);
	if (v != DROP_NONE)
		give_up(qp, v);
	qp->resp.epsn = psn_add(r->bth.psn, 1);
	return v;
}
