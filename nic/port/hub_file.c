#include "nic/port/hub_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nic/port/hub_lock.h"

#define VERSION 1u
#define WAYS	64u /* rows and columns of rings: a power of two for the sum */
#define TRIES	100u

static const char magic[8] = "GLASSHUB";

/* Where what is. */
#define AT_STATIONS 4096u
#define AT_CTL	    (AT_STATIONS + WAYS * sizeof(struct hub_station))
#define AT_DATA	    (AT_CTL + WAYS * WAYS * sizeof(struct hub_ctl))
#define FILE_SIZE   (AT_DATA + (size_t)WAYS * WAYS * HUB_RING)

_Static_assert(AT_DATA % 4096 == 0, "rings begin with a page");
_Static_assert(HUB_STATIONS < WAYS, "the last bit is HUB_ASLEEP");

uint64_t hub_mac(const struct mac *m)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < sizeof(m->b); i++)
		v = v << 8 | m->b[i];
	return v;
}

int hub_path(const char *where, char path[HUB_PATH_MAX], char *why)
{
	bool is_path = strchr(where, '/');
	int n;

	snprintf(why, HUB_WHY_MAX,
		 "port=hub:%.100s: neither a name nor a path from the root",
		 where);
	if (is_path && where[0] != '/')
		return -EINVAL;
	n = snprintf(path, HUB_PATH_MAX, "%s%s",
		     is_path ? "" : "/dev/shm/glassnic-hub-", where);
	return n < (int)HUB_PATH_MAX - 8 ? 0 : -EINVAL; /* FIFOs are longer */
}

static void fifo_path(const struct hub *h, unsigned slot,
		      char path[HUB_PATH_MAX + 8])
{
	snprintf(path, HUB_PATH_MAX + 8, "%s.%u", h->path, slot);
}

/* ---- the table, under its lock ---- */

static void table_changed(struct hub *h)
{
	atomic_fetch_add(&h->head->epoch, 1);
}

static bool is_taken(const struct hub_station *s)
{
	return atomic_load(&s->generation) & 1;
}

static void free_slot(struct hub *h, unsigned slot)
{
	char path[HUB_PATH_MAX + 8];

	fifo_path(h, slot, path);
	unlink(path);
	atomic_store(&h->station[slot].mac, 0);
	atomic_fetch_add(&h->station[slot].generation, 1);
	table_changed(h);
}

static bool has_died(const struct hub *h, unsigned slot)
{
	return is_taken(&h->station[slot]) &&
	       !hub_is_locked(h->fd, HUB_LOCK_STATION + slot, 1);
}

static void free_dead(struct hub *h)
{
	for (unsigned i = 0; i < HUB_STATIONS; i++)
		if (i != h->self && has_died(h, i))
			free_slot(h, i);
}

static bool anybody_else(const struct hub *h)
{
	return hub_is_locked(h->fd, HUB_LOCK_STATION, HUB_STATIONS);
}

void hub_reap(struct hub *h, unsigned slot)
{
	if (!has_died(h, slot) || hub_try_lock(h->fd, HUB_LOCK_TABLE))
		return;
	if (has_died(h, slot))
		free_slot(h, slot);
	hub_unlock(h->fd, HUB_LOCK_TABLE);
}

/* ---- the file ---- */

static int refuse(const struct hub *h, int error, const char *what, char *why)
{
	snprintf(why, HUB_WHY_MAX, "%.150s: %s", h->path, what);
	return -error;
}

static int refuse_errno(const struct hub *h, const char *what, char *why)
{
	int error = errno;

	snprintf(why, HUB_WHY_MAX, "%.120s: cannot %s the hub: %s", h->path,
		 what, strerror(error));
	return -error;
}

/* Whose it is, and what he can do about it. */
static int refuse_rights(const struct hub *h, char *why)
{
	struct passwd *pw;
	struct stat st;

	if (errno != EACCES || stat(h->path, &st))
		return refuse_errno(h, "open", why);
	pw = getpwuid(st.st_uid);
	snprintf(
		why, HUB_WHY_MAX,
		"%.120s: this hub belongs to user %.32s, who lets no other in; "
		"share=group or share=all of who makes it does",
		h->path, pw ? pw->pw_name : "?");
	return -EACCES;
}

/* Opens the file or makes an empty one.  -EAGAIN: it went between. */
static int open_file(struct hub *h, mode_t mode, bool make, char *why)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

	h->fd = open(h->path, flags);
	if (h->fd >= 0)
		return 0;
	if (errno != ENOENT)
		return refuse_rights(h, why);
	if (!make)
		return -ENOENT;
	h->fd = open(h->path, flags | O_CREAT | O_EXCL, 0600);
	if (h->fd < 0)
		return errno == EEXIST ? -EAGAIN : refuse_errno(h, "make", why);
	if (fchmod(h->fd, mode))
		return refuse_errno(h, "make", why);
	return 0;
}

