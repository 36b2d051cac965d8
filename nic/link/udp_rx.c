/* recvmmsg into buffers made at the start.  What the headers said comes as
 * control messages; the IPv4 identification does not come at all, and is found
 * by the ICRC (see nic/link/icrc_peer.h).
 *
 * The kernel may deliver datagrams of one sender and size in one piece
 * (UDP_GRO; the last may be shorter) and tells that size.  Over loopback those
 * are the segments of one train, whose identifications are 0, 1, 2, ...
 */
#include "nic/link/udp_rx.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "nic/base/note.h"
#include "nic/link/icrc_peer.h"
#include "nic/link/share.h"
#include "nic/link/udp_frame.h"
#include "wire/bth.h"
#include "wire/icrc.h"

#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif

#define BATCH 16u
/* Longer than any datagram; not a multiple of a cache's stride. */
#define BUFFER	    (65536u + 192u)
#define CONTROL_LEN 160u

union control {
	struct cmsghdr align;
	uint8_t bytes[CONTROL_LEN];
};

struct udp_rx {
	struct link *link;
	uint16_t port;
	bool icrc;
	struct tap *tap;
	struct share *share; /* or NULL */
	struct icrc_peers peers;
	uint8_t *buffer; /* BATCH of them */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	union udp_name name[BATCH];
	union control control[BATCH];
};

/* A datagram, or several in one piece, and what the kernel tells about their
 * headers.
 */
struct arrival {
	struct ip_header ip;
	struct udp udp;
	struct span data;
	size_t size; /* of each but the last */
};

struct udp_rx *udp_rx_new(const struct link_config *cfg, struct link *link)
{
	struct udp_rx *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->link = link;
	r->port = cfg->port;
	r->icrc = cfg->icrc;
	r->tap = cfg->tap;
	r->share = cfg->share;
	r->peers.all_foreign = cfg->foreign;
	r->buffer = malloc(BATCH * BUFFER);
	if (!r->buffer) {
		free(r);
		return NULL;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		r->iov[i].iov_base = r->buffer + i * BUFFER;
		r->iov[i].iov_len = BUFFER;
		r->msg[i].msg_hdr.msg_iov = &r->iov[i];
		r->msg[i].msg_hdr.msg_iovlen = 1;
		r->msg[i].msg_hdr.msg_name = &r->name[i];
		r->msg[i].msg_hdr.msg_control = &r->control[i];
	}
	return r;
}

void udp_rx_free(struct udp_rx *r)
{
	if (!r)
		return;
	free(r->buffer);
	free(r);
}

static void count_overflow(struct udp_rx *r, struct udp_sock *s, uint32_t total)
{
	count_add(r->link->counters, CNT_RX_OVERFLOW, total - s->overflow);
	s->overflow = total;
}

static int get_int(const struct cmsghdr *c)
{
	int v;

	memcpy(&v, CMSG_DATA(c), sizeof(v));
	return v;
}

static void read_control(struct udp_rx *r, struct udp_sock *s, struct msghdr *m,
			 struct arrival *a)
{
	struct ip_header *ip = &a->ip;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET) {
			if (c->cmsg_type == SO_RXQ_OVFL)
				count_overflow(r, s, (uint32_t)get_int(c));
		} else if (c->cmsg_level == IPPROTO_IP) {
			if (c->cmsg_type == IP_TOS)
				ip->tos = *CMSG_DATA(c);
			else if (c->cmsg_type == IP_TTL)
				ip->ttl = (uint8_t)get_int(c);
		} else if (c->cmsg_level == IPPROTO_UDP) {
			if (c->cmsg_type == UDP_GRO)
				a->size = (size_t)get_int(c);
		} else if (c->cmsg_type == IPV6_TCLASS) {
			ip->tos = (uint8_t)get_int(c);
		} else if (c->cmsg_type == IPV6_HOPLIMIT) {
			ip->ttl = (uint8_t)get_int(c);
		} else if (c->cmsg_type == IPV6_FLOWINFO) {
			ip->flow_label = get_be32(CMSG_DATA(c)) & 0xfffff;
		}
	}
}

static void read_message(struct udp_rx *r, struct udp_sock *s, unsigned i,
			 struct arrival *a)
{
	const union udp_name *from = &r->name[i];
	bool v4 = ip_is_v4(&s->addr);

	memset(a, 0, sizeof(*a));
	a->data.p = r->iov[i].iov_base;
	a->data.len = r->msg[i].msg_len;
	a->ip.src = udp_name_addr(from);
	a->ip.dst = s->addr;
	a->ip.version = v4 ? 4 : 6;
	a->ip.protocol = IPPROTO_UDP_;
	a->ip.df = v4;
	a->udp.sport = ntohs(v4 ? from->v4.sin_port : from->v6.sin6_port);
	a->udp.dport = r->port;
	read_control(r, s, &r->msg[i].msg_hdr, a);
	if (!a->size || a->size > a->data.len)
		a->size = a->data.len;
}

