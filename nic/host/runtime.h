/* The runtime directory: what running NICs of one user share, and what `glassnic
 * show' finds them by.
 */
#ifndef NIC_HOST_RUNTIME_H
#define NIC_HOST_RUNTIME_H

#define RUNTIME_PATH_MAX 80u /* leaves room for a name in a UNIX socket's path */

/* The directory, made if it is not there: GLASSNIC_RUNTIME; $XDG_RUNTIME_DIR/
 * glassnic; /run/glassnic for root; else /tmp/glassnic-UID.  It belongs to the
 * user and nobody else may enter it.  0, or -errno and @why (SPEC_WHY_MAX bytes)
 * is one line.
 */
int runtime_dir(char path[RUNTIME_PATH_MAX], char *why);

#endif
