#include "nic/host/host.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "nic/base/log.h"
#include "nic/host/spec_engine.h"
#include "nic/mem.h"
#include "nic/port/capture.h"

#define RX_BUDGET   64u
#define RX_MOST	    1024u /* before anything is answered */
#define TX_BUDGET   256u
#define EMPTY_POLLS 16u /* in a row before a polling program yields */
#define EXIT_PATIENCE_SEC 1

nsec_t host_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (nsec_t)ts.tv_sec * SEC + (nsec_t)ts.tv_nsec;
}

/* ---- running the NIC, with the lock held --------------------------------------- */

/* What waits in the sockets is taken in before timers are looked at: after a pause
 * of ours the answers lie there, and nothing has timed out.
 */
bool host_run(struct gn_nic *nic, nsec_t now)
{
	unsigned got = 0, n = RX_BUDGET;

	while (n >= RX_BUDGET && got < RX_MOST) {
		n = link_receive(nic->link, RX_BUDGET, now);
		got += n;
	}
	if (link_deadline(nic->link) <= now)
		link_tick(nic->link, now);
	return engine_run(&nic->engine, TX_BUDGET, now) || got;
}

nsec_t host_deadline(const struct gn_nic *nic)
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
	nsec_t due = host_deadline(nic);
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

void host_kick(struct gn_nic *nic)
{
	if (atomic_exchange(&nic->napping, false))
		eventfd_write(nic->kick, 1);
}

void host_called(struct gn_nic *nic, nsec_t now)
{
	atomic_store_explicit(&nic->last_call, now, memory_order_relaxed);
}

void host_ring(struct gn_nic *nic)
{
	if (atomic_load_explicit(&nic->dead, memory_order_relaxed))
		return;
	host_called(nic, host_now());
	serve_bells(nic);
	if (atomic_load_explicit(&nic->napping, memory_order_relaxed))
		host_kick(nic);
}

void host_poll(struct gn_nic *nic)
{
	static __thread unsigned empty;
	nsec_t now;
	bool more;

	if (atomic_load_explicit(&nic->dead, memory_order_relaxed))
		return;
	now = host_now();
	host_called(nic, now);
	if (pthread_mutex_trylock(&nic->lock))
		return;
	more = host_run(nic, now);
	empty = more ? 0 : empty + 1;
	if (nic->tap && empty >= EMPTY_POLLS)
		capture_flush_old(nic->tap);
	host_unlock(nic);
	if (empty >= EMPTY_POLLS) {
		empty = 0;
		mem_guard_check();
		sched_yield();
	}
}

/* ---- life ------------------------------------------------------------------------------- */

static struct engine_config config_of(const struct nic_spec *spec)
{
	struct engine_config cfg = spec_engine_config(spec);

	if (!cfg.seed)
		cfg.seed = host_now() ^ (uint64_t)getpid() << 40;
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
	nic->born = host_now();
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
	/* Before it has a QP it may get what is for those it shares with. */
	if (nic->share)
		rc = host_start_thread(nic);
	if (rc)
		goto unbuild;
	*out = nic;
	return 0;

unbuild:
	host_unbuild(nic);
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
	char text[2048];
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
	atomic_store(&nic->stop, true);
	publish_close(nic);
	if (nic->has_thread) {
		eventfd_write(nic->kick, 1);
		pthread_join(nic->thread, NULL);
	}
	link_drain(nic->link, host_now());
	host_unbuild(nic);
	close(nic->kick);
	engine_fini(&nic->engine);
	pthread_mutex_destroy(&nic->lock);
	free(nic);
}

bool host_last_lock(pthread_mutex_t *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += EXIT_PATIENCE_SEC;
	return !pthread_mutex_timedlock(lock, &until);
}

void host_exits(struct gn_nic *nic)
{
	publish_withdraw(nic);
	if (!host_last_lock(&nic->lock))
		return;
	if (nic->tap)
		capture_unbuffer(nic->tap);
	pthread_mutex_unlock(&nic->lock);
}

/* Nothing is freed: other objects point here, and answer EIO by that. */
void host_forget(struct gn_nic *nic)
{
	atomic_store(&nic->dead, true);
	if (nic->tap)
		capture_forget(nic->tap);
	nic->tap = NULL;
	publish_forget(nic);
	host_unbuild(nic);
	close(nic->kick);
}
