/* Moves between QP states: which attributes each move requires and allows is a
 * table (IBTA vol. 1, 11.2.5.2, table 91), what their values may be another.
 * Nothing changes before everything has been checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/base/log.h"
#include "nic/engine.h"
#include "nic/migrate.h"
#include "nic/qp.h"
#include "nic/requester.h"
#include "nic/responder.h"

/* ---- which attributes -------------------------------------------------------- */

#define PATHS  (GN_QP_ALT_PATH | GN_QP_PATH_MIG_STATE)
#define RTS_RC (GN_QP_CUR_STATE | GN_QP_ACCESS_FLAGS | GN_QP_MIN_RNR_TIMER | PATHS)
#define RTS_UC (GN_QP_CUR_STATE | GN_QP_ACCESS_FLAGS | PATHS)
#define RTS_UD (GN_QP_CUR_STATE | GN_QP_QKEY)
#define INIT_C (GN_QP_PKEY_INDEX | GN_QP_PORT | GN_QP_ACCESS_FLAGS)
#define INIT_UD (GN_QP_PKEY_INDEX | GN_QP_PORT | GN_QP_QKEY)
#define RTR_UC (GN_QP_AV | GN_QP_PATH_MTU | GN_QP_DEST_QPN | GN_QP_RQ_PSN)
#define RTR_RC (RTR_UC | GN_QP_MAX_DEST_RD_ATOMIC | GN_QP_MIN_RNR_TIMER)
#define RTR_OPT (GN_QP_ALT_PATH | GN_QP_ACCESS_FLAGS | GN_QP_PKEY_INDEX)
#define RETRIES (GN_QP_TIMEOUT | GN_QP_RETRY_CNT | GN_QP_RNR_RETRY | GN_QP_MAX_QP_RD_ATOMIC)
#define SQD_UC (GN_QP_AV | GN_QP_ACCESS_FLAGS | GN_QP_PKEY_INDEX | PATHS)
#define SQD_RC (SQD_UC | RETRIES | GN_QP_PORT | GN_QP_MAX_DEST_RD_ATOMIC | GN_QP_MIN_RNR_TIMER)

struct masks {
	unsigned required, optional;
};

/* The columns of the table: types that move alike. */
enum column { C_RC, C_UC, C_UD, C_XRC_SEND, C_XRC_RECV, C_RAW, C_N };

struct move {
	enum gn_qp_state from, to;
	struct masks m[C_N];
};

#define INIT_RAW  GN_QP_PORT
#define RTS_INI	  (GN_QP_CUR_STATE | GN_QP_ACCESS_FLAGS | PATHS)
#define RTS_RAW	  GN_QP_RATE_LIMIT
#define NOTIFY	  GN_QP_EN_SQD_ASYNC_NOTIFY

/* An XRC QP has half of a connection; attributes of the other half are not needed,
 * but programs (perftest) give both halves the same, so they are taken.
 */
