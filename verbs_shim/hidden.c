#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verbs_shim/device.h"
#include "verbs_shim/hidden.h"
#include "verbs_shim/private_abi.h"

/* The names in @dir that are not ours, comma separated, as far as they fit; how
 * many.
 */
static unsigned list_others(DIR *dir, char *text, size_t size)
{
	struct dirent *entry;
	unsigned count = 0;
	size_t used = 0;

	text[0] = '\0';
	while ((entry = readdir(dir))) {
		const char *separator = count ? ", " : "";
		size_t len = strlen(separator) + strlen(entry->d_name);

		if (entry->d_name[0] == '.' || device_is_named(entry->d_name))
			continue;
		count++;
		if (used + len >= size)
			continue;
		strcat(strcat(text, separator), entry->d_name);
		used += len;
	}
	return count;
}

void hidden_warn(void)
{
	const char *level = getenv("GLASSNIC_LOG");
	char path[PATH_MAX], names[256];
	unsigned count;
	DIR *dir;

	if (level && strcmp(level, "error") == 0)
		return;
	snprintf(path, sizeof(path), "%s/class/infiniband",
		 ibv_get_sysfs_path());
	dir = opendir(path);
	if (!dir)
		return;
	count = list_others(dir, names, sizeof(names));
	closedir(dir);
	if (count)
		fprintf(stderr,
			"glassnic: hides this machine's RDMA device%s %s: to "
			"use %s, run the program without \"glassnic run\" and "
			"without glassnic in LD_LIBRARY_PATH\n",
			count > 1 ? "s" : "", names, count > 1 ? "them" : "it");
}
