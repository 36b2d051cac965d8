/* Attaching the program of nic/port/xdp_prog.h to an interface. */
#ifndef NIC_PORT_XDP_HOOK_H
#define NIC_PORT_XDP_HOOK_H

#include "nic/port/xdp_sock.h"

/* Loads the program and attaches it, in the driver or (@generic) in front of
 * the kernel's own stack.  @w->frags says whether it can be given frames in
 * pieces afterwards.  -errno, and nothing is left: -EBUSY or -EEXIST if there
 * is another program.
 */
int xdp_hook(struct xdp_sock *s, unsigned ifindex, unsigned queue, bool generic,
	     struct xdp_wants *w);
/* Gives the queue's frames to the socket. */
int xdp_hook_socket(struct xdp_sock *s, unsigned queue);
void xdp_unhook(struct xdp_sock *s);
/* The ID of a program that is attached to the interface, or 0. */
unsigned xdp_hooked(unsigned ifindex);

#endif
