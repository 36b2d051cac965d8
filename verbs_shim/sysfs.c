/* What programs read below /sys/class/infiniband through this library's own
 * functions.  Files of our devices need not exist: the constant ones are made
 * up here.
 */
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "verbs_shim/device.h"
#include "verbs_shim/fail.h"
#include "verbs_shim/private_abi.h"

static char sysfs_path[IBV_SYSFS_PATH_MAX] = "/sys";
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A program with more rights than its user is not sent elsewhere. */
static void find_sysfs(void)
{
	const char *path = secure_getenv("SYSFS_PATH");
	size_t len;

	if (!path)
		return;
	len = strnlen(path, sizeof(sysfs_path) - 1);
	while (len > 0 && path[len - 1] == '/')
		len--;
	memcpy(sysfs_path, path, len);
	sysfs_path[len] = '\0';
}

const char *ibv_get_sysfs_path(void)
{
	pthread_once(&once, find_sysfs);
	return sysfs_path;
}

struct file {
	const char *name;
	const char *text; /* NULL: the GUID */
};

static const struct file files[] = {
	{"node_type", "1: CA"},	   {"node_desc", "glassnic"},
	{"node_guid", NULL},	   {"sys_image_guid", NULL},
	{"fw_ver", DEVICE_FW_VER}, {"hw_rev", "1"},
	{"hca_type", "glassnic"},  {"board_id", "GLASSNIC"},
};

static const char *guid_text(const struct shim_device *d, char text[20])
{
	uint64_t guid = be64toh(d->guid);

	snprintf(text, 20, "%04x:%04x:%04x:%04x", (unsigned)(guid >> 48),
		 (unsigned)(guid >> 32 & 0xffff),
		 (unsigned)(guid >> 16 & 0xffff), (unsigned)(guid & 0xffff));
	return text;
}

/* Length of what @path holds; -1 if it is no file of ours. */
static int read_virtual(const char *path, char *buf, size_t size)
{
	const char *name;
	const struct shim_device *d = device_by_path(path, &name);

	for (size_t i = 0; d && i < sizeof(files) / sizeof(*files); i++) {
		char guid[20];
		const char *text = files[i].text;
		size_t len;

		if (strcmp(name, files[i].name) != 0)
			continue;
		if (!text)
			text = guid_text(d, guid);
		len = strlen(text);
		if (len >= size)
			return fail_minus1(-ERANGE);
		memcpy(buf, text, len + 1);
		return (int)len;
	}
	return fail_minus1(-ENOENT);
}

/* The text without its newline, or -1; one that does not fit with its final
 * zero is an error.
 */
static int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, buf, size);
	close(fd);
	if (len <= 0)
		return (int)len;
	if (buf[len - 1] == '\n')
		len--;
	if ((size_t)len == size)
		return fail_minus1(-ERANGE);
	buf[len] = '\0';
	return (int)len;
}

int ibv_read_sysfs_file(const char *dir, const char *file, char *buf,
			size_t size)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", dir, file);

	if (len < 0 || (size_t)len >= sizeof(path))
		return fail_minus1(-ENAMETOOLONG);
	len = read_virtual(path, buf, size);
	return len >= 0 ? len : read_file(path, buf, size);
}
