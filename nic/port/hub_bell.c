#include "nic/port/hub_bell.h"

#include <unistd.h>

void hub_bell_init(struct hub_bell *b, struct hub *h)
{
	b->hub = h;
	b->sleepers = 0;
	pthread_mutex_init(&b->lock, NULL);
	for (unsigned i = 0; i < HUB_STATIONS; i++)
		b->peer[i].fd = -1;
}

void hub_bell_fini(struct hub_bell *b)
{
	for (unsigned i = 0; i < HUB_STATIONS; i++)
		if (b->peer[i].fd >= 0)
			close(b->peer[i].fd);
	pthread_mutex_destroy(&b->lock);
}

static _Atomic uint64_t *ready_of(const struct hub_bell *b, unsigned slot)
{
	return &b->hub->station[slot].ready;
}

/* The FIFO of the station that has the slot now. */
static int fifo_of(struct hub_bell *b, unsigned slot)
{
	uint32_t now = atomic_load_explicit(&b->hub->station[slot].generation,
					    memory_order_acquire);
	int *fd = &b->peer[slot].fd;

	if (*fd >= 0 && b->peer[slot].generation == now)
		return *fd;
	if (*fd >= 0)
		close(*fd);
	*fd = hub_open_fifo(b->hub, slot);
	b->peer[slot].generation = now;
	return *fd;
}

/* One that is full is readable, and that is all it is for. */
static void write_fifo(int fd)
{
	if (fd >= 0 && write(fd, "", 1) < 0)
		return;
}

void hub_bell_ring(struct hub_bell *b, unsigned slot)
{
	uint64_t bit = (uint64_t)1 << b->hub->self;
	uint64_t old = atomic_fetch_or_explicit(ready_of(b, slot), bit,
						memory_order_acq_rel);

	if (!(old & HUB_ASLEEP))
		return;
	/* Of several who see it asleep one wakes it up. */
	old = atomic_fetch_and_explicit(ready_of(b, slot), ~HUB_ASLEEP,
					memory_order_acq_rel);
	if (old & HUB_ASLEEP)
		write_fifo(fifo_of(b, slot));
}

uint64_t hub_bell_answer(struct hub_bell *b)
{
	_Atomic uint64_t *ready = ready_of(b, b->hub->self);

	if (!(atomic_load_explicit(ready, memory_order_relaxed) & ~HUB_ASLEEP))
		return 0;
	return atomic_fetch_and_explicit(ready, HUB_ASLEEP,
					 memory_order_acq_rel) &
	       ~HUB_ASLEEP;
}

/* Whether somebody has sent something by now; later ones write the FIFO. */
static bool fall_asleep(struct hub_bell *b)
{
	return atomic_fetch_or_explicit(ready_of(b, b->hub->self), HUB_ASLEEP,
					memory_order_acq_rel) &
	       ~HUB_ASLEEP;
}

bool hub_bell_doze(struct hub_bell *b)
{
	bool there;

	pthread_mutex_lock(&b->lock);
	b->sleepers++;
	there = fall_asleep(b);
	pthread_mutex_unlock(&b->lock);
	return there;
}

static void empty_fifo(int fd)
{
	char bytes[64];

	while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		;
}

/* What woke us was meant for all who sleep.  They sleep on, so the bell is made
 * ready again for them; and who wakes up may not be the one who will look.
 */
void hub_bell_wake(struct hub_bell *b, bool readable)
{
	pthread_mutex_lock(&b->lock);
	b->sleepers--;
	if (readable)
		empty_fifo(b->hub->fifo);
	if (!b->sleepers)
		atomic_fetch_and_explicit(ready_of(b, b->hub->self),
					  ~HUB_ASLEEP, memory_order_acq_rel);
	else if (fall_asleep(b))
		write_fifo(b->hub->fifo);
	pthread_mutex_unlock(&b->lock);
}
