#ifndef VERBS_SHIM_HIDDEN_H
#define VERBS_SHIM_HIDDEN_H

/* Says on stderr which RDMA devices of this machine (the kernel's soft-RoCE
 * counts, too) the program cannot see because it runs on glassnic; silent with
 * GLASSNIC_LOG=error.
 */
void hidden_warn(void);

#endif
