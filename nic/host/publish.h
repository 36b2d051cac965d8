/* A running NIC lets itself be looked at: a UNIX socket in the runtime
 * directory, PID-NAME.sock, where whoever connects is sent the view (view.h)
 * and then the end.  A thread serves it, one at a time, and spends little on
 * who does not read; nobody but the user comes into the directory.
 */
#ifndef NIC_HOST_PUBLISH_H
#define NIC_HOST_PUBLISH_H

#include <pthread.h>
#include <stdbool.h>

struct gn_nic;

struct publication {
	bool tried;
	_Atomic bool on; /* else nothing below means anything */
	int fd;	 /* listens */
	pthread_t thread;
	char path[108]; /* of a UNIX socket */
};

/* The first call publishes the NIC; with its lock held.  A NIC that cannot be
 * published runs all the same; why is logged at level info.  It is for the first
 * protection domain or QP, not for host_open: a program that only asks what
 * devices there are shall not pay for a thread.
 */
void publish_open(struct gn_nic *nic);
/* After nic->stop is set. */
void publish_close(struct gn_nic *nic);
/* The program ends: no file is left. */
void publish_withdraw(const struct gn_nic *nic);
/* In the child of a fork: the file is the parent's. */
void publish_forget(struct gn_nic *nic);

#endif
