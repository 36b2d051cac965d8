/* `glassnic lab' is labs/lab.py, which learns from the environment where this
 * program is.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd/cmd.h"

#define LABS_INSTALLED "../share/glassnic/labs"

int cmd_lab(int argc, char **argv)
{
	char script[PATH_MAX], self[PATH_MAX];
	char **words = calloc((size_t)argc + 3, sizeof(*words));

	if (!words || !realpath("/proc/self/exe", self) ||
	    !find_beside("../labs", LABS_INSTALLED, "lab.py", script))
		return EXIT_CANNOT_RUN;
	setenv("GLASSNIC_PROGRAM", self, 1);
	words[0] = (char[]){"python3"};
	words[1] = (char[]){"-B"}; /* no bytecode in a folder of others */
	words[2] = script;
	memcpy(words + 3, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	execvp(words[0], words);
	usage_error(argv[0], "python3: %s: exercises are Python 3 scripts",
		    strerror(errno));
	return EXIT_CANNOT_RUN;
}
