/* The devices that this process can open. */
#ifndef VERBS_SHIM_DEVICE_H
#define VERBS_SHIM_DEVICE_H

#include <infiniband/verbs.h>

#define DEVICE_FW_VER "glassnic"
#define DEVICE_HW_VER 1u

struct shim_device {
	struct ibv_device ibv; /* first: programs see only this */
	/* libmlx5 and libefa look behind it whether they know the device. */
	uint8_t zeros[64];
	unsigned index; /* what gn_open takes */
	__be64 guid;
};

static inline struct shim_device *device_of(struct ibv_device *device)
{
	return (struct shim_device *)device;
}

/* The device into whose sysfs folder @path leads, with *@file what follows
 * that folder's name; NULL.
 */
const struct shim_device *device_by_path(const char *path, const char **file);
/* NULL: there is none. */
struct ibv_device *device_by_index(unsigned index);
/* Whether one of ours is called @name. */
int device_is_named(const char *name);

#endif
