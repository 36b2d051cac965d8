#include "nic/host/host.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "nic/base/log.h"
#include "nic/mem.h"
#include "nic/port/capture.h"

#define ACTIVE_NSEC   (50 * USEC)  /* a program that called so recently is there */
#define NAP_MIN	      (50 * USEC)
#define NAP_LONG      (1 * MSEC)   /* longer ones are ended by a kick */
#define NAP_MAX	      (100 * MSEC)
#define RX_BUDGET     64u
#define RX_ROUNDS     16u
#define TX_BUDGET     256u
#define EMPTY_POLLS   16u /* in a row before a polling program yields */

nsec_t host_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (nsec_t)ts.tv_sec * SEC + (nsec_t)ts.tv_nsec;
}

/* ---- running the NIC, with the lock held --------------------------------------- */

/* True if something arrived or more is left to do.  What waits in the sockets is
 * taken in before timers are looked at: after a pause of ours the answers lie
 * there, and nothing has timed out.
 */
static bool run(struct gn_nic *nic, nsec_t now)
{
	unsigned got = 0, n = RX_BUDGET;

	for (unsigned i = 0; i < RX_ROUNDS && n >= RX_BUDGET; i++) {
		n = link_receive(nic->link, RX_BUDGET, now);
		got += n;
	}
	if (link_deadline(nic->link) <= now)
		link_tick(nic->link, now);
	return engine_run(&nic->engine, TX_BUDGET, now) || got;
}

static nsec_t deadline(const struct gn_nic *nic)
{
	nsec_t a = link_deadline(nic->link);
	nsec_t b = engine_deadline(&nic->engine);

	return a < b ? a : b;
}

/* ---- the lock ---------------------------------------------------------------------- */

int host_lock(struct gn_nic *nic)
{
	if (atomic_load_explicit(&nic->dead, memory_order_relaxed))
		return -EIO;
	pthread_mutex_lock(&nic->lock);
	return 0;
}

/* Gives the lock back.  If now something is due before those who sleep meant to
 * wake up (a post has armed a timer, say), they must look again: the caller may
 * never come back.
 */
static void unlock(struct gn_nic *nic)
{
	nsec_t due = deadline(nic);
	bool wake = false;

	for (int i = 0; i < SLEEPERS; i++)
		if (due < atomic_load_explicit(&nic->asleep_until[i],
					       memory_order_relaxed)) {
			atomic_store_explicit(&nic->asleep_until[i], due,
					      memory_order_relaxed);
			wake = true;
		}
	pthread_mutex_unlock(&nic->lock);
	if (wake)
		eventfd_write(nic->kick, 1);
}

/* A bell that was rung while somebody held the lock is answered by whoever leaves
 * it: so look again after every unlock.
 */
static void serve_bells(struct gn_nic *nic)
{
	while (atomic_load(&nic->engine.bells) &&
	       !pthread_mutex_trylock(&nic->lock)) {
		engine_run(&nic->engine, TX_BUDGET, host_now());
		unlock(nic);
	}
}

void host_unlock(struct gn_nic *nic)
{
	unlock(nic);
	serve_bells(nic);
}

static void kick(struct gn_nic *nic)
{
	if (atomic_exchange(&nic->napping, false))
		eventfd_write(nic->kick, 1);
}

static void called(struct gn_nic *nic, nsec_t now)
{
	atomic_store_explicit(&nic->last_call, now, memory_order_relaxed);
}

void host_ring(struct gn_nic *nic)
{
	if (atomic_load_explicit(&nic->dead, memory_order_relaxed))
		return;
	called(nic, host_now());
	serve_bells(nic);
	if (atomic_load_explicit(&nic->napping, memory_order_relaxed))
		kick(nic);
}

void host_poll(struct gn_nic *nic)
{
	static __thread unsigned empty;
	nsec_t now;
	bool more;

	if (atomic_load_explicit(&nic->dead, memory_order_relaxed) ||
	    pthread_mutex_trylock(&nic->lock))
		return;
	now = host_now();
	called(nic, now);
	more = run(nic, now);
	host_unlock(nic);
	empty = more ? 0 : empty + 1;
	if (empty >= EMPTY_POLLS) {
		empty = 0;
		mem_guard_check();
		sched_yield();
	}
}

/* ---- waiting -------------------------------------------------------------------------- */

/* What ended a wait: bits. */
#define WOKE_EXTRA 1 /* the extra descriptor is readable */
#define WOKE_INPUT 2 /* packets are there */

