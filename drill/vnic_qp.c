/* Verbs for QPs and their states. */
#include <stdio.h>
#include "drill/call_wr.h"
#include "drill/vnic.h"
#include "nic/cq.h"
#include "nic/mcast.h"
#include "nic/qp.h"

static void set_attr(struct gn_qp_attr *a, const uint64_t *v)
{
	a->path_mtu = (unsigned)v[ATTR_PMTU];
	a->timeout = (uint8_t)v[ATTR_TIMEOUT];
	a->retry_cnt = (uint8_t)v[ATTR_RETRY_CNT];
	a->rnr_retry = (uint8_t)v[ATTR_RNR_RETRY];
	a->min_rnr_timer = (uint8_t)v[ATTR_MIN_RNR_TIMER];
	a->sq_psn = (uint32_t)v[ATTR_SQ_PSN];
	a->rq_psn = (uint32_t)v[ATTR_RQ_PSN];
	a->max_rd_atomic = (uint8_t)v[ATTR_MAX_RD_ATOMIC];
	a->max_dest_rd_atomic = (uint8_t)v[ATTR_MAX_DEST_RD_ATOMIC];
	a->access = (unsigned)v[ATTR_ACCESS];
	a->dest_qpn = (uint32_t)v[ATTR_DQPN];
	a->qkey = (uint32_t)v[ATTR_QKEY];
	a->pkey_index = (uint16_t)v[ATTR_PKEY_INDEX];
	a->cur_state = (enum gn_qp_state)v[ATTR_CUR_STATE];
	a->en_sqd_async_notify = v[ATTR_NOTIFY];
	a->port_num = a->ah.port_num = (uint8_t)v[ATTR_PORT];
	a->ah.is_global = true;
	a->ah.traffic_class = (uint8_t)v[ATTR_TCLASS];
	a->alt_timeout = (uint8_t)v[ATTR_ALT_TIMEOUT];
	a->mig_state = (uint8_t)v[ATTR_MIG_STATE];
}

/* Attributes as the line and the presets say; *@given: those of the line. */
static int get_attr(struct call *c, struct gn_qp_attr *a, unsigned *given)
{
	const char *dgid = words_get(&c->w, "dgid");
	const char *alt = words_get(&c->w, "alt_dgid");
	uint64_t v[ATTR_N];
	int rc = call_attrs(c, v, given);

	if (rc)
		return rc;
	*a = (struct gn_qp_attr){0};
	set_attr(a, v);
	a->ah.dgid = vnic_of(c)->b.own;
	if (dgid && !ip_parse(&a->ah.dgid, dgid))
		return call_refuse(c, "dgid=%s: not an address", dgid);
	a->alt_ah = a->ah;
	a->alt_port_num = a->port_num;
	if (alt && !ip_parse(&a->alt_ah.dgid, alt))
		return call_refuse(c, "alt_dgid=%s: not an address", alt);
	return 0;
}

/* Towards @to by the usual way, as far as it goes. */
static int raise_qp(struct gn_qp *qp, struct gn_qp_attr *a, enum gn_qp_state to)
{
	static const enum gn_qp_state next[] = {GN_QPS_INIT, GN_QPS_RTR,
						GN_QPS_RTS};
	int rc = 0;

	while (!rc && qp_state(qp) != to && qp_state(qp) < GN_QPS_RTS) {
		a->state = next[qp_state(qp)];
		rc = qp_modify(qp, a, GN_QP_STATE | qp_required(qp, a->state));
	}
	if (rc || qp_state(qp) == to)
		return rc;
	a->state = to;
	return qp_modify(qp, a, GN_QP_STATE);
}

static struct gn_qp_init init_of(struct call *c, const struct call_qp *q)
{
	bool target = q->type == GN_QPT_XRC_RECV;
	bool source = q->type == GN_QPT_XRC_SEND;

	return (struct gn_qp_init){
		.type = (enum gn_qp_type)q->type,
		.send_cq = target ? NULL : q->scq->cq,
		.recv_cq = target || source ? NULL : q->rcq->cq,
		.srq = q->srq ? q->srq->srq : NULL,
		.xrcd = target ? q->xrcd->xrcd : NULL,
		.cap = {q->max_send_wr, q->max_recv_wr, q->max_send_sge,
			q->max_recv_sge, q->max_inline},
		.sq_sig_all = q->sq_sig_all,
		.listener = c->side,
	};
}

/* XRC_RECV QPs belong to a domain; qp_new takes the engine from any PD. */
int verb_qp(struct call *c)
{
	struct gn_qp_init init;
	struct gn_qp_attr attr;
	struct object *o, *pd;
	struct call_qp q;
	unsigned given;
	int rc = call_new_qp(c, &q);

	if (!rc)
		rc = get_attr(c, &attr, &given);
	if (rc)
		return rc;
	o = q.o;
	init = init_of(c, &q);
	pd = init.xrcd ? c->t->pd : q.pd;
	rc = qp_new(pd->pd, &init, &o->qp);
	if (rc)
		return rc;
	o->qp->init.cookie = o->qp;
	call_made(o, call_word(c, 1), 0);
	if (q.state != GN_QPS_RESET)
		rc = raise_qp(o->qp, &attr, (enum gn_qp_state)q.state);
	call_say(c, "qpn=0x%x qkey=0x%x", o->qp->qpn, attr.qkey);
	return rc;
}

int verb_modify(struct call *c)
{
	enum gn_qp_state from;
	struct gn_qp_attr attr;
	struct object *o;
	unsigned mask;
	uint64_t state;
	int rc = call_move(c, &o, &state);

	if (!rc)
		rc = get_attr(c, &attr, &mask);
	if (rc)
		return rc;
	from = qp_state(o->qp);
	attr.state = (enum gn_qp_state)state;
	if (!words_has(&c->w, "only"))
		mask |= qp_required(o->qp, attr.state);
	rc = qp_modify(o->qp, &attr, mask | GN_QP_STATE);
	if (!rc && from == attr.state)
		vnic_of(c)->b.move[from][from]++;
	qp_ring(o->qp);
	return rc;
}

int verb_query(struct call *c)
{
	struct gn_qp_init init;
	struct gn_qp_attr a;
	struct object *o;
	int rc = call_find_kind(c, call_word(c, 1), O_QP, &o);

	if (rc)
		return rc;
	qp_query(o->qp, &a, &init);
	call_say(c,
		 "state=%s sq_psn=%u rq_psn=%u qkey=0x%x timeout=%u "
		 "retry_cnt=%u "
		 "rnr_retry=%u min_rnr_timer=%u dqpn=0x%x sq_draining=%u "
		 "mig_state=%s",
		 verbs_word(verbs_states, a.state), a.sq_psn, a.rq_psn, a.qkey,
		 a.timeout, a.retry_cnt, a.rnr_retry, a.min_rnr_timer,
		 a.dest_qpn, a.sq_draining,
		 verbs_word(verbs_mig_states, a.mig_state));
	return 0;
}

static int group_verb(struct call *c,
		      int (*change)(struct gn_qp *, const struct ip_addr *))
{
	struct ip_addr group;
	struct object *o;
	int rc = call_find_kind(c, call_word(c, 1), O_QP, &o);

	if (rc)
		return rc;
	if (!call_word(c, 2) || !ip_parse(&group, call_word(c, 2)))
		return call_refuse(c, "attach QP GROUP: not an address");
	return change(o->qp, &group);
}

int verb_attach(struct call *c)
{
	return group_verb(c, mcast_attach);
}

int verb_detach(struct call *c)
{
	return group_verb(c, mcast_detach);
}
