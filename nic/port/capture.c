/* Blocks are collected in a buffer and written by one write(2) of whole blocks:
 * when the buffer is full, when nothing was written for FLUSH_NSEC and another
 * frame comes, and when the owner says so (it does when the NIC goes idle, when
 * a program polls in vain for longer than that, and when it exits).
 * Measured: 67 ns for a small frame, 830 with a write for each.  Who is killed
 * while busy loses the last few milliseconds of the capture; who is killed
 * while idle, or exits, nothing.
 *
 * The remark on a frame that comes in is known only after it was handled, when
 * answers to it may already have gone out.  So between arrive and the frame
 * itself outgoing frames are held back in a second buffer, and the frame bears
 * the time at which it arrived.
 */
#include "nic/port/capture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "nic/base/log.h"
#include "nic/base/note.h"
#include "nic/port/pcapng.h"

#define BUFFER_LEN (256u << 10)
#define FLUSH_NSEC (5 * MSEC)
#define WHY_LEN	   160

struct buffer {
	uint8_t *p;
	size_t len;
};

struct capture {
	struct tap tap;
	uint64_t (*now)(void *ctx);
	void *ctx;
	int fd;	       /* -1: writing failed, nothing more is captured */
	off_t written; /* bytes of whole blocks in the file */
	char *path;
	bool unbuffered;
	bool arriving; /* between arrive and its frame */
	uint64_t arrived_at;
	uint64_t flushed_at;
	struct buffer ready; /* to be written */
	struct buffer held;  /* went out while a frame was arriving */
};

static uint64_t realtime_nsec(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * SEC + (uint64_t)ts.tv_nsec;
}

/* Stops capturing; what was written by halves is cut off. */
static void give_up(struct capture *c, int error)
{
	log_warn("%s: cannot write the capture: %s; the program goes on, the "
		 "capture ends here",
		 c->path, strerror(error));
	if (ftruncate(c->fd, c->written) < 0)
		log_debug("%s: its last packet is incomplete", c->path);
	close(c->fd);
	c->fd = -1;
}

static void write_out(struct capture *c, const uint8_t *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(c->fd, p + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			give_up(c, n < 0 ? errno : ENOSPC);
			return;
		}
		done += (size_t)n;
	}
	c->written += (off_t)len;
}

static void flush_ready(struct capture *c)
{
	if (c->fd >= 0 && c->ready.len)
		write_out(c, c->ready.p, c->ready.len);
	c->ready.len = 0;
}

static void release_held(struct capture *c)
{
	if (c->ready.len + c->held.len > BUFFER_LEN)
		flush_ready(c);
	memcpy(c->ready.p + c->ready.len, c->held.p, c->held.len);
	c->ready.len += c->held.len;
	c->held.len = 0;
}

/* Room for @n bytes at the end of @b.  Held frames that need more than a whole
 * buffer lose their place behind the arriving one.
 */
static uint8_t *reserve(struct capture *c, struct buffer *b, size_t n)
{
	uint8_t *room;

	assert(n <= BUFFER_LEN);
	if (b->len + n > BUFFER_LEN) {
		if (b == &c->held)
			release_held(c);
		else
			flush_ready(c);
	}
	room = b->p + b->len;
	b->len += n;
	return room;
}

static void capture_arrive(struct tap *tap)
{
	struct capture *c = (struct capture *)tap;

	c->arriving = true;
	c->arrived_at = c->now(c->ctx);
}

static void capture_frame(struct tap *tap, enum tap_dir dir,
			  const struct span *piece, unsigned n,
			  const char *note)
{
	struct capture *c = (struct capture *)tap;
	bool arrived = dir == TAP_IN && c->arriving;
	bool hold = dir == TAP_OUT && c->arriving;
	uint64_t now = arrived ? c->arrived_at : c->now(c->ctx);
	struct pcapng_packet pkt = {dir, now, piece, n, note};

	if (c->fd < 0)
		return;
	pcapng_packet(&pkt, reserve(c, hold ? &c->held : &c->ready,
				    pcapng_packet_len(&pkt)));
	if (arrived) {
		c->arriving = false;
		release_held(c);
	}
	if (c->unbuffered || now - c->flushed_at > FLUSH_NSEC) {
		flush_ready(c);
		c->flushed_at = now;
	}
}

static const struct tap_ops capture_ops = {
	.arrive = capture_arrive,
	.frame = capture_frame,
};

void capture_set_clock(struct tap *tap, uint64_t (*now)(void *ctx), void *ctx)
{
	struct capture *c = (struct capture *)tap;

	assert(tap->ops == &capture_ops);
	c->now = now;
	c->ctx = ctx;
	c->flushed_at = 0;
}

void capture_flush(struct tap *tap)
{
	struct capture *c = (struct capture *)tap;

	assert(tap->ops == &capture_ops);
	flush_ready(c);
}

void capture_flush_old(struct tap *tap)
{
	struct capture *c = (struct capture *)tap;
	uint64_t now;

	assert(tap->ops == &capture_ops);
	if (!c->ready.len)
		return;
	now = c->now(c->ctx);
	if (now - c->flushed_at <= FLUSH_NSEC)
		return;
	flush_ready(c);
	c->flushed_at = now;
}

void capture_unbuffer(struct tap *tap)
{
	struct capture *c = (struct capture *)tap;

	capture_flush(tap);
	c->unbuffered = true;
}

void capture_free(struct tap *tap)
{
	struct capture *c = (struct capture *)tap;

	if (!c)
		return;
	release_held(c);
	flush_ready(c);
	capture_forget(tap);
}

void capture_forget(struct tap *tap)
{
	struct capture *c = (struct capture *)tap;

	if (c->fd >= 0)
		close(c->fd);
	free(c->ready.p);
	free(c->held.p);
	free(c->path);
	free(c);
}

static int open_file(struct capture *c, const char *path, const char *name,
		     char *why)
{
	size_t len = pcapng_start(name, c->ready.p);
	int error;

	c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (c->fd < 0) {
		error = errno;
		snprintf(why, WHY_LEN, "%.90s: cannot create the capture: %s",
			 path, strerror(error));
		return -error;
	}
	errno = 0;
	if (write(c->fd, c->ready.p, len) != (ssize_t)len) {
		error = errno ? errno : EIO;
		snprintf(why, WHY_LEN, "%.90s: cannot write the capture: %s",
			 path, strerror(error));
		return -error;
	}
	c->written = (off_t)len;
	return 0;
}

int capture_new(const char *path, const char *name, struct tap **tap, char *why)
{
	struct capture *c = calloc(1, sizeof(*c));
	int error = -ENOMEM;

	snprintf(why, WHY_LEN, "%.90s: out of memory", path);
	if (!c)
		return error;
	c->tap.ops = &capture_ops;
	c->now = realtime_nsec;
	c->fd = -1;
	c->path = strdup(path);
	c->ready.p = malloc(BUFFER_LEN);
	c->held.p = malloc(BUFFER_LEN);
	if (c->path && c->ready.p && c->held.p)
		error = open_file(c, path, name, why);
	if (error) {
		capture_free(&c->tap);
		return error;
	}
	c->flushed_at = c->now(NULL);
	*tap = &c->tap;
	return 0;
}
