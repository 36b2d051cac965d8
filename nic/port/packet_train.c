/* What is cut lies in one piece: a frame's headers are written in front of its
 * payload, over the end of the frame before, which has been delivered by then.
 */
#include "nic/port/packet_train.h"

#include "wire/ip.h"
#include "wire/udp.h"

#define IPPROTO_TCP_ 6u
#define TCP_LEN	     20u
#define TCP_CWR	     0x80u
#define TCP_LAST     0x09u  /* FIN and PSH: of the last segment only */
#define FRAME_MAX    65535u /* of the IP packet of a train */

/* Where the headers of a frame are. */
struct layout {
	size_t ip_at, l4_at, data_at;
	bool v4;
	uint8_t protocol;
};

/* IPv4 or IPv6 without extensions, at most one tag; UDP, or TCP if @tcp. */
static bool find_layout(struct span f, bool tcp, struct layout *l)
{
	uint16_t type;

	if (f.len < ETH_LEN + VLAN_LEN + IPV4_LEN)
		return false;
	type = get_be16(f.p + 12);
	l->ip_at = ETH_LEN;
	if (type == ETHERTYPE_VLAN) {
		type = get_be16(f.p + ETH_LEN + 2);
		l->ip_at += VLAN_LEN;
	}
	l->v4 = type == ETHERTYPE_IPV4;
	if (!l->v4 && type != ETHERTYPE_IPV6)
		return false;
	l->l4_at = l->ip_at +
		   (l->v4 ? (size_t)(f.p[l->ip_at] & 15) * 4 : IPV6_LEN);
	l->protocol = f.p[l->ip_at + (l->v4 ? 9 : 6)];
	l->data_at = l->l4_at + (tcp ? TCP_LEN : UDP_LEN);
	if (l->l4_at < l->ip_at + IPV4_LEN || f.len < l->data_at ||
	    l->protocol != (tcp ? IPPROTO_TCP_ : IPPROTO_UDP_))
		return false;
	if (tcp)
		l->data_at = l->l4_at + (size_t)(f.p[l->l4_at + 12] >> 4) * 4;
	return l->data_at <= f.len && l->data_at >= l->l4_at + UDP_LEN;
}

/* ---- joining ---- */

bool train_begin(struct train *t, const struct pkt *p)
{
	struct span head = pkt_head(p);
	struct layout l;

	if (!find_layout(head, false, &l) || l.data_at > TRAIN_HEAD_MAX ||
	    (l.v4 && l.l4_at != l.ip_at + IPV4_LEN) ||
	    get_be16(head.p + l.l4_at + 6))
		return false;
	t->n = 1;
	t->slot = p->slot;
	t->ip_at = l.ip_at;
	t->head_len = l.data_at;
	t->size = t->payload = p->len - l.data_at;
	memcpy(t->head, head.p, l.data_at);
	return t->size > 0;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
	return !memcmp(a + from, b + from, to - from);
}

/* Whether two heads agree but for lengths, checksums and identification. */
static bool same_flow(const struct train *t, const uint8_t *h)
{
	const size_t ip = t->ip_at, udp = t->head_len - UDP_LEN;

	if (get_be16(h + udp + 6)) /* its checksum would change */
		return false;
	if (t->head[ip] >> 4 == 4)
		return same(t->head, h, 0, ip + 2) &&
		       same(t->head, h, ip + 6, ip + 10) &&
		       same(t->head, h, ip + 12, udp + 4) &&
		       get_be16(h + ip + 4) ==
			       (uint16_t)(get_be16(t->head + ip + 4) + t->n);
	return same(t->head, h, 0, ip + 4) && same(t->head, h, ip + 6, udp + 4);
}

bool train_add(struct train *t, const struct pkt *p)
{
	struct span head = pkt_head(p);
	size_t whole = t->head_len - t->ip_at + t->payload, len;

	if (t->n == TRAIN_PKTS_MAX || t->payload != t->n * t->size ||
	    p->slot != t->slot || head.len < t->head_len || p->len <= t->head_len)
		return false;
	len = p->len - t->head_len;
	if (len > t->size || whole + len > FRAME_MAX || !same_flow(t, head.p))
		return false;
	t->payload += len;
	t->n++;
	return true;
}

/* Lengths of a frame with @data bytes behind the UDP or TCP header. */
static void set_lengths(uint8_t *head, const struct layout *l, size_t data)
{
	size_t l4 = l->data_at - l->l4_at + data;
	uint8_t *ip = head + l->ip_at;

	put_be16(ip + (l->v4 ? 2 : 4),
		 (uint16_t)(l->v4 ? l->l4_at - l->ip_at + l4 : l4));
	if (l->protocol == IPPROTO_UDP_)
		put_be16(head + l->l4_at + 4, (uint16_t)l4);
	if (!l->v4)
		return;
	put_be16(ip + 10, 0);
	put_be16(ip + 10,
		 checksum_fold(checksum_add(0, ip, l->l4_at - l->ip_at)));
}

