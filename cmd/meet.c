#include "cmd/meet.h"

#include <stddef.h>
#include "cmd/cmd.h"
#include "drill/live.h"
#include "drill/words.h"

int meet_check(const char *command, const struct meeting *m)
{
	if (!m->live != !m->peer)
		return usage_error(command,
				   "--live and --peer belong together: "
				   "--live SPEC --peer HOST:PORT");
	return EXIT_OK;
}

int meet_peer(const char *command, const struct meeting *m, struct live **live)
{
	char why[WORDS_WHY_MAX];

	*live = NULL;
	if (!m->live)
		return EXIT_OK;
	*live = live_new(m->live, m->peer, m->capture, why);
	if (*live)
		return EXIT_OK;
	usage_error(command, "%s", why);
	return EXIT_CANNOT_RUN;
}
