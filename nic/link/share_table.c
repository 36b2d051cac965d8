/* Slots 0 and 1023 are nobody's: QPNs 0 and 1 are of management, 0xffffff is of
 * multicast.  The table's lock is on byte 0, slot N's on byte N, the speaker's on
 * byte 1023.
 *
 * A socket that leaves a group is replaced by the last one of it, so the last
 * one's index changes; rows are kept so.
 */
#include "nic/link/share_table.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x676c7331u

static int set_lock(const struct share_table *t, unsigned byte, short type)
{
	struct flock l = {.l_type = type,
			  .l_whence = SEEK_SET,
			  .l_start = byte,
			  .l_len = 1};

	return fcntl(t->fd, F_OFD_SETLK, &l) ? -errno : 0;
}

/* Somebody's, and not through our own descriptor. */
static bool is_locked(const struct share_table *t, unsigned byte)
{
	struct flock l = {.l_type = F_WRLCK,
			  .l_whence = SEEK_SET,
			  .l_start = byte,
			  .l_len = 1};

	return fcntl(t->fd, F_OFD_GETLK, &l) || l.l_type != F_UNLCK;
}

int share_table_open(struct share_table *t, const char *path)
{
	snprintf(t->path, sizeof(t->path), "%s", path);
	t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return t->fd < 0 ? -errno : 0;
}

void share_table_close(struct share_table *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void sweep_one(int dir, const char *name, time_t before)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_mtime < before &&
	    !fcntl(fd, F_OFD_SETLK, &all))
		unlinkat(dir, name, 0);
	close(fd);
}

void share_table_sweep(const char *path, const char *prefix, unsigned sec)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir)))
		if (!strncmp(d->d_name, prefix, strlen(prefix)))
			sweep_one(dirfd(dir), d->d_name,
				  time(NULL) - (time_t)sec);
	closedir(dir);
}

/* ---- reading and writing ---- */

static off_t place_of(unsigned slot)
{
	return (off_t)(sizeof(struct share_head) +
		       slot * sizeof(struct share_row));
}

static int put(const struct share_table *t, const void *from, size_t len,
	       off_t at)
{
	ssize_t n = pwrite(t->fd, from, len, at);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -ENOSPC;
}

int share_table_put_head(const struct share_table *t)
{
	return put(t, &t->head, sizeof(t->head), 0);
}

int share_table_put(const struct share_table *t, unsigned slot)
{
	const uint8_t *row = (const uint8_t *)&t->row[slot];
	size_t skip = sizeof(t->row[slot].next);

	static_assert(!offsetof(struct share_row, next), "it comes first");
	return put(t, row + skip, sizeof(t->row[slot]) - skip,
		   place_of(slot) + (off_t)skip);
}

int share_table_put_next(struct share_table *t, unsigned slot, uint16_t next)
{
	t->row[slot].next = next;
	return put(t, &next, sizeof(next), place_of(slot));
}

bool share_table_get(struct share_table *t, unsigned slot)
{
	struct share_row row;

	if (pread(t->fd, &row, sizeof(row), place_of(slot)) !=
	    (ssize_t)sizeof(row))
		return false;
	t->row[slot] = row;
	return row.first < SHARE_SLOTS;
}

/* What makes no sense is nobody's. */
bool share_table_get_all(struct share_table *t)
{
	memset(t->row, 0, sizeof(t->row)); /* a short file has no more */
	if (pread(t->fd, t->row, sizeof(t->row), place_of(0)) < 0)
		return false;
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (t->row[i].first >= SHARE_SLOTS)
			memset(&t->row[i], 0, sizeof(t->row[i]));
	return true;
}

/* A file that is none of ours, or of another version, is begun anew. */
static int begin(struct share_table *t)
{
	memset(&t->head, 0, sizeof(t->head));
	memset(t->row, 0, sizeof(t->row));
	t->head.magic = MAGIC;
	if (getrandom(&t->head.secret, sizeof(t->head.secret), 0) < 0)
		return -errno;
	if (ftruncate(t->fd, 0))
		return -errno;
	return share_table_put_head(t);
}

