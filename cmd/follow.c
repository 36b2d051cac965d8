#include "cmd/follow.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NSEC 50000000

struct follow {
	int fd, pid;
	off_t at;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* The second one kills. */
static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal,
				.sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

static bool shrank(const struct follow *f)
{
	struct stat st;

	return !fstat(f->fd, &st) && st.st_size < f->at;
}

/* Nothing will be added. */
static bool is_over(const struct follow *f)
{
	return stopped || shrank(f) ||
	       (f->pid && kill(f->pid, 0) && errno == ESRCH);
}

static ssize_t follow_read(void *cookie, char *to, size_t len)
{
	const struct timespec pause = {0, PAUSE_NSEC};
	struct follow *f = cookie;
	bool over = false;
	ssize_t n;

	/* What was written before it was over is read after. */
	while ((n = read(f->fd, to, len)) == 0 && !over) {
		over = is_over(f);
		fflush(stdout);
		if (!over)
			nanosleep(&pause, NULL);
	}
	if (n > 0)
		f->at += n;
	return n;
}

static int follow_close(void *cookie)
{
	struct follow *f = cookie;

	close(f->fd);
	free(f);
	return 0;
}

FILE *follow_open(const char *path, int pid)
{
	const cookie_io_functions_t io = {.read = follow_read,
					  .close = follow_close};
	struct follow *f = calloc(1, sizeof(*f));
	FILE *file;

	if (!f)
		return NULL;
	f->pid = pid;
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	file = f->fd >= 0 ? fopencookie(f, "rb", io) : NULL;
	if (file) {
		catch_signals();
		return file;
	}
	if (f->fd >= 0)
		close(f->fd);
	free(f);
	return NULL;
}
