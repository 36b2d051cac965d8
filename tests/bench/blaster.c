/* What the kernel's UDP sockets carry when nobody computes, acknowledges or
 * repeats anything: blaster FROM TO PORT SIZE SECONDS
 *
 * One process sends trains of SIZE-byte datagrams (UDP_SEGMENT) as fast as it can;
 * another takes them in (UDP_GRO) and drops them.  Prints how many MiB/s were
 * received.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/bench/sink.h"

#define TRAIN_BYTES 65507
#define TRAIN_MAX   64
#define RCVBUF	    (8 << 20)

static char buffer[1 << 16];

static struct sockaddr_in name_of(const char *ip, const char *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, ip, &name.sin_addr) != 1) {
		fprintf(stderr, "blaster: %s: no IPv4 address\n", ip);
		exit(1);
	}
	return name;
}

static int open_at(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, rcvbuf = RCVBUF;

	if (fd < 0 || bind(fd, (const struct sockaddr *)at, sizeof(*at)))
		die("blaster: socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	return fd;
}

/* For as long as the parent lives. */
static void blast(int fd, const struct sockaddr_in *to, int size)
{
	size_t n = TRAIN_BYTES / (unsigned)size;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (n > TRAIN_MAX)
		n = TRAIN_MAX;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) ||
	    setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)))
		die("blaster: no trains");
	for (;;)
		if (send(fd, buffer, n * (unsigned)size, 0) < 0 &&
		    errno != ECONNREFUSED)
			die("blaster: send");
}

int main(int argc, char **argv)
{
	struct sockaddr_in from, to;
	double rate;
	pid_t child;
	int in, out;

	if (argc != 6) {
		fprintf(stderr, "blaster FROM TO PORT SIZE SECONDS\n");
		return 2;
	}
	from = name_of(argv[1], argv[3]);
	to = name_of(argv[2], argv[3]);
	in = open_at(&to);
	out = open_at(&from);
	child = fork();
	if (child < 0)
		die("blaster: fork");
	if (!child)
		blast(out, &to, atoi(argv[4]));
	rate = sink(in, buffer, sizeof(buffer), 0, atof(argv[5]));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("%.1f\n", rate);
	return 0;
}