static const struct move moves[] = {
	{ GN_QPS_RESET, GN_QPS_INIT,
	  { [C_RC] = { INIT_C, 0 }, [C_UC] = { INIT_C, 0 },
	    [C_UD] = { INIT_UD, 0 }, [C_XRC_SEND] = { INIT_C, 0 },
	    [C_XRC_RECV] = { INIT_C, 0 }, [C_RAW] = { INIT_RAW, 0 } } },
	{ GN_QPS_INIT, GN_QPS_INIT,
	  { [C_RC] = { 0, INIT_C }, [C_UC] = { 0, INIT_C },
	    [C_UD] = { 0, INIT_UD }, [C_XRC_SEND] = { 0, INIT_C },
	    [C_XRC_RECV] = { 0, INIT_C } } },
	{ GN_QPS_INIT, GN_QPS_RTR,
	  { [C_RC] = { RTR_RC, RTR_OPT }, [C_UC] = { RTR_UC, RTR_OPT },
	    [C_UD] = { 0, GN_QP_PKEY_INDEX | GN_QP_QKEY },
	    [C_XRC_SEND] = { RTR_UC, RTR_OPT | RTR_RC },
	    [C_XRC_RECV] = { RTR_RC, RTR_OPT } } },
	{ GN_QPS_RTR, GN_QPS_RTS,
	  { [C_RC] = { GN_QP_SQ_PSN | RETRIES, RTS_RC },
	    [C_UC] = { GN_QP_SQ_PSN, RTS_UC },
	    [C_UD] = { GN_QP_SQ_PSN, RTS_UD },
	    [C_XRC_SEND] = { GN_QP_SQ_PSN | RETRIES, RTS_INI },
	    [C_XRC_RECV] = { GN_QP_SQ_PSN | GN_QP_TIMEOUT, RTS_RC | RETRIES },
	    [C_RAW] = { 0, RTS_RAW } } },
	{ GN_QPS_RTS, GN_QPS_RTS,
	  { [C_RC] = { 0, RTS_RC }, [C_UC] = { 0, RTS_UC },
	    [C_UD] = { 0, RTS_UD }, [C_XRC_SEND] = { 0, RTS_INI },
	    [C_XRC_RECV] = { 0, RTS_RC }, [C_RAW] = { 0, RTS_RAW } } },
	{ GN_QPS_RTS, GN_QPS_SQD,
	  { [C_RC] = { 0, NOTIFY }, [C_UC] = { 0, NOTIFY },
	    [C_UD] = { 0, NOTIFY }, [C_XRC_SEND] = { 0, NOTIFY },
	    [C_XRC_RECV] = { 0, NOTIFY } } },
	{ GN_QPS_SQD, GN_QPS_RTS,
	  { [C_RC] = { 0, RTS_RC }, [C_UC] = { 0, RTS_UC },
	    [C_UD] = { 0, RTS_UD }, [C_XRC_SEND] = { 0, RTS_INI },
	    [C_XRC_RECV] = { 0, RTS_RC } } },
	{ GN_QPS_SQD, GN_QPS_SQD,
	  { [C_RC] = { 0, SQD_RC }, [C_UC] = { 0, SQD_UC },
	    [C_UD] = { 0, GN_QP_PKEY_INDEX | GN_QP_QKEY },
	    [C_XRC_SEND] = { 0, SQD_UC | RETRIES | GN_QP_PORT },
	    [C_XRC_RECV] = { 0, SQD_UC | GN_QP_PORT | GN_QP_TIMEOUT |
				   GN_QP_MAX_DEST_RD_ATOMIC |
				   GN_QP_MIN_RNR_TIMER } } },
	{ GN_QPS_SQE, GN_QPS_RTS,
	  { [C_UC] = { 0, GN_QP_CUR_STATE | GN_QP_ACCESS_FLAGS },
	    [C_UD] = { 0, RTS_UD } } },
};

static enum column column_of(const struct gn_qp *qp)
{
	switch (qp->init.type) {
	case GN_QPT_RC: return C_RC;
	case GN_QPT_UC: return C_UC;
	case GN_QPT_UD: return C_UD;
	case GN_QPT_XRC_SEND: return C_XRC_SEND;
	case GN_QPT_XRC_RECV: return C_XRC_RECV;
	case GN_QPT_RAW_PACKET: break;
	}
	return C_RAW;
}

static const struct { unsigned bit; const char *name; } attr_names[] = {
	{ GN_QP_STATE, "IBV_QP_STATE" },
	{ GN_QP_CUR_STATE, "IBV_QP_CUR_STATE" },
	{ GN_QP_EN_SQD_ASYNC_NOTIFY, "IBV_QP_EN_SQD_ASYNC_NOTIFY" },
	{ GN_QP_ACCESS_FLAGS, "IBV_QP_ACCESS_FLAGS" },
	{ GN_QP_PKEY_INDEX, "IBV_QP_PKEY_INDEX" },
	{ GN_QP_PORT, "IBV_QP_PORT" },
	{ GN_QP_QKEY, "IBV_QP_QKEY" },
	{ GN_QP_AV, "IBV_QP_AV" },
	{ GN_QP_PATH_MTU, "IBV_QP_PATH_MTU" },
	{ GN_QP_TIMEOUT, "IBV_QP_TIMEOUT" },
	{ GN_QP_RETRY_CNT, "IBV_QP_RETRY_CNT" },
	{ GN_QP_RNR_RETRY, "IBV_QP_RNR_RETRY" },
	{ GN_QP_RQ_PSN, "IBV_QP_RQ_PSN" },
	{ GN_QP_MAX_QP_RD_ATOMIC, "IBV_QP_MAX_QP_RD_ATOMIC" },
	{ GN_QP_ALT_PATH, "IBV_QP_ALT_PATH" },
	{ GN_QP_MIN_RNR_TIMER, "IBV_QP_MIN_RNR_TIMER" },
	{ GN_QP_SQ_PSN, "IBV_QP_SQ_PSN" },
	{ GN_QP_MAX_DEST_RD_ATOMIC, "IBV_QP_MAX_DEST_RD_ATOMIC" },
	{ GN_QP_PATH_MIG_STATE, "IBV_QP_PATH_MIG_STATE" },
	{ GN_QP_CAP, "IBV_QP_CAP" },
	{ GN_QP_DEST_QPN, "IBV_QP_DEST_QPN" },
	{ GN_QP_RATE_LIMIT, "IBV_QP_RATE_LIMIT" },
};

