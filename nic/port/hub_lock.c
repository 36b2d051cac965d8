#include "nic/port/hub_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MSEC 5000u

static struct flock range(short type, unsigned byte, unsigned n)
{
	return (struct flock){.l_type = type,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)byte,
			      .l_len = (off_t)n};
}

int hub_try_lock(int fd, unsigned byte)
{
	struct flock l = range(F_WRLCK, byte, 1);

	return fcntl(fd, F_OFD_SETLK, &l) ? -errno : 0;
}

int hub_lock(int fd, unsigned byte)
{
	const struct timespec msec = {0, 1000000};
	int rc = hub_try_lock(fd, byte);

	for (unsigned i = 0; i < WAIT_MSEC && (rc == -EAGAIN || rc == -EACCES);
	     i++) {
		nanosleep(&msec, NULL);
		rc = hub_try_lock(fd, byte);
	}
	return rc;
}

void hub_unlock(int fd, unsigned byte)
{
	struct flock l = range(F_UNLCK, byte, 1);

	fcntl(fd, F_OFD_SETLK, &l);
}

bool hub_is_locked(int fd, unsigned byte, unsigned n)
{
	struct flock l = range(F_WRLCK, byte, n);

	return !fcntl(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
}
