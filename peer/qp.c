/* Verbs for QPs and their states. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "drill/call_wr.h"
#include "peer/call.h"
#include "peer/extended.h"

#define HOP_LIMIT 64

/* ---- which attributes a move requires (ibv_modify_qp(3)) ---- */

#define INIT_C	(IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS)
#define INIT_UD (IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY)
#define RTR_C	(IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN)
#define RTR_RD	(RTR_C | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER)
#define RTS_RQ                                               \
	(IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | \
	 IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC)

static const struct {
	enum ibv_qp_type type;
	int init, rtr, rts;
} required[] = {
	{IBV_QPT_RC, INIT_C, RTR_RD, RTS_RQ},
	{IBV_QPT_UC, INIT_C, RTR_C, IBV_QP_SQ_PSN},
	{IBV_QPT_UD, INIT_UD, 0, IBV_QP_SQ_PSN},
	{IBV_QPT_XRC_SEND, INIT_C, RTR_C, RTS_RQ},
	{IBV_QPT_XRC_RECV, INIT_C, RTR_RD, IBV_QP_SQ_PSN | IBV_QP_TIMEOUT},
};

static int required_for(const struct ibv_qp *qp, enum ibv_qp_state from,
			enum ibv_qp_state to)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++) {
		if (required[i].type != qp->qp_type)
			continue;
		if (from == IBV_QPS_RESET && to == IBV_QPS_INIT)
			return required[i].init;
		if (from == IBV_QPS_INIT && to == IBV_QPS_RTR)
			return required[i].rtr;
		if (from == IBV_QPS_RTR && to == IBV_QPS_RTS)
			return required[i].rts;
	}
	return 0;
}

static int state_of(struct ibv_qp *qp, enum ibv_qp_state *state)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	int rc = ibv_query_qp(qp, &attr, IBV_QP_STATE, &init);

	*state = attr.qp_state;
	return rc;
}

/* ---- attributes of a line ---- */

/* 0, which no library takes, if it is none. */
static enum ibv_mtu mtu_code(uint64_t bytes)
{
	for (int m = IBV_MTU_256; m <= IBV_MTU_4096; m++)
		if (bytes == 128u << m)
			return (enum ibv_mtu)m;
	return (enum ibv_mtu)0;
}

static void set_attr(struct ibv_qp_attr *a, const uint64_t *v)
{
	a->path_mtu = mtu_code(v[ATTR_PMTU]);
	a->timeout = (uint8_t)v[ATTR_TIMEOUT];
	a->retry_cnt = (uint8_t)v[ATTR_RETRY_CNT];
	a->rnr_retry = (uint8_t)v[ATTR_RNR_RETRY];
	a->min_rnr_timer = (uint8_t)v[ATTR_MIN_RNR_TIMER];
	a->sq_psn = (uint32_t)v[ATTR_SQ_PSN];
	a->rq_psn = (uint32_t)v[ATTR_RQ_PSN];
	a->max_rd_atomic = (uint8_t)v[ATTR_MAX_RD_ATOMIC];
	a->max_dest_rd_atomic = (uint8_t)v[ATTR_MAX_DEST_RD_ATOMIC];
	a->qp_access_flags = (unsigned)v[ATTR_ACCESS];
	a->dest_qp_num = (uint32_t)v[ATTR_DQPN];
	a->qkey = (uint32_t)v[ATTR_QKEY];
	a->pkey_index = (uint16_t)v[ATTR_PKEY_INDEX];
	a->cur_qp_state = (enum ibv_qp_state)v[ATTR_CUR_STATE];
	a->en_sqd_async_notify = v[ATTR_NOTIFY] != 0;
	a->ah_attr.grh.traffic_class = (uint8_t)v[ATTR_TCLASS];
	a->alt_timeout = (uint8_t)v[ATTR_ALT_TIMEOUT];
	a->path_mig_state = (enum ibv_mig_state)v[ATTR_MIG_STATE];
}