/* Is it still the file of this name? */
static bool is_current(const struct hub *h)
{
	struct stat open, named;

	return !fstat(h->fd, &open) && !lstat(h->path, &named) &&
	       open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

static int map_file(struct hub *h, char *why)
{
	void *map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 h->fd, 0);

	if (map == MAP_FAILED)
		return refuse_errno(h, "map", why);
	h->map = map;
	h->head = map;
	h->station = (struct hub_station *)(h->map + AT_STATIONS);
	return 0;
}

/* The table's memory is real from the beginning, that of rings later: a full
 * file system is an error here and not a signal there.
 */
static int make_table(struct hub *h, char *why)
{
	int rc;

	if (ftruncate(h->fd, FILE_SIZE) || fallocate(h->fd, 0, 0, AT_DATA))
		return refuse_errno(h, "make", why);
	rc = map_file(h, why);
	if (rc)
		return rc;
	h->head->version = VERSION;
	h->head->stations = HUB_STATIONS;
	h->head->ring = HUB_RING;
	h->head->frame = HUB_FRAME_MAX;
	memcpy(h->head->magic, magic, sizeof(magic));
	return 0;
}

static bool is_ours(const struct hub *h)
{
	return h->head->version == VERSION &&
	       h->head->stations == HUB_STATIONS && h->head->ring == HUB_RING &&
	       h->head->frame == HUB_FRAME_MAX;
}

/* Under the lock: maps what is there.  -EAGAIN: it was of no use and nobody's,
 * and is gone.
 */
static int take_table(struct hub *h, char *why)
{
	char found[sizeof(magic)] = "";
	struct stat st;
	int rc;

	if (fstat(h->fd, &st))
		return refuse_errno(h, "look at", why);
	if (!S_ISREG(st.st_mode))
		return refuse(h, EINVAL, "not a file", why);
	if (!st.st_size)
		return make_table(h, why);
	if (pread(h->fd, found, sizeof(found), 0) != sizeof(found) ||
	    (memcmp(found, magic, sizeof(magic)) &&
	     memcmp(found, (char[sizeof(magic)]){0}, sizeof(magic))))
		return refuse(h, EINVAL, "a file, but not a hub's", why);
	if (st.st_size == (off_t)FILE_SIZE &&
	    !memcmp(found, magic, sizeof(magic))) {
		rc = map_file(h, why);
		if (rc || is_ours(h))
			return rc;
	}
	if (anybody_else(h))
		return refuse(h, EPROTO,
			      "a hub of another version of glassnic; end its "
			      "programs first",
			      why);
	if (unlink(h->path))
		return refuse_errno(h, "replace", why);
	return -EAGAIN;
}

static void let_go(struct hub *h)
{
	if (h->map)
		munmap(h->map, FILE_SIZE);
	if (h->fifo >= 0)
		close(h->fifo);
	if (h->fd >= 0)
		close(h->fd);
	h->map = NULL;
	h->fd = h->fifo = -1;
}

/* One attempt at a mapped table under its lock. */
static int try_table(struct hub *h, mode_t mode, bool make, char *why)
{
	int rc = open_file(h, mode, make, why);

	if (rc)
		return rc;
	if (hub_lock(h->fd, HUB_LOCK_TABLE))
		return refuse(h, EBUSY,
			      "a process that joins this hub hangs; end it",
			      why);
	return is_current(h) ? take_table(h, why) : -EAGAIN;
}

/* Ends with the table mapped and locked, or with nothing.  Whoever was faster
 * at removing the file is followed to the next one.
 */
static int lock_table(struct hub *h, mode_t mode, bool make, char *why)
{
	int rc = -EAGAIN;

	for (unsigned i = 0; rc == -EAGAIN && i < TRIES; i++) {
		rc = try_table(h, mode, make, why);
		if (rc)
			let_go(h);
	}
	if (rc == -EAGAIN)
		refuse(h, EAGAIN, "this hub comes and goes; try again", why);
	return rc;
}

static int start(struct hub *h, const char *where, char *why)
{
	memset(h, 0, sizeof(*h));
	h->fd = h->fifo = -1;
	h->self = HUB_STATIONS;
	h->owner = getpid();
	return hub_path(where, h->path, why);
}

/* ---- joining and leaving ---- */

