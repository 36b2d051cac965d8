/* Devices are made once a process and stay, so that a pointer that a program
 * keeps beyond ibv_free_device_list still works.
 */
#include <assert.h>
#include <endian.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nic/api.h"
#include "verbs_shim/device.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/hidden.h"
#include "verbs_shim/private_abi.h"

static_assert(sizeof(struct ibv_device) == 664, "ABI");
static_assert(offsetof(struct shim_device, zeros) == 664,
	      "looked at by others");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct shim_device *devices;
static unsigned device_count;
static int make_error;

static int make_device(struct shim_device *d, unsigned index)
{
	const char *sys = ibv_get_sysfs_path();
	struct gn_device_info info;
	int rc = gn_device_info(index, &info);

	if (rc)
		return rc;
	d->index = index;
	d->guid = htobe64(info.guid);
	d->ibv.node_type = IBV_NODE_CA;
	d->ibv.transport_type = IBV_TRANSPORT_IB;
	snprintf(d->ibv.name, sizeof(d->ibv.name), "%s", info.name);
	snprintf(d->ibv.dev_name, sizeof(d->ibv.dev_name), "uverbs%u", index);
	snprintf(d->ibv.dev_path, sizeof(d->ibv.dev_path),
		 "%s/class/infiniband_verbs/%s", sys, d->ibv.dev_name);
	snprintf(d->ibv.ibdev_path, sizeof(d->ibv.ibdev_path),
		 "%s/class/infiniband/%s", sys, d->ibv.name);
	return 0;
}

static void make_devices(void)
{
	unsigned count = gn_device_count();

	devices = calloc(count ? count : 1, sizeof(*devices));
	if (!devices) {
		make_error = -ENOMEM;
		return;
	}
	while (device_count < count) {
		make_error = make_device(&devices[device_count], device_count);
		if (make_error)
			return;
		device_count++;
	}
	hidden_warn();
}

struct ibv_device **ibv_get_device_list(int *num_devices)
{
	struct ibv_device **list;

	if (num_devices)
		*num_devices = 0;
	pthread_once(&once, make_devices);
	if (make_error)
		return fail_null(make_error);
	list = calloc(device_count + 1, sizeof(struct ibv_device *));
	if (!list)
		return fail_null(-ENOMEM);
	for (unsigned i = 0; i < device_count; i++)
		list[i] = &devices[i].ibv;
	if (num_devices)
		*num_devices = (int)device_count;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

const char *ibv_get_device_name(struct ibv_device *device)
{
	return device->name;
}

__be64 ibv_get_device_guid(struct ibv_device *device)
{
	return device_of(device)->guid;
}

int ibv_get_device_index(struct ibv_device *device)
{
	return (int)device_of(device)->index;
}

const struct shim_device *device_by_path(const char *path, const char **file)
{
	for (unsigned i = 0; i < device_count; i++) {
		const char *dir = devices[i].ibv.ibdev_path;
		size_t len = strlen(dir);

		if (strncmp(path, dir, len) == 0 && path[len] == '/') {
			*file = path + len + 1;
			return &devices[i];
		}
	}
	return NULL;
}

struct ibv_device *device_by_index(unsigned index)
{
	return index < device_count ? &devices[index].ibv : NULL;
}

int device_is_named(const char *name)
{
	for (unsigned i = 0; i < device_count; i++)
		if (strcmp(devices[i].ibv.name, name) == 0)
			return 1;
	return 0;
}

/* Providers (libmlx5, libefa) announce themselves when a program that links
 * them starts.  There is nothing here for them to drive.
 */
void verbs_register_driver_34(const void *ops)
{
}
