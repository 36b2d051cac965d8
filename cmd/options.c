#include <stdio.h>
#include <string.h>
#include "cmd/cmd.h"
#include "nic/host/spec.h"

#define KEY_WIDTH  15u
#define TEXT_WIDTH 63u /* of what stands beside the key */

static const char help[] =
	"usage: glassnic options [--markdown | --man]\n"
	"\n"
	"Lists what a NIC spec may say: each option's name, the values that\n"
	"are allowed, its default and what it is for.  A NIC spec is\n"
	"KEY=VALUE,KEY=VALUE,... and is given to `glassnic run --nic' or, "
	"several\n"
	"separated by ';', in the environment variable GLASSNIC_NIC.\n"
	"\n"
	"  --markdown  as a table for a document\n"
	"  --man       as a section of a manual page\n";

/* Prints @text in lines that begin at the column behind the key. */
static void print_wrapped(const char *text)
{
	size_t len;

	for (; *text; text += len) {
		len = strlen(text);
		if (len > TEXT_WIDTH) {
			len = TEXT_WIDTH;
			while (len > 1 && text[len] != ' ')
				len--;
		}
		printf("%.*s\n", (int)len, text);
		while (text[len] == ' ')
			len++;
		if (text[len])
			printf("%*s", (int)KEY_WIDTH, "");
	}
}

static void print_plain(const struct spec_option *o)
{
	char line[256];

	printf("%-*s", (int)KEY_WIDTH, o->key);
	print_wrapped(o->help);
	snprintf(line, sizeof(line), "allowed: %s", o->allowed);
	printf("%*s", (int)KEY_WIDTH, "");
	print_wrapped(line);
	snprintf(line, sizeof(line), "default: %s", o->preset);
	printf("%*s", (int)KEY_WIDTH, "");
	print_wrapped(line);
	putchar('\n');
}

static void print_markdown(const struct spec_option *o)
{
	printf("| `%s` | %s | %s | %s |\n", o->key, o->help, o->allowed,
	       o->preset);
}

/* The language of man pages takes a leading '.' or '\'' for a command. */
static void print_man(const struct spec_option *o)
{
	printf(".TP\n.B %s\n%s.\n.br\nAllowed: %s.  Default: %s.\n", o->key,
	       o->help, o->allowed, o->preset);
}

int cmd_options(int argc, char **argv)
{
	void (*print)(const struct spec_option *o) = print_plain;
	const struct spec_option *o;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return EXIT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "--markdown")) {
		print = print_markdown;
		puts("| option | what it is for | allowed | default |\n"
		     "|---|---|---|---|");
	} else if (argc > 1 && !strcmp(argv[1], "--man")) {
		print = print_man;
	} else if (argc > 1) {
		return usage_error(argv[0],
				   "%s: unknown; allowed: --markdown, "
				   "--man",
				   argv[1]);
	}
	for (size_t i = 0; (o = spec_option(i)); i++)
		print(o);
	return EXIT_OK;
}
