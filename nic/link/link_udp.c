/* A link over UDP sockets of the kernel: one for each own address, more for
 * other source ports (udp_source.c) and one for each multicast group joined,
 * because a socket that is bound to an address hears no groups.
 */
#include "nic/link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "nic/link/share.h"
#include "nic/link/udp_owner.h"
#include "nic/link/udp_rx.h"
#include "nic/link/udp_sock.h"
#include "nic/link/udp_tx.h"

#define OWN_MAX	    (LINK_FDS - 1) /* one descriptor is for all groups */
#define GROUPS_MAX  32u
#define RCVBUF_WANT (8u << 20)
#define IP_MTU_MAX  65535u
#define WHY_LEN	    160
#define ASIDE_EVERY (100 * USEC) /* a look at what others passed on */

struct udp_link {
	struct link link;
	struct udp_sock own[OWN_MAX]; /* link.naddr of them */
	unsigned nown;
	struct udp_sock group[GROUPS_MAX];
	unsigned ngroup;
	int group_epoll; /* readable when a group's or the aside socket is */
	struct share *share; /* of own[0]; or NULL */
	nsec_t aside_at;     /* the last look there */
	unsigned rcvbuf;
	struct udp_tx *tx;
	struct udp_rx *rx;
};

static struct udp_link *of(struct link *l)
{
	return (struct udp_link *)l;
}

static void udp_send(struct link *l, struct pkt *batch, unsigned n, nsec_t now)
{
	udp_tx_send(of(l)->tx, batch, n, now);
}

static unsigned udp_receive(struct link *l, unsigned budget, nsec_t now)
{
	struct udp_link *u = of(l);
	unsigned n = 0;

	if (u->share && now - u->aside_at >= ASIDE_EVERY) {
		u->aside_at = now;
		n += udp_rx_aside(u->rx, now);
	}
	for (unsigned i = 0; i < u->nown && n < budget; i++)
		n += udp_rx_read(u->rx, &u->own[i], budget - n, now);
	for (unsigned i = 0; i < u->ngroup && n < budget; i++)
		n += udp_rx_read(u->rx, &u->group[i], budget - n, now);
	return n;
}

static nsec_t udp_deadline(const struct link *l)
{
	const struct udp_link *u = (const struct udp_link *)l;

	return u->share ? share_deadline(u->share) : NSEC_NEVER;
}

static void udp_tick(struct link *l, nsec_t now)
{
	if (of(l)->share)
		share_tick(of(l)->share, now);
}

static unsigned udp_fds(const struct link *l, int fd[LINK_FDS])
{
	const struct udp_link *u = (const struct udp_link *)l;
	unsigned n = 0;

	while (n < u->nown) {
		fd[n] = u->own[n].fd;
		n++;
	}
	fd[n++] = u->group_epoll;
	return n;
}

/* Addresses that never leave the host: 127.0.0.0/8 and ::1. */
static bool is_loopback(const struct ip_addr *a)
{
	static const struct ip_addr one = {.b = {[15] = 1}};

	return ip_is_v4(a) ? a->b[12] == 127 : ip_equal(a, &one);
}

static int udp_reaches(const struct link *l, const struct ip_addr *dst)
{
	if (ip_is_any(dst))
		return -ENETUNREACH;
	for (unsigned i = 0; i < l->naddr; i++) {
		const struct ip_addr *own = &l->addr[i];

		if (ip_is_v4(own) != ip_is_v4(dst))
			continue;
		if (ip_is_multicast(dst) ||
		    is_loopback(own) == is_loopback(dst) || ip_equal(own, dst))
			return 0;
	}
	return -ENETUNREACH;
}

static struct udp_sock *find_group(struct udp_link *u,
				   const struct ip_addr *group)
{
	for (unsigned i = 0; i < u->ngroup; i++)
		if (ip_equal(&u->group[i].addr, group))
			return &u->group[i];
	return NULL;
}

static int join_group(struct udp_link *u, const struct ip_addr *group)
{
	struct udp_sock *s = &u->group[u->ngroup];
	struct epoll_event ready = {.events = EPOLLIN};
	unsigned ifindex = u->own[0].scope;
	int error;

	if (u->ngroup == GROUPS_MAX)
		return -ENOSPC;
	error = udp_sock_open(s, group, u->own[0].port, UDP_GROUP, ifindex);
	if (error)
		return error;
	error = udp_sock_member(s, group, ifindex, true);
	if (!error && epoll_ctl(u->group_epoll, EPOLL_CTL_ADD, s->fd, &ready))
		error = -errno;
	if (error) {
		udp_sock_close(s);
		return error;
	}
	udp_sock_rcvbuf(s, u->rcvbuf);
	udp_sock_take_trains(s);
	u->ngroup++;
	return 0;
}

static int udp_join(struct link *l, const struct ip_addr *group, bool member)
{
	struct udp_link *u = of(l);
	struct udp_sock *s = find_group(u, group);

	if (!ip_is_multicast(group))
		return -EINVAL;
	if (member)
		return s ? 0 : join_group(u, group);
	if (!s)
		return -ENOENT;
	udp_sock_close(s); /* which leaves the group */
	*s = u->group[--u->ngroup];
	return 0;
}

static void udp_free(struct link *l)
{
	struct udp_link *u = of(l);

	udp_tx_free(u->tx);
	udp_rx_free(u->rx);
	for (unsigned i = 0; i < u->ngroup; i++)
		udp_sock_close(&u->group[i]);
	if (u->share)
		share_leave(u->share, &u->own[0]);
	for (unsigned i = 0; i < u->nown; i++)
		udp_sock_close(&u->own[i]);
	if (u->group_epoll >= 0)
		close(u->group_epoll);
	free(u);
}

