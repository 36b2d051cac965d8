/* Locks on bytes of a hub's file.  They belong to the open file description:
 * two NICs of one process are two, and a killed process has none.
 */
#ifndef NIC_PORT_HUB_LOCK_H
#define NIC_PORT_HUB_LOCK_H

#include <stdbool.h>

#define HUB_LOCK_TABLE	 0u
#define HUB_LOCK_STATION 1u /* the first of as many */

/* 0 or -errno; hub_lock waits, but not for ever: -EAGAIN. */
int hub_try_lock(int fd, unsigned byte);
int hub_lock(int fd, unsigned byte);
void hub_unlock(int fd, unsigned byte);
/* Does somebody else hold one of these @n bytes? */
bool hub_is_locked(int fd, unsigned byte, unsigned n);

#endif
