/* `glassnic peer' is a program of its own, which must not hold glassnic's NIC:
 * it works with whichever libibverbs the loader finds.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "cmd/cmd.h"

int cmd_peer(int argc, char **argv)
{
	char path[PATH_MAX];

	if (!find_beside(".", LIB_INSTALLED, "glassnic-peer", path))
		return EXIT_CANNOT_RUN;
	execv(path, argv);
	usage_error(argv[0], "%s: %s", path, strerror(errno));
	return EXIT_CANNOT_RUN;
}
