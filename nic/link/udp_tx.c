/* A batch is cut into runs: packets in a row that leave by the same socket with
 * the same TOS and TTL.  A run is one sendmmsg, and each message of it one
 * datagram or a train of them (udp_train.h).  All that the kernel reads lives
 * in arrays made at the start.
 *
 * What the kernel refuses as a train (a device or a policy that cannot cut it
 * up) leaves as single datagrams, and so does all that follows.
 */
#include "nic/link/udp_tx.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "nic/base/log.h"
#include "nic/base/room.h"
#include "nic/link/udp_frame.h"
#include "nic/link/udp_source.h"
#include "nic/link/udp_train.h"
#include "wire/icrc.h"

#define LOOPBACK  1u	 /* index of lo, by which a host talks to itself */
#define RUN_MAX	  64u	 /* packets */

/* One element of a run's sendmmsg. */
struct message {
	unsigned first; /* packet of the run */
	unsigned n;	/* packets */
};

union segment_size {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct udp_tx {
	uint16_t port;
	bool icrc;
	struct tap *tap;
	struct counters *counters;
	struct udp_sources sources;
	bool complained; /* that a datagram could not be sent */
	int waits;	 /* left for this batch */
	/* Trains: what the spec wants, who listens, what the kernel has done.
	 */
	struct gso gso;
	bool accepted;
	bool coupling; /* this batch may leave in trains */
	/* The run being collected. */
	struct udp_sock *sock;
	uint8_t tos, ttl;
	unsigned npkt, nmsg, niov, nshown;
	bool has_trains;
	struct udp_train train; /* the last message */
	struct pkt *pkt[RUN_MAX];
	uint16_t id[RUN_MAX]; /* IPv4 identification */
	struct message message[RUN_MAX];
	struct mmsghdr msg[RUN_MAX];
	struct iovec iov[RUN_MAX * PKT_PIECES];
	union udp_name name[RUN_MAX];
	union segment_size size[RUN_MAX];
};

struct udp_tx *udp_tx_new(const struct link_config *cfg, struct udp_sock *own,
			  unsigned nown)
{
	struct udp_tx *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->port = cfg->port;
	t->icrc = cfg->icrc;
	t->tap = cfg->tap;
	t->counters = cfg->counters;
	t->gso.mode = cfg->gso;
	udp_sources_init(&t->sources, own, nown);
	gso_watch(&t->gso, LOOPBACK);
	for (unsigned i = 0; i < nown; i++)
		gso_watch(&t->gso, own[i].scope);
	for (unsigned i = 0; i < RUN_MAX; i++)
		t->msg[i].msg_hdr.msg_name = &t->name[i];
	return t;
}

void udp_tx_free(struct udp_tx *t)
{
	if (!t)
		return;
	udp_sources_fini(&t->sources);
	free(t);
}

static void complain_once(struct udp_tx *t, const union udp_name *to, int error)
{
	struct ip_addr addr = udp_name_addr(to);
	char text[IP_TEXT_MAX];

	if (t->complained)
		return;
	t->complained = true;
	log_warn("cannot send to %s: %s; further ones are only counted (%s)",
		 ip_format(&addr, text), strerror(error),
		 counter_name(CNT_TX_ERROR));
}

/* The first of the messages left was refused.  True: try it again. */
static bool try_again(struct udp_tx *t, const struct mmsghdr *first, int error)
{
	switch (error) {
	case EINTR: return true;
	case EAGAIN:
	case ENOBUFS:
	case ECONNREFUSED: /* what became of an earlier one */
		if (!t->waits)
			return false;
		t->waits--;
		if (error != ECONNREFUSED)
			room_wait(t->sock->fd, error);
		return true;
	}
	complain_once(t, first->msg_hdr.msg_name, error);
	return false;
}

/* ---- collecting a run ---- */

static void headers_of(const struct udp_tx *t, const struct pkt *p, uint16_t id,
		       uint32_t len, struct ip_header *ip, struct udp *udp)
{
	*ip = (struct ip_header){
		.src = t->sock->addr,
		.dst = p->dst,
		.version = ip_is_v4(&p->dst) ? 4 : 6,
		.tos = t->tos,
		.ttl = t->ttl,
		.protocol = IPPROTO_UDP_,
		.id = id,
		.df = true,
		.len = (uint16_t)(UDP_LEN + len),
	};
	*udp = (struct udp){
		.sport = t->sock->port, .dport = t->port, .len = ip->len};
}

static void end_with_icrc(const struct udp_tx *t, struct pkt *p, uint16_t id)
{
	struct ip_header ip;
	struct udp udp;

	headers_of(t, p, id, p->len + ICRC_LEN, &ip, &udp);
	pkt_add_icrc(p, &ip, &udp);
}

static void begin_message(struct udp_tx *t, const struct pkt *p)
{
	struct msghdr *m = &t->msg[t->nmsg].msg_hdr;

	t->message[t->nmsg] = (struct message){.first = t->npkt};
	m->msg_iov = &t->iov[t->niov];
	m->msg_iovlen = 0;
	m->msg_control = NULL;
	m->msg_controllen = 0;
	m->msg_namelen =
		udp_name_of(m->msg_name, &p->dst, t->port, t->sock->scope);
	t->nmsg++;
}

static void set_segment_size(struct udp_tx *t)
{
	union segment_size *s = &t->size[t->nmsg - 1];
	struct msghdr *m = &t->msg[t->nmsg - 1].msg_hdr;
	uint16_t size = (uint16_t)t->train.size;

	s->align.cmsg_level = IPPROTO_UDP;
	s->align.cmsg_type = UDP_SEGMENT;
	s->align.cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(&s->align), &size, sizeof(size));
	m->msg_control = s;
	m->msg_controllen = sizeof(*s);
	t->has_trains = true;
}

