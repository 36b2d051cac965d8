/* `glassnic run' makes its process a host and becomes the program: it claims an
 * address for each NIC, writes the complete specs into the environment, where
 * every process of the program finds the same ones, and puts the folder of the
 * drop-in libraries first on the loader's path.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "cmd/cmd.h"
#include "nic/base/log.h"
#include "nic/host/spec.h"

#define SPECS_TEXT_MAX (SPEC_NICS * SPEC_TEXT_MAX)
#define DROP_IN	       "libibverbs.so.1"

/* As shells have it. */
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND	    127

static const char help[] =
	"usage: glassnic run [--nic SPEC]... [--capture FILE] [--log LEVEL]\n"
	"                    [--] PROGRAM [ARGUMENT]...\n"
	"\n"
	"Runs PROGRAM as a host with a RoCEv2 NIC: its libibverbs is "
	"glassnic's.\n"
	"All processes that PROGRAM starts are on the same host.\n"
	"\n"
	"  --nic SPEC      a NIC, as KEY=VALUE,...; again for more NICs.\n"
	"                  `glassnic options' lists the keys.  Default: the\n"
	"                  specs in GLASSNIC_NIC, or one NIC on UDP sockets\n"
	"                  with the first free address of 127.0.0.0/8.\n"
	"  --capture FILE  write every packet into FILE (pcapng); %p in it is\n"
	"                  the process ID.  Further processes write FILE.PID.\n"
	"  --log LEVEL     error, warn (the default), info or debug\n"
	"\n"
	"The status is PROGRAM's, or 2: wrong usage, 77: cannot run here,\n"
	"126 and 127: PROGRAM cannot be started or is not there.\n"
	"\n"
	"examples:\n"
	"  glassnic run -- ibv_rc_pingpong -g 1\n"
	"  glassnic run --nic port=vxlan,vni=100,local=127.0.0.1,"
	"remote=127.0.0.2 \\\n"
	"               --capture a.pcapng -- ib_write_bw -x 1\n";

static const char *const levels[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))
static_assert(LEVELS == LOG_DEBUG + 1, "every level has its word");

struct request {
	const char *command;	    /* our own name: "run" */
	char specs[SPECS_TEXT_MAX]; /* of all --nic, joined by ';' */
	const char *capture, *level;
	char **program;
};

/* ---- the command line ---- */

static int add_spec(struct request *rq, const char *spec)
{
	size_t n = strlen(rq->specs);

	if (n + strlen(spec) + 2 > sizeof(rq->specs))
		return usage_error(rq->command, "--nic: too long in all");
	sprintf(rq->specs + n, "%s%s", n ? ";" : "", spec);
	return EXIT_OK;
}

/* @value: NULL if there is none. */
static int take_option(struct request *rq, const char *name, const char *value)
{
	const char **text = !strcmp(name, "--capture") ? &rq->capture
			    : !strcmp(name, "--log")   ? &rq->level
						       : NULL;
	bool is_nic = !strcmp(name, "--nic");

	if (!is_nic && !text)
		return usage_error(rq->command,
				   "%s: no such option; `glassnic help run' "
				   "lists them",
				   name);
	if (!value)
		return usage_error(rq->command, "%s: no value behind it", name);
	if (is_nic)
		return add_spec(rq, value);
	*text = value;
	return EXIT_OK;
}

/* "--nic SPEC" or "--nic=SPEC"; leaves *@i at the last word taken. */
static int parse_option(struct request *rq, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *value = strchr(word, '=');
	char name[16];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	if (value)
		value++;
	else if (*i + 1 < argc)
		value = argv[++*i];
	return take_option(rq, name, value);
}

static int parse_request(struct request *rq, int argc, char **argv)
{
	int status = EXIT_OK, i;

	*rq = (struct request){.command = argv[0]};
	for (i = 1; !status && i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		status = parse_option(rq, argc, argv, &i);
	}
	rq->program = argv + i;
	if (!status && i >= argc)
		return usage_error(rq->command, "no program to run; try "
						"`glassnic run -- "
						"ibv_devinfo'");
	return status;
}

/* ---- what the program finds in its environment ---- */

static int export_level(const struct request *rq)
{
	for (size_t i = 0; rq->level && i < LEVELS; i++) {
		if (!strcmp(rq->level, levels[i])) {
			setenv("GLASSNIC_LOG", rq->level, 1);
			return EXIT_OK;
		}
	}
	if (!rq->level)
		return EXIT_OK;
	return usage_error(rq->command,
			   "--log: %s: no such level; allowed: "
			   "error, warn, info, debug",
			   rq->level);
}

