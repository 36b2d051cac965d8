/* Completion channels and event listeners: queues behind a descriptor that is
 * readable while something is queued (an eventfd that counts).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "nic/api.h"
#include "nic/cq.h"
#include "nic/host/host.h"

/* A lock of its own, under the NIC's. */
struct queue {
	struct gn_nic *nic;
	int fd;
	pthread_mutex_t lock;
	struct list head;
};

struct gn_channel {
	struct queue q; /* of gn_cq.channel_node */
	unsigned users;
};

struct gn_listener {
	struct queue q; /* of struct event */
};

struct event {
	struct list node;
	struct gn_event ev;
};

static int queue_init(struct queue *q, struct gn_nic *nic)
{
	q->nic = nic;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	if (q->fd < 0)
		return -errno;
	pthread_mutex_init(&q->lock, NULL);
	list_init(&q->head);
	return 0;
}

static void queue_fini(struct queue *q)
{
	close(q->fd);
	pthread_mutex_destroy(&q->lock);
}

/* Takes one count; waits for it unless the program made @q non-blocking. */
static int queue_wait(struct queue *q)
{
	int flags = fcntl(q->fd, F_GETFL), rc = 0;
	eventfd_t v;

	if (flags < 0)
		return -EIO;
	if (flags & O_NONBLOCK)
		host_poll(q->nic);
	else
		rc = host_wait(q->nic, q->fd);
	if (rc)
		return rc;
	return eventfd_read(q->fd, &v) ? -errno : 0;
}

/* ---- channels ------------------------------------------------------------------ */

int gn_channel_new(struct gn_nic *nic, struct gn_channel **out)
{
	struct gn_channel *ch = calloc(1, sizeof(*ch));
	int rc;

	if (!ch)
		return -ENOMEM;
	rc = queue_init(&ch->q, nic);
	if (rc) {
		free(ch);
		return rc;
	}
	*out = ch;
	return 0;
}

int gn_channel_free(struct gn_channel *ch)
{
	if (ch->users)
		return -EBUSY;
	queue_fini(&ch->q);
	free(ch);
	return 0;
}

int gn_channel_fd(const struct gn_channel *ch)
{
	return ch->q.fd;
}

static void comp_event(void *ctx, struct gn_cq *cq)
{
	struct queue *q = &cq->channel->q;

	pthread_mutex_lock(&q->lock);
	if (!cq->events++)
		list_add_tail(&q->head, &cq->channel_node);
	pthread_mutex_unlock(&q->lock);
	eventfd_write(q->fd, 1);
}

int gn_channel_get(struct gn_channel *ch, void **cookie)
{
	struct queue *q = &ch->q;
	struct gn_cq *cq = NULL;
	int rc;

	do {
		rc = queue_wait(q);
		if (rc)
			return rc;
		pthread_mutex_lock(&q->lock);
		if (!list_empty(&q->head)) {
			cq = list_entry(q->head.next, struct gn_cq,
					channel_node);
			*cookie = cq->cookie;
			list_del(&cq->channel_node);
			if (--cq->events)
				list_add_tail(&q->head, &cq->channel_node);
		}
		pthread_mutex_unlock(&q->lock);
	} while (!cq); /* its CQ was freed meanwhile */
	return 0;
}

int gn_cq_new(struct gn_nic *nic, unsigned cqe, struct gn_channel *ch,
	      void *cookie, struct gn_cq **cq)
{
	int rc = host_lock(nic);

	if (rc)
		return rc;
	rc = cq_new(&nic->engine, cqe, ch, cookie, cq);
	if (!rc && ch)
		ch->users++;
	host_unlock(nic);
	return rc;
}

/* Takes back the counts of events that nobody will get.  A count that somebody
 * else takes first is one that he will find nothing behind, and wait on.
 */
static void drop_events(struct gn_channel *ch, struct gn_cq *cq)
{
	struct queue *q = &ch->q;
	eventfd_t v;
	struct iovec iov = { &v, sizeof(v) };

	pthread_mutex_lock(&q->lock);
	list_del(&cq->channel_node);
	for (; cq->events; cq->events--)
		if (preadv2(q->fd, &iov, 1, -1, RWF_NOWAIT) < 0)
			break;
	cq->events = 0;
	pthread_mutex_unlock(&q->lock);
}

int gn_cq_free(struct gn_cq *cq)
{
	struct gn_nic *nic = host_of(cq->engine);
	struct gn_channel *ch = cq->channel;
	int rc = host_lock(nic);

	if (rc)
		return rc;
	if (cq->users) {
		rc = -EBUSY;
	} else {
		if (ch) {
			drop_events(ch, cq);
			ch->users--;
		}
		rc = cq_free(cq);
	}
	host_unlock(nic);
	return rc;
}

/* ---- listeners ------------------------------------------------------------------- */

int gn_listener_new(struct gn_nic *nic, struct gn_listener **out)
{
	struct gn_listener *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	rc = queue_init(&l->q, nic);
	if (rc) {
		free(l);
		return rc;
	}
	*out = l;
	return 0;
}

static void free_listener(struct gn_listener *l)
{
	while (!list_empty(&l->q.head)) {
		struct event *e = list_entry(l->q.head.next, struct event, node);

		list_del(&e->node);
		free(e);
	}
	queue_fini(&l->q);
	free(l);
}

void gn_listener_free(struct gn_listener *l)
{
	struct gn_nic *nic = l->q.nic;

	/* After a fork nothing is told to anybody, and no lock can be taken. */
	if (!host_lock(nic)) {
		engine_forget_listener(&nic->engine, l);
		host_unlock(nic);
	}
	free_listener(l);
}

int gn_listener_fd(const struct gn_listener *l)
{
	return l->q.fd;
}

static void async_event(void *ctx, struct gn_listener *l,
			const struct gn_event *ev)
{
	struct event *e = malloc(sizeof(*e));

	if (!e)
		return;
	e->ev = *ev;
	pthread_mutex_lock(&l->q.lock);
	list_add_tail(&l->q.head, &e->node);
	pthread_mutex_unlock(&l->q.lock);
	eventfd_write(l->q.fd, 1);
}

int gn_listener_get(struct gn_listener *l, struct gn_event *ev)
{
	struct event *e;
	int rc = queue_wait(&l->q);

	if (rc)
		return rc;
	pthread_mutex_lock(&l->q.lock);
	e = list_entry(l->q.head.next, struct event, node);
	list_del(&e->node);
	pthread_mutex_unlock(&l->q.lock);
	*ev = e->ev;
	free(e);
	return 0;
}

static nsec_t now(void *nic)
{
	return host_now();
}

const struct engine_hooks host_hooks = { .comp_event = comp_event,
					 .async_event = async_event,
					 .qpn = host_qpn,
					 .now = now };
