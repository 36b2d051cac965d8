/* The world of the tests of link_eth: one or two hosts over port_pair, with a
 * clock of the test's own.  At the other end of one host is the test itself,
 * frame by frame.
 */
#ifndef TESTS_UNIT_NIC_ETH_WORLD_H
#define TESTS_UNIT_NIC_ETH_WORLD_H

#include "nic/link/link.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include "nic/base/tap.h"
#include "nic/link/neigh.h"
#include "nic/port/port.h"
#include "wire/arp.h"
#include "wire/bth.h"
#include "wire/icrc.h"

#define FRAMES    600u
#define FRAME_MAX 1600
#define MTU	  1500

struct frame {
	size_t len;
	uint8_t bytes[FRAME_MAX];
};

/* A link, and what came up it. */
struct host {
	struct link *link;
	struct counters counters;
	unsigned n;
	enum drop verdict;
	struct dgram dgram[FRAMES];
	uint8_t data[FRAMES][64];
	struct link *reply; /* answers every datagram by this link */
};

static struct host a, b;
static struct port *wire[2];
static struct frame got[FRAMES]; /* what the test's own port received */
static unsigned ngot;
static nsec_t now = 5 * SEC;
static struct link_config cfg_a, cfg_b;
static char why[200];
static const struct mac mac_a = {{2, 0, 0, 0, 0, 0xa}};
static const struct mac mac_b = {{2, 0, 0, 0, 0, 0xb}};
static const uint8_t payload[1500] = {1, 2, 3, 4};

static inline struct ip_addr ip(const char *text)
{
	struct ip_addr addr;

	cr_assert(ip_parse(&addr, text), "%s", text);
	return addr;
}

static inline void make(struct pkt *p, const struct host *from,
			const struct ip_addr *to, size_t len)
{
	struct bth bth = {.opcode = 0x04,
			  .pkey = PKEY_DEFAULT,
			  .dqpn = 5,
			  .psn = 7,
			  .pad = -len & 3};

	pkt_reset(p);
	p->src = from->link->addr[0];
	p->dst = *to;
	p->sport = 0xc001;
	p->tos = 0;
	p->ttl = 0;
	bth_encode(&bth, pkt_push(p, BTH_LEN));
	pkt_add_span(p, payload, len);
	memset(pkt_add_tail(p, -len & 3), 0, -len & 3);
}

static inline void send_to(struct host *from, const char *to)
{
	struct ip_addr dst = ip(to);
	struct pkt p;

	make(&p, from, &dst, 8);
	link_send(from->link, &p, 1, now);
}

static enum drop take(void *ctx, const struct dgram *d, nsec_t at)
{
	struct host *h = ctx;
	struct pkt p;

	cr_assert(h->n < FRAMES);
	memcpy(h->data[h->n], d->data.p, d->data.len < 64 ? d->data.len : 64);
	h->dgram[h->n++] = *d;
	if (h->reply) {
		make(&p, h, &d->src, 8);
		link_send(h->reply, &p, 1, at);
	}
	return h->verdict;
}

static enum drop take_frame(void *ctx, struct span frame, struct note *note,
			    nsec_t at)
{
	cr_assert(ngot < FRAMES && frame.len <= FRAME_MAX);
	memcpy(got[ngot].bytes, frame.p, frame.len);
	got[ngot++].len = frame.len;
	return DROP_NONE;
}

static inline void configure(struct link_config *cfg, struct host *h,
			     const struct mac *mac, const char *v4,
			     const char *v6)
{
	*cfg = (struct link_config){.port = ROCE_UDP_PORT,
				    .icrc = true,
				    .prefix_len = 24,
				    .mac = *mac,
				    .counters = &h->counters,
				    .naddr = 2};
	cfg->addr[0] = ip(v4);
	cfg->addr[1] = ip(v6);
}

static inline void start(void)
{
	static struct counters c;

	cr_assert_eq(port_pair_new(MTU, &c, wire), 0);
	wire[0]->counters = &a.counters;
	wire[1]->counters = &b.counters;
	configure(&cfg_a, &a, &mac_a, "10.0.0.1", "fe80::a");
	configure(&cfg_b, &b, &mac_b, "10.0.0.2", "fe80::b");
}

static inline void open_host(struct host *h, struct link_config *cfg,
			     struct port *port)
{
	cr_assert_eq(link_eth_new(cfg, port, &h->link, why), 0, "%s", why);
	link_set_up(h->link, take, h);
	link_tick(h->link, now); /* announces */
}

static inline void stop(void)
{
	link_free(a.link);
	if (b.link)
		link_free(b.link);
	else
		port_free(wire[1]);
}

/* Runs both hosts until nothing moves at this time. */
static inline void settle(void)
{
	unsigned moved = 1;

	while (moved) {
		moved = 0;
		if (link_deadline(a.link) <= now)
			link_tick(a.link, now);
		moved += link_receive(a.link, 64, now);
		if (!b.link) {
			moved += port_receive(wire[1], 64, now);
			continue;
		}
		if (link_deadline(b.link) <= now)
			link_tick(b.link, now);
		moved += link_receive(b.link, 64, now);
	}
}

static inline void two_hosts(void)
{
	open_host(&a, &cfg_a, wire[0]);
	open_host(&b, &cfg_b, wire[1]);
	settle();
}

/* The test is at the other end, and has seen the announcement. */
static inline void one_host(void)
{
	open_host(&a, &cfg_a, wire[0]);
	port_set_up(wire[1], take_frame, NULL);
	settle();
	ngot = 0;
}

static inline void put_frame(const uint8_t *bytes, size_t len)
{
	struct pkt p;

	pkt_reset(&p);
	pkt_add_span(&p, bytes, len);
	port_send(wire[1], &p, 1, now);
	settle();
}

static inline bool no_drops(const struct host *h)
{
	for (unsigned i = 0; i < DROP_N; i++)
		if (h->counters.drop[i])
			return false;
	return true;
}

static inline struct arp arp_got(unsigned i, struct eth *eth)
{
	struct span in = {got[i].bytes, got[i].len};
	struct arp arp;

	cr_assert(i < ngot);
	cr_assert_eq(eth_decode(eth, &in), DROP_NONE);
	cr_assert_eq(eth->type, ETHERTYPE_ARP);
	cr_assert_eq(arp_decode(&arp, &in), DROP_NONE);
	return arp;
}

static inline void send_arp(uint16_t op, const char *sender, const char *target)
{
	struct arp arp = {.op = op,
			  .sender_mac = mac_b,
			  .sender_ip = ip(sender),
			  .target_ip = ip(target)};
	struct eth eth = {.dst = mac_a, .src = mac_b, .type = ETHERTYPE_ARP};
	uint8_t frame[ETH_LEN + ARP_LEN];

	arp_encode(&arp, frame + eth_encode(&eth, frame));
	put_frame(frame, sizeof(frame));
}

#endif
