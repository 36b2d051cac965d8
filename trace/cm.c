/* REQ and REP each carry the QPN of their sender and the PSN at which the
 * other side is to start.  A REP belongs to the REQ whose communication ID it
 * repeats.  Both may come again when the network lost one, so the pair of
 * communication IDs is remembered: only its first REP starts a connection.
 */
#include <stdlib.h>
#include "trace/cm.h"

#define KEPT 256u

#define MAD_LEN		256u
#define MAD_CLASS_CM	0x07u
#define MAD_METHOD_SEND 0x03u
#define ATTRIBUTE_REQ	0x0010u
#define ATTRIBUTE_REP	0x0013u
#define CM_OFFSET	24u /* behind the common MAD header */
#define SERVICE_RC	0u
#define SERVICE_UC	1u

struct request {
	struct ip_addr src, dst;
	uint32_t vni;
	uint32_t id;  /* the requester's communication ID */
	uint32_t qpn; /* the requester's */
	uint32_t psn; /* at which the other side starts */
	unsigned service;
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

static uint32_t vni_of(const struct packet *p)
{
	return p->tunnelled ? p->vni : UINT32_MAX;
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

static void note_req(struct cm *cm, const struct packet *p, const uint8_t *req)
{
	struct request r = {
		.src = p->ip.src,
		.dst = p->ip.dst,
		.vni = vni_of(p),
		.id = get_be32(req),
		.qpn = get_be24(req + 32),
		.service = req[43] >> 1 & 3,
		.psn = get_be24(req + 44),
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
		     const uint8_t *rep)
{
	struct request *r =
		find(cm, &p->ip.dst, &p->ip.src, vni_of(p), get_be32(rep + 4));
	struct stream *there, *back;
	struct stream_key key;

	if (!r || r->service > SERVICE_UC ||
	    (r->replied && r->reply_id == get_be32(rep)))
		return false;
	r->replied = true;
	r->reply_id = get_be32(rep);

	key = (struct stream_key){
		.src = r->src,
		.dst = r->dst,
		.vni = r->vni,
		.dqpn = get_be24(rep + 12),
		.transport =
			r->service == SERVICE_RC ? TRANSPORT_RC : TRANSPORT_UC,
	};
	there = streams_get(all, &key);
	key.src = r->dst;
	key.dst = r->src;
	key.dqpn = r->qpn;
	back = streams_get(all, &key);
	if (!there || !back)
		return false;
	start(there, get_be24(rep + 20));
	start(back, r->psn);
	stream_pair(there, back);
	there->sure = back->sure = true;
	return true;
}

bool cm_packet(struct cm *cm, struct streams *all, const struct packet *p)
{
	struct span mad = p->roce.payload;

	if (mad.len < MAD_LEN || mad.p[1] != MAD_CLASS_CM ||
	    mad.p[3] != MAD_METHOD_SEND || p->icrc == ICRC_CUT)
		return false;
	switch (get_be16(mad.p + 16)) {
	case ATTRIBUTE_REQ: note_req(cm, p, mad.p + CM_OFFSET); break;
	case ATTRIBUTE_REP: return note_rep(cm, all, p, mad.p + CM_OFFSET);
	}
	return false;
}
