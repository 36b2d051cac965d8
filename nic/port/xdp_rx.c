/* A frame is delivered where the kernel has put it, or, if it came in pieces,
 * from a place of its own; then its chunks go back to the kernel.
 *
 * A virtual interface may bring frames whose UDP checksum was left to hardware
 * that there is none of.  Such a checksum is the pseudo-header's sum, which is
 * how it is known; it is computed here.
 */
#ifdef HAVE_XDP
#include "nic/port/xdp_rx.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "wire/udp.h"

#define LOSSES_NSEC (10 * MSEC)
#define CHECKSUM_AT 6u /* in a UDP header */

/* Newer than some C libraries' headers. */
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1u << 0)
#endif

int xdp_rx_init(struct xdp_sock *s)
{
	uint32_t at = 0; /* there always is room */

	s->gather = malloc(XDP_LONGEST);
	if (!s->gather)
		return -ENOMEM;
	xsk_ring_prod__reserve(&s->fill, s->nrx, &at);
	for (unsigned i = 0; i < s->nrx; i++)
		*xsk_ring_prod__fill_addr(&s->fill, at + i) =
			(uint64_t)i * XDP_CHUNK;
	xsk_ring_prod__submit(&s->fill, s->nrx);
	return 0;
}

void xdp_rx_fini(struct xdp_sock *s)
{
	free(s->gather);
	s->gather = NULL;
}

void xdp_rx_losses(struct xdp_sock *s)
{
	struct xdp_statistics st = {0};
	socklen_t len = sizeof(st);
	uint64_t all;

	if (getsockopt(s->fd, SOL_XDP, XDP_STATISTICS, &st, &len))
		return;
	all = st.rx_dropped + st.rx_ring_full;
	count_add(s->counters, CNT_RX_OVERFLOW, all - s->losses);
	s->losses = all;
}

/* ---- checksums ---- */

/* Where a frame's UDP header is; 0: none, or it has no checksum. */
static size_t find_checked_udp(const uint8_t *f, size_t len)
{
	size_t ip = ETH_LEN, udp;
	uint16_t type;

	if (len < ETH_LEN + VLAN_LEN + IPV4_LEN + UDP_LEN)
		return 0;
	type = get_be16(f + 12);
	if (type == ETHERTYPE_VLAN) {
		ip += VLAN_LEN;
		type = get_be16(f + 16);
	}
	if (type == ETHERTYPE_IPV4 && f[ip + 9] == IPPROTO_UDP_)
		udp = ip + (f[ip] & 15u) * 4;
	else if (type == ETHERTYPE_IPV6 && f[ip + 6] == IPPROTO_UDP_)
		udp = ip + IPV6_LEN;
	else
		return 0;
	return len >= udp + UDP_LEN && get_be16(f + udp + CHECKSUM_AT) ? udp
								       : 0;
}

static void finish_checksum(uint8_t *f, size_t len)
{
	size_t at = find_checked_udp(f, len);
	struct span in = {f, len};
	struct ip_header ip;
	struct eth eth;
	uint32_t pseudo;
	uint16_t sum, left;

	if (!at || eth_decode(&eth, &in) != DROP_NONE ||
	    ip_decode(&ip, &in) != DROP_NONE || in.p != f + at)
		return;
	pseudo = checksum_pseudo(&ip, IPPROTO_UDP_, ip.len);
	left = (uint16_t)~checksum_fold(pseudo);
	if (get_be16(f + at + CHECKSUM_AT) != left)
		return;
	put_be16(f + at + CHECKSUM_AT, 0);
	sum = checksum_fold(checksum_add(pseudo, in.p, in.len));
	put_be16(f + at + CHECKSUM_AT, sum ? sum : 0xffff);
}

/* ---- frames ---- */

static unsigned deliver(struct xdp_sock *s, struct port *port, uint8_t *frame,
			size_t len, nsec_t now)
{
	enum drop v = DROP_LENGTH;

	if (len < XDP_LONGEST) {
		finish_checksum(frame, len);
		v = port->deliver(port->ctx, (struct span){frame, len}, NULL,
				  now);
	}
	if (v != DROP_NONE)
		s->counters->drop[v]++;
	return 1;
}

/* One descriptor; returns how many frames it completes. */
static unsigned take_piece(struct xdp_sock *s, struct port *port,
			   const struct xdp_desc *d, nsec_t now)
{
	uint8_t *data = (uint8_t *)s->memory + d->addr;
	bool more = s->frags && d->options & XDP_PKT_CONTD;
	size_t room = XDP_LONGEST - s->gathered, len;

	if (!more && !s->gathered)
		return deliver(s, port, data, d->len, now);
	len = d->len < room ? d->len : room; /* full: too long, see deliver */
	memcpy(s->gather + s->gathered, data, len);
	s->gathered += len;
	if (more)
		return 0;
	len = s->gathered;
	s->gathered = 0;
	return deliver(s, port, s->gather, len, now);
}

static void give_back(struct xdp_sock *s, uint32_t from, uint32_t n)
{
	uint32_t at = 0; /* there always is room */

	xsk_ring_prod__reserve(&s->fill, n, &at);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t addr = xsk_ring_cons__rx_desc(&s->rx, from + i)->addr;

		*xsk_ring_prod__fill_addr(&s->fill, at + i) =
			addr - addr % XDP_CHUNK;
	}
	xsk_ring_prod__submit(&s->fill, n);
	xsk_ring_cons__release(&s->rx, n);
}

/* A driver that found no chunk to receive into waits to be called, and may say
 * so after it was given some.  So this is looked at each time, whether anything
 * came or not; for who sleeps, poll(2) does it.
 */
static void wake_driver(struct xdp_sock *s)
{
	if (xsk_ring_prod__needs_wakeup(&s->fill))
		recvfrom(s->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

unsigned xdp_rx_read(struct xdp_sock *s, struct port *port, unsigned budget,
		     nsec_t now)
{
	unsigned frames = 0;
	uint32_t from, n = xsk_ring_cons__peek(&s->rx, budget, &from);

	if (n) {
		for (uint32_t i = 0; i < n; i++)
			frames += take_piece(
				s, port,
				xsk_ring_cons__rx_desc(&s->rx, from + i), now);
		give_back(s, from, n);
	}
	wake_driver(s);
	if (now >= s->losses_at) {
		s->losses_at = now + LOSSES_NSEC;
		xdp_rx_losses(s);
	}
	return frames;
}
#endif
