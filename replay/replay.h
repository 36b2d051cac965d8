/* Replays a capture: glassnic's engine takes the part of one side, and what it
 * does is compared with what that side did.
 *
 * Two passes over the file.  The first finds the flows, and what must be known
 * of each before it starts (replay/flow.h); the second plays them, many at a
 * time.  If there are more at once than that, some wait for a pass of their
 * own.  Memory is bounded by how many flows there are, and by what waits in a
 * flow's queue.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "replay/role.h"

#define REPLAY_WHY_MAX 600u

/* Where the packets come from, as often as it is asked. */
struct replay_source {
	void *ctx;
	/* Back to the first packet.  False: @why is one line. */
	bool (*rewind)(void *ctx, char why[REPLAY_WHY_MAX]);
	/* 1: @p is the next packet, until the next call; 0: the end.  If the
	 * packets end too early, @why says how.
	 */
	int (*next)(void *ctx, struct packet *p, char why[REPLAY_WHY_MAX]);
	/* At the end: one line about what was no packet, or ""; or NULL. */
	void (*note)(void *ctx, char note[REPLAY_WHY_MAX]);
};

struct replay_options {
	const char *spec; /* of the NIC that plays */
	stage_bench
		bench; /* that it is on, one play at a time; NULL: in memory */
	void *bench_ctx;
	bool side[SIDE_N]; /* which it takes, one after the other */
	uint32_t flow;	   /* only this one; 0: all */
	bool verbose;
	FILE *out;     /* the account, or, with as_drill, the drill */
	bool as_drill; /* of the only play that there is */
	/* Called now and then; @total is 0 while nobody knows; or NULL. */
	void (*progress)(void *ctx, uint64_t packets, uint64_t total);
	void *progress_ctx;
};

/* 0: no fault of glassnic's; 1: there is one; -1: @why says in one line what
 * cannot be done.
 */
int replay(const struct replay_source *source, const struct replay_options *o,
	   char why[REPLAY_WHY_MAX]);
/* The same for a pcap or pcapng file. */
int replay_file(const char *path, const struct replay_options *o,
		char why[REPLAY_WHY_MAX]);

#endif
