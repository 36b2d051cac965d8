/* Why the identification is 0: the kernel numbers IPv4 packets per destination,
 * unless DF is set (IP_PMTUDISC_DO) and the socket is not connected; then it
 * writes 0.  A connected socket would number even with DF.
 */
#include "nic/link/udp_sock.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nic/base/hold.h"

/* Newer than the C library's headers, or left out of them. */
#ifndef UDP_NO_CHECK6_TX
#define UDP_NO_CHECK6_TX 101
#define UDP_NO_CHECK6_RX 102
#endif
#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL 70
#endif
#ifndef IPV6_FLOWINFO
#define IPV6_FLOWINFO 11
#endif

#define SEND_BUFFER (1 << 20)
#define DEFAULT_MTU 1500u

struct option_row {
	int level, name, value;
};

static const struct option_row v4_options[] = {
	{IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
	{IPPROTO_IP, IP_TTL, UDP_TTL},
	{IPPROTO_IP, IP_MULTICAST_TTL, UDP_TTL},
	{SOL_SOCKET, SO_NO_CHECK, 1},
	{IPPROTO_IP, IP_RECVTOS, 1},
	{IPPROTO_IP, IP_RECVTTL, 1},
	{SOL_SOCKET, SO_RXQ_OVFL, 1},
};

static const struct option_row v6_options[] = {
	{IPPROTO_IPV6, IPV6_V6ONLY, 1},
	{IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO},
	{IPPROTO_IPV6, IPV6_UNICAST_HOPS, UDP_TTL},
	{IPPROTO_IPV6, IPV6_MULTICAST_HOPS, UDP_TTL},
	{IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0},
	{IPPROTO_UDP, UDP_NO_CHECK6_TX, 1},
	{IPPROTO_UDP, UDP_NO_CHECK6_RX, 1},
	{IPPROTO_IPV6, IPV6_RECVTCLASS, 1},
	{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
	{IPPROTO_IPV6, IPV6_FLOWINFO, 1},
	{SOL_SOCKET, SO_RXQ_OVFL, 1},
};

static int set_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

static int set_options(int fd, const struct option_row *row, size_t n)
{
	int error = 0;

	for (size_t i = 0; i < n && !error; i++)
		error = set_option(fd, row[i].level, row[i].name, row[i].value);
	return error;
}

static int set_common(int fd, bool v4)
{
	if (v4)
		return set_options(fd, v4_options,
				   sizeof(v4_options) / sizeof(v4_options[0]));
	return set_options(fd, v6_options,
			   sizeof(v6_options) / sizeof(v6_options[0]));
}

/* What multicast is sent through. */
static void set_multicast_interface(int fd, bool v4, unsigned ifindex)
{
	struct ip_mreqn m = {.imr_ifindex = (int)ifindex};

	if (!ifindex)
		return;
	if (v4)
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m));
	else
		set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)ifindex);
}

static int set_use(int fd, enum udp_use use)
{
	switch (use) {
	case UDP_MAIN:
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
		return 0;
	case UDP_SHARED:
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
		return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	case UDP_SEND:
		/* Programs that share an address share its ports. */
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
		return hold_silent(fd); /* what strays to its port */
	case UDP_GROUP: return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	}
	return -EINVAL;
}

socklen_t udp_name_of(union udp_name *name, const struct ip_addr *addr,
		      uint16_t port, uint32_t scope)
{
	memset(name, 0, sizeof(*name));
	if (ip_is_v4(addr)) {
		name->v4.sin_family = AF_INET;
		name->v4.sin_port = htons(port);
		memcpy(&name->v4.sin_addr, addr->b + 12, 4);
		return sizeof(name->v4);
	}
	name->v6.sin6_family = AF_INET6;
	name->v6.sin6_port = htons(port);
	memcpy(&name->v6.sin6_addr, addr->b, 16);
	if (ip_is_link_local(addr) || ip_is_multicast(addr))
		name->v6.sin6_scope_id = scope;
	return sizeof(name->v6);
}

struct ip_addr udp_name_addr(const union udp_name *name)
{
	struct ip_addr a;
	uint8_t v4[4];

	if (name->any.sa_family == AF_INET) {
		memcpy(v4, &name->v4.sin_addr, 4);
		return ip_from_v4(v4);
	}
	memcpy(a.b, &name->v6.sin6_addr, 16);
	return a;
}