/* The port is the device's, unless the line says another. */
static int get_path(struct call *c, struct ibv_qp_attr *a, uint64_t port_num)
{
	const struct device *d = session_of(c)->device;
	struct ibv_ah_attr *ah = &a->ah_attr;
	uint8_t port =
		words_get(&c->w, "port_num") ? (uint8_t)port_num : d->port;
	int rc;

	ah->is_global = 1;
	ah->grh.sgid_index = d->gid_index;
	ah->grh.hop_limit = HOP_LIMIT;
	rc = call_gid(c, "dgid", &ah->grh.dgid);
	a->alt_ah_attr = *ah;
	if (!rc)
		rc = call_gid(c, "alt_dgid", &a->alt_ah_attr.grh.dgid);
	a->port_num = ah->port_num = port;
	a->alt_ah_attr.port_num = a->alt_port_num = port;
	return rc;
}

/* Attributes as the line and the presets say; *@given: those of the line. */
static int get_attr(struct call *c, struct ibv_qp_attr *a, unsigned *given)
{
	uint64_t v[ATTR_N];
	int rc = call_attrs(c, v, given);

	if (rc)
		return rc;
	memset(a, 0, sizeof(*a));
	set_attr(a, v);
	return get_path(c, a, v[ATTR_PORT]);
}

/* ---- making QPs ---- */

/* Towards @to by the usual way, as far as it goes. */
static int raise_qp(struct ibv_qp *qp, struct ibv_qp_attr *a,
		    enum ibv_qp_state to)
{
	static const enum ibv_qp_state next[] = {IBV_QPS_INIT, IBV_QPS_RTR,
						 IBV_QPS_RTS};
	enum ibv_qp_state at = IBV_QPS_RESET;
	int rc = 0;

	while (!rc && at != to && at < IBV_QPS_RTS) {
		a->qp_state = next[at];
		rc = ibv_modify_qp(
			qp, a, IBV_QP_STATE | required_for(qp, at, next[at]));
		at = next[at];
	}
	if (rc || at == to)
		return rc;
	a->qp_state = to;
	return ibv_modify_qp(qp, a, IBV_QP_STATE);
}

static struct ibv_qp_init_attr_ex init_of(const struct call_qp *q)
{
	struct ibv_qp_init_attr_ex init = {
		.qp_type = (enum ibv_qp_type)q->type,
		.cap = {q->max_send_wr, q->max_recv_wr, q->max_send_sge,
			q->max_recv_sge, q->max_inline},
		.sq_sig_all = q->sq_sig_all,
	};

	if (init.qp_type == IBV_QPT_XRC_RECV) {
		init.comp_mask = IBV_QP_INIT_ATTR_XRCD;
		init.xrcd = q->xrcd->ibv_xrcd;
		return init;
	}
	init.comp_mask = IBV_QP_INIT_ATTR_PD;
	init.pd = q->pd->ibv_pd;
	init.srq = q->srq ? q->srq->ibv_srq : NULL;
	init.send_cq = q->scq->ibv_cq;
	if (init.qp_type != IBV_QPT_XRC_SEND)
		init.recv_cq = q->rcq->ibv_cq;
	return init;
}

int verb_qp(struct call *c)
{
	struct ibv_qp_init_attr_ex init;
	struct ibv_qp_attr attr;
	struct call_qp q;
	struct object *o;
	unsigned given;
	int rc = call_new_qp(c, &q);

	if (!rc)
		rc = get_attr(c, &attr, &given);
	if (rc)
		return rc;
	o = q.o;
	init = init_of(&q);
	o->ibv_qp = extended_qp_new(session_of(c)->device->context, &init,
				    &o->extended);
	if (!o->ibv_qp)
		return call_errno(NULL);
	call_made(o, call_word(c, 1), 0);
	if (q.state != IBV_QPS_RESET)
		rc = raise_qp(o->ibv_qp, &attr, (enum ibv_qp_state)q.state);
	call_say(c, "qpn=0x%x qkey=0x%x", o->ibv_qp->qp_num, attr.qkey);
	return rc;
}