static const char *const state_names[GN_QPS_N] = {
	"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR",
};

const char *qp_state_name(enum gn_qp_state state)
{
	return state_names[state];
}

static const char *attr_name(unsigned bits)
{
	for (size_t i = 0; i < sizeof(attr_names) / sizeof(*attr_names); i++)
		if (bits & attr_names[i].bit)
			return attr_names[i].name;
	return "an unknown attribute bit";
}

static bool find_masks(const struct gn_qp *qp, enum gn_qp_state from,
		       enum gn_qp_state to, struct masks *m)
{
	*m = (struct masks){ 0, 0 };
	if (to == GN_QPS_RESET || to == GN_QPS_ERR)
		return true;
	for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
		if (moves[i].from != from || moves[i].to != to)
			continue;
		*m = moves[i].m[column_of(qp)];
		return true;
	}
	return false;
}

unsigned qp_required(const struct gn_qp *qp, enum gn_qp_state to)
{
	struct masks m;

	find_masks(qp, qp_state(qp), to, &m);
	return m.required;
}

static int check_move(const struct gn_qp *qp, enum gn_qp_state from,
		      enum gn_qp_state to, unsigned mask)
{
	struct masks m;
	unsigned missing, extra;

	if ((unsigned)to >= GN_QPS_N || !find_masks(qp, from, to, &m)) {
		log_warn("ibv_modify_qp: QP 0x%x cannot go from %s to %s",
			 qp->qpn, state_names[from],
			 (unsigned)to < GN_QPS_N ? state_names[to] : "?");
		return -EINVAL;
	}
	missing = m.required & ~mask;
	extra = mask & ~(m.required | m.optional | GN_QP_STATE);
	if (to == GN_QPS_RESET || to == GN_QPS_ERR)
		extra &= ~GN_QP_CUR_STATE;
	if (!missing && !extra)
		return 0;
	log_warn("ibv_modify_qp: QP 0x%x, %s to %s: %s %s", qp->qpn,
		 state_names[from], state_names[to],
		 attr_name(missing ? missing : extra),
		 missing ? "is missing from attr_mask"
			 : "is not allowed in this move");
	return -EINVAL;
}

/* ---- which values --------------------------------------------------------------- */

static int wrong(const struct gn_qp *qp, const char *attr, const char *what)
{
	log_warn("ibv_modify_qp: QP 0x%x: %s: %s", qp->qpn, attr, what);
	return -EINVAL;
}

static int check_av(const struct gn_qp *qp, const struct gn_ah *ah)
{
	const struct engine *e = qp->engine;
	const struct link *l = e->link;
	char ip[IP_TEXT_MAX];

	if (!ah->is_global)
		return wrong(qp, "ah_attr.is_global",
			     "0, but RoCE needs a GRH with a GID (run with -g 1, or -x 1 for perftest)");
	if (ah->sgid_index >= e->ngid)
		return wrong(qp, "ah_attr.grh.sgid_index",
			     "no such entry in the GID table (see ibv_devinfo -v; run with -g 1 or -x 1)");
	if (ip_is_any(&ah->dgid))
		return wrong(qp, "ah_attr.grh.dgid",
			     "is zero: the peer did not send its GID (run both sides with -g 1)");
	if (ip_is_v4(&ah->dgid) != ip_is_v4(&e->gid[ah->sgid_index]))
		return wrong(qp, "ah_attr.grh.dgid",
			     "IPv4 and IPv6 GIDs mixed: choose sgid_index of the peer's kind");
	if (l->ops->reaches(l, &ah->dgid)) {
		log_warn("ibv_modify_qp: QP 0x%x: ah_attr.grh.dgid: %s cannot be reached from this NIC's port",
			 qp->qpn, ip_format(&ah->dgid, ip));
		return -ENETUNREACH;
	}
	return 0;
}

