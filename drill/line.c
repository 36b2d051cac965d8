#include "drill/line.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MSEC 10000

/* "HOST:PORT" or "[HOST]:PORT" taken apart; false: it is neither. */
static bool split(const char *where, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(where, ':');
	size_t len = colon ? (size_t)(colon - where) : 0;
	uint64_t n;

	if (!len || !words_number(colon + 1, &n) || !n || n > 65535)
		return false;
	*port = colon + 1;
	if (len > 2 && where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	}
	snprintf(host, size, "%.*s", (int)len, where);
	return true;
}

/* 0 or errno. */
static int connect_within(int fd, const struct addrinfo *a)
{
	struct pollfd p = {fd, POLLOUT, 0};
	int rc = 0;
	socklen_t len = sizeof(rc);

	if (!connect(fd, a->ai_addr, a->ai_addrlen))
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, CONNECT_MSEC) <= 0)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &rc, &len);
	return rc;
}

static int open_any(struct line *l, const struct addrinfo *list)
{
	int rc = ENOENT, on = 1;

	for (; list && rc; list = list->ai_next) {
		l->fd = socket(list->ai_family,
			       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		rc = l->fd < 0 ? errno : connect_within(l->fd, list);
		if (rc)
			line_close(l);
	}
	if (!rc)
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return rc;
}

bool line_open(struct line *l, const char *where, char *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	const char *port;
	char host[256];
	int rc;

	*l = (struct line){.fd = -1};
	if (!split(where, host, sizeof(host), &port)) {
		snprintf(why, WORDS_WHY_MAX, "%s: write HOST:PORT", where);
		return false;
	}
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc) {
		snprintf(why, WORDS_WHY_MAX, "%s: %s", where, gai_strerror(rc));
		return false;
	}
	rc = open_any(l, list);
	freeaddrinfo(list);
	if (rc)
		snprintf(why, WORDS_WHY_MAX,
			 "%s: %s; does `glassnic peer' run there?", where,
			 strerror(rc));
	return !rc;
}

void line_close(struct line *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static bool put(struct line *l, const char *text, size_t len)
{
	while (len) {
		struct pollfd p = {l->fd, POLLOUT, 0};
		ssize_t n = send(l->fd, text, len, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		} else if ((errno != EAGAIN && errno != EINTR) ||
			   poll(&p, 1, CONNECT_MSEC) == 0) {
			return false;
		}
	}
	return true;
}

bool line_put(struct line *l, const char *text)
{
	return put(l, text, strlen(text)) && put(l, "\n", 1);
}

bool line_read(struct line *l)
{
	ssize_t n;

	if (l->n == sizeof(l->in))
		return !memchr(l->in, '\n', l->n) ? false : true;
	n = recv(l->fd, l->in + l->n, sizeof(l->in) - l->n, MSG_DONTWAIT);
	if (n > 0)
		l->n += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool line_take(struct line *l, char *text, size_t size)
{
	char *end = memchr(l->in, '\n', l->n);
	size_t used;

	if (!end)
		return false;
	used = (size_t)(end - l->in) + 1;
	snprintf(text, size, "%.*s", (int)(used - 1), l->in);
	l->n -= used;
	memmove(l->in, l->in + used, l->n);
	return true;
}
