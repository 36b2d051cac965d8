/* Who sleeps until when: threads of the program that wait for an event, and the
 * NIC's own thread (docs/decisions/0006).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "nic/host/host.h"
#include "nic/mem.h"
#include "nic/port/capture.h"

#define ACTIVE_NSEC (50 * USEC) /* who called so recently is there */
#define NAP_MIN	 (50 * USEC)
#define NAP_LONG (1 * MSEC) /* longer ones are ended by a kick */
#define NAP_MAX	 (100 * MSEC)

/* ---- waiting ---- */

/* What ended a wait: bits. */
#define WOKE_EXTRA 1 /* the extra descriptor is readable */
#define WOKE_INPUT 2 /* packets are there */

static bool is_fault(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
	       sig == SIGILL || sig == SIGTRAP;
}

/* A signal has ended a ppoll().  In a driver the program would wait in a read(),
 * which goes on if the handler asks for it (SA_RESTART).  Which signal it was
 * nobody says: we go on if all handlers that may have run ask for it.
 */
static bool signal_ends_wait(void)
{
	struct sigaction a;

	for (int sig = 1; sig < NSIG; sig++)
		if (!is_fault(sig) && !sigaction(sig, NULL, &a) &&
		    a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN &&
		    !(a.sa_flags & SA_RESTART))
			return true;
	return false;
}

/* Sleeps until packets, @extra or the deadline; WOKE_* or -errno. */
static int sleep_for(struct gn_nic *nic, int extra, nsec_t until)
{
	struct pollfd fd[LINK_FDS + 2];
	int link_fd[LINK_FDS], woke = 0;
	unsigned n = link_fds(nic->link, link_fd);
	struct timespec ts, *timeout = NULL;
	nsec_t now = host_now();

	if (until != NSEC_NEVER) {
		nsec_t left = until > now ? until - now : 0;

		ts = (struct timespec){(time_t)(left / SEC),
				       (long)(left % SEC)};
		timeout = &ts;
	}
	for (unsigned i = 0; i < n; i++)
		fd[i] = (struct pollfd){link_fd[i], POLLIN, 0};
	fd[n] = (struct pollfd){extra, POLLIN, 0};
	fd[n + 1] = (struct pollfd){nic->kick, POLLIN, 0};
	if (ppoll(fd, n + 2, timeout, NULL) < 0) {
		if (errno != EINTR)
			return -EIO;
		return signal_ends_wait() ? -EINTR : 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (fd[i].revents)
			woke = WOKE_INPUT;
	return fd[n].revents ? woke | WOKE_EXTRA : woke;
}

static int wait_for(struct gn_nic *nic, int extra, nsec_t until)
{
	int woke = link_doze(nic->link) ? WOKE_INPUT
					: sleep_for(nic, extra, until);

	link_wake(nic->link, woke > 0 && (woke & WOKE_INPUT));
	return woke;
}

/* Runs until nothing is left to do now; returns when something will be, until
 * when @who will sleep.  *@found: whether there was anything at all.
 */
static nsec_t run_dry(struct gn_nic *nic, enum sleeper who, bool *found)
{
	nsec_t until;

	pthread_mutex_lock(&nic->lock);
	mem_guard_check();
	*found = host_run(nic, host_now());
	for (unsigned i = 0; *found && i < 16 && host_run(nic, host_now()); i++)
		;
	until = host_deadline(nic);
	if (nic->tap && until > host_now())
		capture_flush(nic->tap);
	atomic_store_explicit(&nic->asleep_until[who], until,
			      memory_order_relaxed);
	host_unlock(nic);
	return until;
}

static bool readable(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 0) > 0;
}

int host_wait(struct gn_nic *nic, int fd)
{
	int woke = 0;

	if (atomic_load(&nic->dead))
		return -EIO;
	atomic_fetch_add(&nic->waiters, 1);
	while (woke >= 0 && !(woke & WOKE_EXTRA)) {
		bool found;
		nsec_t until = run_dry(nic, SLEEPER_WAITER, &found);

		woke = readable(fd) ? WOKE_EXTRA : wait_for(nic, fd, until);
	}
	host_called(nic, host_now());
	if (atomic_fetch_sub(&nic->waiters, 1) == 1)
		atomic_store(&nic->asleep_until[SLEEPER_WAITER], 0);
	host_kick(nic);
	return woke < 0 ? woke : 0;
}

/* ---- the thread ---- */

