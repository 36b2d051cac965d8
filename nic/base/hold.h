/* Sockets that are there to hold something, not to talk. */
#ifndef NIC_BASE_HOLD_H
#define NIC_BASE_HOLD_H

#include <stdbool.h>

/* Claims @name (at most 107 bytes) in this network namespace: an abstract UNIX
 * socket, free again when the last who has the descriptor closes it or dies.
 * @flags: SOCK_CLOEXEC, or 0 for one that children inherit.  -errno;
 * -EADDRINUSE: somebody has it.
 */
int hold_name(const char *name, int flags);
/* Does anybody hold @name? */
bool is_held(const char *name);
/* Lets socket @fd receive nothing. 0 or -errno. */
int hold_silent(int fd);

#endif
