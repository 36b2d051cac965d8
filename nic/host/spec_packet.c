#include "nic/host/spec_packet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "nic/base/log.h"
#include "nic/host/netif.h"
#include "nic/link/share.h"
#include "nic/port/port_packet.h"

_Static_assert(PACKET_WHY_MAX == SPEC_WHY_MAX, "one line has one length");

/* What is wrong is told by @why already; says where. */
static int at_interface(const char *where, int error, char *why)
{
	char what[SPEC_WHY_MAX];

	snprintf(what, sizeof(what), "%s", why);
	snprintf(why, SPEC_WHY_MAX, "port=packet:%.15s: %.200s", where, what);
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

static struct packet_config config_of(const struct nic_spec *s,
				      const char *where, const struct netif *n,
				      const struct link_config *cfg)
{
	struct packet_config p = {.ifname = where,
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
	return p;
}

int spec_packet_under(const struct nic_spec *s, struct link_config *cfg,
		      struct port **port, char *why)
{
	const uint8_t *ip = cfg->addr[0].b;
	char name[NETIF_NAME_MAX];
	struct packet_config p;
	struct netif n;
	int error = netif_look(s->via, &n, why);

	if (error)
		return at_interface(s->via, error, why);
	cfg->shared = netif_owner(&cfg->addr[0], name) && !strcmp(name, n.name);
	cfg->mac = (struct mac){{0x02, 0x76, ip[12], ip[13], ip[14], ip[15]}};
	cfg->prefix_len = ip_is_v4(&cfg->addr[0]) ? 24 : 64;
	if (cfg->shared) {
		cfg->mac = n.mac;
		cfg->nroute = netif_routes(&n, cfg->route, LINK_ROUTES);
	} else {
		error = check_own(&n, cfg, why);
	}
	p = config_of(s, s->via, &n, cfg);
	return error ? error : port_packet_new(&p, port, why);
}

int spec_packet_new(const struct nic_spec *s, struct link_config *cfg,
		    struct port **port, char *why)
{
	struct packet_config p;
	struct netif n;
	int error = netif_look(s->where, &n, why);

	if (error)
		return at_interface(s->where, error, why);
	error = s->host_ip ? take_host(s, &n, cfg, why)
			   : check_own(&n, cfg, why);
	if (error)
		return error;
	p = config_of(s, s->where, &n, cfg);
	error = port_packet_new(&p, port, why);
	if (!error && !n.running)
		log_warn("%s: nothing is at the other end of %s (no carrier); "
			 "what is sent is lost until there is",
			 s->name, n.name);
	return error;
}
