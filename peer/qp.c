/* Verbs for QPs and their states. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
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

static int attr_value(struct call *c, enum verbs_attr i, const char *text,
		      uint64_t *v)
{
	if (!text)
		return 0;
	if (i == ATTR_ACCESS	  ? verbs_bits(verbs_access, text, v)
	    : i == ATTR_CUR_STATE ? verbs_find(verbs_states, text, v)
				  : words_number(text, v))
		return 0;
	return call_refuse(c, "%s=%s: not a value of it", verbs_attrs[i].word,
			   text);
}

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
}

/* The port is the device's, unless the line says another. */
static int get_path(struct call *c, struct ibv_qp_attr *a)
{
	struct ibv_ah_attr *ah = &a->ah_attr;
	uint32_t port, timeout, mig = IBV_MIG_MIGRATED;
	const char *text = words_get(&c->w, "mig_state");
	uint64_t v = mig;
	int rc = call_number32(c, "port_num", session_of(c)->device->port,
			       &port);

	ah->is_global = 1;
	ah->grh.sgid_index = session_of(c)->device->gid_index;
	ah->grh.hop_limit = HOP_LIMIT;
	if (!rc)
		rc = call_gid(c, "dgid", &ah->grh.dgid);
	a->alt_ah_attr = *ah;
	if (!rc)
		rc = call_gid(c, "alt_dgid", &a->alt_ah_attr.grh.dgid);
	if (!rc)
		rc = call_number32(c, "alt_timeout", 14, &timeout);
	if (!rc && text && !verbs_find(verbs_mig_states, text, &v))
		rc = call_refuse(c, "mig_state=%s: no such state", text);
	if (rc)
		return rc;
	a->port_num = ah->port_num = (uint8_t)port;
	a->alt_ah_attr.port_num = a->alt_port_num = (uint8_t)port;
	a->alt_timeout = (uint8_t)timeout;
	a->path_mig_state = (enum ibv_mig_state)v;
	return 0;
}

static bool is_path(const char *word)
{
	return strstr(word, "dgid") || strstr(word, "alt_") ||
	       !strcmp(word, "mig_state") || !strcmp(word, "port_num");
}

/* Attributes as the line and the presets say; *@given: those of the line. */
static int get_attr(struct call *c, struct ibv_qp_attr *a, int *given)
{
	uint64_t v[ATTR_N];
	int rc = 0;

	*given = 0;
	for (unsigned i = 0; i < ATTR_N && !rc; i++) {
		const char *text = words_get(&c->w, verbs_attrs[i].word);

		v[i] = verbs_attrs[i].preset;
		*given |= text ? (int)verbs_attrs[i].mask : 0;
		if (!is_path(verbs_attrs[i].word))
			rc = attr_value(c, (enum verbs_attr)i, text, &v[i]);
	}
	if (rc)
		return rc;
	*given |= words_get(&c->w, "alt_dgid") ? IBV_QP_ALT_PATH : 0;
	*given |= words_get(&c->w, "mig_state") ? IBV_QP_PATH_MIG_STATE : 0;
	memset(a, 0, sizeof(*a));
	set_attr(a, v);
	return get_path(c, a);
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

static int get_caps(struct call *c, struct ibv_qp_cap *cap)
{
	int rc = call_number32(c, "max_send_wr", 64, &cap->max_send_wr);

	if (!rc)
		rc = call_number32(c, "max_recv_wr", 64, &cap->max_recv_wr);
	if (!rc)
		rc = call_number32(c, "max_send_sge", 4, &cap->max_send_sge);
	if (!rc)
		rc = call_number32(c, "max_recv_sge", 4, &cap->max_recv_sge);
	if (!rc)
		rc = call_number32(c, "max_inline", 64, &cap->max_inline_data);
	return rc;
}

static int get_init(struct call *c, struct ibv_qp_init_attr_ex *init)
{
	struct object *pd, *scq, *rcq, *srq, *xrcd;
	int rc = call_object(c, "pd", O_PD, c->t->pd, &pd);

	if (!rc)
		rc = call_object(c, "scq", O_CQ, c->t->cq, &scq);
	if (!rc)
		rc = call_object(c, "rcq", O_CQ, c->t->cq, &rcq);
	if (!rc)
		rc = call_object(c, "srq", O_SRQ, NULL, &srq);
	if (!rc)
		rc = call_object(c, "xrcd", O_XRCD, NULL, &xrcd);
	if (!rc)
		rc = get_caps(c, &init->cap);
	if (rc)
		return rc;
	init->sq_sig_all = words_has(&c->w, "sq_sig_all");
	if (init->qp_type == IBV_QPT_XRC_RECV) {
		if (!xrcd)
			return call_refuse(c, "qp NAME XRC_RECV xrcd=NAME");
		init->comp_mask = IBV_QP_INIT_ATTR_XRCD;
		init->xrcd = xrcd->ibv_xrcd;
		return 0;
	}
	init->comp_mask = IBV_QP_INIT_ATTR_PD;
	init->pd = pd->ibv_pd;
	init->srq = srq ? srq->ibv_srq : NULL;
	init->send_cq = scq->ibv_cq;
	init->recv_cq = init->qp_type == IBV_QPT_XRC_SEND ? NULL : rcq->ibv_cq;
	return 0;
}

/* The type and the state that the line's "qp NAME TYPE state=" gives. */
static int get_type(struct call *c, uint64_t *type, uint64_t *state)
{
	const char *to = words_get(&c->w, "state");

	*state = IBV_QPS_RTS;
	if (!call_word(c, 2) || !verbs_find(verbs_types, call_word(c, 2), type))
		return call_refuse(
			c, "qp NAME TYPE: RC, UC, UD, XRC_SEND, XRC_RECV");
	if (to && !verbs_find(verbs_states, to, state))
		return call_refuse(c, "state=%s: no such state", to);
	return 0;
}

int verb_qp(struct call *c)
{
	struct ibv_qp_init_attr_ex init = {0};
	struct ibv_qp_attr attr;
	uint64_t type = 0, state = 0;
	struct object *o;
	int given, rc = call_make(c, call_word(c, 1), O_QP, &o);

	if (!rc)
		rc = get_type(c, &type, &state);
	init.qp_type = (enum ibv_qp_type)type;
	if (!rc)
		rc = get_init(c, &init);
	if (!rc)
		rc = get_attr(c, &attr, &given);
	if (rc)
		return rc;
	o->ibv_qp = extended_qp_new(session_of(c)->device->context, &init,
				    &o->extended);
	if (!o->ibv_qp)
		return call_errno(NULL);
	call_made(o, call_word(c, 1), 0);
	if (state != IBV_QPS_RESET)
		rc = raise_qp(o->ibv_qp, &attr, (enum ibv_qp_state)state);
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
	int mask, rc = call_find_kind(c, call_word(c, 1), O_QP, &o);

	if (!rc && (!call_word(c, 2) ||
		    !verbs_find(verbs_states, call_word(c, 2), &state)))
		rc = call_refuse(c, "modify QP STATE");
	if (!rc)
		rc = get_attr(c, &attr, &mask);
	if (!rc)
		rc = state_of(o->ibv_qp, &from);
	if (rc)
		return rc;
	attr.qp_state = (enum ibv_qp_state)state;
	if (!words_has(&c->w, "only"))
		mask |= required_for(o->ibv_qp, from, attr.qp_state);
	return ibv_modify_qp(o->ibv_qp, &attr, mask | IBV_QP_STATE);
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
