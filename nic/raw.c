/* A frame that a program sends is shown to this NIC's own flows first, as the
 * switch inside a real NIC does; one that matches does not go out, unless it is
 * for a group.  What is for this NIC's own address the link brings back.
 */
#include "nic/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic/engine.h"
#include "nic/requester.h"
#include "nic/responder_parts.h"
#include "nic/rss.h"
#include "wire/eth.h"
#include "wire/udp.h"

#define FRAME_MAX 9216u /* a jumbo frame's */

/* ---- matching ----------------------------------------------------------------- */

/* What flows can look at. */
struct fields {
	bool is_eth;
	struct eth eth;
	bool is_ip;
	struct ip_header ip;
	bool has_ports;
	uint16_t sport, dport;
};

#define IPPROTO_TCP_ 6u

/* Steering looks at fields and judges nothing: neither lengths nor checksums.
 * Takes the header off @in; false if there is none.
 */
static bool look_at_ipv4(struct ip_header *h, struct span *in, bool *first)
{
	const uint8_t *p = in->p;
	size_t len;

	if (in->len < IPV4_LEN || p[0] >> 4 != 4)
		return false;
	len = (p[0] & 0xfu) * 4;
	h->version = 4;
	h->protocol = p[9];
	h->src = ip_from_v4(p + 12);
	h->dst = ip_from_v4(p + 16);
	*first = !(get_be16(p + 6) & 0x1fff);
	return len >= IPV4_LEN && span_take(in, len);
}

static bool look_at_ipv6(struct ip_header *h, struct span *in)
{
	const uint8_t *p = span_take(in, IPV6_LEN);

	if (!p || p[0] >> 4 != 6)
		return false;
	h->version = 6;
	h->protocol = p[6];
	memcpy(h->src.b, p + 8, 16);
	memcpy(h->dst.b, p + 24, 16);
	return true;
}

static void look_at_ports(struct fields *f, struct span *in)
{
	const uint8_t *p;

	if (f->ip.protocol != IPPROTO_UDP_ && f->ip.protocol != IPPROTO_TCP_)
		return;
	p = span_take(in, 4);
	if (!p)
		return;
	f->has_ports = true;
	f->sport = get_be16(p);
	f->dport = get_be16(p + 2);
}

static void parse(struct fields *f, struct span frame)
{
	bool first = true;

	*f = (struct fields){ .is_ip = false };
	f->is_eth = eth_decode(&f->eth, &frame) == DROP_NONE;
	if (f->is_eth && f->eth.type == ETHERTYPE_IPV4)
		f->is_ip = look_at_ipv4(&f->ip, &frame, &first);
	else if (f->is_eth && f->eth.type == ETHERTYPE_IPV6)
		f->is_ip = look_at_ipv6(&f->ip, &frame);
	if (f->is_ip && first)
		look_at_ports(f, &frame);
}

static bool same(const uint8_t *a, const uint8_t *b, const uint8_t *mask,
		 size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] ^ b[i]) & mask[i])
			return false;
	return true;
}

static bool eth_matches(const struct gn_flow_match *m, const struct eth *e)
{
	return same(m->dst_mac, e->dst.b, m->dst_mac_mask, 6) &&
	       same(m->src_mac, e->src.b, m->src_mac_mask, 6) &&
	       !((m->ethertype ^ e->type) & m->ethertype_mask) &&
	       !((m->vlan ^ e->vlan) & m->vlan_mask) &&
	       (!m->vlan_mask || e->tagged);
}

static bool ip_matches(const struct gn_flow_match *m, const struct fields *f)
{
	bool ports = m->src_port_mask || m->dst_port_mask;

	if (m->ip_version &&
	    (!f->is_ip || m->ip_version != f->ip.version ||
	     !same(m->src_ip.b, f->ip.src.b, m->src_ip_mask.b, 16) ||
	     !same(m->dst_ip.b, f->ip.dst.b, m->dst_ip_mask.b, 16)))
		return false;
	if (m->ip_protocol_mask &&
	    (!f->is_ip ||
	     ((m->ip_protocol ^ f->ip.protocol) & m->ip_protocol_mask)))
		return false;
	return !ports || (f->has_ports &&
			  !((m->src_port ^ f->sport) & m->src_port_mask) &&
			  !((m->dst_port ^ f->dport) & m->dst_port_mask));
}

static bool matches(const struct gn_flow *flow, const struct fields *f)
{
	const struct gn_flow_match *m = &flow->match;

	return m->sniffer ||
	       (f->is_eth && eth_matches(m, &f->eth) && ip_matches(m, f));
}

/* ---- in ------------------------------------------------------------------------- */

