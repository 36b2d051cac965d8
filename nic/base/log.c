#include "nic/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_ 600 /* bytes of a line; longer ones are cut */

static const char *const level_name[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

#define LEVELS (sizeof(level_name) / sizeof(level_name[0]))

/* Parsed on first use by whoever comes first: the outcome is always the same.
 * -1: not yet.
 */
static atomic_int threshold = -1;

static void put_line(const char *fmt, va_list ap)
{
	char line[LINE_MAX_] = "glassnic: ";
	const size_t room = sizeof(line) - 1; /* for the newline */
	size_t n = strlen(line);
	int more = vsnprintf(line + n, room - n, fmt, ap);

	if (more < 0)
		return;
	n += (size_t)more;
	if (n >= room)
		n = room - 1;
	/* What a file or a user said; a terminal would obey it. */
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = '?';
	line[n++] = '\n';
	/* Nobody is left to tell if standard error cannot be written. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

static void complain(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(fmt, ap);
	va_end(ap);
}

static int level_wanted(void)
{
	const char *want = getenv("GLASSNIC_LOG");
	int level = atomic_load_explicit(&threshold, memory_order_relaxed);

	if (level >= 0)
		return level;
	level = LOG_WARN;
	for (size_t i = 0; want && i < LEVELS; i++) {
		if (!strcmp(want, level_name[i])) {
			level = (int)i;
			want = NULL;
		}
	}
	if (atomic_exchange(&threshold, level) < 0 && want && *want)
		complain("GLASSNIC_LOG=%s: unknown level, warn is used; "
			 "choose error, warn, info or debug",
			 want);
	return level;
}

bool log_on(enum log_level level)
{
	return (int)level <= level_wanted();
}

void log_at(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!log_on(level))
		return;
	va_start(ap, fmt);
	errno = saved; /* for %m */
	put_line(fmt, ap);
	va_end(ap);
	errno = saved;
}
