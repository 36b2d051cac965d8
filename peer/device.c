#include "peer/device.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- GIDs ---- */

static bool is_v4(const union ibv_gid *gid)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(gid->raw, mapped, sizeof(mapped));
}

static const char *gid_format(const union ibv_gid *gid, char *text, size_t size)
{
	text[0] = '\0';
	if (is_v4(gid))
		inet_ntop(AF_INET, gid->raw + 12, text, (socklen_t)size);
	else
		inet_ntop(AF_INET6, gid->raw, text, (socklen_t)size);
	return text;
}

bool gid_parse(union ibv_gid *gid, const char *text)
{
	memset(gid, 0, sizeof(*gid));
	if (inet_pton(AF_INET, text, gid->raw + 12) == 1) {
		gid->raw[10] = gid->raw[11] = 0xff;
		return true;
	}
	return inet_pton(AF_INET6, text, gid->raw) == 1;
}

/* How well it does for a peer at another address; 0: not at all. */
static unsigned worth(const struct ibv_gid_entry *e)
{
	if (e->gid_type != IBV_GID_TYPE_ROCE_V2)
		return 0;
	if (is_v4(&e->gid))
		return 3;
	return e->gid.raw[0] == 0xfe ? 1 : 2; /* link-local, or not */
}

static bool choose_gid(const struct device_options *o, struct device *d,
		       int ngid, char *why)
{
	const char *name = ibv_get_device_name(d->context->device);
	unsigned best = 0;

	for (int i = 0; i < ngid && i < 256; i++) {
		struct ibv_gid_entry e;

		if (o->gid_index != GID_UNKNOWN && o->gid_index != i)
			continue;
		if (ibv_query_gid_ex(d->context, d->port, (uint32_t)i, &e, 0) ||
		    worth(&e) <= best)
			continue;
		best = worth(&e);
		d->gid = e.gid;
		d->gid_index = (uint8_t)i;
	}
	if (best)
		return true;
	if (o->gid_index != GID_UNKNOWN)
		snprintf(why, WHY_MAX,
			 "--gid-index %d: %s has no RoCE v2 GID there; "
			 "`ibv_devinfo -v' lists its GIDs",
			 o->gid_index, name);
	else
		snprintf(why, WHY_MAX,
			 "%s: port %u has no RoCE v2 GID: give its network "
			 "interface an IP address",
			 name, d->port);
	return false;
}

/* ---- the device ---- */

static bool use_port(const struct device_options *o, struct device *d,
		     char *why)
{
	const char *name = ibv_get_device_name(d->context->device);
	struct ibv_port_attr attr;

	d->port = (uint8_t)o->port;
	if (ibv_query_port(d->context, d->port, &attr)) {
		snprintf(why, WHY_MAX, "--port %d: %s has no such port",
			 o->port, name);
		return false;
	}
	if (attr.state != IBV_PORT_ACTIVE) {
		snprintf(why, WHY_MAX,
			 "%s: port %d is not active: bring its network "
			 "interface up",
			 name, o->port);
		return false;
	}
	return choose_gid(o, d, attr.gid_tbl_len, why);
}

static struct ibv_device *pick(struct ibv_device **list, int n,
			       const char *name)
{
	for (int i = 0; i < n; i++)
		if (!name || !strcmp(ibv_get_device_name(list[i]), name))
			return list[i];
	return NULL;
}

bool device_open(const struct device_options *o, struct device *d, char *why)
{
	int n = 0;
	struct ibv_device **list = ibv_get_device_list(&n);
	struct ibv_device *dev = list ? pick(list, n, o->name) : NULL;

	d->context = dev ? ibv_open_device(dev) : NULL;
	if (!list || !n)
		snprintf(why, WHY_MAX,
			 "there is no RDMA device: start it with `glassnic run "
			 "-- glassnic peer', or make one (rdma link add)");
	else if (!dev)
		snprintf(why, WHY_MAX,
			 "--device %s: no such device; `ibv_devices' lists "
			 "them",
			 o->name);
	else if (!d->context)
		snprintf(why, WHY_MAX, "%s: cannot be opened: %s",
			 ibv_get_device_name(dev), strerror(errno));
	if (list)
		ibv_free_device_list(list);
	if (!d->context)
		return false;
	if (use_port(o, d, why))
		return true;
	device_close(d);
	return false;
}

void device_close(struct device *d)
{
	if (d->context && ibv_close_device(d->context))
		fprintf(stderr, "glassnic peer: a device does not close: %s\n",
			strerror(errno));
	d->context = NULL;
}

/* Whose library the loader found: only glassnic's brings this function along.
 */
static bool is_glass(void)
{
	return dlsym(RTLD_DEFAULT, "gn_device_count") != NULL;
}

const char *device_greeting(const struct device *d, char *text, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	snprintf(text, size, "glassnic-peer 1 gid=%s device=%s library=%s",
		 gid_format(&d->gid, ip, sizeof(ip)),
		 ibv_get_device_name(d->context->device),
		 is_glass() ? "glassnic" : "system");
	return text;
}
