/* QPs are copied in pieces: as many whole buckets as fit, then the lock is let
 * go while they become text.  A QP has its bucket for life, so none is shown
 * twice.
 */
#include <stdlib.h>

#include "nic/host/host.h"
#include "nic/host/view.h"
#include "nic/requester.h"

#define QPS_AT_ONCE	64u /* per hold of the lock, if no bucket has more */
#define BUCKETS_AT_ONCE 1024u

/* What is shown of a QP. */
struct qp_facts {
	uint32_t number, peer_qp, pmtu;
	enum gn_qp_type type;
	enum gn_qp_state state;
	struct ip_addr peer;
	bool has_peer, connected;
	uint16_t sport;
	/* requester */
	uint32_t una, nxt, max, posted, started;
	unsigned reads;
	uint8_t retry_left, rnr_left;
	enum hold hold;
	bool waits_for_ack;
	nsec_t now, ack_by, rnr_until;
	/* responder */
	uint32_t epsn, msn, receives;
	enum message message;
	bool gap_naked, rnr_naked;
	uint32_t resources, max_resources;
	/* of its peer */
	uint64_t in_flight;
	uint32_t window;
};

static void copy_requester(const struct gn_qp *qp, struct qp_facts *f)
{
	const struct requester *q = &qp->req;

	f->una = q->una;
	f->nxt = q->nxt;
	f->max = q->max;
	f->posted = sq_tail(&qp->sq) - q->head;
	f->started = q->cur - q->head;
	f->reads = q->rd_out;
	f->retry_left = q->retry_left;
	f->rnr_left = q->rnr_left;
	f->hold = requester_hold(qp, f->now);
	f->waits_for_ack = qp_is_reliable(qp) && q->una != q->nxt;
	f->ack_by = q->ack_by;
	f->rnr_until = q->rnr_until;
}

static void copy_responder(const struct gn_qp *qp, struct qp_facts *f)
{
	const struct responder *s = &qp->resp;

	f->epsn = s->epsn;
	f->msn = s->msn;
	f->receives = rq_count(&qp->rq);
	f->message = s->message;
	f->gap_naked = s->gap_naked;
	f->rnr_naked = s->rnr_naked;
	f->resources = s->res_used;
	f->max_resources = qp->attr.max_dest_rd_atomic;
}

static void copy_qp(const struct gn_qp *qp, nsec_t now, struct qp_facts *f)
{
	*f = (struct qp_facts){
		.number = qp->qpn,
		.type = qp->init.type,
		.state = qp_state(qp),
		.connected = qp_is_connected(qp),
		.peer_qp = qp->attr.dest_qpn,
		.pmtu = qp->attr.path_mtu,
		.sport = qp->sport,
		.has_peer = qp->peer != NULL,
		.now = now,
	};
	if (qp->peer) {
		f->peer = qp->peer->addr;
		f->in_flight = qp->peer->in_flight;
		f->window = qp->peer->window;
	}
	copy_requester(qp, f);
	copy_responder(qp, f);
}

/* ---- pieces ---- */

struct piece {
	struct qp_facts *qp;
	size_t n, room;
};

/* All of bucket @i, or nothing when there is no room. */
static bool copy_bucket(const struct engine *e, uint32_t i, nsec_t now,
			struct piece *p)
{
	size_t n = p->n;

	for (const struct gn_qp *qp = e->bucket[i]; qp; qp = qp->next) {
		if (n == p->room)
			return false;
		copy_qp(qp, now, &p->qp[n++]);
	}
	p->n = n;
	return true;
}

/* From bucket @from on; returns the first that is left. */
static uint32_t copy_piece(struct gn_nic *nic, uint32_t from, struct piece *p)
{
	uint32_t to = from + BUCKETS_AT_ONCE, i = from;
	nsec_t now;

	p->n = 0;
	if (host_lock(nic))
		return ENGINE_BUCKETS;
	now = host_now();
	while (i < ENGINE_BUCKETS && i < to &&
	       copy_bucket(&nic->engine, i, now, p))
		i++;
	host_unlock(nic);
	return i;
}

static bool make_room(struct piece *p)
{
	size_t room = p->room ? p->room * 2 : QPS_AT_ONCE;
	struct qp_facts *qp = realloc(p->qp, room * sizeof(*qp));

	if (!qp)
		return false;
	p->qp = qp;
	p->room = room;
	return true;
}

