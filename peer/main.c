/* `glassnic peer': does at a device what the verbs lines of drills ask for, and
 * reports its completions.  It is a plain verbs program: the device may be
 * glassnic's or the kernel's, whichever libibverbs.so.1 the loader finds.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "peer/session.h"

#define PORT_PRESET "18580"

enum { EXIT_USAGE = 2, EXIT_CANNOT_RUN = 77 };

static const char help[] =
	"usage: glassnic peer [OPTION]...\n"
	"\n"
	"Lends an RDMA device to drills: `glassnic drill --live' connects to "
	"it\n"
	"by TCP, has it create QPs, regions and work requests, and is told "
	"what\n"
	"completes.  It is a plain verbs program, and runs on the kernel's\n"
	"devices as well as under `glassnic run'.  Whoever connects may use "
	"the\n"
	"device: listen where only you can.\n"
	"\n"
	"  --listen [HOST:]PORT  wait for drills there (127.0.0.1:" PORT_PRESET
	")\n"
	"  --device NAME         the RDMA device (the first)\n"
	"  --port N              its port (1)\n"
	"  --gid-index N         its address for RoCE v2 (an IPv4 one, if "
	"any)\n"
	"  --help                this text\n"
	"\n"
	"Exit status: 2 usage, 77 cannot run here.\n"
	"\n"
	"example:\n"
	"  glassnic run --nic ip=127.0.0.2 -- glassnic peer\n"
	"  glassnic drill --live ip=127.0.0.3 --peer 127.0.0.1:" PORT_PRESET
	" FILE.drill\n";

struct options {
	struct device_options device;
	const char *listen;
};

/* ---- the command line ---- */

__attribute__((format(printf, 2, 3))) static int say(int status,
						     const char *fmt, ...)
{
	va_list ap;

	fputs("glassnic peer: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

static bool take_number(const char *text, long min, long max, int *n)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (!*text || *end || v < min || v > max)
		return false;
	*n = (int)v;
	return true;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"listen", required_argument, NULL, 'l'},
		{"device", required_argument, NULL, 'd'},
		{"gid-index", required_argument, NULL, 'g'},
		{"port", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", options, NULL)) != -1)
		switch (opt) {
		case 'h': fputs(help, stdout); exit(0);
		case 'l': o->listen = optarg; break;
		case 'd': o->device.name = optarg; break;
		case 'g':
			if (!take_number(optarg, 0, 255, &o->device.gid_index))
				return say(EXIT_USAGE,
					   "--gid-index %s: allowed: 0 to 255",
					   optarg);
			break;
		case 'p':
			if (!take_number(optarg, 1, 255, &o->device.port))
				return say(EXIT_USAGE,
					   "--port %s: allowed: 1 to 255 (a "
					   "TCP port is given to --listen)",
					   optarg);
			break;
		case ':':
			return say(EXIT_USAGE, "%s: no value behind it",
				   argv[optind - 1]);
		default:
			return say(EXIT_USAGE,
				   "%s: no such option; `glassnic peer "
				   "--help' lists them",
				   argv[optind - 1]);
		}
	if (optind < argc)
		return say(EXIT_USAGE,
			   "%s: takes options only; `glassnic peer --help' "
			   "lists them",
			   argv[optind]);
	return 0;
}

/* ---- TCP ---- */

/* "PORT", "HOST:PORT" or "[HOST]:PORT" taken apart. */
static void split_address(const char *text, char *host, size_t size,
			  const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	*port = colon ? colon + 1 : text;
	if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	snprintf(host, size, "%.*s", (int)len, text);
}

static int open_listener(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 8))
		return fd;
	close(fd);
	return -1;
}

/* *@fd, or an exit status. */
static int listen_at(const char *where, int *fd)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM},
			*list;
	char host[256];
	const char *port;
	int rc, n;

	split_address(where, host, sizeof(host), &port);
	if (!take_number(port, 1, 65535, &n))
		return say(EXIT_USAGE,
			   "--listen %s: the port is to be 1 to 65535", where);
	rc = getaddrinfo(host[0] ? host : "127.0.0.1", port, &hints, &list);
	if (rc)
		return say(EXIT_USAGE, "--listen %s: %s", where,
			   gai_strerror(rc));
	*fd = open_listener(list);
	rc = errno;
	freeaddrinfo(list);
	if (*fd >= 0)
		return 0;
	return say(EXIT_CANNOT_RUN, "--listen %s: %s%s", where, strerror(rc),
		   rc == EADDRINUSE ? ": end who listens there, or choose "
				      "another port"
				    : "");
}

/* Serves who has connected with a device that was just opened. */
static void serve(const struct device_options *o, int fd)
{
	struct device d;
	char why[WHY_MAX];
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (device_open(o, &d, why)) {
		session_run(&d, fd);
		device_close(&d);
	} else {
		say(0, "%s", why);
		dprintf(fd, "refused %s\n", why);
	}
	close(fd);
}

/* A device that is not there is to be told before the first drill comes. */
static int try_device(const struct options *o)
{
	char why[WHY_MAX], greeting[512];
	struct device d;

	if (!device_open(&o->device, &d, why))
		return say(EXIT_CANNOT_RUN, "%s", why);
	printf("%s listen=%s\n",
	       device_greeting(&d, greeting, sizeof(greeting)), o->listen);
	fflush(stdout);
	device_close(&d);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.device = {.port = 1, .gid_index = GID_UNKNOWN},
			    .listen = PORT_PRESET};
	int status = parse_options(argc, argv, &o), fd = -1;

	if (!status)
		status = listen_at(o.listen, &fd);
	if (!status)
		status = try_device(&o);
	if (status)
		return status;
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (peer >= 0)
			serve(&o.device, peer);
		else if (errno != EINTR && errno != ECONNABORTED)
			return say(EXIT_CANNOT_RUN, "accept: %s",
				   strerror(errno));
	}
}