/* An alternate path can be told not to be there by an empty one; ARMED needs one. */
static int check_paths(const struct gn_qp *qp, const struct gn_qp_attr *a,
		       unsigned mask)
{
	const struct gn_ah *alt = mask & GN_QP_ALT_PATH ? &a->alt_ah
							: &qp->attr.alt_ah;
	int rc = mask & GN_QP_AV ? check_av(qp, &a->ah) : 0;

	if (rc)
		return rc;
	if (mask & GN_QP_ALT_PATH && alt->is_global) {
		rc = check_av(qp, alt);
		if (rc)
			return rc;
	}
	if (!(mask & GN_QP_PATH_MIG_STATE))
		return 0;
	if (a->mig_state > MIG_ARMED)
		return wrong(qp, "path_mig_state", "is none of ibv_mig_state");
	return a->mig_state != MIG_MIGRATED && !alt->is_global
		       ? wrong(qp, "path_mig_state",
			       "needs an alternate path with a GID (IBV_QP_ALT_PATH)")
		       : 0;
}

static bool is_pmtu(unsigned mtu)
{
	return mtu >= 256 && mtu <= PMTU_MAX && !(mtu & (mtu - 1));
}

static int check_values(const struct gn_qp *qp, const struct gn_qp_attr *a,
			unsigned mask)
{
	const struct gn_limits *l = &qp->engine->cfg.limits;
	const struct {
		unsigned bit;
		bool ok;
		const char *attr, *what;
	} rules[] = {
		{ GN_QP_CUR_STATE, a->cur_state == qp_state(qp), "cur_qp_state",
		  "is not the QP's state" },
		{ GN_QP_PORT, a->port_num == 1, "port_num",
		  "must be 1, the only port" },
		{ GN_QP_PKEY_INDEX, a->pkey_index < l->pkey_count, "pkey_index",
		  "must be 0, the only P_Key" },
		{ GN_QP_PATH_MTU, is_pmtu(a->path_mtu), "path_mtu",
		  "must be IBV_MTU_256 to IBV_MTU_4096" },
		{ GN_QP_PATH_MTU, a->path_mtu <= engine_pmtu(qp->engine), "path_mtu",
		  "is larger than the port carries (active_mtu in ibv_devinfo; run with a smaller -m)" },
		{ GN_QP_DEST_QPN, a->dest_qpn <= QPN_MASK, "dest_qp_num",
		  "has more than 24 bits" },
		{ GN_QP_TIMEOUT, a->timeout < 32, "timeout", "must be below 32" },
		{ GN_QP_RETRY_CNT, a->retry_cnt < 8, "retry_cnt",
		  "must be below 8" },
		{ GN_QP_RNR_RETRY, a->rnr_retry < 8, "rnr_retry",
		  "must be below 8" },
		{ GN_QP_MIN_RNR_TIMER, a->min_rnr_timer < 32, "min_rnr_timer",
		  "must be below 32" },
		{ GN_QP_MAX_QP_RD_ATOMIC, a->max_rd_atomic <= l->max_rd_atomic,
		  "max_rd_atomic", "is above max_qp_init_rd_atom" },
		{ GN_QP_MAX_DEST_RD_ATOMIC,
		  a->max_dest_rd_atomic <= l->max_rd_atomic,
		  "max_dest_rd_atomic", "is above max_qp_rd_atom" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if ((mask & rules[i].bit) && !rules[i].ok)
			return wrong(qp, rules[i].attr, rules[i].what);
	return check_paths(qp, a, mask);
}

/* ---- the move --------------------------------------------------------------------- */

static void copy_values(struct gn_qp_attr *to, const struct gn_qp_attr *a,
			unsigned mask)
{
#define COPY(bit, field)                                                       \
	if (mask & (bit))                                                      \
	to->field = a->field
	COPY(GN_QP_EN_SQD_ASYNC_NOTIFY, en_sqd_async_notify);
	COPY(GN_QP_ACCESS_FLAGS, access);
	COPY(GN_QP_PKEY_INDEX, pkey_index);
	COPY(GN_QP_PORT, port_num);
	COPY(GN_QP_QKEY, qkey);
	COPY(GN_QP_AV, ah);
	COPY(GN_QP_PATH_MTU, path_mtu);
	COPY(GN_QP_TIMEOUT, timeout);
	COPY(GN_QP_RETRY_CNT, retry_cnt);
	COPY(GN_QP_RNR_RETRY, rnr_retry);
	COPY(GN_QP_RQ_PSN, rq_psn);
	COPY(GN_QP_MAX_QP_RD_ATOMIC, max_rd_atomic);
	COPY(GN_QP_MIN_RNR_TIMER, min_rnr_timer);
	COPY(GN_QP_SQ_PSN, sq_psn);
	COPY(GN_QP_MAX_DEST_RD_ATOMIC, max_dest_rd_atomic);
	COPY(GN_QP_PATH_MIG_STATE, mig_state);
	COPY(GN_QP_DEST_QPN, dest_qpn);
	COPY(GN_QP_RATE_LIMIT, rate_limit);
	COPY(GN_QP_ALT_PATH, alt_ah);
	COPY(GN_QP_ALT_PATH, alt_pkey_index);
	COPY(GN_QP_ALT_PATH, alt_port_num);
	COPY(GN_QP_ALT_PATH, alt_timeout);
#undef COPY
}

/* The UDP source port that stands for the flow: from the flow label if there is
 * one, else from the two QPNs, the same in both directions.
 */
static uint16_t flow_port(uint32_t label, uint32_t a, uint32_t b)
{
	uint64_t v = (uint64_t)a * b;

	if (!label) {
		v ^= v >> 20;
		v ^= v >> 40;
		label = (uint32_t)v & 0xfffff;
	}
	return (uint16_t)(((label & 0x3fff) ^ (label >> 14)) | 0xc000);
}

void qp_set_source_port(struct gn_qp *qp)
{
	qp->sport = flow_port(qp->attr.ah.flow_label & 0xfffff, qp->qpn,
			      qp->attr.dest_qpn);
}

/* What of a move takes memory: a path (on the way to RTR, or another in SQD), and
 * the responder's record.
 */
static int take_memory(struct gn_qp *qp, const struct gn_qp_attr *a,
		       unsigned mask)
{
	struct engine *e = qp->engine;
	struct peer *peer = NULL;
	int rc = 0;

	if (qp->init.type != GN_QPT_UD && (mask & GN_QP_AV)) {
		peer = peer_get(&e->peers, &a->ah.dgid, e->cfg.window);
		if (!peer)
			return -ENOMEM;
	}
	if (mask & GN_QP_MAX_DEST_RD_ATOMIC)
		rc = responder_resize(qp, a->max_dest_rd_atomic);
	if (peer && rc)
		peer_put(&e->peers, peer);
	if (!peer || rc)
		return rc;
	qp_set_peer(qp, peer);
	return 0;
}

static void enter_rts(struct gn_qp *qp)
{
	struct requester *q = &qp->req;

	q->una = q->nxt = q->max = qp->attr.sq_psn & PSN_MASK;
	q->retry_left = qp->attr.retry_cnt;
	q->rnr_left = qp->attr.rnr_retry;
}

int qp_modify(struct gn_qp *qp, const struct gn_qp_attr *wanted, unsigned mask)
{
	struct gn_qp_attr resolved = *wanted;
	const struct gn_qp_attr *attr = &resolved;
	enum gn_qp_state from = qp_state(qp);
	enum gn_qp_state to = mask & GN_QP_STATE ? attr->state : from;
	struct gn_qp_attr next = qp->attr;
	bool told_to_migrate;
	int rc = check_move(qp, from, to, mask);

	if (mask & GN_QP_AV)
		engine_resolve_lid(qp->engine, &resolved.ah);
	if (!rc)
		rc = check_values(qp, attr, mask);
	if (rc)
		return rc;
	told_to_migrate = (mask & GN_QP_PATH_MIG_STATE) &&
			  attr->mig_state == MIG_MIGRATED &&
			  qp->attr.mig_state == MIG_ARMED;
	copy_values(&next, attr, mask);
	rc = take_memory(qp, &next, mask);
	if (rc)
		return rc;
	qp->attr = next;
	if (mask & GN_QP_AV) {
		qp_set_source_port(qp);
		link_prepare(qp->engine->link, &qp->attr.ah.dgid,
			     qp->engine->now);
	}
	if (told_to_migrate) {
		qp->attr.mig_state = MIG_ARMED;
		migrate(qp);
	}
	if (from == GN_QPS_INIT && to == GN_QPS_RTR)
		qp->resp.epsn = qp->attr.rq_psn & PSN_MASK;
	if (from == GN_QPS_RTR && to == GN_QPS_RTS)
		enter_rts(qp);
	if (to == GN_QPS_RESET)
		memset(&qp->attr, 0, sizeof(qp->attr));
	if (to == GN_QPS_ERR)
		qp_set_error(qp);
	else if (to != from)
		qp_set_state(qp, to);
	if (to == GN_QPS_SQD)
		requester_drain(qp);
	engine_ready(qp->engine, qp);
	return 0;
}