/* Empties the file, so that the first process finds it so and takes it.  The
 * one that has it now, if any, keeps it.
 */
static int empty_capture(const struct request *rq, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	bool fine =
		fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) && !ftruncate(fd, 0);

	if (!fine)
		usage_error(rq->command, "--capture: %s: %s", path,
			    errno == EWOULDBLOCK ? "another program is "
						   "capturing into it"
						 : strerror(errno));
	if (fd >= 0)
		close(fd);
	return fine ? EXIT_OK : EXIT_CANNOT_RUN;
}

/* The program may change its directory, so the path becomes absolute. */
static int export_capture(const struct request *rq)
{
	const char *file = rq->capture;
	char here[PATH_MAX], path[2 * PATH_MAX];

	if (!file)
		return EXIT_OK;
	if (!*file)
		return usage_error(rq->command, "--capture: no file's name");
	if (*file != '/' && getcwd(here, sizeof(here)))
		snprintf(path, sizeof(path), "%s/%s", here, file);
	else
		snprintf(path, sizeof(path), "%s", file);
	setenv("GLASSNIC_CAPTURE", path, 1);
	return strstr(path, "%p") ? EXIT_OK : empty_capture(rq, path);
}

static const char *family(const struct nic_spec *s)
{
	return s->port == PORT_XDP ? "AF_XDP" : "AF_PACKET";
}

static void say_address(const struct nic_spec *s)
{
	char ip[IP_TEXT_MAX], local[IP_TEXT_MAX];

	if (s->port == PORT_VXLAN)
		log_info("%s is %s in VNI %u, tunnel end %s", s->name,
			 ip_format(&s->ip, ip), s->vni,
			 ip_format(&s->local, local));
	else if (s->host_ip)
		log_info("%s is %s by %s, with its addresses", s->name,
			 s->where, family(s));
	else if (s->port == PORT_PACKET || s->port == PORT_XDP)
		log_info("%s is %s on %s by %s", s->name, ip_format(&s->ip, ip),
			 s->where, family(s));
	else
		log_info("%s is %s", s->name, ip_format(&s->ip, ip));
}

/* Claims an address for each NIC.  The claims' descriptors stay open, in the
 * program too: they hold the addresses as long as any of its processes lives.
 */
static int export_nics(const struct request *rq)
{
	const char *given = *rq->specs ? rq->specs : getenv("GLASSNIC_NIC");
	const char *from = *rq->specs ? "--nic" : "GLASSNIC_NIC";
	struct nic_spec specs[SPEC_NICS];
	char why[SPEC_WHY_MAX], one[SPEC_TEXT_MAX], text[SPECS_TEXT_MAX];
	int n = specs_parse(given, specs, SPEC_NICS, why), claim;
	size_t len = 0;

	if (n < 0) {
		fprintf(stderr, "glassnic: %s: %s\n", from, why);
		return EXIT_USAGE;
	}
	for (int i = 0; i < n; i++) {
		if (spec_claim(&specs[i], &claim, why)) {
			fprintf(stderr, "glassnic: %s: %s\n", specs[i].name,
				why);
			return EXIT_CANNOT_RUN;
		}
		say_address(&specs[i]);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					len ? ";" : "",
					spec_format(&specs[i], one));
	}
	setenv("GLASSNIC_NIC", text, 1);
	return EXIT_OK;
}

static int export_drop_ins(void)
{
	const char *before = getenv("LD_LIBRARY_PATH");
	char dir[PATH_MAX], *path;

	if (!find_beside("lib", LIB_INSTALLED, DROP_IN, dir))
		return EXIT_CANNOT_RUN;
	*strrchr(dir, '/') = '\0';
	if (asprintf(&path, "%s%s%s", dir, before && *before ? ":" : "",
		     before ? before : "") < 0)
		return EXIT_CANNOT_RUN;
	setenv("LD_LIBRARY_PATH", path, 1);
	free(path);
	return EXIT_OK;
}

int cmd_run(int argc, char **argv)
{
	struct request rq;
	int status;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	status = parse_request(&rq, argc, argv);
	if (!status)
		status = export_level(&rq);
	if (!status)
		status = export_nics(&rq);
	if (!status)
		status = export_drop_ins();
	if (!status)
		status = export_capture(&rq);
	if (status)
		return status;
	setenv("GLASSNIC_RUN", "1", 1);
	execvp(rq.program[0], rq.program);
	status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	usage_error(rq.command, "%s: %s", rq.program[0],
		    status == EXIT_NOT_FOUND ? "no such program"
					     : strerror(errno));
	return status;
}
