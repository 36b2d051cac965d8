/* Puts a NIC together: its claim, its capture, the link of its spec
 * (spec_link.c) and its GIDs.
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
#include "nic/host/faults.h"
#include "nic/host/host.h"
#include "nic/host/runtime.h"
#include "nic/host/spec_link.h"
#include "nic/link/share.h"
#include "nic/port/capture.h"
#include "wire/bth.h"
#include "wire/crc32.h"
#include "wire/vxlan.h"

/* ---- the capture ---- */

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
	else
		nic->capture = realpath(path, NULL);
	return rc;
}

/* ---- the NIC ---- */

/* As on the kernel's soft-RoCE: a NIC with a MAC has its link-local GID first.
 * On sockets both of the first two are the address, so that "-g 0" and "-g 1"
 * work alike.
 */
static void fill_gids(struct gn_nic *nic)
{
	struct engine *e = &nic->engine;
	const struct link *l = nic->link;

	e->gid[0] = l->addr[0];
	e->ngid = 1;
	for (unsigned i = 0; i < l->naddr; i++) {
		if (i && i + 1 == l->naddr && ip_is_link_local(&l->addr[i]))
			e->gid[0] = l->addr[i];
		else
			e->gid[e->ngid++] = l->addr[i];
	}
}

/* The same interface, MAC, VLAN and addresses. */
static void tag_interface(const struct nic_spec *s, char *tag, size_t size)
{
	uint32_t sum = crc32_add(s->vlan, s->mac.b, sizeof(s->mac.b));

	for (unsigned i = 0; i < s->nmore; i++)
		sum = crc32_add(sum, s->more_ip[i].b, sizeof(s->more_ip[i].b));
	if (s->host_ip)
		snprintf(tag, size, "-%.15s-host", s->where);
	else
		snprintf(tag, size, "-%.15s-%08x", s->where, sum);
}

/* Hosts that differ inside of a tunnel cannot share its end: a socket would
 * have to know more of a packet than its QPN.
 */
static bool what_is_shared(const struct nic_spec *s, struct share_what *what)
{
	char ip[IP_TEXT_MAX];

	switch (s->port) {
	case PORT_UDP:
		*what = (struct share_what){STEER_ROCE, s->ip, ROCE_UDP_PORT,
					    ""};
		return true;
	case PORT_VXLAN:
		if (s->via[0])
			return false;
		*what = (struct share_what){STEER_VXLAN, s->local,
					    VXLAN_UDP_PORT, ""};
		snprintf(what->tag, sizeof(what->tag), "-%u-%s", s->vni,
			 ip_format(&s->ip, ip));
		return true;
	case PORT_PACKET:
		*what = (struct share_what){STEER_NONE, s->ip, ROCE_UDP_PORT,
					    ""};
		tag_interface(s, what->tag, sizeof(what->tag));
		return true;
	case PORT_XDP:
	case PORT_HUB:
	case PORT_PCAP:
	case PORT_KINDS: break;
	}
	return false;
}

/* Where that cannot be, the NIC has the address for itself. */
static void open_share(struct gn_nic *nic)
{
	char dir[RUNTIME_PATH_MAX], why[SPEC_WHY_MAX];
	struct share_what what;
	int rc;

	if (!what_is_shared(&nic->spec, &what))
		return;
	rc = runtime_dir(dir, why);
	if (!rc)
		rc = share_open(dir, &what, nic->engine.cfg.seed, &nic->share,
				why);
	if (rc)
		log_info("%s: no other program can share its address: %s",
			 nic->spec.name, why);
}

uint32_t host_qpn(void *ctx, uint32_t own)
{
	struct gn_nic *nic = ctx;

	return nic->share ? share_qpn(nic->share, nic->engine.qps) : own;
}

/* Faults and the link.  -errno, and @why is one line. */
static int build_link(struct gn_nic *nic, char *why)
{
	struct counters *c = &nic->engine.counters;
	int rc = spec_faults_new(&nic->spec, nic->engine.cfg.seed, c,
				 &nic->faults, why);

	return rc ? rc
		  : spec_link_new(&nic->spec, nic->tap, nic->faults, nic->share,
				  c, &nic->link, why);
}

int host_build(struct gn_nic *nic)
{
	char why[SPEC_WHY_MAX] = "";
	int rc = spec_claim(&nic->spec, &nic->claim, why);

	if (!rc) {
		if (nic->claim != CLAIM_NONE)
			fcntl(nic->claim, F_SETFD, FD_CLOEXEC);
		open_share(nic);
		rc = open_capture(nic);
		if (rc)
			goto undo;
		rc = build_link(nic, why);
	}
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
	share_free(nic->share);
	nic->share = NULL;
	spec_faults_free(nic->faults);
	nic->faults = NULL;
	if (nic->tap)
		capture_free(nic->tap);
	nic->tap = NULL;
	free(nic->capture);
	nic->capture = NULL;
	if (nic->capture_lock >= 0)
		close(nic->capture_lock);
	if (nic->claim >= 0)
		close(nic->claim);
	nic->capture_lock = nic->claim = -1;
}
