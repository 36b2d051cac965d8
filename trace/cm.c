/* REQ and REP each carry the QPN of their sender and the PSN at which the
 * other side is to start.  A REP belongs to the REQ whose communication ID it
 * repeats.  Both may come again when the network lost one, so the pair of
 * communication IDs is remembered: only its first REP starts a connection.
 */
#include <stdlib.h>
#include "trace/cm.h"

#define KEPT 256u

struct request {
	struct ip_addr src, dst;
	uint32_t vni;
	uint32_t id;  /* the requester's communication ID */
	uint32_t qpn; /* the requester's */
	uint32_t psn; /* at which the other side starts */
	unsigned transport;
	bool replied;
	uint32_t reply_id;
};

struct cm {
	struct request kept[KEPT];
	unsigned n;
};

struct cm *cm_new(void)
{
	return calloc(1, sizeof(struct cm));
}

void cm_free(struct cm *cm)
{
	free(cm);
}

/* The REQ from @src with communication ID @id, the latest one. */
static struct request *find(struct cm *cm, const struct ip_addr *src,
			    const struct ip_addr *dst, uint32_t vni,
			    uint32_t id)
{
	unsigned kept = cm->n < KEPT ? cm->n : KEPT;

	for (unsigned i = 0; i < kept; i++) {
		struct request *r = &cm->kept[(cm->n - 1 - i) % KEPT];

		if (r->id == id && r->vni == vni && ip_equal(&r->src, src) &&
		    ip_equal(&r->dst, dst))
			return r;
	}
	return NULL;
}

static void note_req(struct cm *cm, const struct packet *p,
		     const struct cm_msg *req)
{
	struct request r = {
		.src = p->ip.src,
		.dst = p->ip.dst,
		.vni = packet_vni(p),
		.id = (uint32_t)cm_get(req, CM_LOCAL_ID),
		.qpn = (uint32_t)cm_get(req, CM_QPN),
		.transport = (unsigned)cm_get(req, CM_TRANSPORT),
		.psn = (uint32_t)cm_get(req, CM_PSN),
	};
	const struct request *old = find(cm, &r.src, &r.dst, r.vni, r.id);

	if (old && old->qpn == r.qpn && old->psn == r.psn)
		return;
	cm->kept[cm->n++ % KEPT] = r;
}

static void start(struct stream *s, uint32_t psn)
{
	stream_restart(s);
	s->q.has_start = true;
	s->q.start_psn = psn;
}

static bool note_rep(struct cm *cm, struct streams *all, const struct packet *p,
		     const struct cm_msg *rep)
{
	struct request *r = find(cm, &p->ip.dst, &p->ip.src, packet_vni(p),
				 (uint32_t)cm_get(rep, CM_REMOTE_ID));
	uint32_t id = (uint32_t)cm_get(rep, CM_LOCAL_ID);
	struct stream *there, *back;
	struct stream_key key;

	if (!r || r->transport > CM_UC || (r->replied && r->reply_id == id))
		return false;
	r->replied = true;
	r->reply_id = id;

	key = (struct stream_key){
		.src = r->src,
		.dst = r->dst,
		.vni = r->vni,
		.dqpn = (uint32_t)cm_get(rep, CM_QPN),
		.transport =
			r->transport == CM_RC ? TRANSPORT_RC : TRANSPORT_UC,
	};
	there = streams_get(all, &key);
	key.src = r->dst;
	key.dst = r->src;
	key.dqpn = r->qpn;
	back = streams_get(all, &key);
	if (!there || !back)
		return false;
	start(there, (uint32_t)cm_get(rep, CM_PSN));
	start(back, r->psn);
	stream_pair(there, back);
	there->sure = back->sure = true;
	return true;
}

bool cm_find(const struct packet *p, struct cm_msg *m)
{
	return packet_sound(p) && p->icrc != ICRC_CUT &&
	       p->roce.op->flags & HAS_DETH && p->roce.bth.dqpn == 1 &&
	       cm_msg_find(p->roce.payload, m);
}

bool cm_packet(struct cm *cm, struct streams *all, const struct packet *p)
{
	struct cm_msg m;

	if (!cm_find(p, &m))
		return false;
	if (m.kind == CM_REQ)
		note_req(cm, p, &m);
	return m.kind == CM_REP && note_rep(cm, all, p, &m);
}
