#include <errno.h>
#include <time.h>
#include <unistd.h>
#include "nic/link/share_parts.h"

#define SETTLE_TRIES 1000u /* of 5 ms */

/* -EAGAIN: wait for who was first. */
static int enter(struct share *s)
{
	struct share_table *t = &s->table;

	share_table_prune(t, 0);
	s->joined = share_table_holders(t) > 0;
	if (s->joined)
		return t->head.settled ? share_take_slot(s) : -EAGAIN;
	t->head.settled = 0;
	share_table_put_head(t);
	return share_take_slot(s);
}

int share_enter(struct share *s)
{
	const struct timespec nap = {.tv_nsec = 5000000};
	int rc = -EAGAIN;

	for (unsigned i = 0; rc == -EAGAIN && i < SETTLE_TRIES; i++) {
		if (i)
			nanosleep(&nap, NULL);
		rc = share_table_lock(&s->table, JOIN_MSEC);
		if (rc)
			return rc;
		rc = enter(s);
		share_table_unlock(&s->table);
	}
	return rc == -EAGAIN ? -EBUSY : rc;
}

int share_settle(struct share *s)
{
	int rc = s->joined ? 0 : share_table_lock(&s->table, JOIN_MSEC);

	if (rc || s->joined)
		return rc;
	s->table.head.settled = 1;
	rc = share_table_put_head(&s->table);
	share_table_unlock(&s->table);
	return rc;
}

bool share_joined(const struct share *s)
{
	return s->joined;
}

void share_exit(struct share *s)
{
	struct share_table *t = &s->table;

	if (s->kind != STEER_NONE || !s->nslots || s->pid != getpid() ||
	    share_table_lock(t, LEAVE_MSEC))
		return;
	share_table_prune(t, share_first(s));
	share_table_leave(t, share_first(s));
	if (!share_table_holders(t))
		unlink(t->path);
	share_table_unlock(t);
	s->nslots = 0;
}

unsigned share_slots(const struct share *s, const uint16_t **slot)
{
	*slot = s->slot;
	return s->kind == STEER_NONE ? s->nslots : 0;
}

void share_on_slot(struct share *s, void (*tell)(void *ctx), void *ctx)
{
	s->tell = tell;
	s->tell_ctx = ctx;
}

bool share_answers(struct share *s)
{
	return s->kind != STEER_NONE || share_table_speak(&s->table);
}
