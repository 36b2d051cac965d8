/* A link: an endpoint for UDP datagrams of one destination port number, to and
 * from IP addresses.  RoCEv2 uses one with port 4791, VXLAN one with 4789.
 *
 * A RoCEv2 link (icrc set) also finishes and verifies ICRCs, because only the
 * link knows the IPv4 identification, which the ICRC covers.
 *
 * Packets in are pushed up one by one; the verdict of the layers above comes
 * back as the return value and is counted at the bottom, where the packet was
 * read, so that every refused packet counts once.
 *
 * Nothing here is thread-safe: the owner of the NIC's lock calls.
 */
#ifndef NIC_LINK_LINK_H
#define NIC_LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/base/counters.h"
#include "nic/base/gso.h"
#include "nic/base/pkt.h"
#include "nic/base/time.h"
#include "wire/drop.h"
#include "wire/eth.h"
#include "wire/ip.h"

/* A datagram that arrived; everything in it lives until the call returns. */
struct dgram {
	struct ip_addr src, dst;
	uint16_t sport;
	uint8_t tos, ttl;
	bool has_mac;	    /* src_mac holds the sender's */
	struct mac src_mac;
	struct span data;   /* UDP payload; RoCEv2: without the ICRC */
	struct note *note;  /* NULL: nobody wants remarks */
};

/* Sees a whole frame before the link does; true: it took it away. */
typedef bool (*link_raw)(void *ctx, struct span frame, nsec_t now);

/* Takes a datagram; returns its verdict. */
typedef enum drop (*link_deliver)(void *ctx, const struct dgram *d, nsec_t now);

#define LINK_ADDRS 8u
#define LINK_FDS   4u

struct share;
struct link;
struct link_ops {
	/* Sends @n packets, whose heads begin at the UDP payload; may scribble on
	 * heads and tails.  What cannot be sent is counted and forgotten, as by
	 * any network.  Spans are not kept after the return.
	 */
	void (*send)(struct link *l, struct pkt *batch, unsigned n, nsec_t now);
	/* Delivers at most about @budget waiting datagrams; returns how many. */
	unsigned (*receive)(struct link *l, unsigned budget, nsec_t now);
	/* When tick wants to be called (ARP retries, ageing), or NSEC_NEVER. */
	nsec_t (*deadline)(const struct link *l);
	void (*tick)(struct link *l, nsec_t now);
	/* Descriptors to poll for input, at most LINK_FDS; returns how many. */
	unsigned (*fds)(const struct link *l, int fd[LINK_FDS]);
	/* 0 if an answer from @dst can be expected at all (route, family), else
	 * -ENETUNREACH.
	 */
	int (*reaches)(const struct link *l, const struct ip_addr *dst);
	/* There will be packets to @dst: asks who takes them, so that a first
	 * long message finds the way known.  NULL: nobody has to be asked.
	 */
	void (*prepare)(struct link *l, const struct ip_addr *dst, nsec_t now);
	/* Joins or leaves multicast @group; 0 or -errno. */
	int (*join)(struct link *l, const struct ip_addr *group, bool member);
	/* Sends whole frames, whose heads begin at the Ethernet header; NULL: the
	 * link does not carry Ethernet.
	 */
	void (*send_frames)(struct link *l, struct pkt *batch, unsigned n,
			    nsec_t now);
	/* Whether raw wants to see everything that is sent to this NIC's MAC, not
	 * only what the link itself has a use for.  NULL: it does anyway.
	 */
	void (*want_all)(struct link *l, bool all);
	/* Sends at once what it holds back on purpose: its NIC is about to go.
	 * NULL: it holds nothing.
	 */
	void (*drain)(struct link *l, nsec_t now);
	/* A thread is about to sleep on the fds: until it says that it is awake,
	 * input makes one of them readable.  True: input is there already.  Each
	 * doze is followed by a wake; @readable: one of the fds was.  These two
	 * may be called without the lock, by several threads at once.  NULL: the
	 * fds are readable when there is input, and only then.
	 */
	bool (*doze)(struct link *l);
	void (*wake)(struct link *l, bool readable);
	void (*free)(struct link *l);
};

