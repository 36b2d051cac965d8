/* A frame is looked at in one go down to the UDP payload.  Two things are not
 * as on a NIC:
 *
 *   snaplen	The sniffer may have cut the frame.  It is then extended with
 *		zeroes to its length on the wire, so that the decoders see the
 *		lengths that the receiver saw; the verdict ICRC_CUT and how
 *		much was real (d->real) keep anybody from believing the zeroes.
 *   offload	A frame seen before the NIC filled in the IPv4 header checksum
 *		has zero there.  It is filled in here.
 */
#include <stdlib.h>
#include "trace/dissect.h"
#include "trace/strip.h"
#include "trace/train.h"
#include "wire/bth.h"
#include "wire/icrc.h"
#include "wire/vxlan.h"

/* The largest IP packet, and room for tunnel and link headers in front. */
#define FRAME_MAX (65535u + 256u)

#define VXLAN_UDP_PORT_OLD 8472u /* before IANA gave it one; Linux' default */
#define VXLAN_HAS_VNI	   0x08u

struct dissector {
	struct packet head; /* what all packets of the frame share */
	struct span data;   /* UDP payload not given out yet, ICRC included */
	bool is_train;
	struct train train;
	const uint8_t *real; /* the end of the bytes that were captured */
	bool pending;
	uint8_t buf[FRAME_MAX];
};

struct dissector *dissector_new(void)
{
	return calloc(1, sizeof(struct dissector));
}

void dissector_free(struct dissector *d)
{
	free(d);
}

/* The bytes of @f, extended to its length on the wire if it was cut. */
static struct span whole_frame(struct dissector *d, const struct frame *f)
{
	size_t have = f->bytes.len, len = f->wire_len;

	d->real = f->bytes.p + have;
	if (len <= have || len > FRAME_MAX)
		return f->bytes;
	memcpy(d->buf, f->bytes.p, have);
	memset(d->buf + have, 0, len - have);
	d->real = d->buf + have;
	return (struct span){d->buf, len};
}

/* Like ip_decode, but a header checksum of zero is one not yet filled in. */
static enum drop decode_ip(struct ip_header *ip, struct span *in)
{
	uint8_t head[60];
	size_t len = in->len ? (in->p[0] & 0xfu) * 4 : 0;
	struct span patched = {head, in->len};
	enum drop why;

	if (in->len < IPV4_LEN || in->p[0] >> 4 != 4 || len < IPV4_LEN ||
	    len > in->len || get_be16(in->p + 10) != 0)
		return ip_decode(ip, in);
	memcpy(head, in->p, len);
	put_be16(head + 10, checksum_fold(checksum_add(0, head, len)));
	/* ip_decode reads no further than the header. */
	why = ip_decode(ip, &patched);
	if (!why)
		*in = (struct span){in->p + len, patched.len};
	return why;
}

static void tunnel(struct packet *p, uint32_t vni)
{
	p->tunnelled = true;
	p->vni = vni;
	p->outer_src = p->ip.src;
	p->outer_dst = p->ip.dst;
}

/* Down to the UDP datagram in an IP packet; FRAME_ROCE: there is one. */
static enum frame_kind find_udp(struct packet *p, int linktype, struct span *in)
{
	enum drop why;
	uint16_t type;

	if (!strip_link(linktype, in, &type))
		return type == ETHERTYPE_ROCE_V1 ? FRAME_ROCE_V1 : FRAME_OTHER;
	why = decode_ip(&p->ip, in);
	if (why)
		return why == DROP_IP_FRAGMENT ? FRAME_FRAGMENT : FRAME_OTHER;
	return p->ip.protocol == IPPROTO_UDP_ ? FRAME_ROCE : FRAME_OTHER;
}

/* Foreign tunnels have other bits in the header's first four bytes, too (group
 * policies): RFC 7348 has a receiver ignore them.
 */
