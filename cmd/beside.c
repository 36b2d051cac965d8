#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/cmd.h"

bool find_beside(const char *folder, const char *installed, const char *name,
		 char *path)
{
	const char *places[] = {folder, installed};
	char self[PATH_MAX], try[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(try, sizeof(try), "%s/%s/%s", self, places[i], name);
		if (!access(try, R_OK))
			return realpath(try, path) != NULL;
	}
	fprintf(stderr,
		"glassnic: %s/%s/%s is not there (nor in %s/%s): "
		"build it with `make', or install with `make install'\n",
		self, folder, name, self, installed);
	return false;
}
