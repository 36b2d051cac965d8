#include "nic/host/spec_iface.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "nic/base/log.h"
#include "nic/host/netif.h"
#include "nic/host/spec_value.h"
#include "nic/link/share.h"
#include "nic/port/port_packet.h"
#include "nic/port/port_xdp.h"

_Static_assert(PACKET_WHY_MAX == SPEC_WHY_MAX, "one line has one length");

/* What stands behind port= or via=. */
struct place {
	enum port_kind kind; /* packet or xdp */
	const char *name;
};

/* What is wrong is told by @why already; says where. */
static int at_interface(const struct place *at, int error, char *why)
{
	char what[SPEC_WHY_MAX];

	snprintf(what, sizeof(what), "%s", why);
	snprintf(why, SPEC_WHY_MAX, "port=%s:%.15s: %.200s",
		 port_kind_name(at->kind), at->name, what);
	return error;
}

/* ip=host: everything is the interface's. */
static int take_host(const struct nic_spec *s, struct netif *n,
		     struct link_config *cfg, char *why)
{
	netif_addresses(n);
	if (!n->naddr) {
		snprintf(why, SPEC_WHY_MAX,
			 "ip=host: %s has no address; `ip addr add' gives it "
			 "one, or give the NIC an address of its own "
			 "(ip=ADDRESS/LENGTH)",
			 n->name);
		return -EADDRNOTAVAIL;
	}
	cfg->shared = true;
	cfg->mac = n->mac;
	cfg->naddr = n->naddr;
	memcpy(cfg->addr, n->addr, sizeof(n->addr));
	cfg->prefix_len = n->len[0];
	cfg->nroute = netif_routes(n, cfg->route, LINK_ROUTES);
	return 0;
}

/* An address of our own must not be one of the host's. */
static int check_own(const struct netif *n, const struct link_config *cfg,
		     char *why)
{
	char ip[IP_TEXT_MAX], mac[MAC_TEXT_MAX], name[NETIF_NAME_MAX];

	for (unsigned i = 0; i < cfg->naddr; i++) {
		if (!netif_owner(&cfg->addr[i], name))
			continue;
		snprintf(why, SPEC_WHY_MAX,
			 "ip=%s: this host's own address (%s); take ip=host, "
			 "or another address",
			 ip_format(&cfg->addr[i], ip), name);
		return -EADDRINUSE;
	}
	if (!mac_equal(&cfg->mac, &n->mac))
		return 0;
	snprintf(why, SPEC_WHY_MAX,
		 "mac=%s: the interface's own; leave mac= out, or take ip=host",
		 mac_format(&cfg->mac, mac));
	return -EADDRINUSE;
}

static int make_port(const struct nic_spec *s, const struct place *at,
		     const struct netif *n, const struct link_config *cfg,
		     struct port **port, char *why)
{
	struct xdp_config x = {.queue = s->queue, .mode = s->xdpmode};
	struct packet_config p = {.ifname = at->name,
				  .ifindex = n->index,
				  .mtu = n->mtu,
				  .mac = cfg->mac,
				  .naddr = cfg->naddr,
				  .shared = cfg->shared,
				  .udp_port = cfg->port,
				  .many = cfg->share != NULL,
				  .joined = cfg->share && share_joined(cfg->share),
				  .gso = s->gso,
				  .rcvbuf = s->rcvbuf,
				  .counters = cfg->counters};

	_Static_assert(sizeof(p.addr) == sizeof(cfg->addr), "as many");
	memcpy(p.addr, cfg->addr, sizeof(p.addr));
	if (at->kind == PORT_PACKET)
		return port_packet_new(&p, port, why);
	x.iface = p;
	return port_xdp_new(&x, port, why);
}

int spec_iface_under(const struct nic_spec *s, struct link_config *cfg,
		     struct port **port, char *why)
{
	const struct place at = {s->via_kind, s->via};
	const uint8_t *ip = cfg->addr[0].b;
	char name[NETIF_NAME_MAX];
	struct netif n;
	int error = netif_look(at.name, &n, why);

	if (error)
		return at_interface(&at, error, why);
	cfg->shared = netif_owner(&cfg->addr[0], name) && !strcmp(name, n.name);
	cfg->mac = (struct mac){{0x02, 0x76, ip[12], ip[13], ip[14], ip[15]}};
	cfg->prefix_len = ip_is_v4(&cfg->addr[0]) ? 24 : 64;
	if (cfg->shared) {
		cfg->mac = n.mac;
		cfg->nroute = netif_routes(&n, cfg->route, LINK_ROUTES);
	} else {
		error = check_own(&n, cfg, why);
	}
	return error ? error : make_port(s, &at, &n, cfg, port, why);
}

int spec_iface_new(const struct nic_spec *s, struct link_config *cfg,
		   struct port **port, char *why)
{
	const struct place at = {s->port, s->where};
	struct netif n;
	int error = netif_look(at.name, &n, why);

	if (error)
		return at_interface(&at, error, why);
	error = s->host_ip ? take_host(s, &n, cfg, why)
			   : check_own(&n, cfg, why);
	if (!error)
		error = make_port(s, &at, &n, cfg, port, why);
	if (!error && !n.running)
		log_warn("%s: nothing is at the other end of %s (no carrier); "
			 "what is sent is lost until there is",
			 s->name, n.name);
	return error;
}