static int load(struct share_table *t)
{
	if (pread(t->fd, &t->head, sizeof(t->head), 0) !=
		    (ssize_t)sizeof(t->head) ||
	    t->head.magic != MAGIC)
		return begin(t);
	return share_table_get_all(t) ? 0 : -errno;
}

/* The last to leave removes the file, maybe between our open and our lock. */
static bool is_removed(const struct share_table *t)
{
	struct stat st;

	return fstat(t->fd, &st) || !st.st_nlink;
}

static int open_again(struct share_table *t)
{
	char path[SHARE_PATH_MAX];

	memcpy(path, t->path, sizeof(path));
	share_table_close(t);
	return share_table_open(t, path);
}

/* -EAGAIN: it is locked. */
static int try_lock(struct share_table *t)
{
	int rc = set_lock(t, 0, F_WRLCK);

	while (!rc && !t->holds && is_removed(t)) {
		rc = open_again(t);
		if (!rc)
			rc = set_lock(t, 0, F_WRLCK);
	}
	return rc == -EACCES ? -EAGAIN : rc;
}

int share_table_lock(struct share_table *t, unsigned msec)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	int rc = try_lock(t);

	for (; rc == -EAGAIN && msec; msec--) {
		nanosleep(&nap, NULL);
		rc = try_lock(t);
	}
	if (rc)
		return rc == -EAGAIN ? -EBUSY : rc;
	rc = load(t);
	if (rc)
		share_table_unlock(t);
	return rc;
}

void share_table_unlock(struct share_table *t)
{
	set_lock(t, 0, F_UNLCK);
}

/* ---- slots ---- */

unsigned share_table_take(struct share_table *t, unsigned from, unsigned first,
			  uint16_t local)
{
	for (unsigned i = 0; i < SHARE_SLOTS; i++) {
		unsigned slot = (from + i) % SHARE_SLOTS;
		struct share_row *r = &t->row[slot];

		if (!slot || slot == SHARE_SLOTS - 1 || r->pid ||
		    set_lock(t, slot, F_WRLCK))
			continue;
		if (!r->first)
			share_table_put_next(t, slot, local);
		r->pid = (uint32_t)getpid();
		r->first = (uint16_t)(first ? first : slot);
		r->index = r->aside = 0;
		r->epoch = 0;
		t->holds = true;
		if (!share_table_put(t, slot))
			return slot;
		r->pid = 0;
		set_lock(t, slot, F_UNLCK);
		return 0;
	}
	return 0;
}

/* The holder of @first is gone: so is its socket from the group. */
static void clear_holder(struct share_table *t, unsigned first)
{
	unsigned hole = t->row[first].index, last = share_table_holders(t) - 1;

	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (t->row[i].pid && t->row[i].first == first && i != first) {
			t->row[i].pid = 0;
			share_table_put(t, i);
		}
	t->row[first].pid = 0;
	share_table_put(t, first);
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (share_table_leads(t, i) && t->row[i].index == last) {
			t->row[i].index = (uint16_t)hole;
			share_table_put(t, i);
		}
}

void share_table_leave(struct share_table *t, unsigned first)
{
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (t->row[i].pid && t->row[i].first == first && i != first)
			set_lock(t, i, F_UNLCK);
	set_lock(t, first, F_UNLCK);
	clear_holder(t, first);
	t->holds = false;
}

unsigned share_table_prune(struct share_table *t, unsigned mine)
{
	unsigned dead = 0;

	for (unsigned i = 0; i < SHARE_SLOTS; i++) {
		if (i == mine || !share_table_leads(t, i) || is_locked(t, i))
			continue;
		clear_holder(t, i);
		dead++;
	}
	/* Rows that no holder leads: one died while it took them. */
	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		if (t->row[i].pid && !share_table_leads(t, t->row[i].first)) {
			t->row[i].pid = 0;
			share_table_put(t, i);
		}
	return dead;
}

unsigned share_table_holders(const struct share_table *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SHARE_SLOTS; i++)
		n += share_table_leads(t, i);
	return n;
}

bool share_table_speak(const struct share_table *t)
{
	return !set_lock(t, SHARE_SLOTS - 1, F_WRLCK);
}
