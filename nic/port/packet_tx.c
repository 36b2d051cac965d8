/* A batch becomes messages: trains where packets in a row allow it, else a
 * packet each.  All messages go in one sendmmsg, from arrays made at the start.
 * A train that the kernel does not take goes out packet by packet; if they
 * pass, no further train is tried.
 */
#include "nic/port/packet_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "nic/base/log.h"
#include "nic/base/room.h"
#include "nic/port/packet_train.h"

#define MSGS	  64u
#define IOVS	  1024u

/* The packets that a message was made of. */
struct load {
	const struct pkt *first;
	unsigned n;
	struct virtio_net_hdr vnet;
	uint8_t head[TRAIN_HEAD_MAX];
};

struct packet_tx {
	int fd;
	char ifname[16];
	struct counters *counters;
	struct gso gso;
	bool coupling; /* this batch may leave in trains */
	bool complained; /* that a frame could not be sent */
	int waits;	 /* left for this batch */
	unsigned n, niov;
	struct mmsghdr msg[MSGS];
	struct load load[MSGS];
	struct iovec iov[IOVS];
};

_Static_assert(IOVS >= TRAIN_PKTS_MAX * PKT_PIECES + 2,
	       "the longest train fits");

struct packet_tx *packet_tx_new(const struct packet_config *cfg, int fd)
{
	struct packet_tx *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fd = fd;
	strncpy(t->ifname, cfg->ifname, sizeof(t->ifname) - 1);
	t->counters = cfg->counters;
	t->gso.mode = cfg->gso;
	gso_watch(&t->gso, cfg->ifindex);
	return t;
}

void packet_tx_free(struct packet_tx *t)
{
	free(t);
}

/* ---- what the kernel says ---- */

static void complain_once(struct packet_tx *t, int error)
{
	if (t->complained)
		return;
	t->complained = true;
	log_warn("cannot send by %s: %s; further ones are only counted (%s)%s",
		 t->ifname, strerror(error), counter_name(CNT_TX_ERROR),
		 error == ENETDOWN   ? "; ip link set it up again"
		 : error == EMSGSIZE ? "; has its MTU shrunk?"
				     : "");
}

/* Whether a message that was refused is worth another try. */
static bool try_again(struct packet_tx *t, int error)
{
	if (error == EINTR)
		return true;
	if ((error != EAGAIN && error != ENOBUFS) || !t->waits)
		return false;
	t->waits--;
	room_wait(t->fd, error);
	return true;
}

static void refused(struct packet_tx *t, int error)
{
	count(t->counters, CNT_TX_ERROR);
	if (error != EAGAIN && error != ENOBUFS)
		complain_once(t, error);
}

/* ---- messages ---- */

static void add_iov(struct packet_tx *t, const void *p, size_t len)
{
	if (len)
		t->iov[t->niov++] = (struct iovec){(void *)(uintptr_t)p, len};
}

/* The pieces of @p behind its first @skip bytes, all of which are head. */
static void add_pieces(struct packet_tx *t, const struct pkt *p, size_t skip)
{
	struct span piece[PKT_PIECES];
	unsigned n = pkt_pieces(p, piece);

	for (unsigned i = 0; i < n; i++) {
		add_iov(t, piece[i].p + skip, piece[i].len - skip);
		skip = 0;
	}
}

static struct iovec *begin_message(struct packet_tx *t, struct load *l)
{
	struct iovec *iov = &t->iov[t->niov];

	add_iov(t, &l->vnet, sizeof(l->vnet));
	return iov;
}

static void end_message(struct packet_tx *t, struct mmsghdr *m,
			struct iovec *iov)
{
	m->msg_hdr.msg_iov = iov;
	m->msg_hdr.msg_iovlen = (size_t)(&t->iov[t->niov] - iov);
}

