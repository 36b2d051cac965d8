#include "drill/tamper.h"

#include <stdlib.h>
#include <string.h>
#include "wire/eth.h"
#include "wire/udp.h"
#include "wire/vxlan.h"

#define FRAME_MAX    16384u
#define VXLAN_PORT   4789u
#define IP_CHECKSUM  10u /* where it is in an IPv4 header */
#define UDP_CHECKSUM 6u	 /* and in a UDP header */
#define NOT_THERE    SIZE_MAX

struct tamper_port {
	struct port port;
	struct port *below;
	const struct tamper *tamper;
	uint8_t frame[FRAME_MAX];
};

/* Where in @frame the headers of one Ethernet frame begin, from *@at on; *@at
 * becomes that of the UDP payload.  False: no UDP in it.
 */
static bool find_udp(const uint8_t *frame, size_t len, size_t *at,
		     size_t *ip_at, size_t *udp_at, uint16_t *dport)
{
	struct span in = {frame + *at, len - *at};
	struct ip_header ip;
	struct eth eth;

	if (eth_decode(&eth, &in) ||
	    (eth.type != ETHERTYPE_IPV4 && eth.type != ETHERTYPE_IPV6))
		return false;
	*ip_at = (size_t)(in.p - frame);
	if (ip_decode(&ip, &in) || ip.protocol != IPPROTO_UDP_ ||
	    in.len < UDP_LEN)
		return false;
	*udp_at = (size_t)(in.p - frame);
	*dport = get_be16(in.p + 2);
	*at = *udp_at + UDP_LEN;
	return true;
}

static bool find_layers(const uint8_t *frame, size_t len, size_t at[L_N])
{
	uint16_t dport;
	size_t p = 0;

	for (unsigned i = 0; i < L_N; i++)
		at[i] = NOT_THERE;
	at[L_ETH] = 0;
	if (!find_udp(frame, len, &p, &at[L_IP], &at[L_UDP], &dport))
		return false;
	if (dport != VXLAN_PORT)
		return true;
	at[L_OUTER_ETH] = 0;
	at[L_OUTER_IP] = at[L_IP];
	at[L_OUTER_UDP] = at[L_UDP];
	at[L_VXLAN] = p;
	p += VXLAN_LEN;
	at[L_ETH] = p;
	return find_udp(frame, len, &p, &at[L_IP], &at[L_UDP], &dport);
}

static bool patches(const struct tamper *t, enum layer layer, unsigned from,
		    unsigned to)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->patch[i].layer == layer && t->patch[i].offset >= from &&
		    t->patch[i].offset < to)
			return true;
	return false;
}

static void fix_checksum(const struct tamper *t, enum layer layer,
			 uint8_t *frame, size_t at)
{
	uint8_t *ip = at == NOT_THERE ? NULL : frame + at;

	if (!ip || ip[0] >> 4 != 4 || (ip[0] & 15) != 5 ||
	    !patches(t, layer, 0, IPV4_LEN) ||
	    patches(t, layer, IP_CHECKSUM, IP_CHECKSUM + 2))
		return;
	put_be16(ip + IP_CHECKSUM, 0);
	put_be16(ip + IP_CHECKSUM,
		 checksum_fold(checksum_add(0, ip, IPV4_LEN)));
}

/* The UDP checksum over what the frame carries now. */
static void put_udp_checksum(uint8_t *frame, size_t len, size_t ip_at,
			     size_t udp_at)
{
	struct span in = {frame + ip_at, len - ip_at};
	uint8_t *udp = frame + udp_at;
	struct ip_header ip;
	uint16_t n = get_be16(udp + 4), sum;

	put_be16(udp + UDP_CHECKSUM, 0);
	if (ip_decode(&ip, &in) || n > in.len)
		return;
	sum = checksum_fold(
		checksum_add(checksum_pseudo(&ip, IPPROTO_UDP_, n), udp, n));
	put_be16(udp + UDP_CHECKSUM, sum ? sum : 0xffff);
}

/* Returns the frame's new length, or 0: it carries no UDP. */
static size_t change(const struct tamper *t, uint8_t *frame, size_t len)
{
	size_t at[L_N];

	if (!find_layers(frame, len, at))
		return 0;
	for (unsigned i = 0; i < t->n; i++) {
		const struct patch *p = &t->patch[i];

		if (at[p->layer] != NOT_THERE && at[p->layer] + p->offset < len)
			frame[at[p->layer] + p->offset] = p->value;
	}
	fix_checksum(t, L_IP, frame, at[L_IP]);
	fix_checksum(t, L_OUTER_IP, frame, at[L_OUTER_IP]);
	frame[len - 1] ^= t->bad_icrc;
	if (t->udp_checksum)
		put_udp_checksum(frame, len, at[L_IP], at[L_UDP]);
	len = t->cut < len ? len - t->cut : 0;
	if (!len || t->trailer > FRAME_MAX - len)
		return len;
	memset(frame + len, 0, t->trailer);
	return len + t->trailer;
}

static void tamper_send(struct port *port, struct pkt *batch, unsigned n,
			nsec_t now)
{
	struct tamper_port *t = (struct tamper_port *)port;

	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = &batch[i];
		size_t len = 0;

		if (t->tamper && p->len <= FRAME_MAX) {
			pkt_flatten(p, t->frame);
			len = change(t->tamper, t->frame, p->len);
		}
		if (len) {
			t->tamper = NULL;
			pkt_reset(p);
			pkt_add_span(p, t->frame, len);
		}
		port_send(t->below, p, 1, now);
	}
}

static enum drop tamper_deliver(void *ctx, struct span frame, struct note *note,
				nsec_t now)
{
	struct tamper_port *t = ctx;

	return t->port.deliver(t->port.ctx, frame, note, now);
}

static unsigned tamper_receive(struct port *port, unsigned budget, nsec_t now)
{
	return port_receive(((struct tamper_port *)port)->below, budget, now);
}

static nsec_t tamper_deadline(const struct port *port)
{
	const struct port *below = ((const struct tamper_port *)port)->below;

	return below->ops->deadline(below);
}

static void tamper_tick(struct port *port, nsec_t now)
{
}

static unsigned tamper_fds(const struct port *port, int fd[PORT_FDS])
{
	return 0;
}

static void tamper_free(struct port *port)
{
	port_free(((struct tamper_port *)port)->below);
	free(port);
}

static const struct port_ops ops = {
	.send = tamper_send,
	.receive = tamper_receive,
	.deadline = tamper_deadline,
	.tick = tamper_tick,
	.fds = tamper_fds,
	.free = tamper_free,
};

struct port *tamper_port_new(struct port *port)
{
	struct tamper_port *t = calloc(1, sizeof(*t));

	if (!t) {
		port_free(port);
		return NULL;
	}
	t->port.ops = &ops;
	t->port.counters = port->counters;
	t->port.mtu = port->mtu;
	t->below = port;
	port_set_up(port, tamper_deliver, t);
	return &t->port;
}

void tamper_port_set(struct port *port, const struct tamper *tamper)
{
	((struct tamper_port *)port)->tamper = tamper;
}
