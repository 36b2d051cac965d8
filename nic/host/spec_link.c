/* The composition root: makes links, ports and tunnels out of a spec.  It alone
 * knows the kinds.
 */
#include "nic/host/spec_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nic/impair/impair_link.h"
#include "nic/impair/impair_port.h"
#include "nic/host/probe.h"
#include "nic/host/spec_iface.h"
#include "nic/impair/quantity.h"
#include "nic/link/share.h"
#include "nic/port/capture.h"
#include "nic/port/port_hub.h"
#include "nic/port/port_pcap.h"
#include "overlay/vxlan.h"
#include "wire/bth.h"
#include "wire/vxlan.h"

/* What the parts of one stack have in common. */
struct site {
	const struct nic_spec *spec;
	struct tap *tap;
	struct impair *faults;
	struct share *share;
	struct counters *counters;
	char *why;
};

static int no_memory(const struct site *at)
{
	snprintf(at->why, SPEC_WHY_MAX, "out of memory");
	return -ENOMEM;
}

/* Further addresses: what is in their prefixes is on the link, too. */
static void add_addresses(const struct nic_spec *s, struct link_config *cfg)
{
	for (unsigned i = 0; i < s->nmore; i++) {
		unsigned len = s->more_len[i];
		bool v4 = ip_is_v4(&s->more_ip[i]);

		cfg->addr[cfg->naddr++] = s->more_ip[i];
		cfg->route[cfg->nroute++] = (struct link_route){
			.dst = s->more_ip[i], .len = v4 ? 96 + len : len};
	}
}

static struct link_config roce_config(const struct site *at)
{
	const struct nic_spec *s = at->spec;

	return (struct link_config){.port = ROCE_UDP_PORT,
				    .icrc = true,
				    .foreign = s->foreign,
				    .addr = {s->ip},
				    .naddr = 1,
				    .prefix_len = s->prefix_len,
				    .gateway = s->gateway,
				    .mac = s->mac,
				    .vlan = s->vlan,
				    .ip_mtu = s->mtu,
				    .rcvbuf = s->rcvbuf,
				    .gso = s->gso,
				    .counters = at->counters};
}

struct ip_addr spec_link_local(const struct mac *m)
{
	return (struct ip_addr){{0xfe, 0x80, 0, 0, 0, 0, 0, 0, m->b[0] ^ 2,
				 m->b[1], m->b[2], 0xff, 0xfe, m->b[3], m->b[4],
				 m->b[5]}};
}

static int build_udp(const struct site *at, struct link **link)
{
	struct link_config cfg = roce_config(at);
	int rc;

	cfg.tap = at->tap;
	cfg.share = at->share;
	rc = link_udp_new(&cfg, link, at->why);
	if (!rc && at->faults && impair_link_new(*link, at->faults, link))
		rc = no_memory(at);
	return rc;
}

/* What a NIC on Ethernet is: its addresses and the link-local one. */
static struct link_config eth_config(const struct site *at)
{
	struct link_config cfg = roce_config(at);

	add_addresses(at->spec, &cfg);
	cfg.addr[cfg.naddr++] = spec_link_local(&at->spec->mac);
	cfg.share = at->share;
	return cfg;
}

static int build_eth(const struct site *at, const struct link_config *cfg,
		     struct port *port, struct link **link)
{
	if (at->faults && impair_port_new(port, at->faults, &port))
		return no_memory(at);
	return link_eth_new(cfg, port, link, at->why);
}

/* Lets the capture see @port, which it frees if that fails: what passes it, and
 * what goes to ourselves.
 */
static int capture_below(const struct site *at, struct link_config *cfg,
			 struct port **port)
{
	cfg->tap = at->tap;
	if (at->tap && capture_port_new(*port, at->tap, port))
		return no_memory(at);
	return 0;
}

/* The same, and asks whether the addresses are free. */
static int prepare_port(const struct site *at, struct link_config *cfg,
			struct port **port)
{
	int rc = capture_below(at, cfg, port);

	if (rc || cfg->shared || (cfg->share && share_joined(cfg->share)))
		return rc;
	rc = probe_addresses(*port, cfg, at->why);
	if (rc)
		port_free(*port);
	return rc;
}

