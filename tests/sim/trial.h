/* Runs of schedules in processes of their own, which may crash or hang. */
#ifndef TESTS_SIM_TRIAL_H
#define TESTS_SIM_TRIAL_H

#include "tests/sim/world.h"

/* A schedule that takes longer than this, really, hangs. */
#define TRIAL_SECONDS 60u

struct finding {
	bool failed;
	volatile bool stop; /* set by the parent of a worker */
	uint64_t seed;
	char property[32];
	char text[512];
	uint64_t hash;
	uint64_t runs, packets, requests; /* of all runs with it that passed */
	struct choice choice;		  /* with what was hit by faults */
};

/* Runs @seed in this process; false: it failed, and what it had is leaked. */
bool trial_run(uint64_t seed, const char *plant, bool verbose,
	       struct finding *found);
/* The same in a child. */
bool trial_fork(uint64_t seed, const char *plant, bool verbose,
		struct finding *found);
/* Memory that children share. */
void *trial_share(size_t size);
/* What a dead child's status means, if it is not an answer. */
void trial_died(struct finding *f, int status);
/* Leaves out of found->choice what the failure does not need. */
void trial_shrink(struct finding *found, const char *plant);
/* Prints what broke, the plan, the packets, and the command for more. */
void trial_report(const struct finding *found, const char *plant);

/* "4,9-12" and back, of what is kept of @n. */
bool trial_parse_list(const char *text, bool *left_out, unsigned n);
void trial_print_list(const bool *left_out, unsigned n, FILE *out);

#endif
