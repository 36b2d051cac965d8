#include "nic/host/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nic/host/spec.h"

static int refuse(char *why, const char *path, int error, const char *what)
{
	snprintf(why, SPEC_WHY_MAX,
		 "%.*s: %s; set GLASSNIC_RUNTIME to a directory of your own",
		 (int)RUNTIME_PATH_MAX, path, what ? what : strerror(error));
	return -error;
}

static int choose(char path[RUNTIME_PATH_MAX])
{
	const char *own = getenv("GLASSNIC_RUNTIME");
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	int n;

	if (own && *own)
		n = snprintf(path, RUNTIME_PATH_MAX, "%s", own);
	else if (xdg && *xdg && !access(xdg, W_OK))
		n = snprintf(path, RUNTIME_PATH_MAX, "%s/glassnic", xdg);
	else if (!geteuid() && !access("/run", W_OK))
		n = snprintf(path, RUNTIME_PATH_MAX, "/run/glassnic");
	else
		n = snprintf(path, RUNTIME_PATH_MAX, "/tmp/glassnic-%u",
			     (unsigned)geteuid());
	return n < (int)RUNTIME_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int runtime_dir(char path[RUNTIME_PATH_MAX], char *why)
{
	struct stat st;

	if (choose(path))
		return refuse(why, path, ENAMETOOLONG, "too long a path");
	if (mkdir(path, 0700) && errno != EEXIST)
		return refuse(why, path, errno, NULL);
	/* In /tmp it might be somebody else's, or a link to somewhere. */
	if (lstat(path, &st))
		return refuse(why, path, errno, NULL);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077))
		return refuse(why, path, EPERM,
			      "not a directory of mode 0700 of this user");
	return 0;
}