static void add_bytes(struct udp_tx *t, const struct pkt *p)
{
	struct span piece[PKT_PIECES];
	unsigned n = pkt_pieces(p, piece);

	for (unsigned i = 0; i < n; i++)
		t->iov[t->niov++] = (struct iovec){
			(void *)(uintptr_t)piece[i].p, piece[i].len};
	t->msg[t->nmsg - 1].msg_hdr.msg_iovlen += n;
	t->message[t->nmsg - 1].n++;
}

/* Whether @p is one more segment of the run's last message; else it begins the
 * next one.
 */
static bool couples(struct udp_tx *t, const struct pkt *p)
{
	uint32_t len = p->len + (t->icrc ? ICRC_LEN : 0);

	return t->coupling && udp_train_add(&t->train, p, len);
}

static void add_to_run(struct udp_tx *t, struct pkt *p)
{
	bool coupled = !p->lost && couples(t, p);
	uint16_t id = 0;

	if (coupled && ip_is_v4(&p->dst))
		id = (uint16_t)(t->train.n - 1);
	if (t->icrc)
		end_with_icrc(t, p, id);
	if (!coupled && !p->lost)
		begin_message(t, p);
	if (coupled && t->train.n == 2)
		set_segment_size(t);
	t->pkt[t->npkt] = p;
	t->id[t->npkt++] = id;
	if (!p->lost)
		add_bytes(t, p);
}

static void clear_run(struct udp_tx *t)
{
	t->npkt = t->nmsg = t->niov = 0;
	t->has_trains = false;
	udp_train_end(&t->train);
}

/* ---- sending a run ---- */

static void show(const struct udp_tx *t, const struct pkt *p, uint16_t id)
{
	struct span piece[1 + PKT_PIECES];
	unsigned n = pkt_pieces(p, piece + 1);
	uint8_t head[UDP_FRAME_HEAD];
	struct ip_header ip;
	struct udp udp;

	headers_of(t, p, id, p->len, &ip, &udp);
	if (t->sock->checksum)
		udp.checksum = udp_frame_checksum(&ip, &udp, piece + 1, n);
	piece[0].p = head;
	piece[0].len = udp_frame_head(&ip, &udp, head);
	tap_frame(t->tap, TAP_OUT, piece, 1 + n, p->note);
}

/* Shows the run up to packet @n, but for what was shown before. */
static void show_until(struct udp_tx *t, unsigned n)
{
	for (; t->tap && t->nshown < n; t->nshown++)
		show(t, t->pkt[t->nshown], t->id[t->nshown]);
}

/* The train that is message @m was refused: makes a run of single datagrams of
 * it and of what is behind it.
 */
static void uncouple(struct udp_tx *t, unsigned m)
{
	unsigned first = t->message[m].first, n = t->npkt - first;

	t->gso.refused = true;
	t->coupling = false;
	show_until(t, first);
	t->nshown -= t->nshown ? first : 0;
	memmove(t->pkt, t->pkt + first, n * sizeof(t->pkt[0]));
	clear_run(t);
	for (unsigned i = 0; i < n; i++) {
		if (t->icrc)
			pkt_cut_tail(t->pkt[i], ICRC_LEN);
		add_to_run(t, t->pkt[i]);
	}
}

static bool refuses_train(const struct udp_tx *t, unsigned m, int error)
{
	return t->message[m].n > 1 &&
	       (error == EINVAL || error == EMSGSIZE || error == EIO);
}

static void send_run(struct udp_tx *t)
{
	unsigned done = 0;

	while (done < t->nmsg) {
		int r = sendmmsg(t->sock->fd, t->msg + done, t->nmsg - done, 0);

		if (r > 0) {
			done += (unsigned)r;
		} else if (refuses_train(t, done, errno)) {
			uncouple(t, done);
			done = 0;
		} else if (!try_again(t, t->msg + done, errno)) {
			count_add(t->counters, CNT_TX_ERROR,
				  t->message[done].n);
			done++;
		}
	}
}

/* Taps see a run before the kernel has it, so that no answer is shown earlier;
 * but the link's first train when the kernel has taken it.
 */
static void flush_run(struct udp_tx *t)
{
	if (!t->npkt)
		return;
	udp_sock_set(t->sock, t->tos, t->ttl);
	udp_sock_checksum(t->sock, t->has_trains);
	if (t->accepted || !t->has_trains)
		show_until(t, t->npkt);
	send_run(t);
	t->accepted |= t->has_trains;
	show_until(t, t->npkt);
	t->nshown = 0;
	clear_run(t);
}

static void send_one(struct udp_tx *t, struct pkt *p)
{
	struct udp_sock *sock =
		udp_source(&t->sources, &p->src, p->sport, &p->dst);
	uint8_t ttl = p->ttl ? p->ttl : UDP_TTL;

	if (!sock || p->len + UDP_LEN + ICRC_LEN > UINT16_MAX) {
		count(t->counters, CNT_TX_ERROR);
		return;
	}
	if (t->npkt == RUN_MAX || sock != t->sock || p->tos != t->tos ||
	    ttl != t->ttl)
		flush_run(t);
	t->sock = sock;
	t->tos = p->tos;
	t->ttl = ttl;
	add_to_run(t, p);
}

void udp_tx_send(struct udp_tx *t, struct pkt *batch, unsigned n, nsec_t now)
{
	t->waits = ROOM_WAITS;
	t->coupling = n > 1 && gso_allowed(&t->gso, now);
	for (unsigned i = 0; i < n; i++)
		send_one(t, &batch[i]);
	flush_run(t);
}
