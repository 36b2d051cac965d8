#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cmd/cmd.h"
#include "nic/base/nearest.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"run", cmd_run, "run a verbs program on a glass NIC"},
	{"decode", cmd_decode,
	 "show the RoCEv2 packets of a capture as text, "
	 "and check them"},
	{"drill", cmd_drill, "play scripted packets and verbs against a NIC"},
	{"replay", cmd_replay,
	 "put the engine in the place of one side of a capture"},
	{"peer", cmd_peer, "lend a device to drills that come over TCP"},
	{"show", cmd_show, "look into running NICs"},
	{"lab", cmd_lab, "learn RDMA by exercises that are graded"},
	{"options", cmd_options, "list what a NIC spec may say"},
	{"help", cmd_help, "explain a command"},
	{"version", cmd_version, "tell which glassnic this is"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_overview(FILE *out)
{
	fputs("glassnic: a RoCEv2 NIC in user space that can be seen through\n"
	      "\n"
	      "usage: glassnic COMMAND ...\n"
	      "\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name,
			commands[i].summary);
	fputs("\n"
	      "`glassnic help COMMAND' explains one.  To begin, in two "
	      "shells:\n"
	      "\n"
	      "  glassnic run -- ibv_rc_pingpong -g 1\n"
	      "  glassnic run -- ibv_rc_pingpong -g 1 127.0.0.1\n",
	      out);
}

int usage_error(const char *command, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "glassnic%s%s: %s\n", *command ? " " : "", command,
		text);
	return EXIT_USAGE;
}

static int unknown_command(const char *name)
{
	struct nearest near;

	nearest_init(&near, name);
	for (size_t i = 0; i < COMMANDS; i++)
		nearest_offer(&near, commands[i].name);
	if (near.best)
		return usage_error("", "%s: no such command; did you mean %s?",
				   name, near.best);
	return usage_error("",
			   "%s: no such command; `glassnic help' lists "
			   "them",
			   name);
}

int cmd_help(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2 || !strcmp(argv[1], "help") || argv[1][0] == '-') {
		print_overview(stdout);
		return EXIT_OK;
	}
	c = find(argv[1]);
	if (!c)
		return unknown_command(argv[1]);
	return c->run(2, (char *[]){argv[1], (char[]){"--help"}, NULL});
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char[]){"help"};
	if (!strcmp(argv[1], "--version"))
		argv[1] = (char[]){"version"};
	c = find(argv[1]);
	return c ? c->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}
