/* Plays a drill: line by line against a bench. */
#ifndef DRILL_PLAY_H
#define DRILL_PLAY_H

#include <stdio.h>
#include "drill/coverage.h"
#include "drill/script.h"

struct play_options {
	FILE *trace; /* every line and packet goes there; or NULL */
	struct coverage *coverage; /* or NULL */
	const char *capture; /* of the NIC in memory's packets; or NULL */
	/* Makes the bench for NIC @spec; NULL: the one in memory.  It returns
	 * NULL with one line in @why; *@skip: it could never make that one.
	 */
	struct bench *(*bench)(void *ctx, const char *spec, char *why,
			       bool *skip);
	void *bench_ctx;
};

enum play_result { PLAY_PASSED, PLAY_FAILED, PLAY_SKIPPED };

#define COMPLAINT_MAX 8192u

/* Run @run of @s.  If it did not pass, @complaint says where and why, in
 * several lines.
 */
enum play_result play(const struct script *s, unsigned run,
		      const struct play_options *o,
		      char complaint[COMPLAINT_MAX]);

#endif