/* ---- text ---- */

static const char *type_word(enum gn_qp_type type)
{
	switch (type) {
	case GN_QPT_RC: return "RC";
	case GN_QPT_UC: return "UC";
	case GN_QPT_UD: return "UD";
	case GN_QPT_RAW_PACKET: return "RAW_PACKET";
	case GN_QPT_XRC_SEND: return "XRC_SEND";
	case GN_QPT_XRC_RECV: return "XRC_RECV";
	}
	return "?";
}

/* What the requester waits for. */
static const char *wait_word(const struct qp_facts *f)
{
	switch (f->hold) {
	case HOLD_GO: return "nothing";
	case HOLD_EMPTY: return f->waits_for_ack ? "ack" : "work";
	case HOLD_STATE: return "state";
	case HOLD_RNR: return "rnr";
	case HOLD_FAULT: return "fault";
	case HOLD_FENCE: return "fence";
	case HOLD_RDATOMIC: return "rd_atomic";
	case HOLD_CREDITS: return "credits";
	case HOLD_PSN: return "psn";
	case HOLD_WINDOW: return "window";
	case HOLD_PACE: return "pace";
	}
	return "?";
}

static const char *message_word(enum message m)
{
	switch (m) {
	case MESSAGE_NONE: return "none";
	case MESSAGE_SEND: return "send";
	case MESSAGE_WRITE: return "write";
	}
	return "?";
}

/* How long until @at; null: the timer does not run. */
static void write_timer(struct json *j, const char *key, nsec_t at, nsec_t now)
{
	if (!at || at == NSEC_NEVER)
		json_null(j, key);
	else
		json_number(j, key, at > now ? (at - now) / USEC : 0);
}

static void write_requester(struct json *j, const struct qp_facts *f)
{
	json_object(j, "requester");
	json_number(j, "una", f->una);
	json_number(j, "nxt", f->nxt);
	json_number(j, "max", f->max);
	json_number(j, "posted", f->posted);
	json_number(j, "started", f->started);
	json_number(j, "rd_atomic", f->reads);
	json_number(j, "retry_left", f->retry_left);
	json_number(j, "rnr_left", f->rnr_left);
	json_text(j, "waits_for", wait_word(f));
	write_timer(j, "ack_in_usec", f->ack_by, f->now);
	write_timer(j, "rnr_in_usec", f->rnr_until, f->now);
	json_object_end(j);
}

static void write_responder(struct json *j, const struct qp_facts *f)
{
	json_object(j, "responder");
	json_number(j, "epsn", f->epsn);
	json_number(j, "msn", f->msn);
	json_text(j, "message", message_word(f->message));
	json_text(j, "nak",
		  f->gap_naked	 ? "sequence"
		  : f->rnr_naked ? "rnr"
				 : "none");
	json_number(j, "resources", f->resources);
	json_number(j, "max_resources", f->max_resources);
	json_number(j, "receives", f->receives);
	json_object_end(j);
}

static void write_peer(struct json *j, const struct qp_facts *f)
{
	char text[IP_TEXT_MAX];

	if (!f->has_peer) {
		json_null(j, "peer");
		return;
	}
	json_object(j, "peer");
	json_text(j, "address", ip_format(&f->peer, text));
	json_number(j, "qp", f->peer_qp);
	json_number(j, "in_flight", f->in_flight);
	json_number(j, "window", f->window);
	json_object_end(j);
}

static void write_qp(struct json *j, const struct qp_facts *f)
{
	json_object(j, NULL);
	json_number(j, "number", f->number);
	json_text(j, "type", type_word(f->type));
	json_text(j, "state", qp_state_name(f->state));
	json_number(j, "path_mtu", f->pmtu);
	json_number(j, "source_port", f->sport);
	write_peer(j, f);
	write_requester(j, f);
	write_responder(j, f);
	json_object_end(j);
}

void view_qps(struct gn_nic *nic, struct json *j)
{
	struct piece p = {0};
	uint32_t at = 0, next;

	json_array(j, "qps");
	for (; at < ENGINE_BUCKETS && !atomic_load(&nic->stop); at = next) {
		next = copy_piece(nic, at, &p);
		if (next == at && !make_room(&p)) {
			j->failed = true;
			break;
		}
		for (size_t i = 0; i < p.n; i++)
			write_qp(j, &p.qp[i]);
	}
	json_array_end(j);
	free(p.qp);
}