static void make_single(struct packet_tx *t, struct mmsghdr *m, struct load *l,
			const struct pkt *p)
{
	struct iovec *iov = begin_message(t, l);

	l->first = p;
	l->n = 1;
	l->vnet = (struct virtio_net_hdr){0};
	add_pieces(t, p, 0);
	end_message(t, m, iov);
}

static void make_train(struct packet_tx *t, struct mmsghdr *m, struct load *l,
		       const struct pkt *p, struct train *train)
{
	struct iovec *iov = begin_message(t, l);

	l->first = p;
	l->n = train->n;
	train_finish(train, &l->vnet);
	memcpy(l->head, train->head, train->head_len);
	add_iov(t, l->head, train->head_len);
	for (unsigned i = 0; i < train->n; i++)
		add_pieces(t, p + i, train->head_len);
	end_message(t, m, iov);
}

/* A train that was refused with @error, packet by packet. */
static void send_singly(struct packet_tx *t, const struct load *train,
			int error)
{
	struct iovec iov[1 + PKT_PIECES];
	struct virtio_net_hdr none = {0};
	unsigned sent = 0;

	for (unsigned i = 0; i < train->n; i++) {
		struct span piece[PKT_PIECES];
		unsigned n = pkt_pieces(train->first + i, piece);
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1 + n};
		ssize_t r;

		iov[0] = (struct iovec){&none, sizeof(none)};
		for (unsigned j = 0; j < n; j++)
			iov[1 + j] = (struct iovec){
				(void *)(uintptr_t)piece[j].p, piece[j].len};
		do
			r = sendmsg(t->fd, &m, 0);
		while (r < 0 && try_again(t, errno));
		if (r < 0)
			refused(t, errno);
		else
			sent++;
	}
	if (sent < train->n || t->gso.refused)
		return;
	t->gso.refused = true;
	t->coupling = false;
	log_warn("%s: trains of packets are not taken (%s; Linux 6.2 and later "
		 "do): they go out one by one, which is several times slower; "
		 "gso=off says so beforehand",
		 t->ifname, strerror(error));
}

/* The first message left was refused. */
static void give_up(struct packet_tx *t, const struct load *l, int error)
{
	if (l->n > 1 && (error == EINVAL || error == EMSGSIZE || error == EIO))
		send_singly(t, l, error);
	else
		for (unsigned i = 0; i < l->n; i++)
			refused(t, error);
}

static void flush(struct packet_tx *t)
{
	unsigned done = 0;

	while (done < t->n) {
		int r = sendmmsg(t->fd, t->msg + done, t->n - done, 0);

		if (r > 0)
			done += (unsigned)r;
		else if (!try_again(t, errno))
			give_up(t, &t->load[done++], errno);
	}
	t->n = t->niov = 0;
}

/* As many of @batch as make one train; 1: none. */
static unsigned couple(struct packet_tx *t, const struct pkt *batch, unsigned n,
		       struct train *train)
{
	unsigned i = 1;

	if (!t->coupling || !train_begin(train, batch))
		return 1;
	while (i < n && !batch[i].lost && train_add(train, &batch[i]))
		i++;
	return i;
}

void packet_tx_send(struct packet_tx *t, struct pkt *batch, unsigned n,
		    nsec_t now)
{
	struct train train;
	unsigned took;

	t->waits = ROOM_WAITS;
	t->coupling = n > 1 && gso_allowed(&t->gso, now);
	for (unsigned i = 0; i < n; i += took) {
		took = 1;
		if (batch[i].lost)
			continue;
		took = couple(t, batch + i, n - i, &train);
		if (t->n == MSGS || t->niov + took * PKT_PIECES + 2 > IOVS)
			flush(t);
		if (took == 1)
			make_single(t, &t->msg[t->n], &t->load[t->n],
				    &batch[i]);
		else
			make_train(t, &t->msg[t->n], &t->load[t->n], &batch[i],
				   &train);
		t->n++;
	}
	flush(t);
}