static enum drop check_icrc(struct udp_rx *r, struct arrival *a)
{
	struct icrc_verdict v =
		icrc_peer_check(&r->peers, &a->ip, &a->udp, a->data);

	if (v.foreign)
		count(r->link->counters, CNT_ICRC_FOREIGN);
	return v.drop;
}

static enum drop deliver(struct udp_rx *r, struct arrival *a, struct note *note,
			 nsec_t now)
{
	struct dgram d = {
		.src = a->ip.src,
		.dst = a->ip.dst,
		.sport = a->udp.sport,
		.tos = a->ip.tos,
		.ttl = a->ip.ttl,
		.data = a->data,
		.note = note,
	};
	enum drop v;

	if (r->icrc) {
		v = check_icrc(r, a);
		if (v != DROP_NONE)
			return v;
		d.data.len -= ICRC_LEN;
	}
	return r->link->deliver(r->link->ctx, &d, now);
}

/* @coupled: it came as part of a train, and so with a checksum. */
static enum drop deliver_shown(struct udp_rx *r, struct arrival *a,
			       bool coupled, nsec_t now)
{
	uint8_t head[UDP_FRAME_HEAD];
	struct note note = {""};
	struct span piece[2];
	enum drop v;

	tap_arrive(r->tap);
	v = deliver(r, a, &note, now);
	if (coupled)
		a->udp.checksum =
			udp_frame_checksum(&a->ip, &a->udp, &a->data, 1);
	piece[0].p = head;
	piece[0].len = udp_frame_head(&a->ip, &a->udp, head);
	piece[1] = a->data;
	tap_frame(r->tap, TAP_IN, piece, 2, note_text(&note, v));
	return v;
}

/* Makes @a its datagram number @i, the first @len bytes of @rest. */
static void become(struct arrival *a, unsigned i, struct span rest, size_t len)
{
	a->data = (struct span){rest.p, len};
	a->ip.len = a->udp.len = (uint16_t)(UDP_LEN + len);
	a->ip.id = (uint16_t)(a->ip.version == 4 ? i : 0);
	a->ip.df = a->ip.version == 4;
	a->udp.checksum = 0;
}

static void deliver_counted(struct udp_rx *r, struct arrival *a, bool coupled,
			    nsec_t now)
{
	enum drop v = r->tap ? deliver_shown(r, a, coupled, now)
			     : deliver(r, a, NULL, now);

	if (v != DROP_NONE)
		r->link->counters->drop[v]++;
}

/* Not for this program, but for one that shares the address? */
static bool is_taken(struct udp_rx *r, const struct udp_sock *s,
		     const struct arrival *a, nsec_t now)
{
	return r->share && !ip_is_multicast(&s->addr) &&
	       share_takes(r->share, &a->ip, a->udp.sport, a->data, now);
}

/* Returns how many datagrams it was. */
static unsigned deliver_all(struct udp_rx *r, const struct udp_sock *s,
			    struct arrival *a, nsec_t now)
{
	struct span rest = a->data;
	bool coupled = rest.len > a->size;
	unsigned n = 0;

	do {
		size_t len = rest.len < a->size ? rest.len : a->size;

		become(a, n++, rest, len);
		if (!is_taken(r, s, a, now))
			deliver_counted(r, a, coupled, now);
		rest.p += len;
		rest.len -= len;
	} while (rest.len);
	return n;
}

static int fill(struct udp_rx *r, int fd, unsigned want)
{
	for (unsigned i = 0; i < want; i++) {
		r->msg[i].msg_hdr.msg_namelen = sizeof(r->name[i]);
		r->msg[i].msg_hdr.msg_controllen = sizeof(r->control[i]);
	}
	return recvmmsg(fd, r->msg, want, MSG_DONTWAIT, NULL);
}

unsigned udp_rx_read(struct udp_rx *r, struct udp_sock *sock, unsigned budget,
		     nsec_t now)
{
	unsigned total = 0;

	while (total < budget) {
		unsigned left = budget - total;
		unsigned want = left < BATCH ? left : BATCH;
		int n = fill(r, sock->fd, want);

		for (int i = 0; i < n; i++) {
			struct arrival a;

			read_message(r, sock, (unsigned)i, &a);
			total += deliver_all(r, sock, &a, now);
		}
		if (n < (int)want)
			break; /* empty, or an error that another call shows */
	}
	return total;
}

unsigned udp_rx_aside(struct udp_rx *r, nsec_t now)
{
	struct udp_sock *aside = share_aside(r->share);
	int n = fill(r, aside->fd, BATCH);

	for (int i = 0; i < n; i++) {
		struct arrival a;

		read_message(r, aside, (unsigned)i, &a);
		if (!share_unpack(r->share, &a.data, &a.ip, &a.udp.sport, now))
			continue;
		a.ip.len = a.udp.len = (uint16_t)(UDP_LEN + a.data.len);
		deliver_counted(r, &a, false, now);
	}
	return n > 0 ? (unsigned)n : 0;
}