int udp_sock_open(struct udp_sock *s, const struct ip_addr *addr, uint16_t port,
		  enum udp_use use, unsigned ifindex)
{
	bool v4 = ip_is_v4(addr);
	union udp_name name;
	socklen_t len = udp_name_of(&name, addr, port, ifindex);
	int fd = socket(v4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = set_common(fd, v4);
	if (!error)
		error = set_use(fd, use);
	if (error)
		goto err_close;
	set_multicast_interface(fd, v4, ifindex);
	if (bind(fd, &name.any, len) < 0) {
		error = -errno;
		goto err_close;
	}
	*s = (struct udp_sock){.fd = fd,
			       .addr = *addr,
			       .port = port,
			       .ttl = UDP_TTL,
			       .scope = ifindex};
	return 0;
err_close:
	close(fd);
	return error;
}

void udp_sock_close(struct udp_sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void udp_sock_rcvbuf(const struct udp_sock *s, unsigned len)
{
	if (set_option(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)len))
		set_option(s->fd, SOL_SOCKET, SO_RCVBUF, (int)len);
}

void udp_sock_set(struct udp_sock *s, uint8_t tos, uint8_t ttl)
{
	bool v4 = ip_is_v4(&s->addr);

	if (s->tos != tos)
		set_option(s->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
			   v4 ? IP_TOS : IPV6_TCLASS, tos);
	s->tos = tos;
	if (s->ttl == ttl)
		return;
	s->ttl = ttl;
	if (v4) {
		set_option(s->fd, IPPROTO_IP, IP_TTL, ttl);
		set_option(s->fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
	} else {
		set_option(s->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
		set_option(s->fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl);
	}
}

void udp_sock_checksum(struct udp_sock *s, bool on)
{
	if (s->checksum == on)
		return;
	s->checksum = on;
	if (ip_is_v4(&s->addr))
		set_option(s->fd, SOL_SOCKET, SO_NO_CHECK, !on);
	else
		set_option(s->fd, IPPROTO_UDP, UDP_NO_CHECK6_TX, !on);
}

void udp_sock_take_trains(const struct udp_sock *s)
{
	set_option(s->fd, IPPROTO_UDP, UDP_GRO, 1);
}

int udp_sock_member(const struct udp_sock *s, const struct ip_addr *group,
		    unsigned ifindex, bool member)
{
	struct ip_mreqn v4 = {.imr_ifindex = (int)ifindex};
	struct ipv6_mreq v6 = {.ipv6mr_interface = ifindex};
	int r;

	if (ip_is_v4(group)) {
		memcpy(&v4.imr_multiaddr, group->b + 12, 4);
		r = setsockopt(s->fd, IPPROTO_IP,
			       member ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP,
			       &v4, sizeof(v4));
	} else {
		memcpy(&v6.ipv6mr_multiaddr, group->b, 16);
		r = setsockopt(s->fd, IPPROTO_IPV6,
			       member ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &v6,
			       sizeof(v6));
	}
	return r < 0 ? -errno : 0;
}

static bool has_addr(const struct ifaddrs *i, const struct ip_addr *addr)
{
	union udp_name name;
	struct ip_addr own;

	if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET &&
			     i->ifa_addr->sa_family != AF_INET6))
		return false;
	memcpy(&name, i->ifa_addr,
	       i->ifa_addr->sa_family == AF_INET ? sizeof(name.v4)
						 : sizeof(name.v6));
	own = udp_name_addr(&name);
	if (ip_equal(&own, addr))
		return true;
	return (i->ifa_flags & IFF_LOOPBACK) && ip_is_v4(addr) &&
	       ip_is_v4(&own) && addr->b[12] == 127;
}

static unsigned mtu_of(const char *ifname)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned mtu = DEFAULT_MTU;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, ifname, IFNAMSIZ - 1);
	if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0)
		mtu = (unsigned)request.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return mtu;
}

struct udp_interface udp_interface_of(const struct ip_addr *addr)
{
	struct udp_interface found = {0, DEFAULT_MTU};
	struct ifaddrs *list;

	if (getifaddrs(&list) < 0)
		return found;
	for (const struct ifaddrs *i = list; i && !found.index;
	     i = i->ifa_next) {
		if (!has_addr(i, addr))
			continue;
		found.index = if_nametoindex(i->ifa_name);
		found.mtu = mtu_of(i->ifa_name);
	}
	freeifaddrs(list);
	return found;
}
