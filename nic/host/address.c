/* Which address a NIC has when its spec does not say.  All of 127.0.0.0/8
 * belongs to the loopback interface, so every host on the machine can have one
 * of its own.  An address is claimed by binding an abstract UNIX socket of its
 * name: the name belongs to the network namespace, as the address does, is free
 * again when the last holder dies, and children inherit it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nic/base/hold.h"
#include "nic/host/spec.h"
#include "nic/host/spec_value.h"
#include "nic/port/hub_file.h"
#include "wire/bth.h"
#include "wire/vxlan.h"

#define CANDIDATES 2048u

/* Descriptors that a program inherits are kept out of the low numbers, which
 * shell scripts use as they please.
 */
#define CLAIM_FD_MIN 200

static int out_of_the_way(int fd)
{
	int high = fcntl(fd, F_DUPFD, CLAIM_FD_MIN);

	if (high < 0)
		return fd;
	close(fd);
	return high;
}

/* An open claim on @name, or -1: somebody holds it. */
static int claim_name(const char *name)
{
	int fd = hold_name(name, 0);

	return fd < 0 ? -1 : out_of_the_way(fd);
}

/* FNV-1a. */
static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash;
}

/* Could a UDP socket be bound there?  For a moment one is: so only those are
 * asked about that nobody claims.
 */
static bool is_bindable(const uint8_t v4[4], uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return false;
	memcpy(&sin.sin_addr, v4, 4);
	rc = bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	close(fd);
	return !rc;
}

static int claim_loopback(uint16_t port, struct ip_addr *ip, int *claim,
			  char *why)
{
	char name[64];

	for (unsigned i = 1; i < CANDIDATES; i++) {
		uint8_t v4[4] = {127, 0, (uint8_t)(i >> 8), (uint8_t)i};

		if (!v4[3] || v4[3] == 255)
			continue;
		snprintf(name, sizeof(name), "glassnic/%u.%u.%u.%u:%u", v4[0],
			 v4[1], v4[2], v4[3], port);
		*claim = claim_name(name);
		if (*claim < 0)
			continue;
		if (!is_bindable(v4, port)) {
			close(*claim);
			*claim = CLAIM_NONE;
			continue;
		}
		*ip = ip_from_v4(v4);
		return 0;
	}
	snprintf(why, SPEC_WHY_MAX,
		 "UDP port %u is taken on every address of 127.0.0.0/8: "
		 "somebody holds it for all addresses (rdma_rxe does); end "
		 "that, or give ip= an address of another kind",
		 port);
	return -EADDRINUSE;
}

/* Inside a tunnel the addresses are ours to choose: 10.VNI.VNI.LOCAL/24. */
static void inner_address(struct nic_spec *s)
{
	uint8_t v4[4] = {10, (uint8_t)(s->vni >> 8), (uint8_t)s->vni,
			 s->local.b[15]};

	s->ip = ip_from_v4(v4);
	s->prefix_len = 24;
	s->has_ip = true;
}

/* A hub has a net of its own, 10.X.0.0/24, where X is made from what it is
 * called. The claim is against others who look for an address at the same time;
 * who has joined stands in the hub's table.
 */
static int claim_on_hub(struct nic_spec *s, int *claim, char *why)
{
	struct ip_addr used[HUB_STATIONS];
	int nused = hub_addresses(s->where, used, why);
	uint32_t hash = hash_of(s->where);

	if (nused < 0)
		return nused;
	for (unsigned i = 1; i < 255; i++) {
		uint8_t v4[4] = {10, (uint8_t)(1 + hash % 254), 0, (uint8_t)i};
		struct ip_addr ip = ip_from_v4(v4);
		char name[64];
		int n = 0;

		while (n < nused && !ip_equal(&used[n], &ip))
			n++;
		if (n < nused)
			continue;
		snprintf(name, sizeof(name), "glassnic/hub-%08x/%u", hash, i);
		*claim = claim_name(name);
		if (*claim < 0)
			continue;
		s->ip = ip;
		return 0;
	}
	snprintf(why, SPEC_WHY_MAX, "port=hub:%.100s: all addresses are taken",
		 s->where);
	return -EADDRINUSE;
}

/* Locally administered, and the same for the same address. */
static void make_mac(struct nic_spec *s)
{
	s->mac = (struct mac){{0x02, 0x67, s->ip.b[12], s->ip.b[13],
			       s->ip.b[14], s->ip.b[15]}};
	s->has_mac = true;
}

/* Which address a NIC on an interface shall have cannot be guessed. */
static int need_ip(const struct nic_spec *s, char *why)
{
	if (s->has_ip || s->host_ip)
		return 0;
	snprintf(why, SPEC_WHY_MAX,
		 "port=%s:%.63s: no ip=; allowed: ip=ADDRESS/LENGTH for an "
		 "address of its own, ip=host for those of the interface",
		 port_kind_name(s->port), s->where);
	return -EINVAL;
}

static int need_local(const struct nic_spec *s, char *why)
{
	if (!s->via[0] || s->has_local)
		return 0;
	snprintf(why, SPEC_WHY_MAX,
		 "via=%s:%.63s: no local=; allowed: an address of its own, or "
		 "one of the interface's",
		 port_kind_name(s->via_kind), s->via);
	return -EINVAL;
}

int spec_claim(struct nic_spec *s, int *fd, char *why)
{
	bool iface = s->port == PORT_PACKET || s->port == PORT_XDP;
	int rc = iface ? need_ip(s, why) : need_local(s, why);

	*fd = CLAIM_NONE;
	if (s->port == PORT_UDP && !s->has_ip) {
		rc = claim_loopback(ROCE_UDP_PORT, &s->ip, fd, why);
		s->has_ip = !rc;
		s->prefix_len = 8;
	}
	if (!rc && s->port == PORT_VXLAN && !s->has_local) {
		rc = claim_loopback(VXLAN_UDP_PORT, &s->local, fd, why);
		s->has_local = !rc;
	}
	if (!rc && s->port == PORT_VXLAN && !s->has_ip)
		inner_address(s);
	if (s->port == PORT_HUB && !s->has_ip) {
		rc = claim_on_hub(s, fd, why);
		s->has_ip = !rc;
		s->prefix_len = 24;
	}
	if (s->port == PORT_PCAP && !s->has_ip) {
		s->ip = ip_from_v4((uint8_t[]){10, 0, 0, 1});
		s->has_ip = true;
		s->prefix_len = 24;
	}
	if (!rc && !s->has_mac && !s->host_ip)
		make_mac(s);
	return rc;
}
