/* Who shares an address, as a file: one row for each slot of QPNs.
 *
 * A slot is held as long as its holder has a lock on the slot's byte of the
 * file; the kernel gives that up when the holder dies, however it does.  Locks
 * are of open file descriptions (F_OFD_SETLK), so that they end when the
 * holder's sockets do, and no other descriptor of the file matters.
 *
 * What a row says outlives its holder: whoever takes the slot goes on with the
 * local number that comes next, so that no QPN is soon used again.
 */
#ifndef NIC_LINK_SHARE_TABLE_H
#define NIC_LINK_SHARE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "nic/link/share_steer.h"

#define SHARE_PATH_MAX 256u

struct share_row {
	uint16_t next; /* local number that comes next: the holder's to write */
	uint16_t first; /* the holder's first slot, whose row says the rest; 0:
			 * nobody ever held this one */
	uint32_t pid;	/* of the holder; 0: nobody */
	uint16_t index; /* of the holder's socket in the group, as is thought */
	uint16_t aside; /* UDP port where the holder takes what went astray */
	uint32_t epoch; /* in which the index was measured */
};

struct share_head {
	uint32_t magic;
	uint32_t epoch;	 /* of measuring indices */
	uint64_t secret; /* what members know, and nobody else */
	uint32_t stale;	 /* the order is known, but not yet to the kernel */
	uint32_t settled; /* the first holder has found the address free */
};

struct share_table {
	char path[SHARE_PATH_MAX];
	int fd;
	bool holds; /* slots, through this descriptor */
	struct share_head head;
	struct share_row row[SHARE_SLOTS];
};

/* Opens the file, or makes it.  -errno. */
int share_table_open(struct share_table *t, const char *path);
/* Gives up all that was held. */
void share_table_close(struct share_table *t);

/* Removes the tables in @dir, those whose names begin with @prefix, that nobody
 * holds nor has held for @sec seconds: what was written there about the dead is
 * of no more use.
 */
void share_table_sweep(const char *dir, const char *prefix, unsigned sec);

/* Locks the table against others and reads it; waits up to about @msec.
 * -EBUSY: somebody had it all the time.
 */
int share_table_lock(struct share_table *t, unsigned msec);
void share_table_unlock(struct share_table *t);

/* With the lock held. -errno. */
int share_table_put_head(const struct share_table *t);
/* One row, but not its next. */
int share_table_put(const struct share_table *t, unsigned slot);

/* Without the lock. */
/* The holder says which number comes next. -errno. */
int share_table_put_next(struct share_table *t, unsigned slot, uint16_t next);
/* Reads one row again, or all; false if they cannot be read. */
bool share_table_get(struct share_table *t, unsigned slot);
bool share_table_get_all(struct share_table *t);

/* With the lock held: takes the first slot at or after @from that nobody holds,
 * for the holder of @first (0: for a new one) with @local to begin with if it
 * is new.  Returns the slot, or 0: none is left.
 */
unsigned share_table_take(struct share_table *t, unsigned from, unsigned first,
			  uint16_t local);
/* With the lock held: gives @first's holder's slots back. */
void share_table_leave(struct share_table *t, unsigned first);
/* With the lock held: clears the rows of the dead.  @mine: the caller's first
 * slot, or 0.  Returns how many holders had died.
 */
unsigned share_table_prune(struct share_table *t, unsigned mine);

/* Is @slot one that somebody holds, and its first? */
static inline bool share_table_leads(const struct share_table *t, unsigned slot)
{
	return t->row[slot].pid && t->row[slot].first == slot;
}

/* May this program speak for all?  One may, until it ends or closes the table;
 * then the next who asks.
 */
bool share_table_speak(const struct share_table *t);

/* How many hold slots. */
unsigned share_table_holders(const struct share_table *t);

#endif