static int use_share(const struct site *at, int (*use)(struct share *s))
{
	int rc = at->share ? use(at->share) : 0;

	if (rc)
		snprintf(at->why, SPEC_WHY_MAX,
			 "port=packet:%.15s: cannot share its address with "
			 "other programs: %s",
			 at->spec->where, strerror(-rc));
	return rc;
}

/* A NIC on an interface. */
static int build_iface(const struct site *at, struct link **link)
{
	struct link_config cfg = eth_config(at);
	struct port *port;
	int rc;

	if (at->spec->host_ip)
		cfg.naddr = cfg.nroute = 0;
	rc = use_share(at, share_enter);
	if (!rc)
		rc = spec_iface_new(at->spec, &cfg, &port, at->why);
	if (!rc)
		rc = prepare_port(at, &cfg, &port);
	if (rc)
		return rc;
	rc = use_share(at, share_settle);
	if (rc)
		port_free(port);
	return rc ? rc : build_eth(at, &cfg, port, link);
}

/* What carries a tunnel. */
static int build_lower(const struct site *at, struct link_config *cfg,
		       struct link **link)
{
	struct port *port;
	int rc;

	if (!at->spec->via[0])
		return link_udp_new(cfg, link, at->why);
	rc = spec_iface_under(at->spec, cfg, &port, at->why);
	if (!rc)
		rc = prepare_port(at, cfg, &port);
	return rc ? rc : link_eth_new(cfg, port, link, at->why);
}

static int build_vxlan(const struct site *at, struct link **link)
{
	const struct nic_spec *s = at->spec;
	struct link_config lower = {.port = VXLAN_UDP_PORT,
				    .addr = {s->local},
				    .naddr = 1,
				    .rcvbuf = s->rcvbuf,
				    .gso = s->gso,
				    .tap = at->tap,
				    .share = at->share,
				    .counters = at->counters};
	struct vxlan_config cfg = {.vni = s->vni,
				   .local = s->local,
				   .nremote = s->nremote,
				   .learn = s->learn,
				   .shared = at->share != NULL,
				   .ageing_sec = s->ageing_sec,
				   .counters = at->counters};
	struct link_config inner = eth_config(at);
	struct link *under;
	struct port *port;
	int rc = build_lower(at, &lower, &under);

	if (rc)
		return rc;
	memcpy(cfg.remote, s->remote, sizeof(s->remote));
	rc = vxlan_port_new(&cfg, under, &port, at->why);
	return rc ? rc : build_eth(at, &inner, port, link);
}

static int build_hub(const struct site *at, struct link **link)
{
	static const mode_t mode[] = {
		[SHARE_USER] = 0600, [SHARE_GROUP] = 0660, [SHARE_ALL] = 0666};
	const struct nic_spec *s = at->spec;
	struct hub_member member = {.where = s->where,
				    .mode = mode[s->share],
				    .mac = s->mac,
				    .ip = s->ip};
	struct link_config cfg = eth_config(at);
	struct port *port;
	int rc = port_hub_new(&member, at->counters, &port, at->why);

	if (!rc)
		rc = capture_below(at, &cfg, &port);
	return rc ? rc : build_eth(at, &cfg, port, link);
}

static int build_pcap(const struct site *at, struct link **link)
{
	const struct nic_spec *s = at->spec;
	struct pcap_config pcap = {.out = s->where,
				   .name = s->name,
				   .in = s->in[0] ? s->in : NULL,
				   .fast = s->pace == PACE_FAST,
				   .counters = at->counters};
	struct link_config cfg = eth_config(at);
	struct port *port;
	int rc;

	if (s->after[0])
		quantity_duration(s->after, &pcap.after);
	rc = port_pcap_new(&pcap, &port, at->why);
	if (!rc)
		rc = capture_below(at, &cfg, &port);
	return rc ? rc : build_eth(at, &cfg, port, link);
}

int spec_link_new(const struct nic_spec *spec, struct tap *tap,
		  struct impair *faults, struct share *share,
		  struct counters *counters, struct link **link, char *why)
{
	static int (*const builders[])(const struct site *, struct link **) = {
		[PORT_UDP] = build_udp,	      [PORT_VXLAN] = build_vxlan,
		[PORT_PACKET] = build_iface,  [PORT_XDP] = build_iface,
		[PORT_HUB] = build_hub,	      [PORT_PCAP] = build_pcap,
	};
	struct site at = {spec, tap, faults, share, counters, why};

	return builders[spec->port](&at, link);
}
