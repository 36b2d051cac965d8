/* One table for the process.  Free slots form a queue, so that a number rests
 * as long as possible before it names something else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "verbs_shim/handle.h"

#define HANDLES_FIRST 256u

struct slot {
	void *obj;
	enum handle_kind kind;
	uint32_t next_free; /* 0 ends the queue */
};

/* All of it under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots; /* slot 0 is not used */
static uint32_t slot_count;
static uint32_t free_head, free_tail;

static void release(void)
{
	pthread_mutex_unlock(&lock);
}

static void acquire(void)
{
	pthread_mutex_lock(&lock);
}

/* A child of fork must not find the lock held by a thread it does not have. */
__attribute__((constructor)) static void survive_fork(void)
{
	pthread_atfork(acquire, release, release);
}

static void enqueue(uint32_t handle)
{
	slots[handle] = (struct slot){.kind = HANDLE_FREE};
	if (free_tail)
		slots[free_tail].next_free = handle;
	else
		free_head = handle;
	free_tail = handle;
}

static uint32_t dequeue(void)
{
	uint32_t handle = free_head;

	free_head = slots[handle].next_free;
	if (!free_head)
		free_tail = 0;
	return handle;
}

static int grow(void)
{
	uint32_t from = slot_count ? slot_count : 1;
	uint32_t count = slot_count ? slot_count * 2 : HANDLES_FIRST;
	struct slot *more;

	if (count < slot_count)
		return -ENOMEM;
	more = reallocarray(slots, count, sizeof(*slots));
	if (!more)
		return -ENOMEM;
	slots = more;
	slot_count = count;
	for (uint32_t i = from; i < count; i++)
		enqueue(i);
	return 0;
}

int handle_new(enum handle_kind kind, void *obj, uint32_t *handle)
{
	int rc = 0;

	acquire();
	if (!free_head)
		rc = grow();
	if (rc == 0) {
		*handle = dequeue();
		slots[*handle] = (struct slot){.obj = obj, .kind = kind};
	}
	release();
	return rc;
}

void handle_free(uint32_t handle)
{
	acquire();
	enqueue(handle);
	release();
}

void *handle_lock(enum handle_kind kind, uint32_t handle)
{
	acquire();
	if (handle && handle < slot_count && slots[handle].kind == kind)
		return slots[handle].obj;
	release();
	return NULL;
}

void handle_unlock(void)
{
	release();
}

bool handle_is(enum handle_kind kind, uint32_t handle)
{
	bool found = handle_lock(kind, handle) != NULL;

	if (found)
		release();
	return found;
}
