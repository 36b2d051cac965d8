/* The world of the tests of the VXLAN port: over a link of the test's own,
 * which remembers what it is to send.
 */
#ifndef TESTS_UNIT_NIC_VXLAN_WORLD_H
#define TESTS_UNIT_NIC_VXLAN_WORLD_H

#include "overlay/vxlan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include "wire/udp.h"
#include "wire/vxlan.h"

#define SENT	  64
#define FRAME_MAX 2000
#define VNI	  0x123456

struct sent {
	struct ip_addr src, dst;
	uint16_t sport;
	uint8_t tos, ttl;
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

static struct sent sent[SENT];
static unsigned nsent, ncalls;
static struct counters counters;
static char why[200];

static void fake_send(struct link *l, struct pkt *batch, unsigned n, nsec_t now)
{
	ncalls++;
	for (unsigned i = 0; i < n; i++) {
		struct sent *s = &sent[nsent++];
		const struct pkt *p = &batch[i];

		cr_assert(nsent < SENT && p->len <= FRAME_MAX);
		*s = (struct sent){p->src, p->dst, p->sport, p->tos,
				   p->ttl, p->len, {0}};
		pkt_flatten(p, s->bytes);
	}
}

static unsigned fake_receive(struct link *l, unsigned budget, nsec_t now)
{
	return 0;
}

static nsec_t fake_deadline(const struct link *l)
{
	return 77;
}

static void fake_free(struct link *l)
{
	free(l);
}

static const struct link_ops fake_ops = {
	.send = fake_send,
	.receive = fake_receive,
	.deadline = fake_deadline,
	.free = fake_free,
};

static inline struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	cr_assert(ip_parse(&addr, text), "%s", text);
	return addr;
}

static inline struct link *fake_new(const char *addr, unsigned mtu)
{
	struct link *l = calloc(1, sizeof(*l));

	l->ops = &fake_ops;
	l->addr[0] = ip(addr);
	l->naddr = 1;
	l->ip_mtu = mtu;
	return l;
}

static struct vxlan_config cfg;
static struct port *port;
static struct link *fake;
/* What came up the port. */
static struct sent up;
static unsigned nup;
static enum drop verdict;

static enum drop take(void *ctx, struct span frame, struct note *note,
		      nsec_t now)
{
	nup++;
	up.len = frame.len;
	memcpy(up.bytes, frame.p, frame.len);
	return verdict;
}

static inline void start(void)
{
	cfg = (struct vxlan_config){.vni = VNI,
				    .local = ip("192.0.2.1"),
				    .nremote = 2,
				    .learn = true,
				    .counters = &counters};
	cfg.remote[0] = ip("192.0.2.2");
	cfg.remote[1] = ip("192.0.2.3");
	fake = fake_new("192.0.2.1", 1500);
	cr_assert_eq(vxlan_port_new(&cfg, fake, &port, why), 0, "%s", why);
	port_set_up(port, take, NULL);
}

static inline void stop(void)
{
	port_free(port);
}

static const struct mac mac_own = {{2, 0, 0, 0, 0, 1}};
static const struct mac mac_far = {{2, 0, 0, 0, 0, 2}};

/* Ethernet, IPv4 (or IPv6), UDP and a few bytes; returns the length. */
static inline size_t make(uint8_t *out, const struct mac *dst,
			  const struct mac *src, uint8_t tos, uint16_t sport,
			  bool v6)
{
	struct eth eth = {.dst = *dst,
			  .src = *src,
			  .type = v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4};
	struct ip_header h = {.src = ip(v6 ? "fe80::1" : "10.0.0.1"),
			      .dst = ip(v6 ? "fe80::2" : "10.0.0.2"),
			      .version = v6 ? 6 : 4,
			      .tos = tos,
			      .ttl = 64,
			      .protocol = IPPROTO_UDP_,
			      .len = UDP_LEN + 4};
	struct udp udp = {sport, 4791, UDP_LEN + 4, 0};
	uint8_t *p = out;

	p += eth_encode(&eth, p);
	p += ip_encode(&h, p);
	udp_encode(&udp, p);
	memcpy(p + UDP_LEN, "data", 4);
	return (size_t)(p - out) + UDP_LEN + 4;
}

static inline void fill(struct pkt *p, const struct mac *dst, uint8_t tos,
			uint16_t sport)
{
	static uint8_t frame[SENT][100];
	static unsigned i;
	size_t len;

	i = (i + 1) % SENT;
	len = make(frame[i], dst, &mac_own, tos, sport, false);
	/* In two pieces, as a link_eth makes it. */
	pkt_reset(p);
	memcpy(pkt_push(p, ETH_LEN), frame[i], ETH_LEN);
	pkt_add_span(p, frame[i] + ETH_LEN, len - ETH_LEN);
}

static inline void send_to(const struct mac *dst, uint8_t tos, uint16_t sport,
			   nsec_t now)
{
	struct pkt p;

	fill(&p, dst, tos, sport);
	port_send(port, &p, 1, now);
}

/* A datagram of @from with the frame @len bytes at @frame. */
static inline enum drop arrive(const char *from, uint32_t vni, uint8_t tos,
			       const uint8_t *frame, size_t len, nsec_t now)
{
	uint8_t bytes[FRAME_MAX];
	struct dgram d = {.src = ip(from),
			  .dst = fake->addr[0],
			  .tos = tos,
			  .data = {bytes, VXLAN_LEN + len}};

	vxlan_encode(vni, bytes);
	memcpy(bytes + VXLAN_LEN, frame, len);
	return fake->deliver(fake->ctx, &d, now);
}

static inline enum drop arrive_from(const char *from, const struct mac *src,
				    nsec_t now)
{
	uint8_t frame[100];
	size_t len = make(frame, &mac_own, src, 0, 1, false);

	return arrive(from, VNI, 0, frame, len, now);
}

#endif
