/* Ioctls for what is one number, getifaddrs and /proc for what is a list. */
#include "nic/host/netif.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "nic/host/spec.h"

#define WAIT_NSEC     (50 * 1000 * 1000)
#define TEST_WAITS    60 /* for addresses that are being tested */
#define CARRIER_WAITS 24
/* linux/if_addr.h */
#define ADDR_TENTATIVE 0x40u
#define ADDR_FAILED    0x08u
/* linux/ipv6_route.h */
#define ROUTE_LOCAL 0x80000000u

static int refuse(char *why, int error, const char *text)
{
	snprintf(why, SPEC_WHY_MAX, "%s", text);
	return error;
}

static int ask(int fd, struct ifreq *rq, unsigned long what)
{
	return ioctl(fd, what, rq) ? -errno : 0;
}

static int read_flags(int fd, struct ifreq *rq, struct netif *n, char *why)
{
	const struct timespec pause = {.tv_nsec = WAIT_NSEC};
	int error = 0;

	/* The kernel tells up to a second late that the cable is in. */
	for (int i = 0; i < CARRIER_WAITS && !error && !n->running; i++) {
		if (i)
			nanosleep(&pause, NULL);
		error = ask(fd, rq, SIOCGIFFLAGS);
		if (!(rq->ifr_flags & IFF_UP))
			break;
		n->running = rq->ifr_flags & IFF_RUNNING;
	}
	if (error)
		return refuse(why, error, strerror(-error));
	if (rq->ifr_flags & IFF_UP)
		return 0;
	snprintf(why, SPEC_WHY_MAX,
		 "the interface is down; `ip link set dev %s up' brings it up",
		 n->name);
	return -ENETDOWN;
}

static int read_mac(int fd, struct ifreq *rq, struct netif *n, char *why)
{
	int error = ask(fd, rq, SIOCGIFHWADDR);

	if (error)
		return refuse(why, error, strerror(-error));
	if (rq->ifr_hwaddr.sa_family != ARPHRD_ETHER &&
	    rq->ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return refuse(why, -EOPNOTSUPP,
			      "not an Ethernet interface; port=udp works over "
			      "any");
	memcpy(n->mac.b, rq->ifr_hwaddr.sa_data, 6);
	return 0;
}

static int read_mtu(int fd, struct ifreq *rq, struct netif *n, char *why)
{
	int error = ask(fd, rq, SIOCGIFMTU);

	if (error)
		return refuse(why, error, strerror(-error));
	n->mtu = (unsigned)rq->ifr_mtu;
	if (n->mtu > UINT16_MAX)
		n->mtu = UINT16_MAX;
	if (n->mtu >= NETIF_MTU_MIN)
		return 0;
	snprintf(why, SPEC_WHY_MAX,
		 "its MTU is %u, and %u is the least; `ip link set dev %s mtu "
		 "1500' raises it",
		 n->mtu, NETIF_MTU_MIN, n->name);
	return -EMSGSIZE;
}

int netif_look(const char *name, struct netif *n, char *why)
{
	struct ifreq rq;
	int fd, error;

	memset(n, 0, sizeof(*n));
	memset(&rq, 0, sizeof(rq));
	if (strlen(name) < NETIF_NAME_MAX)
		strcpy(n->name, name);
	memcpy(rq.ifr_name, n->name, NETIF_NAME_MAX);
	n->index = n->name[0] ? if_nametoindex(n->name) : 0;
	if (!n->index)
		return refuse(why, -ENODEV,
			      "no such interface; `ip link' lists them");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(why, -errno, strerror(errno));
	error = read_flags(fd, &rq, n, why);
	if (!error)
		error = read_mac(fd, &rq, n, why);
	if (!error)
		error = read_mtu(fd, &rq, n, why);
	close(fd);
	return error;
}

/* ---- addresses ---- */

static void add(struct netif *n, const struct ip_addr *ip, unsigned len)
{
	if (n->naddr == LINK_ADDRS)
		return;
	n->addr[n->naddr] = *ip;
	n->len[n->naddr++] = len;
}

static bool v4_of(const struct ifaddrs *i, struct ip_addr *ip, unsigned *len)
{
	struct sockaddr_in sin;

	if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
		return false;
	memcpy(&sin, i->ifa_addr, sizeof(sin));
	*ip = ip_from_v4((const uint8_t *)&sin.sin_addr);
	*len = 32;
	if (!i->ifa_netmask)
		return true;
	memcpy(&sin, i->ifa_netmask, sizeof(sin));
	*len = (unsigned)__builtin_popcount(sin.sin_addr.s_addr);
	return true;
}

static void add_v4(struct netif *n)
{
	struct ifaddrs *list;
	struct ip_addr ip;
	unsigned len;

	if (getifaddrs(&list))
		return;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (!strcmp(i->ifa_name, n->name) && v4_of(i, &ip, &len))
			add(n, &ip, len);
	freeifaddrs(list);
}

/* 32 hexadecimal digits. */
static bool parse_hex(const char *text, struct ip_addr *ip)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		ip->b[i] = (uint8_t)byte;
	}
	return true;
}