/* ---- verbs on QPs ---- */

int verb_modify(struct call *c)
{
	enum ibv_qp_state from;
	struct ibv_qp_attr attr;
	struct object *o;
	uint64_t state;
	unsigned given;
	int mask, rc = call_move(c, &o, &state);

	if (!rc)
		rc = get_attr(c, &attr, &given);
	if (!rc)
		rc = state_of(o->ibv_qp, &from);
	if (rc)
		return rc;
	attr.qp_state = (enum ibv_qp_state)state;
	mask = (int)given | IBV_QP_STATE;
	if (!words_has(&c->w, "only"))
		mask |= required_for(o->ibv_qp, from, attr.qp_state);
	return ibv_modify_qp(o->ibv_qp, &attr, mask);
}

int verb_query(struct call *c)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr a;
	struct object *o;
	int rc = call_find_kind(c, call_word(c, 1), O_QP, &o);

	if (!rc)
		rc = ibv_query_qp(o->ibv_qp, &a,
				  IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_RQ_PSN |
					  IBV_QP_QKEY | IBV_QP_TIMEOUT |
					  IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
					  IBV_QP_MIN_RNR_TIMER |
					  IBV_QP_DEST_QPN |
					  IBV_QP_PATH_MIG_STATE,
				  &init);
	if (rc)
		return rc;
	call_say(c,
		 "state=%s sq_psn=%u rq_psn=%u qkey=0x%x timeout=%u "
		 "retry_cnt=%u rnr_retry=%u min_rnr_timer=%u dqpn=0x%x "
		 "sq_draining=%u mig_state=%s",
		 verbs_word(verbs_states, a.qp_state), a.sq_psn, a.rq_psn,
		 a.qkey, a.timeout, a.retry_cnt, a.rnr_retry, a.min_rnr_timer,
		 a.dest_qp_num, a.sq_draining,
		 verbs_word(verbs_mig_states, a.path_mig_state));
	return 0;
}

/* The record of @qp in @group; both NULL: one that is free. */
static struct membership *member(struct session *s, const struct ibv_qp *qp,
				 const union ibv_gid *group)
{
	for (unsigned i = 0; i < GROUPS_MAX; i++)
		if (s->member[i].qp == qp &&
		    (!group ||
		     !memcmp(&s->member[i].group, group, sizeof(*group))))
			return &s->member[i];
	return NULL;
}

static int get_group(struct call *c, struct object **o, union ibv_gid *group)
{
	int rc = call_find_kind(c, call_word(c, 1), O_QP, o);

	if (!rc && (!call_word(c, 2) || !gid_parse(group, call_word(c, 2))))
		rc = call_refuse(c, "%s QP GROUP: not an address",
				 c->w.w[0].text);
	return rc;
}

int verb_attach(struct call *c)
{
	union ibv_gid group;
	struct membership *m = member(session_of(c), NULL, NULL);
	struct object *o;
	int rc = get_group(c, &o, &group);

	if (!rc && !m)
		rc = call_refuse(c, "more than %u groups", GROUPS_MAX);
	if (!rc)
		rc = ibv_attach_mcast(o->ibv_qp, &group, 0);
	if (!rc)
		*m = (struct membership){o->ibv_qp, group};
	return rc;
}

int verb_detach(struct call *c)
{
	union ibv_gid group;
	struct object *o;
	int rc = get_group(c, &o, &group);

	if (!rc)
		rc = ibv_detach_mcast(o->ibv_qp, &group, 0);
	if (!rc) {
		struct membership *m = member(session_of(c), o->ibv_qp, &group);

		if (m)
			m->qp = NULL;
	}
	return rc;
}
