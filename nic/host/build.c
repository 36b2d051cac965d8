/* The composition root: makes links, ports, tunnels and the capture out of a
 * spec.  It alone knows the kinds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nic/base/log.h"
#include "nic/host/host.h"
#include "nic/port/capture.h"
#include "overlay/vxlan.h"
#include "wire/bth.h"
#include "wire/vxlan.h"

/* ---- the capture ------------------------------------------------------------ */

/* @text with each %p replaced by the process's number. */
static void expand_path(const char *text, char *path, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++) {
		if (text[0] == '%' && text[1] == 'p') {
			n += (size_t)snprintf(path + n, size - n, "%d",
					      (int)getpid());
			text++;
		} else {
			path[n++] = *text;
		}
		if (n >= size)
			n = size - 1;
	}
	path[n] = '\0';
}

/* Under `glassnic run' the launcher has emptied the file, and the first process
 * owns it.  Without the launcher each process starts it anew.
 */
static bool may_have(int fd)
{
	struct stat st;

	if (flock(fd, LOCK_EX | LOCK_NB))
		return false;
	return !getenv("GLASSNIC_RUN") || (!fstat(fd, &st) && !st.st_size);
}

static int open_capture(struct gn_nic *nic)
{
	const char *want = getenv("GLASSNIC_CAPTURE");
	char path[4096], why[SPEC_WHY_MAX];
	int rc, fd;

	if (!want || !*want)
		return 0;
	expand_path(want, path, sizeof(path) - 16);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0 && !may_have(fd)) {
		size_t n = strlen(path);

		close(fd);
		fd = -1;
		snprintf(path + n, sizeof(path) - n, ".%d", (int)getpid());
	}
	nic->capture_lock = fd;
	rc = capture_new(path, nic->spec.name, &nic->tap, why);
	if (rc)
		log_error("%s", why);
	return rc;
}

/* ---- links --------------------------------------------------------------------- */

static struct link_config roce_config(struct gn_nic *nic)
{
	const struct nic_spec *s = &nic->spec;

	return (struct link_config){ .port = ROCE_UDP_PORT,
				     .icrc = true,
				     .foreign = s->foreign,
				     .addr = { s->ip },
				     .naddr = 1,
				     .prefix_len = s->prefix_len,
				     .gateway = s->gateway,
				     .mac = s->mac,
				     .vlan = s->vlan,
				     .ip_mtu = s->mtu,
				     .rcvbuf = s->rcvbuf,
				     .counters = &nic->engine.counters };
}

/* fe80::/64 and the MAC as EUI-64 (RFC 4291, appendix A). */
static struct ip_addr link_local(const struct mac *m)
{
	return (struct ip_addr){ { 0xfe, 0x80, 0, 0, 0, 0, 0, 0,
				   m->b[0] ^ 2, m->b[1], m->b[2], 0xff, 0xfe,
				   m->b[3], m->b[4], m->b[5] } };
}

static int build_udp(struct gn_nic *nic, char *why)
{
	struct link_config cfg = roce_config(nic);
	int rc;

	cfg.tap = nic->tap;
	rc = link_udp_new(&cfg, &nic->link, why);
	return rc ? rc : host_faults_link(nic, &nic->link, why);
}

static int build_eth(struct gn_nic *nic, struct port *port, char *why)
{
	struct link_config cfg = roce_config(nic);
	int rc = host_faults_port(nic, &port, why);

	if (rc)
		return rc;
	cfg.addr[cfg.naddr++] = link_local(&nic->spec.mac);
	return link_eth_new(&cfg, port, &nic->link, why);
}

static int build_vxlan(struct gn_nic *nic, char *why)
{
	const struct nic_spec *s = &nic->spec;
	struct link_config lower = { .port = VXLAN_UDP_PORT,
				     .addr = { s->local },
				     .naddr = 1,
				     .rcvbuf = s->rcvbuf,
				     .tap = nic->tap,
				     .counters = &nic->engine.counters };
	struct vxlan_config cfg = { .vni = s->vni,
				    .local = s->local,
				    .nremote = s->nremote,
				    .learn = s->learn,
				    .ageing_sec = s->ageing_sec,
				    .counters = &nic->engine.counters };
	struct link *udp;
	struct port *port;
	int rc = link_udp_new(&lower, &udp, why);

	if (rc)
		return rc;
	memcpy(cfg.remote, s->remote, sizeof(s->remote));
	rc = vxlan_port_new(&cfg, udp, &port, why);
	return rc ? rc : build_eth(nic, port, why);
}

/* As on the kernel's soft-RoCE: a NIC with a MAC has its link-local GID first.
 * On sockets both of the first two are the address, so that "-g 0" and "-g 1"
 * work alike.
 */
static void fill_gids(struct gn_nic *nic)
{
	struct engine *e = &nic->engine;

	e->gid[0] = nic->spec.port == PORT_UDP ? nic->spec.ip
					       : link_local(&nic->spec.mac);
	e->gid[1] = nic->spec.ip;
	e->ngid = 2;
}

int host_build(struct gn_nic *nic)
{
	static int (*const builders[])(struct gn_nic *, char *) = {
		[PORT_UDP] = build_udp,
		[PORT_VXLAN] = build_vxlan,
	};
	char why[SPEC_WHY_MAX] = "";
	int rc = spec_claim(&nic->spec, &nic->claim, why);

	if (!rc) {
		if (nic->claim != CLAIM_NONE)
			fcntl(nic->claim, F_SETFD, FD_CLOEXEC);
		rc = open_capture(nic);
		if (rc)
			goto undo;
		rc = host_faults_new(nic, why);
	}
	if (!rc)
		rc = builders[nic->spec.port](nic, why);
	if (rc) {
		log_error("%s: %s", nic->spec.name, why);
		goto undo;
	}
	engine_attach(&nic->engine, nic->link);
	fill_gids(nic);
	return 0;

undo:
	host_unbuild(nic);
	return rc;
}

void host_unbuild(struct gn_nic *nic)
{
	link_free(nic->link);
	nic->link = NULL;
	host_faults_free(nic);
	if (nic->tap)
		capture_free(nic->tap);
	nic->tap = NULL;
	if (nic->capture_lock >= 0)
		close(nic->capture_lock);
	if (nic->claim >= 0)
		close(nic->claim);
	nic->capture_lock = nic->claim = -1;
}
