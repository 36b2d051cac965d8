/* Running NICs, found by their sockets in the runtime directory. */
#ifndef CMD_SHOW_FIND_H
#define CMD_SHOW_FIND_H

#include <stdbool.h>
#include <stddef.h>

#define SHOW_NAME_MAX 64u

struct found {
	int pid;
	char nic[SHOW_NAME_MAX];
	/* The view (docs/show.md), terminated; NULL: it does not answer. */
	char *text;
};

struct finds {
	struct found *nic; /* by PID, then name */
	size_t n;
	char dir[128]; /* where they were looked for */
};

/* All that run, or those of process @pid if it is not 0.  What dead processes
 * left is removed.  -errno, and why has been said on stderr.
 */
int finds_get(struct finds *f, int pid);
void finds_free(struct finds *f);

/* The PID that @who is; 0: it is none, or NULL. */
int show_pid_of(const char *who);
/* Does @who (PID, NIC or program; NULL: anyone) name this one? */
bool show_is_meant(const char *who, int pid, const char *nic,
		   const char *program);

#endif
