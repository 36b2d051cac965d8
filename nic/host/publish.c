#include "nic/host/publish.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "nic/base/log.h"
#include "nic/host/host.h"
#include "nic/host/runtime.h"
#include "nic/host/view.h"

#define BACKLOG	  16
#define PATIENCE  (2 * SEC) /* with one reader */
#define REST_MSEC 100	    /* without descriptors or memory */

/* ---- the socket ---- */

static struct sockaddr_un address_of(const struct publication *p)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, p->path, sizeof(p->path));
	return sun;
}

/* Does @p's path belong to a process that is gone? */
static bool is_stale(const struct publication *p)
{
	struct sockaddr_un sun = address_of(p);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = fd >= 0 &&
		       connect(fd, (struct sockaddr *)&sun, sizeof(sun)) &&
		       errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

/* Process numbers come again: what a dead one of ours left is in the way. */
static int bind_path(const struct publication *p)
{
	struct sockaddr_un sun = address_of(p);

	if (!bind(p->fd, (struct sockaddr *)&sun, sizeof(sun)))
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (!is_stale(p) || unlink(p->path))
		return -EADDRINUSE;
	return bind(p->fd, (struct sockaddr *)&sun, sizeof(sun)) ? -errno : 0;
}

/* -errno, and @why (SPEC_WHY_MAX bytes) is one line. */
static int listen_there(struct publication *p, const char *name, char *why)
{
	char dir[RUNTIME_PATH_MAX];
	int rc = runtime_dir(dir, why), n;

	if (rc)
		return rc;
	n = snprintf(p->path, sizeof(p->path), "%s/%d-%s.sock", dir,
		     (int)getpid(), name);
	if (n >= (int)sizeof(p->path)) {
		snprintf(why, SPEC_WHY_MAX,
			 "%s/...: too long a path for a UNIX socket; give the "
			 "NIC a shorter name, or set GLASSNIC_RUNTIME",
			 dir);
		return -ENAMETOOLONG;
	}
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = p->fd < 0 ? -errno : bind_path(p);
	if (!rc && listen(p->fd, BACKLOG)) {
		rc = -errno;
		unlink(p->path);
	}
	if (rc && p->fd >= 0)
		close(p->fd);
	if (rc)
		snprintf(why, SPEC_WHY_MAX, "%s: %s", p->path, strerror(-rc));
	return rc;
}

/* ---- the thread ---- */

/* Waits for @fd, or for the NIC to close; false: enough of waiting. */
static bool wait_writable(const struct gn_nic *nic, int fd, nsec_t until)
{
	struct pollfd p[] = {{fd, POLLOUT, 0}, {nic->shown.fd, 0, 0}};
	nsec_t now = host_now();
	int n;

	if (now >= until || atomic_load(&nic->stop))
		return false;
	n = poll(p, 2, (int)((until - now) / MSEC) + 1);
	return n > 0 || (n < 0 && errno == EINTR);
}

static void deliver(const struct gn_nic *nic, int fd, const struct json *j)
{
	nsec_t until = host_now() + PATIENCE;
	size_t done = 0;

	while (done < j->len) {
		ssize_t n = send(fd, j->text + done, j->len - done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR &&
			 (errno != EAGAIN || !wait_writable(nic, fd, until)))
			return;
	}
}

static void answer(struct gn_nic *nic, int fd)
{
	struct json j;

	json_init(&j);
	view_write(nic, &j);
	if (!j.failed)
		deliver(nic, fd, &j);
	json_fini(&j);
}

/* After a failure of accept(): is there any use in another one?  It ends with
 * EINVAL when publish_close has shut the socket.
 */
static bool goes_on(const struct gn_nic *nic)
{
	struct pollfd p = {nic->shown.fd, 0, 0};

	switch (errno) {
	case EINTR:
	case ECONNABORTED:
	case EAGAIN: return true;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM: return poll(&p, 1, REST_MSEC) == 0;
	default: return false;
	}
}

static void *serve(void *arg)
{
	struct gn_nic *nic = arg;

	while (!atomic_load(&nic->stop)) {
		int fd = accept4(nic->shown.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			answer(nic, fd);
			close(fd);
		} else if (!goes_on(nic)) {
			break;
		}
	}
	return NULL;
}

/* ---- life ---- */

/* -errno, and @why is one line. */
static int start(struct gn_nic *nic, char *why)
{
	struct publication *p = &nic->shown;
	int rc = listen_there(p, nic->spec.name, why);

	if (rc)
		return rc;
	rc = host_spawn(&p->thread, "glassnic-show", serve, nic);
	if (rc) {
		snprintf(why, SPEC_WHY_MAX, "no thread: %s", strerror(-rc));
		unlink(p->path);
		close(p->fd);
	}
	return rc;
}

void publish_open(struct gn_nic *nic)
{
	struct publication *p = &nic->shown;
	char why[SPEC_WHY_MAX] = "";

	if (p->tried)
		return;
	p->tried = true;
	if (start(nic, why))
		log_info("%s: `glassnic show' will not see it: %s",
			 nic->spec.name, why);
	else
		atomic_store(&p->on, true);
}

void publish_close(struct gn_nic *nic)
{
	if (!nic->shown.on)
		return;
	unlink(nic->shown.path);
	shutdown(nic->shown.fd, SHUT_RDWR);
	pthread_join(nic->shown.thread, NULL);
	close(nic->shown.fd);
	nic->shown.on = false;
}

void publish_withdraw(const struct gn_nic *nic)
{
	if (nic->shown.on)
		unlink(nic->shown.path);
}

void publish_forget(struct gn_nic *nic)
{
	if (nic->shown.on)
		close(nic->shown.fd);
	nic->shown.on = false;
}