/* Waits for packets, @extra or the deadline; WOKE_* or -errno. */
static int wait_for(struct gn_nic *nic, int extra, nsec_t until)
{
	struct pollfd fd[LINK_FDS + 2];
	int link_fd[LINK_FDS], woke = 0;
	unsigned n = link_fds(nic->link, link_fd);
	struct timespec ts, *timeout = NULL;
	nsec_t now = host_now();

	if (until != NSEC_NEVER) {
		nsec_t left = until > now ? until - now : 0;

		ts = (struct timespec){ (time_t)(left / SEC),
					(long)(left % SEC) };
		timeout = &ts;
	}
	for (unsigned i = 0; i < n; i++)
		fd[i] = (struct pollfd){ link_fd[i], POLLIN, 0 };
	fd[n] = (struct pollfd){ extra, POLLIN, 0 };
	fd[n + 1] = (struct pollfd){ nic->kick, POLLIN, 0 };
	if (ppoll(fd, n + 2, timeout, NULL) < 0)
		return errno == EINTR ? -EINTR : -EIO;
	for (unsigned i = 0; i < n; i++)
		if (fd[i].revents)
			woke = WOKE_INPUT;
	return fd[n].revents ? woke | WOKE_EXTRA : woke;
}

/* Runs until nothing is left to do now; returns when something will be, until
 * when @who will sleep.  *@found: whether there was anything at all.
 */
static nsec_t run_dry(struct gn_nic *nic, enum sleeper who, bool *found)
{
	nsec_t until;

	pthread_mutex_lock(&nic->lock);
	mem_guard_check();
	*found = run(nic, host_now());
	for (unsigned i = 0; *found && i < 16 && run(nic, host_now()); i++)
		;
	until = deadline(nic);
	if (nic->tap && until > host_now())
		capture_flush(nic->tap);
	atomic_store_explicit(&nic->asleep_until[who], until,
			      memory_order_relaxed);
	host_unlock(nic);
	return until;
}

static bool readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

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
	called(nic, host_now());
	if (atomic_fetch_sub(&nic->waiters, 1) == 1)
		atomic_store(&nic->asleep_until[SLEEPER_WAITER], 0);
	kick(nic);
	return woke < 0 ? woke : 0;
}

/* ---- the thread ------------------------------------------------------------------------ */

/* How the thread shares the work with a program that calls now and then.  It
 * naps while the program calls, and takes over when it does not.  If packets
 * were waiting then, the program is one that watches its memory and not its CQ
 * (ib_write_lat does): the thread stays on duty, although the program calls,
 * until it wakes up for packets that the program has taken already.
 */
struct duty {
	nsec_t nap; /* length of the last nap; 0: it was none */
	bool stays;
	unsigned useful, useless; /* wake-ups while it stays */
};

/* The program runs the NIC itself: look again in a while. */
static void take_nap(struct gn_nic *nic, struct duty *d, bool waiting)
{
	nsec_t most = waiting ? NAP_MAX : NAP_LONG;
	struct pollfd p = { nic->kick, POLLIN, 0 };
	struct timespec ts = { 0, 0 };

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

/* Does what is overdue: of several who sleep, a kick may have woken only one. */
static void catch_up(struct gn_nic *nic)
{
	nsec_t now = host_now();

	if (pthread_mutex_trylock(&nic->lock))
		return;
	if (deadline(nic) <= now)
		run(nic, now);
	host_unlock(nic);
}

static void learn(struct duty *d, int woke, bool found)
{
	if (d->nap && found)
		*d = (struct duty){ .stays = true };
	d->nap = 0;
	if (!d->stays || !(woke & WOKE_INPUT))
		return;
	if (found)
		d->useful++;
	else
		d->useless++;
	if (d->useless > 3 * d->useful + 8)
		d->stays = false;
}

static void *serve(void *arg)
{
	struct gn_nic *nic = arg;
	struct duty d = { 0 };
	int woke = 0;

	/* Deadlines of microseconds are meant so. */
	prctl(PR_SET_TIMERSLACK, 1000);
	while (!atomic_load(&nic->stop)) {
		bool waiting = atomic_load(&nic->waiters) > 0;
		nsec_t last = atomic_load(&nic->last_call), until;
		bool there = !d.stays && host_now() - last < ACTIVE_NSEC;
		bool found;
		eventfd_t v;

		if (waiting || there) {
			take_nap(nic, &d, waiting);
			if (waiting)
				catch_up(nic);
			woke = 0;
		} else {
			until = run_dry(nic, SLEEPER_THREAD, &found);
			learn(&d, woke, found);
			woke = wait_for(nic, nic->kick, until);
			atomic_store(&nic->asleep_until[SLEEPER_THREAD], 0);
		}
		while (!eventfd_read(nic->kick, &v))
			;
	}
	return NULL;
}

int host_start_thread(struct gn_nic *nic)
{
	sigset_t all, old;
	int rc;

	if (nic->has_thread)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&nic->thread, NULL, serve, nic);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	nic->has_thread = !rc;
	if (nic->has_thread)
		pthread_setname_np(nic->thread, "glassnic");
	return -rc;
}

