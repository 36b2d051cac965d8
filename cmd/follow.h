/* Captures that are still being written. */
#ifndef CMD_FOLLOW_H
#define CMD_FOLLOW_H

#include <limits.h>
#include <stdio.h>

/* @path as a stream that waits at the file's end for more, until process @pid
 * (0: none) is gone, the file shrinks, or SIGINT or SIGTERM comes, which then
 * do not kill; whenever it waits, stdout is flushed.  NULL: errno says why.
 */
FILE *follow_open(const char *path, int pid);

/* The capture that running NIC @who (a PID, a program or a NIC) writes, and its
 * process.  An exit status; why not has been said.
 */
int follow_find(const char *who, char path[PATH_MAX], int *pid);

#endif
