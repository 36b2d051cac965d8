/* The composition root: makes links, ports and tunnels out of a spec.  It alone
 * knows the kinds.
 */
#include "nic/host/spec_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nic/impair/impair_link.h"
#include "nic/impair/impair_port.h"
#include "nic/host/spec_value.h"
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

static int build_eth(const struct site *at, struct port *port,
		     struct link **link)
{
	struct link_config cfg = roce_config(at);

	if (at->faults && impair_port_new(port, at->faults, &port))
		return no_memory(at);
	cfg.addr[cfg.naddr++] = spec_link_local(&at->spec->mac);
	cfg.share = at->share;
	return link_eth_new(&cfg, port, link, at->why);
}

static int build_vxlan(const struct site *at, struct link **link)
{
	const struct nic_spec *s = at->spec;
	struct link_config lower = {.port = VXLAN_UDP_PORT,
				    .addr = {s->local},
				    .naddr = 1,
				    .rcvbuf = s->rcvbuf,
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
	struct link *udp;
	struct port *port;
	int rc = link_udp_new(&lower, &udp, at->why);

	if (rc)
		return rc;
	memcpy(cfg.remote, s->remote, sizeof(s->remote));
	rc = vxlan_port_new(&cfg, udp, &port, at->why);
	return rc ? rc : build_eth(at, port, link);
}

/* Until there is one. */
static int build_none(const struct site *at, struct link **link)
{
	snprintf(at->why, SPEC_WHY_MAX, "port=%s: not in this glassnic",
		 port_kind_name(at->spec->port));
	return -EOPNOTSUPP;
}

int spec_link_new(const struct nic_spec *spec, struct tap *tap,
		  struct impair *faults, struct share *share,
		  struct counters *counters, struct link **link, char *why)
{
	static int (*const builders[])(const struct site *, struct link **) = {
		[PORT_UDP] = build_udp,	    [PORT_VXLAN] = build_vxlan,
		[PORT_PACKET] = build_none, [PORT_XDP] = build_none,
		[PORT_HUB] = build_none,    [PORT_PCAP] = build_none,
	};
	struct site at = {spec, tap, faults, share, counters, why};

	return builders[spec->port](&at, link);
}
