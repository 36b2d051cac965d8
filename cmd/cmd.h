/* The commands of `glassnic', one table for dispatch and help (main.c). */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>

enum exit_status {
	EXIT_OK = 0,
	EXIT_NO = 1, /* the check said no */
	EXIT_USAGE = 2,
	EXIT_CANNOT_RUN = 77, /* here; the reason is on stderr */
};

/* Each takes its own name as argv[0], prints its help on --help, and returns an
 * exit status.
 */
int cmd_run(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_drill(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_options(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* Prints "glassnic COMMAND: TEXT" as one line on stderr; returns EXIT_USAGE. */
int usage_error(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define LIB_INSTALLED "../lib/glassnic" /* from the executable's folder */

/* Finds @name in @folder beside this executable, as the build leaves it, or in
 * @installed, where `make install' puts it; @path has room for PATH_MAX bytes.
 * False: not there, and that has been said on stderr.
 */
bool find_beside(const char *folder, const char *installed, const char *name,
		 char *path);

#endif