/* Adds the usable ones, link-local or not; false: some are being tested. */
static bool add_v6(struct netif *n, bool link_local)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	char line[128], hex[33], name[32];
	unsigned len, flags;
	struct ip_addr ip;
	bool settled = true;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%32s %*x %x %*x %x %31s", hex, &len, &flags,
			   name) != 4 ||
		    strcmp(name, n->name) || !parse_hex(hex, &ip) ||
		    ip_is_link_local(&ip) != link_local ||
		    (flags & ADDR_FAILED))
			continue;
		if (flags & ADDR_TENTATIVE)
			settled = false;
		else
			add(n, &ip, len);
	}
	if (f)
		fclose(f);
	return settled;
}

void netif_addresses(struct netif *n)
{
	const struct timespec pause = {.tv_nsec = WAIT_NSEC};
	bool settled = false;

	for (int i = 0; i < TEST_WAITS && !settled; i++) {
		if (i)
			nanosleep(&pause, NULL);
		n->naddr = 0;
		add_v4(n);
		settled = add_v6(n, false);
		settled &= add_v6(n, true);
	}
}

static bool same_addr(const struct sockaddr *sa, const struct ip_addr *ip)
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;

	if (ip_is_v4(ip)) {
		memcpy(&sin, sa, sizeof(sin));
		return sa->sa_family == AF_INET &&
		       !memcmp(&sin.sin_addr, ip->b + 12, 4);
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&sin6, sa, sizeof(sin6));
	return !memcmp(&sin6.sin6_addr, ip->b, 16);
}

bool netif_owner(const struct ip_addr *ip, char name[NETIF_NAME_MAX])
{
	struct ifaddrs *list;
	bool found = false;

	if (getifaddrs(&list))
		return false;
	for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || !same_addr(i->ifa_addr, ip))
			continue;
		snprintf(name, NETIF_NAME_MAX, "%.15s", i->ifa_name);
		found = true;
	}
	freeifaddrs(list);
	return found;
}

/* ---- routes ---- */

static struct ip_addr v4_of_proc(unsigned word)
{
	uint8_t v4[4];

	memcpy(v4, &word, 4); /* it stands there in this machine's order */
	return ip_from_v4(v4);
}

bool netif_route_v4(const char *line, const char *name, struct link_route *r)
{
	unsigned dst, gateway, flags, mask;
	char iface[32];

	if (sscanf(line, "%31s %x %x %x %*d %*d %*d %x", iface, &dst, &gateway,
		   &flags, &mask) != 5 ||
	    strcmp(iface, name) || !(flags & RTF_UP) || (flags & RTF_REJECT))
		return false;
	r->dst = v4_of_proc(dst);
	r->len = 96 + (unsigned)__builtin_popcount(mask);
	r->gateway = v4_of_proc(gateway);
	return true;
}

bool netif_route_v6(const char *line, const char *name, struct link_route *r)
{
	char dst[33], gateway[33], iface[32];
	unsigned flags;

	if (sscanf(line, "%32s %x %*s %*x %32s %*x %*x %*x %x %31s", dst,
		   &r->len, gateway, &flags, iface) != 5 ||
	    strcmp(iface, name) || !(flags & RTF_UP) ||
	    (flags & (RTF_REJECT | ROUTE_LOCAL)) || r->len > 128)
		return false;
	return parse_hex(dst, &r->dst) && parse_hex(gateway, &r->gateway) &&
	       !ip_is_multicast(&r->dst);
}

static unsigned read_routes(const char *path,
			    bool (*parse)(const char *, const char *,
					  struct link_route *),
			    const struct netif *n, struct link_route *route,
			    unsigned max)
{
	FILE *f = fopen(path, "re");
	char line[512];
	unsigned found = 0;

	while (f && found < max && fgets(line, sizeof(line), f))
		found += parse(line, n->name, &route[found]);
	if (f)
		fclose(f);
	return found;
}

unsigned netif_routes(const struct netif *n, struct link_route *route,
		      unsigned max)
{
	unsigned found =
		read_routes("/proc/net/route", netif_route_v4, n, route, max);

	return found + read_routes("/proc/net/ipv6_route", netif_route_v6, n,
				   route + found, max - found);
}
