/* A NIC that runs: the engine, its link, one lock around both, and the thread
 * that serves programs which do not call in.
 *
 * Progress happens in whichever thread is there.  A program that polls runs the
 * NIC itself; one that waits on a channel does, too, while it waits; the thread
 * steps in when neither has happened for ACTIVE_NSEC.
 */
#ifndef NIC_HOST_HOST_H
#define NIC_HOST_HOST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "nic/engine.h"
#include "nic/host/publish.h"
#include "nic/host/spec.h"

/* Who runs the NIC and sleeps in between: the thread, and programs' threads in
 * host_wait.
 */
enum sleeper { SLEEPER_THREAD, SLEEPER_WAITER, SLEEPERS };

struct gn_nic {
	struct engine engine;
	struct nic_spec spec;
	struct link *link;
	struct share *share; /* with whom the address is shared; or NULL */
	struct tap *tap;  /* or NULL */
	struct impair *faults; /* put in on purpose; or NULL */
	char *capture;	  /* the file that tap writes; or NULL */
	int capture_lock; /* holds the capture file for this process; or -1 */
	int claim;	  /* holds the address; or CLAIM_NONE */
	unsigned users;	  /* gn_open minus gn_close */
	nsec_t born;
	struct publication shown;
	pthread_mutex_t lock; /* engine and link */
	_Atomic bool dead;    /* after fork, in the child */
	/* The thread. */
	pthread_t thread;
	bool has_thread;
	int kick; /* eventfd: wakes the sleepers; the thread resets it */
	/* When they mean to wake up; set under the lock. 0: nobody sleeps. */
	_Atomic nsec_t asleep_until[SLEEPERS];
	_Atomic bool stop; /* all threads of ours; set by host_close */
	_Atomic bool napping;	    /* in a nap long enough to be worth a kick */
	_Atomic unsigned waiters;   /* threads in host_wait */
	_Atomic bool event_driven;  /* the program arms CQs */
	_Atomic nsec_t last_call;   /* when the program last ran the NIC */
};

/* Everything up to packets; the thread comes with the first QP, or at once if the
 * address is shared.  Messages for people are logged.
 */
int host_open(const struct nic_spec *spec, struct gn_nic **nic);
void host_close(struct gn_nic *nic);
/* The program exits, and will close nothing: its capture is written out.  The
 * NIC's thread goes on until the process is gone.
 */
void host_exits(struct gn_nic *nic);
/* Locks, for who exits; false: he may have it himself, having been stopped by a
 * signal whose handler exits, and waited in vain.
 */
bool host_last_lock(pthread_mutex_t *lock);
/* In the child of a fork: closes descriptors, makes everything answer EIO. */
void host_forget(struct gn_nic *nic);

static inline struct gn_nic *host_of(struct engine *e)
{
	return list_entry(e, struct gn_nic, engine);
}

/* 0, or -EIO after a fork. */
int host_lock(struct gn_nic *nic);
/* Also serves what was rung meanwhile. */
void host_unlock(struct gn_nic *nic);
/* Serves doorbells, unless somebody else is at it, who will. */
void host_ring(struct gn_nic *nic);
/* Takes in what has arrived, sends what is due; by a program's thread.  Does
 * nothing if somebody else is at it.
 */
void host_poll(struct gn_nic *nic);
/* Runs the NIC until @fd is readable. 0 or -EIO, -EINTR (a signal whose handler
 * does not ask for SA_RESTART).
 */
int host_wait(struct gn_nic *nic, int fd);
int host_start_thread(struct gn_nic *nic);
/* A thread of our own, which programs' signals do not reach. 0 or -errno. */
int host_spawn(pthread_t *thread, const char *name, void *(*run)(void *),
	       struct gn_nic *nic);
/* The program will wait for events on descriptors of its own. */
void host_expect_events(struct gn_nic *nic);

nsec_t host_now(void);

/* ---- between host.c and serve.c ---------------------------------------------- */

/* With the lock held: takes in, sends, expires.  True if something arrived or
 * more is left to do.
 */
bool host_run(struct gn_nic *nic, nsec_t now);
/* With the lock held: when host_run wants to be called next. */
nsec_t host_deadline(const struct gn_nic *nic);
/* The program ran the NIC at @now. */
void host_called(struct gn_nic *nic, nsec_t now);
/* Ends a long nap of the thread's. */
void host_kick(struct gn_nic *nic);

/* Makes link and capture out of the spec (build.c). */
int host_build(struct gn_nic *nic);
void host_unbuild(struct gn_nic *nic);

/* An engine_hooks.qpn. */
uint32_t host_qpn(void *nic, uint32_t own);

/* The engine's hooks (channel.c). */
extern const struct engine_hooks host_hooks;

#endif
