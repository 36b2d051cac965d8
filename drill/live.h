/* The bench with a real peer: the script's end of the wire is a port as a NIC
 * has it, the verbs are done by `glassnic peer' at the other, time is real.
 */
#ifndef DRILL_LIVE_H
#define DRILL_LIVE_H

#include "drill/bench.h"

struct live;

/* @spec: a NIC spec for the script's end; @peer: "HOST:PORT"; @capture: a file
 * for every packet, or NULL.  It connects at once.  NULL: @why (WORDS_WHY_MAX
 * bytes) is one line.
 */
struct live *live_new(const char *spec, const char *peer, const char *capture,
		      char *why);
void live_free(struct live *l);

/* A bench for one drill, as play_options.bench wants it; @ctx is the struct
 * live.  *@skip: the drill wants NIC @spec, which a peer cannot be made to be.
 */
struct bench *live_bench(void *ctx, const char *spec, char *why, bool *skip);

#endif