static int check_member(const struct hub *h, const struct hub_member *m,
			char *why)
{
	char text[IP_TEXT_MAX];

	for (unsigned i = 0; i < HUB_STATIONS; i++) {
		const struct hub_station *s = &h->station[i];
		bool ip = ip_equal(&s->ip, &m->ip);
		bool mac = atomic_load(&s->mac) == hub_mac(&m->mac);

		if (!is_taken(s) || (!ip && !mac))
			continue;
		snprintf(why, HUB_WHY_MAX,
			 "%s=%s: process %d has it on port=hub:%.100s; give "
			 "this NIC another",
			 ip ? "ip" : "mac",
			 ip ? ip_format(&m->ip, text)
			    : mac_format(&m->mac, text),
			 s->pid, m->where);
		return -EADDRINUSE;
	}
	return 0;
}

/* The FIFO lets in whom the file does. */
static int make_fifo(struct hub *h, char *why)
{
	char path[HUB_PATH_MAX + 8];
	struct stat st;

	fifo_path(h, h->self, path);
	unlink(path);
	if (fstat(h->fd, &st) || mkfifo(path, 0600))
		return refuse_errno(h, "make a FIFO beside", why);
	h->fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (h->fifo >= 0 && !fchmod(h->fifo, st.st_mode & 0777))
		return 0;
	refuse_errno(h, "use the FIFO beside", why);
	unlink(path);
	return -EIO;
}

static int take_slot(struct hub *h, char *why)
{
	for (unsigned i = 0; i < HUB_STATIONS; i++) {
		if (is_taken(&h->station[i]) ||
		    hub_try_lock(h->fd, HUB_LOCK_STATION + i))
			continue;
		h->self = i;
		return make_fifo(h, why);
	}
	snprintf(why, HUB_WHY_MAX, "%.150s: all %u places are taken", h->path,
		 HUB_STATIONS);
	return -ENOSPC;
}

static void enter(struct hub *h, const struct hub_member *m)
{
	struct hub_station *s = &h->station[h->self];

	for (unsigned i = 0; i < HUB_STATIONS; i++)
		hub_ctl_empty(hub_ctl(h, i, h->self));
	atomic_store(&s->ready, 0);
	s->pid = getpid();
	s->ip = m->ip;
	atomic_store(&s->mac, hub_mac(&m->mac));
	atomic_fetch_add(&s->generation, 1);
	table_changed(h);
}

int hub_join(const struct hub_member *m, struct hub *h, char *why)
{
	int rc = start(h, m->where, why);

	if (!rc)
		rc = lock_table(h, m->mode, true, why);
	if (rc)
		return rc;
	free_dead(h);
	rc = check_member(h, m, why);
	if (!rc)
		rc = take_slot(h, why);
	if (rc) {
		if (!anybody_else(h))
			unlink(h->path);
		let_go(h);
		return rc;
	}
	enter(h, m);
	hub_unlock(h->fd, HUB_LOCK_TABLE);
	return 0;
}

void hub_leave(struct hub *h)
{
	if (h->owner == getpid() && !hub_lock(h->fd, HUB_LOCK_TABLE)) {
		free_slot(h, h->self);
		free_dead(h);
		if (!anybody_else(h) && is_current(h))
			unlink(h->path);
	}
	let_go(h);
}

int hub_addresses(const char *where, struct ip_addr ip[HUB_STATIONS], char *why)
{
	struct hub h;
	int rc = start(&h, where, why), n = 0;

	if (!rc)
		rc = lock_table(&h, 0, false, why);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	free_dead(&h);
	for (unsigned i = 0; i < HUB_STATIONS; i++)
		if (is_taken(&h.station[i]))
			ip[n++] = h.station[i].ip;
	if (!anybody_else(&h))
		unlink(h.path);
	let_go(&h);
	return n;
}

/* ---- rings ---- */

static size_t ring_index(unsigned from, unsigned to)
{
	return (size_t)from * WAYS + to;
}

struct hub_ctl *hub_ctl(const struct hub *h, unsigned from, unsigned to)
{
	return (struct hub_ctl *)(h->map + AT_CTL) + ring_index(from, to);
}

uint8_t *hub_data(const struct hub *h, unsigned from, unsigned to)
{
	return h->map + AT_DATA + ring_index(from, to) * HUB_RING;
}

int hub_ring_back(const struct hub *h, unsigned from, unsigned to)
{
	size_t at = AT_DATA + ring_index(from, to) * HUB_RING;

	if (fallocate(h->fd, 0, (off_t)at, HUB_RING))
		return -errno;
	/* A matter of speed only. */
	madvise(h->map + at, HUB_RING, MADV_POPULATE_WRITE);
	return 0;
}

int hub_open_fifo(const struct hub *h, unsigned slot)
{
	char path[HUB_PATH_MAX + 8];
	struct stat st;
	int fd;

	fifo_path(h, slot, path);
	/* As a reader, too: writing a FIFO that nobody reads is a signal. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISFIFO(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}