void host_expect_events(struct gn_nic *nic)
{
	if (!atomic_load_explicit(&nic->event_driven, memory_order_relaxed))
		atomic_store(&nic->event_driven, true);
}

/* ---- life ------------------------------------------------------------------------------- */

static void set_limits(struct gn_limits *l, const struct nic_spec *spec)
{
	l->max_qp = spec->max_qp;
	l->max_cq = spec->max_cq;
	l->max_mr = l->max_mw = spec->max_mr;
	l->max_srq = spec->max_srq;
	l->max_qp_wr = spec->max_qp_wr;
	l->max_srq_wr = spec->max_srq_wr;
	l->max_cqe = spec->max_cqe;
	l->max_sge = l->max_srq_sge = spec->max_sge;
	l->max_inline = spec->max_inline;
	l->max_rd_atomic = spec->max_rd_atomic;
	l->max_msg_size = spec->max_msg_size;
}

static struct engine_config config_of(const struct nic_spec *spec)
{
	struct engine_config cfg = engine_config_default();

	set_limits(&cfg.limits, spec);
	cfg.migreq = spec->migreq;
	cfg.credits = spec->credits;
	cfg.lids = spec->lids;
	cfg.seed = spec->seed ? spec->seed
			      : host_now() ^ (uint64_t)getpid() << 40;
	cfg.notes = getenv("GLASSNIC_CAPTURE") != NULL;
	return cfg;
}

int host_open(const struct nic_spec *spec, struct gn_nic **out)
{
	struct gn_nic *nic = calloc(1, sizeof(*nic));
	struct engine_config cfg = config_of(spec);
	int rc;

	if (!nic)
		return -ENOMEM;
	nic->spec = *spec;
	nic->claim = nic->capture_lock = -1;
	pthread_mutex_init(&nic->lock, NULL);
	rc = engine_init(&nic->engine, &cfg, &host_hooks, nic);
	if (rc)
		goto free_nic;
	nic->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nic->kick < 0) {
		rc = -errno;
		goto fini_engine;
	}
	rc = host_build(nic);
	if (rc)
		goto close_kick;
	mem_guard_install();
	*out = nic;
	return 0;

close_kick:
	close(nic->kick);
fini_engine:
	engine_fini(&nic->engine);
free_nic:
	free(nic);
	return rc;
}

/* What it did, for who asks with GLASSNIC_LOG=info. */
static void log_counters(const struct gn_nic *nic)
{
	const struct counters *c = &nic->engine.counters;
	char text[1024];
	size_t n = 0;

	if (!log_on(LOG_INFO))
		return;
	for (int i = 0; i < CNT_N && n < sizeof(text); i++)
		if (c->n[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      " %s=%" PRIu64,
					      counter_name((enum counter)i),
					      c->n[i]);
	for (int i = 1; i < DROP_N && n < sizeof(text); i++)
		if (c->drop[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      " drop.%s=%" PRIu64,
					      drop_word((enum drop)i),
					      c->drop[i]);
	log_info("%s:%s", nic->spec.name, n ? text : " idle");
}

void host_close(struct gn_nic *nic)
{
	log_counters(nic);
	if (nic->has_thread) {
		atomic_store(&nic->stop, true);
		eventfd_write(nic->kick, 1);
		pthread_join(nic->thread, NULL);
	}
	host_unbuild(nic);
	close(nic->kick);
	engine_fini(&nic->engine);
	pthread_mutex_destroy(&nic->lock);
	free(nic);
}

/* Nothing is freed: other objects point here, and answer EIO by that. */
void host_forget(struct gn_nic *nic)
{
	atomic_store(&nic->dead, true);
	if (nic->tap)
		capture_forget(nic->tap);
	nic->tap = NULL;
	host_unbuild(nic);
	close(nic->kick);
}