/* How the thread shares the work with a program that calls now and then.  It
 * naps while the program calls, and takes over when it does not.  If packets
 * were waiting then, the program may be one that watches its memory and not its
 * CQ (ib_write_lat does).  Three short naps tell: if packets wait at the end of
 * two, the thread stays on duty for the next STAY packets, although the program
 * calls; then it tries again.
 */
struct duty {
	nsec_t nap;	 /* length of the last nap; 0: it was none */
	unsigned stay;	 /* wake-ups to stay on duty for */
	unsigned trials; /* naps left to try, and */
	unsigned hits;	 /* how many ended with packets waiting */
};

#define STAY   256u
#define TRIALS 3u

/* The program runs the NIC itself: look again in a while. */
static void take_nap(struct gn_nic *nic, struct duty *d, bool waiting)
{
	nsec_t most = waiting ? NAP_MAX : NAP_LONG;
	struct pollfd p = {nic->kick, POLLIN, 0};
	struct timespec ts = {0, 0};

	if (!waiting && atomic_load(&nic->event_driven))
		most = NAP_MIN;
	d->nap = d->nap ? d->nap * 2 : NAP_MIN;
	if (d->nap > most)
		d->nap = most;
	ts.tv_nsec = (long)d->nap;
	atomic_store(&nic->napping, d->nap > NAP_LONG);
	ppoll(&p, 1, &ts, NULL);
	atomic_store(&nic->napping, false);
}

/* Does what is overdue: of several who sleep, a kick may have woken one only. */
static void catch_up(struct gn_nic *nic)
{
	nsec_t now = host_now();

	if (pthread_mutex_trylock(&nic->lock))
		return;
	if (host_deadline(nic) <= now)
		host_run(nic, now);
	host_unlock(nic);
}

static bool packets_wait(struct gn_nic *nic)
{
	int fd[LINK_FDS];
	unsigned n = link_fds(nic->link, fd);
	bool there = link_doze(nic->link);

	for (unsigned i = 0; i < n && !there; i++)
		there = readable(fd[i]);
	link_wake(nic->link, there);
	return there;
}

static void begin_trial(struct duty *d)
{
	d->trials = TRIALS;
	d->hits = 0;
	d->nap = 0;
}

static void after_nap(struct duty *d, struct gn_nic *nic)
{
	if (!d->trials)
		return;
	d->nap = 0; /* the next one is short, too */
	d->hits += packets_wait(nic);
	if (!--d->trials && d->hits > TRIALS / 2)
		d->stay = STAY;
}

/* It has taken over, and @found packets, or not. */
static void on_duty(struct duty *d, bool found)
{
	if (d->nap && found)
		begin_trial(d);
	d->nap = 0;
}

static void after_wait(struct duty *d, int woke)
{
	if (d->stay && woke > 0 && (woke & WOKE_INPUT) && !--d->stay)
		begin_trial(d);
}

static void *serve(void *arg)
{
	struct gn_nic *nic = arg;
	struct duty d = {0};

	/* Deadlines of microseconds are meant so. */
	prctl(PR_SET_TIMERSLACK, 1000);
	while (!atomic_load(&nic->stop)) {
		bool waiting = atomic_load(&nic->waiters) > 0;
		nsec_t last = atomic_load(&nic->last_call), until;
		bool there = !d.stay && host_now() - last < ACTIVE_NSEC;
		bool found;
		eventfd_t v;

		if (waiting || there) {
			take_nap(nic, &d, waiting);
			after_nap(&d, nic);
			if (waiting)
				catch_up(nic);
		} else {
			until = run_dry(nic, SLEEPER_THREAD, &found);
			on_duty(&d, found);
			after_wait(&d, wait_for(nic, nic->kick, until));
			atomic_store(&nic->asleep_until[SLEEPER_THREAD], 0);
		}
		while (!eventfd_read(nic->kick, &v))
			;
	}
	return NULL;
}

int host_spawn(pthread_t *thread, const char *name, void *(*run)(void *),
	       struct gn_nic *nic)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	/* Those of the thread's own doing: see nic/mem.c. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, run, nic);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc)
		pthread_setname_np(*thread, name);
	return -rc;
}

int host_start_thread(struct gn_nic *nic)
{
	int rc = 0;

	if (!nic->has_thread)
		rc = host_spawn(&nic->thread, "glassnic", serve, nic);
	nic->has_thread |= !rc;
	return rc;
}

void host_expect_events(struct gn_nic *nic)
{
	if (!atomic_load_explicit(&nic->event_driven, memory_order_relaxed))
		atomic_store(&nic->event_driven, true);
}