static const struct link_ops udp_ops = {
	.send = udp_send,
	.receive = udp_receive,
	.deadline = udp_deadline,
	.tick = udp_tick,
	.fds = udp_fds,
	.reaches = udp_reaches,
	.join = udp_join,
	.free = udp_free,
};

static void explain_taken(const struct ip_addr *addr, uint16_t port, char *why)
{
	uid_t owner = geteuid();
	char ip[IP_TEXT_MAX];

	ip_format(addr, ip);
	if (udp_owner(addr, port, &owner) && owner != geteuid())
		snprintf(why, WHY_LEN,
			 "ip=%s: UDP port %u is taken by user %u, and only "
			 "programs of one user share an address; choose "
			 "another ip=",
			 ip, port, (unsigned)owner);
	else
		snprintf(why, WHY_LEN,
			 "ip=%s: UDP port %u is taken (rdma_rxe? a glassnic "
			 "with another GLASSNIC_RUNTIME?); choose another ip= "
			 "or end it",
			 ip, port);
}

static int explain_bind(const struct link_config *cfg, unsigned i, int error,
			char *why)
{
	char ip[IP_TEXT_MAX];

	ip_format(&cfg->addr[i], ip);
	switch (-error) {
	case EADDRINUSE: explain_taken(&cfg->addr[i], cfg->port, why); break;
	case EADDRNOTAVAIL:
		snprintf(why, WHY_LEN,
			 "ip=%s: this host does not have the address; choose "
			 "one of \"ip address\", or any of 127.0.0.0/8",
			 ip);
		break;
	case EACCES:
		snprintf(why, WHY_LEN,
			 "ip=%s: UDP port %u needs a privilege that this "
			 "program lacks; choose a port above 1023",
			 ip, cfg->port);
		break;
	case EBUSY:
		snprintf(why, WHY_LEN,
			 "ip=%s: another program was busy joining it for "
			 "seconds; is one of them stopped?",
			 ip);
		break;
	case ENOSPC:
		snprintf(why, WHY_LEN,
			 "ip=%s: no more programs can share it; choose another "
			 "ip=",
			 ip);
		break;
	default:
		snprintf(why, WHY_LEN, "ip=%s: UDP port %u: %s", ip, cfg->port,
			 strerror(-error));
	}
	return error;
}

static int open_one(struct udp_link *u, const struct link_config *cfg,
		    unsigned i, unsigned ifindex)
{
	struct epoll_event ready = {.events = EPOLLIN};
	int rc;

	if (i || !cfg->share)
		return udp_sock_open(&u->own[i], &cfg->addr[i], cfg->port,
				     UDP_MAIN, ifindex);
	rc = share_join(cfg->share, &u->own[0], ifindex, cfg->counters);
	if (rc)
		return rc;
	u->share = cfg->share;
	epoll_ctl(u->group_epoll, EPOLL_CTL_ADD, share_aside(u->share)->fd,
		  &ready);
	return 0;
}

static int open_own(struct udp_link *u, const struct link_config *cfg,
		    char *why)
{
	u->rcvbuf = cfg->rcvbuf ? cfg->rcvbuf : RCVBUF_WANT;
	u->link.ip_mtu = cfg->ip_mtu ? cfg->ip_mtu : IP_MTU_MAX;
	for (unsigned i = 0; i < cfg->naddr; i++) {
		const struct ip_addr *addr = &cfg->addr[i];
		struct udp_interface on = udp_interface_of(addr);
		int error = open_one(u, cfg, i, on.index);

		if (error)
			return explain_bind(cfg, i, error, why);
		u->nown++;
		udp_sock_rcvbuf(&u->own[i], u->rcvbuf);
		udp_sock_take_trains(&u->own[i]);
		u->link.addr[u->link.naddr++] = *addr;
		if (!cfg->ip_mtu && on.mtu < u->link.ip_mtu)
			u->link.ip_mtu = on.mtu;
	}
	return 0;
}

/* An address that a socket can be bound to and send from. */
static int check_addresses(const struct link_config *cfg, char *why)
{
	char ip[IP_TEXT_MAX];

	if (!cfg->naddr || cfg->naddr > OWN_MAX) {
		snprintf(why, WHY_LEN, "ip=: a udp port has 1 to %u addresses",
			 OWN_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; i < cfg->naddr; i++) {
		if (!ip_is_any(&cfg->addr[i]) &&
		    !ip_is_multicast(&cfg->addr[i]))
			continue;
		snprintf(why, WHY_LEN, "ip=%s: not the address of a host",
			 ip_format(&cfg->addr[i], ip));
		return -EINVAL;
	}
	return 0;
}

int link_udp_new(const struct link_config *cfg, struct link **link, char *why)
{
	int error = check_addresses(cfg, why);
	struct udp_link *u;

	if (error)
		return error;
	u = calloc(1, sizeof(*u));
	if (!u) {
		snprintf(why, WHY_LEN, "out of memory");
		return -ENOMEM;
	}
	u->link.ops = &udp_ops;
	u->link.counters = cfg->counters;
	u->group_epoll = epoll_create1(EPOLL_CLOEXEC);
	error = open_own(u, cfg, why);
	if (error)
		goto err_free;
	u->tx = udp_tx_new(cfg, u->own, u->nown);
	u->rx = udp_rx_new(cfg, &u->link);
	if (!u->tx || !u->rx || u->group_epoll < 0) {
		snprintf(why, WHY_LEN, "out of memory or descriptors");
		error = -ENOMEM;
		goto err_free;
	}
	*link = &u->link;
	return 0;
err_free:
	udp_free(&u->link);
	return error;
}