static uint32_t pseudo_sum(const uint8_t *head, const struct layout *l,
			   size_t l4)
{
	const uint8_t *addresses = head + l->ip_at + (l->v4 ? 12 : 8);

	return checksum_add((uint32_t)(l->protocol + l4), addresses,
			    l->v4 ? 8 : 32);
}

static size_t checksum_offset(const struct layout *l)
{
	return l->protocol == IPPROTO_UDP_ ? 6 : 16;
}

/* The kernel completes a checksum that holds the pseudo-header's sum. */
void train_finish(struct train *t, struct virtio_net_hdr *vnet)
{
	struct layout l;
	size_t offset;

	find_layout((struct span){t->head, t->head_len}, false, &l);
	offset = checksum_offset(&l);
	set_lengths(t->head, &l, t->payload);
	put_be16(t->head + l.l4_at + offset,
		 (uint16_t)~checksum_fold(
			 pseudo_sum(t->head, &l, UDP_LEN + t->payload)));
	*vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.hdr_len = (uint16_t)t->head_len,
		.gso_size = (uint16_t)t->size,
		.csum_start = (uint16_t)l.l4_at,
		.csum_offset = (uint16_t)offset,
	};
}

/* ---- cutting ---- */

bool train_checksum(uint8_t *frame, size_t len,
		    const struct virtio_net_hdr *vnet)
{
	size_t start = vnet->csum_start, at = start + vnet->csum_offset;
	uint16_t sum;

	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (start >= len || at + 2 > len)
		return false;
	sum = checksum_fold(checksum_add(0, frame + start, len - start));
	put_be16(frame + at, sum ? sum : 0xffff);
	return true;
}

/* A train's first frame as it was, of which the others are made. */
struct mould {
	struct layout l;
	uint8_t head[256];
	bool checked; /* its frames get a checksum */
	bool tcp;
};

static void set_tcp(const struct mould *m, uint8_t *head, size_t done,
		    bool last)
{
	uint8_t *tcp = head + m->l.l4_at;

	put_be32(tcp + 4, get_be32(tcp + 4) + (uint32_t)done);
	if (!last)
		tcp[13] &= (uint8_t)~TCP_LAST;
	if (done)
		tcp[13] &= (uint8_t)~TCP_CWR;
}

/* Writes the headers of frame @i in front of its @len bytes of payload. */
static struct span make_frame(const struct mould *m, uint8_t *payload,
			      size_t len, unsigned i, size_t done, bool last)
{
	const struct layout *l = &m->l;
	uint8_t *head = payload - l->data_at, *ip = head + l->ip_at;
	size_t l4 = l->data_at - l->l4_at + len;
	uint8_t *check = head + l->l4_at + checksum_offset(l);
	uint16_t sum;

	memcpy(head, m->head, l->data_at);
	if (l->v4)
		put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + i));
	if (m->tcp)
		set_tcp(m, head, done, last);
	set_lengths(head, l, len);
	put_be16(check, 0);
	if (m->checked) {
		sum = checksum_fold(checksum_add(pseudo_sum(head, l, l4),
						 head + l->l4_at, l4));
		put_be16(check, sum ? sum : 0xffff);
	}
	return (struct span){head, l->data_at + len};
}

static bool make_mould(const uint8_t *frame, size_t len,
		       const struct virtio_net_hdr *vnet, struct mould *m)
{
	uint8_t gso = vnet->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

	m->tcp = gso == VIRTIO_NET_HDR_GSO_TCPV4 ||
		 gso == VIRTIO_NET_HDR_GSO_TCPV6;
	if (!m->tcp && gso != VIRTIO_NET_HDR_GSO_UDP_L4)
		return false;
	if (!find_layout((struct span){frame, len}, m->tcp, &m->l) ||
	    m->l.data_at > sizeof(m->head))
		return false;
	memcpy(m->head, frame, m->l.data_at);
	m->checked = m->tcp ||
		     (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
		      get_be16(frame + m->l.l4_at + checksum_offset(&m->l)));
	return true;
}

bool train_cut(uint8_t *frame, size_t len, const struct virtio_net_hdr *vnet,
	       train_take take, void *ctx)
{
	size_t size = vnet->gso_size, done = 0, left;
	struct mould m;

	if (!size || !make_mould(frame, len, vnet, &m))
		return false;
	left = len - m.l.data_at;
	for (unsigned i = 0; i == 0 || left; i++) {
		size_t part = left < size ? left : size;

		left -= part;
		take(ctx, make_frame(&m, frame + m.l.data_at + done, part, i,
				     done, !left));
		done += part;
	}
	return true;
}
