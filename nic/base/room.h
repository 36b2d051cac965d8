/* Waiting for a socket that is full: shortly, since the peer repeats what is
 * lost.
 */
#ifndef NIC_BASE_ROOM_H
#define NIC_BASE_ROOM_H

#define ROOM_WAITS 10 /* how often one batch waits: 1 ms in all */

/* Waits for at most 100 us, as long as @fd says that it is full.  @error: what
 * sending said; of ENOBUFS, a full queue below the socket, nothing announces the
 * end, and then @fd may be -1.
 */
void room_wait(int fd, int error);

#endif