struct link {
	const struct link_ops *ops;
	link_deliver deliver;
	link_raw raw; /* or NULL */
	void *ctx;    /* for deliver and raw */
	struct counters *counters;
	struct ip_addr addr[LINK_ADDRS]; /* own addresses; [0] is the first */
	unsigned naddr;
	struct mac mac;	 /* own MAC; all zero if the link has none */
	unsigned ip_mtu; /* bytes of the largest IP packet */
	const char *runs_on; /* as of ports (nic/port/port.h) */
};

/* Where to send what is not within an own address's prefix. */
struct link_route {
	struct ip_addr dst;
	unsigned len; /* bits of dst that count; IPv4: 96 and more */
	struct ip_addr gateway; /* any: hosts of dst are on the link */
};

#define LINK_ROUTES 32u
/* What both kinds of link are made from. */
struct link_config {
	uint16_t port;	/* UDP destination port, and the one listened on */
	bool icrc;	/* carries RoCEv2: see above */
	bool foreign;	/* accept any IPv4 ID that explains an ICRC */
	struct ip_addr addr[LINK_ADDRS];
	unsigned naddr;
	unsigned prefix_len; /* of addr[0]: hosts within it are on the link */
	struct ip_addr gateway; /* for all others; any: none */
	/* link_eth: the longest match decides, before prefixes and gateway. */
	struct link_route route[LINK_ROUTES];
	unsigned nroute;
	/* link_eth: the kernel has these addresses and this MAC, too, and answers
	 * who asks for them.
	 */
	bool shared;
	struct mac mac;	     /* link_eth */
	uint16_t vlan;	     /* link_eth: TCI to tag with; 0: untagged */
	unsigned ip_mtu;     /* 0: the link finds out */
	unsigned rcvbuf;     /* bytes; 0: as large as allowed */
	enum gso_mode gso;   /* link_udp */
	struct tap *tap;     /* or NULL */
	/* With whom the address is shared; or NULL.  link_udp joins them with
	 * addr[0]; link_eth gives them what is sent to itself but for them.
	 */
	struct share *share;
	struct counters *counters;
};

struct port;

/* UDP sockets of the kernel: needs no privilege.  -errno when an address
 * cannot be bound; nothing is logged, @why (of at least 160 bytes) holds one
 * line for a person.
 */
int link_udp_new(const struct link_config *cfg, struct link **link, char *why);
/* An Ethernet/IP/ARP/ND host of our own over @port, which it owns from then on
 * (on failure, too).
 */
int link_eth_new(const struct link_config *cfg, struct port *port,
		 struct link **link, char *why);

static inline void link_set_up(struct link *l, link_deliver deliver, void *ctx)
{
	l->deliver = deliver;
	l->ctx = ctx;
}

static inline void link_send(struct link *l, struct pkt *batch, unsigned n,
			     nsec_t now)
{
	l->ops->send(l, batch, n, now);
}

static inline unsigned link_receive(struct link *l, unsigned budget, nsec_t now)
{
	return l->ops->receive(l, budget, now);
}

static inline nsec_t link_deadline(const struct link *l)
{
	return l->ops->deadline(l);
}

static inline void link_tick(struct link *l, nsec_t now)
{
	l->ops->tick(l, now);
}

static inline unsigned link_fds(const struct link *l, int fd[LINK_FDS])
{
	return l->ops->fds(l, fd);
}

static inline void link_prepare(struct link *l, const struct ip_addr *dst,
				nsec_t now)
{
	if (l->ops->prepare)
		l->ops->prepare(l, dst, now);
}

static inline void link_want_all(struct link *l, bool all)
{
	if (l->ops->want_all)
		l->ops->want_all(l, all);
}

static inline void link_drain(struct link *l, nsec_t now)
{
	if (l->ops->drain)
		l->ops->drain(l, now);
}

static inline bool link_doze(struct link *l)
{
	return l->ops->doze && l->ops->doze(l);
}

static inline void link_wake(struct link *l, bool readable)
{
	if (l->ops->wake)
		l->ops->wake(l, readable);
}

static inline void link_free(struct link *l)
{
	if (l)
		l->ops->free(l);
}

#endif