static void spread(const struct gn_qp *qp, const struct fields *f,
		   struct span frame, uint32_t tag)
{
	struct rss_fields r = { f->is_ip ? &f->ip : NULL, f->has_ports,
				f->sport, f->dport };

	rss_receive(qp->init.ind, rss_hash(&qp->init.hash, &r), frame,
		    tag);
}

static void receive(struct gn_qp *qp, struct span frame, uint32_t tag,
		    nsec_t now)
{
	enum gn_qp_state s = qp_state(qp);
	struct rwqe *w = &qp->resp.recv;
	struct cqe c = { .wc = { .opcode = GN_WC_RECV,
				 .byte_len = (uint32_t)frame.len,
				 .qpn = qp->qpn,
				 .timestamp = now,
				 .flow_tag = tag,
				 .qp = qp } };
	enum drop v;

	if (s == GN_QPS_RESET || s == GN_QPS_INIT || s == GN_QPS_ERR)
		return;
	if (!rq_count(rq_of(qp))) {
		qp->engine->counters.drop[DROP_NO_RECV]++;
		return;
	}
	rq_take(rq_of(qp), w);
	v = recv_scatter(responder_pd(qp), w, 0, frame);
	c.wc.wr_id = w->wr_id;
	if (v != DROP_NONE)
		c.wc.status = v == DROP_RECV_LENGTH ? GN_WC_LOC_LEN_ERR
						    : GN_WC_LOC_PROT_ERR;
	cq_push(qp->init.recv_cq, &c);
	if (qp->resp.srq)
		srq_taken(qp->resp.srq);
	if (v == DROP_RECV_LKEY)
		qp_set_error(qp);
}

static void give(const struct gn_flow *flow, const struct fields *f,
		 struct span frame, nsec_t now)
{
	if (flow->match.drop)
		return;
	if (flow->qp->init.ind)
		spread(flow->qp, f, frame, flow->match.tag);
	else
		receive(flow->qp, frame, flow->match.tag, now);
}

bool raw_deliver(void *engine, struct span frame, nsec_t now)
{
	struct engine *e = engine;
	struct fields f;
	bool taken = false;

	if (!e->flows)
		return false;
	parse(&f, frame);
	e->now = now;
	for (struct gn_flow *flow = e->flows; flow; flow = flow->next) {
		if ((taken && !flow->match.sniffer) || !matches(flow, &f))
			continue;
		give(flow, &f, frame, now);
		taken |= !flow->match.sniffer;
	}
	return taken;
}

/* ---- out ------------------------------------------------------------------------- */

enum gn_wc_status raw_send(struct gn_qp *qp, struct swqe *w)
{
	struct engine *e = qp->engine;
	uint8_t frame[FRAME_MAX];
	struct pkt p;

	if (w->len < ETH_LEN || w->len > FRAME_MAX ||
	    w->len > e->link->ip_mtu + ETH_LEN + VLAN_LEN)
		return GN_WC_LOC_LEN_ERR;
	if (!requester_gather(qp, w, 0, w->len, frame))
		return GN_WC_LOC_PROT_ERR;
	if (memcmp(frame, e->link->mac.b, 6) &&
	    raw_deliver(e, (struct span){ frame, w->len }, e->now) &&
	    !(frame[0] & 1))
		return GN_WC_SUCCESS;
	pkt_reset(&p);
	pkt_add_span(&p, frame, w->len);
	engine_flush(e); /* what was queued before goes first */
	e->link->ops->send_frames(e->link, &p, 1, e->now);
	return GN_WC_SUCCESS;
}

/* ---- flows ------------------------------------------------------------------------ */

int flow_new(struct gn_qp *qp, const struct gn_flow_match *match,
	     struct gn_flow **out)
{
	struct gn_flow **at = &qp->engine->flows, *flow;

	if (qp->init.type != GN_QPT_RAW_PACKET)
		return -EINVAL;
	flow = malloc(sizeof(*flow));
	if (!flow)
		return -ENOMEM;
	while (*at && (*at)->match.priority <= match->priority)
		at = &(*at)->next;
	*flow = (struct gn_flow){ *at, qp, *match };
	*at = flow;
	if (!qp->engine->flows->next)
		link_want_all(qp->engine->link, true);
	qp->flows++;
	*out = flow;
	return 0;
}

void flow_free(struct gn_flow *flow)
{
	struct gn_flow **at = &flow->qp->engine->flows;

	while (*at != flow)
		at = &(*at)->next;
	*at = flow->next;
	if (!flow->qp->engine->flows)
		link_want_all(flow->qp->engine->link, false);
	flow->qp->flows--;
	free(flow);
}

void flow_forget(struct gn_qp *qp)
{
	for (struct gn_flow *f = qp->engine->flows, *next; f; f = next) {
		next = f->next;
		if (f->qp == qp)
			flow_free(f);
	}
}