static bool take_vxlan(const struct udp *udp, struct span *in, uint32_t *vni)
{
	const uint8_t *p;

	if (udp->dport != VXLAN_UDP_PORT && udp->dport != VXLAN_UDP_PORT_OLD)
		return false;
	p = span_take(in, VXLAN_LEN);
	if (!p || !(p[0] & VXLAN_HAS_VNI))
		return false;
	*vni = get_be24(p + 4);
	return true;
}

/* Down to the UDP payload of RoCEv2, through VXLAN if there is any.  p->drop
 * says what is wrong with the packet's IP or UDP.
 */
static enum frame_kind find_roce(struct packet *p, int linktype,
				 struct span *in)
{
	enum frame_kind kind;
	uint32_t vni;

	for (int depth = 0; depth < 4; depth++) {
		kind = find_udp(p, linktype, in);
		if (kind != FRAME_ROCE)
			return kind;
		p->drop = udp_decode(&p->udp, in);
		if (p->drop == DROP_SHORT)
			return FRAME_OTHER;
		if (p->udp.dport == ROCE_UDP_PORT)
			return FRAME_ROCE;
		if (p->drop || !take_vxlan(&p->udp, in, &vni))
			return FRAME_OTHER;
		tunnel(p, vni);
		linktype = LINK_ETHERNET;
	}
	return FRAME_OTHER;
}

static bool icrc_right(const struct packet *p)
{
	return p->data.len >= BTH_LEN &&
	       icrc_of(&p->ip, &p->udp, p->data) == p->icrc_received;
}

/* Fills in @p what lies behind UDP: @data, with the ICRC at its end. */
static void decode_roce(const struct dissector *d, struct packet *p,
			struct span data)
{
	if (data.len < BTH_LEN + ICRC_LEN) {
		p->drop = DROP_SHORT;
		p->icrc = ICRC_BAD;
		return;
	}
	p->data = (struct span){data.p, data.len - ICRC_LEN};
	p->icrc_received = icrc_get(data.p + p->data.len);
	if (data.p + data.len > d->real)
		p->icrc = ICRC_CUT;
	else
		p->icrc = icrc_right(p) ? ICRC_OK : ICRC_BAD;
	p->drop = roce_decode(&p->roce, p->data);
	if (p->icrc == ICRC_CUT && !p->drop &&
	    data.p + p->roce.op->len > d->real)
		p->drop = DROP_SHORT; /* those headers are zeroes of ours */
	if (data.p + BTH_LEN > d->real)
		p->drop = DROP_SHORT;
}

enum frame_kind dissect_begin(struct dissector *d, const struct frame *f)
{
	struct span in = whole_frame(d, f);
	enum frame_kind kind;

	d->head = (struct packet){.frame = f->number, .nsec = f->nsec};
	kind = find_roce(&d->head, f->linktype, &in);
	d->pending = kind == FRAME_ROCE;
	d->is_train = false;
	d->data = in;
	if (!d->pending)
		return kind;
	if (d->head.drop) {
		d->head.icrc = ICRC_BAD;
		return FRAME_ROCE;
	}
	decode_roce(d, &d->head, in);
	if (d->head.icrc == ICRC_BAD)
		d->is_train =
			train_guess(&d->train, &d->head.ip, &d->head.udp, in);
	if (!d->is_train)
		return FRAME_ROCE;
	d->head.segments =
		(uint16_t)((in.len + d->train.len - 1) / d->train.len);
	return FRAME_TRAIN;
}

static void next_segment(struct dissector *d, struct packet *p)
{
	size_t len = d->data.len < d->train.len ? d->data.len : d->train.len;
	struct span data = {span_take(&d->data, len), len};
	struct segment s;

	train_segment(&d->train, &s, &d->head.ip, &d->head.udp, d->head.segment,
		      len);
	*p = d->head;
	p->ip = s.ip;
	p->udp = s.udp;
	p->segment = ++d->head.segment;
	d->pending = d->data.len > 0;
	decode_roce(d, p, data);
}

bool dissect_next(struct dissector *d, struct packet *p)
{
	if (!d->pending)
		return false;
	if (d->is_train) {
		next_segment(d, p);
		return true;
	}
	*p = d->head;
	d->pending = false;
	return true;
}
