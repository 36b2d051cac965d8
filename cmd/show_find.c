#include "cmd/show_find.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "nic/host/runtime.h"
#include "nic/host/spec.h"

#define SUFFIX	     ".sock"
#define PATIENCE_SEC 3 /* with a NIC that says nothing */

static_assert(sizeof(((struct finds *)0)->dir) >= RUNTIME_PATH_MAX,
	      "room for the directory");

/* ---- one socket ---- */

/* "PID-NAME.sock" */
static bool parse_name(const char *file, struct found *f)
{
	size_t len = strlen(file), tail = sizeof(SUFFIX) - 1;
	char *end;
	long pid = strtol(file, &end, 10);

	if (pid <= 0 || pid > INT32_MAX || *end++ != '-' ||
	    file + len < end + tail || strcmp(file + len - tail, SUFFIX) != 0)
		return false;
	*f = (struct found){.pid = (int)pid};
	len = (size_t)(file + len - tail - end);
	if (!len || len >= sizeof(f->nic))
		return false;
	memcpy(f->nic, end, len);
	return true;
}

/* A connected socket, or -errno.  (Who was stopped and goes on gets EINTR, as
 * the socket has time-outs: signal(7).)
 */
static int connect_to(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE_SEC};
	int fd, rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do
		rc = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) ? -errno
								       : 0;
	while (rc == -EINTR);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static ssize_t receive(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* What comes until the end, if that is a whole view: a line. */
static char *read_all(int fd)
{
	size_t len = 0, size = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);
	char buf[65536], last = 0;
	ssize_t n;

	if (!to)
		return NULL;
	while ((n = receive(fd, buf, sizeof(buf))) > 0) {
		len += fwrite(buf, 1, (size_t)n, to);
		last = buf[n - 1];
	}
	if (!fclose(to) && !n && len == size && last == '\n')
		return text;
	free(text);
	return NULL;
}

/* Fills in the view; false: there is no such NIC any more. */
static bool ask(const char *dir, const char *file, struct found *f)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = connect_to(path);
	if (fd == -ECONNREFUSED && kill(f->pid, 0) && errno == ESRCH)
		unlink(path);
	if (fd == -ECONNREFUSED || fd == -ENOENT)
		return false;
	if (fd < 0)
		return true;
	f->text = read_all(fd);
	close(fd);
	/* It may have closed while we read. */
	return f->text || !access(path, F_OK);
}

/* ---- all of them ---- */

/* runtime_dir has refused @dir. */
static int explain(const char *dir, const char *why)
{
	struct stat st;
	struct passwd *who;

	if (stat(dir, &st) || st.st_uid == geteuid())
		return fprintf(stderr, "glassnic show: %s\n", why);
	who = getpwuid(st.st_uid);
	return fprintf(stderr,
		       "glassnic show: %s belongs to user %s, and NICs are "
		       "shown to their own user only: become that user\n",
		       dir, who ? who->pw_name : "of another number");
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->pid != y->pid ? (x->pid > y->pid) - (x->pid < y->pid)
				: strcmp(x->nic, y->nic);
}

static int add(struct finds *f, const struct found *one)
{
	struct found *more = realloc(f->nic, (f->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	f->nic = more;
	more[f->n++] = *one;
	return 0;
}

static int look(struct finds *f, DIR *dir, int pid)
{
	struct dirent *d;
	struct found one;
	int rc = 0;

	while (!rc && (d = readdir(dir)))
		if (parse_name(d->d_name, &one) && (!pid || one.pid == pid) &&
		    ask(f->dir, d->d_name, &one))
			rc = add(f, &one);
	return rc;
}

int finds_get(struct finds *f, int pid)
{
	char why[SPEC_WHY_MAX];
	DIR *dir;
	int rc;

	*f = (struct finds){0};
	rc = runtime_dir(f->dir, why);
	if (rc) {
		explain(f->dir, why);
		return rc;
	}
	dir = opendir(f->dir);
	rc = dir ? look(f, dir, pid) : -errno;
	if (dir)
		closedir(dir);
	if (rc)
		fprintf(stderr, "glassnic show: %s: %s\n", f->dir,
			strerror(-rc));
	else if (f->n)
		qsort(f->nic, f->n, sizeof(*f->nic), compare);
	return rc;
}

int show_pid_of(const char *who)
{
	char *end;
	long pid =
		who && isdigit((unsigned char)*who) ? strtol(who, &end, 10) : 0;

	return pid > 0 && pid <= INT32_MAX && !*end ? (int)pid : 0;
}

bool show_is_meant(const char *who, int pid, const char *nic,
		   const char *program)
{
	return !who || show_pid_of(who) == pid || !strcmp(who, nic) ||
	       !strcmp(who, program);
}

void finds_free(struct finds *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->nic[i].text);
	free(f->nic);
	*f = (struct finds){0};
}
