#include "nic/base/hold.h"

#include <errno.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t name_of(const char *name, struct sockaddr_un *sun)
{
	int n;

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(sun->sun_path + 1, sizeof(sun->sun_path) - 1, "%s", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

int hold_name(const char *name, int flags)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | flags, 0), error;
	struct sockaddr_un sun;
	socklen_t len = name_of(name, &sun);

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&sun, len))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

bool is_held(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun;
	socklen_t len = name_of(name, &sun);
	bool held = fd >= 0 && !connect(fd, (struct sockaddr *)&sun, len);

	if (fd >= 0)
		close(fd);
	return held;
}

int hold_silent(int fd)
{
	struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &refuse};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)) < 0)
		return -errno;
	return 0;
}
