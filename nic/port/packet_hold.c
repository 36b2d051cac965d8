/* An address of our own is unknown to the kernel: an abstract UNIX socket of
 * its name, of this network namespace as the interface is, says that it is
 * taken.  An address that the host has, too, is held by a UDP socket, which
 * receives nothing: what comes for it is ours.
 */
#include "nic/port/packet_hold.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nic/base/hold.h"

static int bind_name(const struct packet_config *cfg, const struct ip_addr *ip)
{
	char text[IP_TEXT_MAX], name[96];

	snprintf(name, sizeof(name), "glassnic/packet/%u/%s", cfg->ifindex,
		 ip_format(ip, text));
	return hold_name(name, SOCK_CLOEXEC);
}

static int bind_v4(int fd, const struct packet_config *cfg,
		   const struct ip_addr *ip)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons(cfg->udp_port)};

	memcpy(&sin.sin_addr, ip->b + 12, 4);
	return bind(fd, (struct sockaddr *)&sin, sizeof(sin));
}

static int bind_v6(int fd, const struct packet_config *cfg,
		   const struct ip_addr *ip)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6,
				    .sin6_port = htons(cfg->udp_port)};
	int one = 1;

	memcpy(&sin6.sin6_addr, ip->b, 16);
	if (ip_is_link_local(ip))
		sin6.sin6_scope_id = cfg->ifindex;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&sin6, sizeof(sin6));
}

/* Whoever is first binds as if to be alone, and lets others join then. */
static int may_share(int fd)
{
	int one = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one))
		       ? -errno
		       : 0;
}

/* UDP_GRO would spare the kernel the cutting of trains that it then drops.  But it
 * also makes it join what comes from real wires, where senders may give all
 * packets the identification 0, and then nobody knows any more what an ICRC
 * covered.
 */
static int bind_udp(const struct packet_config *cfg, const struct ip_addr *ip)
{
	bool v4 = ip_is_v4(ip);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = hold_silent(fd);
	if (!error && cfg->joined)
		error = may_share(fd);
	if (!error && (v4 ? bind_v4(fd, cfg, ip) : bind_v6(fd, cfg, ip)))
		error = -errno;
	if (!error && cfg->many)
		error = may_share(fd);
	if (!error)
		return fd;
	close(fd);
	return error;
}

static void explain(const struct packet_config *cfg, const struct ip_addr *ip,
		    int error, char *why)
{
	char text[IP_TEXT_MAX];

	ip_format(ip, text);
	if (error != -EADDRINUSE)
		snprintf(why, PACKET_WHY_MAX, "%s on %s: cannot bind: %s", text,
			 cfg->ifname, strerror(-error));
	else if (cfg->shared)
		snprintf(why, PACKET_WHY_MAX,
			 "UDP port %u of %s is taken: by rdma_rxe or another "
			 "glassnic; end that, or give the NIC an address of "
			 "its own (ip=ADDRESS/LENGTH)",
			 cfg->udp_port, text);
	else
		snprintf(why, PACKET_WHY_MAX,
			 "ip=%s: another glassnic of this host has it on %s; "
			 "only programs of one user, with the same ip=, mac= "
			 "and vlan=, share an address",
			 text, cfg->ifname);
}

int packet_hold(struct packet_hold *h, const struct packet_config *cfg,
		char *why)
{
	h->n = 0;
	if (cfg->joined && !cfg->shared)
		return 0;
	for (unsigned i = 0; i < cfg->naddr; i++) {
		const struct ip_addr *ip = &cfg->addr[i];
		int fd = cfg->shared ? bind_udp(cfg, ip) : bind_name(cfg, ip);

		if (fd < 0) {
			explain(cfg, ip, fd, why);
			packet_let_go(h);
			return fd;
		}
		h->fd[h->n++] = fd;
	}
	return 0;
}

void packet_let_go(struct packet_hold *h)
{
	while (h->n)
		close(h->fd[--h->n]);
}
