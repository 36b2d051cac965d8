/* A batch is cut into runs: packets in a row that leave by the same socket with
 * the same TOS and TTL.  A run is one sendmmsg.  All that the kernel reads
 * lives in arrays made at the start.
 */
#include "nic/link/udp_tx.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "nic/base/log.h"
#include "nic/link/udp_frame.h"
#include "nic/link/udp_source.h"
#include "wire/icrc.h"

#define RUN_MAX	  64u
#define WAITS	  10	 /* how often one batch waits for room ... */
#define WAIT_NSEC 100000 /* ... and how long: 1 ms in all */

struct udp_tx {
	uint16_t port;
	bool icrc;
	struct tap *tap;
	struct counters *counters;
	struct udp_sources sources;
	bool complained; /* that a datagram could not be sent */
	int waits;	 /* left for this batch */
	/* The run being collected. */
	struct udp_sock *sock;
	uint8_t tos, ttl;
	unsigned n;
	struct mmsghdr msg[RUN_MAX];
	struct iovec iov[RUN_MAX][PKT_PIECES];
	union udp_name name[RUN_MAX];
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
	udp_sources_init(&t->sources, own, nown);
	for (unsigned i = 0; i < RUN_MAX; i++) {
		t->msg[i].msg_hdr.msg_iov = t->iov[i];
		t->msg[i].msg_hdr.msg_name = &t->name[i];
	}
	return t;
}

void udp_tx_free(struct udp_tx *t)
{
	if (!t)
		return;
	udp_sources_fini(&t->sources);
	free(t);
}

/* The socket is full, or a queue below it. */
static void wait_for_room(struct udp_tx *t, int error)
{
	const struct timespec pause = {.tv_nsec = WAIT_NSEC};
	struct pollfd p = {.fd = t->sock->fd, .events = POLLOUT};

	/* Nothing announces room in the queue below, whose sign is ENOBUFS. */
	ppoll(&p, error == ENOBUFS ? 0 : 1, &pause, NULL);
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
			wait_for_room(t, error);
		return true;
	}
	complain_once(t, first->msg_hdr.msg_name, error);
	return false;
}

static void flush_run(struct udp_tx *t)
{
	unsigned done = 0;

	if (!t->n)
		return;
	udp_sock_set(t->sock, t->tos, t->ttl);
	while (done < t->n) {
		int r = sendmmsg(t->sock->fd, t->msg + done, t->n - done, 0);

		if (r > 0) {
			done += (unsigned)r;
		} else if (!try_again(t, t->msg + done, errno)) {
			count(t->counters, CNT_TX_ERROR);
			done++;
		}
	}
	t->n = 0;
}

/* Shown before the kernel has it, so that no answer is shown earlier. */
static void show(const struct udp_tx *t, const struct pkt *p,
		 const struct ip_header *ip, const struct udp *udp)
{
	uint8_t head[UDP_FRAME_HEAD];
	struct span piece[1 + PKT_PIECES];

	piece[0].p = head;
	piece[0].len = udp_frame_head(ip, udp, head);
	tap_frame(t->tap, TAP_OUT, piece, 1 + pkt_pieces(p, piece + 1),
		  p->note);
}

/* Finishes @p: ICRC and capture. */
static void finish(const struct udp_tx *t, struct pkt *p)
{
	struct ip_header ip = {
		.src = t->sock->addr,
		.dst = p->dst,
		.version = ip_is_v4(&p->dst) ? 4 : 6,
		.tos = t->tos,
		.ttl = t->ttl,
		.protocol = IPPROTO_UDP_,
		.df = true,
	};
	struct udp udp = {.sport = t->sock->port, .dport = t->port};

	ip.len = udp.len =
		(uint16_t)(UDP_LEN + p->len + (t->icrc ? ICRC_LEN : 0));
	if (t->icrc)
		pkt_add_icrc(p, &ip, &udp);
	if (t->tap)
		show(t, p, &ip, &udp);
}

static void add_to_run(struct udp_tx *t, const struct pkt *p)
{
	struct span piece[PKT_PIECES];
	unsigned n = pkt_pieces(p, piece);
	struct msghdr *m = &t->msg[t->n].msg_hdr;

	for (unsigned i = 0; i < n; i++) {
		m->msg_iov[i].iov_base = (void *)(uintptr_t)piece[i].p;
		m->msg_iov[i].iov_len = piece[i].len;
	}
	m->msg_iovlen = n;
	m->msg_namelen =
		udp_name_of(m->msg_name, &p->dst, t->port, t->sock->scope);
	t->n++;
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
	if (t->n == RUN_MAX || sock != t->sock || p->tos != t->tos ||
	    ttl != t->ttl)
		flush_run(t);
	t->sock = sock;
	t->tos = p->tos;
	t->ttl = ttl;
	finish(t, p);
	if (!p->lost)
		add_to_run(t, p);
}

void udp_tx_send(struct udp_tx *t, struct pkt *batch, unsigned n)
{
	t->waits = WAITS;
	for (unsigned i = 0; i < n; i++)
		send_one(t, &batch[i]);
	flush_run(t);
}
