#include "nic/base/room.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#define WAIT_NSEC 100000

void room_wait(int fd, int error)
{
	const struct timespec pause = {.tv_nsec = WAIT_NSEC};
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	ppoll(&p, error == ENOBUFS ? 0 : 1, &pause, NULL);
}
