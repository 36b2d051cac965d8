/* A packet is copied into chunks of its own; the kernel is told of a whole
 * batch at once and gives chunks back when it is done with them.  It may want
 * to be called again before it has sent all: that is waited for a little, and
 * what is left then is due again a little later.
 */
#ifdef HAVE_XDP
#include "nic/port/xdp_tx.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include "nic/base/log.h"
#include "nic/base/room.h"

#define RETRY_NSEC (100 * USEC)
#define DOWN_NSEC  (10 * MSEC) /* while the interface is down */

/* Newer than some C libraries' headers. */
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1u << 0)
#endif

void xdp_tx_init(struct xdp_sock *s)
{
	for (unsigned i = 0; i < XDP_TX_CHUNKS; i++)
		s->free_chunk[i] = (uint64_t)(s->nrx + i) * XDP_CHUNK;
	s->nfree = XDP_TX_CHUNKS;
	s->retry_at = NSEC_NEVER;
}

static void reclaim(struct xdp_sock *s)
{
	uint32_t at, n;

	n = xsk_ring_cons__peek(&s->completion, XDP_TX_CHUNKS, &at);
	assert(s->nfree + n <= XDP_TX_CHUNKS);
	for (uint32_t i = 0; i < n; i++)
		s->free_chunk[s->nfree++] =
			*xsk_ring_cons__comp_addr(&s->completion, at + i);
	xsk_ring_cons__release(&s->completion, n);
}

/* ---- telling the kernel ---- */

static uint32_t taken(const struct xdp_sock *s)
{
	return __atomic_load_n(s->tx.consumer, __ATOMIC_ACQUIRE);
}

static bool is_idle(const struct xdp_sock *s)
{
	return taken(s) == s->tx.cached_prod;
}

static void complain_once(struct xdp_sock *s, int error)
{
	if (s->complained)
		return;
	s->complained = true;
	log_warn("cannot send by %s: %s; further ones are only counted (%s)%s",
		 s->ifname, strerror(error), counter_name(CNT_TX_ERROR),
		 error == ENETDOWN ? "; ip link set it up again" : "");
}

static bool is_full(int error)
{
	return error == EAGAIN || error == EBUSY || error == ENOBUFS;
}

/* Whether the kernel is to be called again at once, after it has said @error.
 */
static bool again(struct xdp_sock *s, int error, bool progress)
{
	if (error == EINTR)
		return true;
	if (!is_full(error) || is_idle(s))
		return false;
	if (progress)
		return true;
	if (!s->waits)
		return false;
	s->waits--;
	room_wait(-1, ENOBUFS);
	return true;
}

/* Returns what the kernel had against it last; 0: nothing. */
static int call_kernel(struct xdp_sock *s)
{
	uint32_t before;
	int error;

	do {
		before = taken(s);
		if (sendto(s->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
			return 0;
		error = errno;
	} while (again(s, error, taken(s) != before));
	return error;
}

/* A driver asks to be called when it has found nothing to send, and that may
 * have been before it could see what is there now: so as long as it has not
 * taken all, it is looked at again.
 */
static void kick(struct xdp_sock *s, nsec_t now)
{
	bool down = false;
	int error = 0;

	if (xsk_ring_prod__needs_wakeup(&s->tx))
		error = call_kernel(s);
	if (error && !is_full(error)) {
		complain_once(s, error);
		down = true;
	}
	s->retry_at = NSEC_NEVER;
	if (!is_idle(s))
		s->retry_at = now + (down ? DOWN_NSEC : RETRY_NSEC);
}

void xdp_tx_retry(struct xdp_sock *s, nsec_t now)
{
	if (now < s->retry_at)
		return;
	s->waits = 0;
	reclaim(s);
	s->retry_at = NSEC_NEVER;
	if (!is_idle(s))
		kick(s, now);
}

/* ---- packets ---- */

/* A packet's bytes, taken in parts. */
struct reader {
	struct span piece[PKT_PIECES];
	unsigned n, i;
};

static size_t take(struct reader *r, uint8_t *out, size_t room)
{
	size_t done = 0;

	while (r->i < r->n && done < room) {
		struct span *s = &r->piece[r->i];
		size_t n = s->len < room - done ? s->len : room - done;

		memcpy(out + done, s->p, n);
		s->p += n;
		s->len -= n;
		done += n;
		r->i += !s->len;
	}
	return done;
}

static unsigned chunks_of(const struct pkt *p)
{
	return (p->len + XDP_CHUNK - 1) / XDP_CHUNK;
}

static bool has_room(struct xdp_sock *s, unsigned chunks)
{
	return s->nfree >= chunks && xsk_prod_nb_free(&s->tx, chunks) >= chunks;
}

/* Room for another packet of so many chunks: made, if there is none. */
static bool make_room(struct xdp_sock *s, unsigned chunks, nsec_t now)
{
	for (;;) {
		if (has_room(s, chunks))
			return true;
		kick(s, now);
		reclaim(s);
		if (has_room(s, chunks))
			return true;
		if (!s->waits)
			return false;
		s->waits--;
		room_wait(-1, ENOBUFS);
	}
}

static void put(struct xdp_sock *s, const struct pkt *p, unsigned chunks)
{
	struct reader r = {.i = 0};
	uint32_t at = 0;

	r.n = pkt_pieces(p, r.piece);
	xsk_ring_prod__reserve(&s->tx, chunks, &at);
	for (unsigned i = 0; i < chunks; i++) {
		struct xdp_desc *d = xsk_ring_prod__tx_desc(&s->tx, at + i);

		d->addr = s->free_chunk[--s->nfree];
		d->len = (uint32_t)take(&r, (uint8_t *)s->memory + d->addr,
					XDP_CHUNK);
		d->options = i + 1 < chunks ? XDP_PKT_CONTD : 0;
	}
	xsk_ring_prod__submit(&s->tx, chunks);
}

void xdp_tx_send(struct xdp_sock *s, struct pkt *batch, unsigned n, nsec_t now)
{
	bool any = false;

	s->waits = ROOM_WAITS;
	reclaim(s);
	for (unsigned i = 0; i < n; i++) {
		unsigned chunks = chunks_of(&batch[i]);

		if (batch[i].lost)
			continue;
		if ((chunks > 1 && !s->frags) || !make_room(s, chunks, now)) {
			count(s->counters, CNT_TX_ERROR);
			continue;
		}
		put(s, &batch[i], chunks);
		any = true;
	}
	if (any)
		kick(s, now);
}
#endif
