/* What both blasters do at the receiving end: take in, and count. */
#ifndef TESTS_BENCH_SINK_H
#define TESTS_BENCH_SINK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* MiB/s that come by @fd for @seconds from the first on, without @head bytes of
 * each piece.  Scribbles on @buffer of @size bytes.
 */
static inline double sink(int fd, void *buffer, size_t size, size_t head,
			  double seconds)
{
	struct timeval patience = { 2, 0 };
	double start = 0, end = 0;
	uint64_t bytes = 0;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (!start || end < start + seconds) {
		ssize_t n = recv(fd, buffer, size, 0);

		if (n < 0)
			die("blaster: nothing arrives");
		end = seconds_now();
		if (!start)
			start = end;
		else if ((size_t)n > head)
			bytes += (uint64_t)n - head;
	}
	return (double)bytes / (end - start) / (1 << 20);
}

#endif
