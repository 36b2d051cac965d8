#include "tests/sim/trial.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static jmp_buf failed;
static struct finding *current;

void sim_fail(const struct world *w, const char *property, const char *fmt, ...)
{
	va_list ap;

	snprintf(current->property, sizeof(current->property), "%s", property);
	va_start(ap, fmt);
	vsnprintf(current->text, sizeof(current->text), fmt, ap);
	va_end(ap);
	longjmp(failed, 1);
}

static void take_figures(struct finding *found, const struct world *w)
{
	found->hash = w->hash;
	found->packets += w->npacket;
	found->requests += w->nposted;
}

bool trial_run(uint64_t seed, const char *plant, bool verbose,
	       struct finding *found)
{
	static struct world w;
	static struct plan p;

	plan_make(&p, seed);
	memset(&w, 0, sizeof(w));
	memset(found->choice.hit, 0, sizeof(found->choice.hit));
	w.verbose = verbose;
	w.plant = plant;
	current = found;
	found->seed = seed;
	found->failed = false;
	if (setjmp(failed)) {
		found->failed = true;
		if (verbose)
			fabric_dump(&w.f);
	} else {
		world_run(&w, &p, &found->choice);
	}
	take_figures(found, &w);
	return !found->failed;
}

void *trial_share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

void trial_died(struct finding *f, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (f->failed || !status)
		return;
	f->failed = true;
	snprintf(f->property, sizeof(f->property),
		 sig == SIGALRM ? "hang" : "crash");
	snprintf(f->text, sizeof(f->text), "the process ended by %s %d",
		 sig ? "signal" : "status", sig ? sig : WEXITSTATUS(status));
}

bool trial_fork(uint64_t seed, const char *plant, bool verbose,
		struct finding *found)
{
	static struct finding *shared;
	int status = 0;
	pid_t pid;

	if (!shared)
		shared = trial_share(sizeof(*shared));
	*shared = *found;
	shared->failed = false;
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(TRIAL_SECONDS);
		if (!verbose)
			(void)!freopen("/dev/null", "w", stderr);
		_exit(trial_run(seed, plant, verbose, shared) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	trial_died(shared, status);
	*found = *shared;
	return !found->failed;
}

/* ---- less of it ---- */

/* Does what is left out in @try fail as @found does?  Then @found becomes it.
 */
static bool still_fails(struct finding *found, struct finding *try,
			const char *plant)
{
	if (trial_fork(found->seed, plant, false, try) ||
	    strcmp(try->property, found->property))
		return false;
	*found = *try;
	return true;
}

/* Leaves out every run of @len that the failure does without; @offset: of the
 * list in struct choice.
 */
static bool leave_out(struct finding *found, const char *plant, size_t offset,
		      unsigned n, unsigned len)
{
	static struct finding try;
	bool any = false;

	for (unsigned i = 0; i < n; i += len) {
		bool *list, news = false;

		try = *found;
		list = (bool *)&try.choice + offset;
		for (unsigned k = i; k < i + len && k < n; k++) {
			bool used =
				offset != offsetof(struct choice, no_fault) ||
				found->choice.hit[k];

			news |= used && !list[k];
			list[k] = true;
		}
		if (news)
			any |= still_fails(found, &try, plant);
	}
	return any;
}

static void shrink_list(struct finding *found, const char *plant, size_t offset,
			unsigned n)
{
	unsigned len = n;

	while (len) {
		if (!leave_out(found, plant, offset, n, len) || len > 1)
			len /= 2;
	}
}

void trial_shrink(struct finding *found, const char *plant)
{
	static struct plan p;

	plan_make(&p, found->seed);
	for (unsigned i = 0; i < 2; i++) {
		shrink_list(found, plant, offsetof(struct choice, no_rule),
			    p.nrule);
		shrink_list(found, plant, offsetof(struct choice, no_step),
			    p.nstep);
	}
	shrink_list(found, plant, offsetof(struct choice, no_fault),
		    CHOICE_PACKETS);
}

/* ---- lists ---- */

bool trial_parse_list(const char *text, bool *left_out, unsigned n)
{
	memset(left_out, true, n * sizeof(*left_out));
	if (!strcmp(text, "none"))
		return true;
	while (*text) {
		char *end;
		unsigned long from = strtoul(text, &end, 10), to = from;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			to = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (from > to || to >= n || (*end && *end != ','))
			return false;
		memset(left_out + from, false, to - from + 1);
		text = *end ? end + 1 : end;
	}
	return true;
}

void trial_print_list(const bool *left_out, unsigned n, FILE *out)
{
	const char *comma = "";

	for (unsigned i = 0; i < n; i++) {
		unsigned from = i;

		if (left_out[i])
			continue;
		while (i + 1 < n && !left_out[i + 1])
			i++;
		fprintf(out, i > from ? "%s%u-%u" : "%s%u", comma, from, i);
		comma = ",";
	}
	if (!*comma)
		fputs("none", out);
}

/* ---- the report ---- */

static bool any(const bool *list, unsigned n)
{
	return n && memchr(list, true, n);
}

static void print_choice(const struct choice *c, const struct plan *p)
{
	static bool unhit[CHOICE_PACKETS];

	if (any(c->no_step, p->nstep)) {
		printf(" --steps ");
		trial_print_list(c->no_step, p->nstep, stdout);
	}
	if (any(c->no_rule, p->nrule)) {
		printf(" --rules ");
		trial_print_list(c->no_rule, p->nrule, stdout);
	}
	if (!any(c->no_fault, CHOICE_PACKETS))
		return;
	for (unsigned i = 0; i < CHOICE_PACKETS; i++)
		unhit[i] = c->no_fault[i] || !c->hit[i];
	printf(" --faults ");
	trial_print_list(unhit, CHOICE_PACKETS, stdout);
}

void trial_report(const struct finding *found, const char *plant)
{
	static struct finding again;
	static struct plan p;

	plan_make(&p, found->seed);
	printf("FAIL %s: %s\n", found->property, found->text);
	plan_print_head(&p, stdout);
	for (unsigned i = 0; i < p.nrule; i++)
		if (!found->choice.no_rule[i])
			plan_print_rule(&p, i, stdout);
	for (unsigned i = 0; i < p.nstep; i++)
		if (!found->choice.no_step[i])
			plan_print_step(&p, i, stdout);
	fflush(stdout);
	again = *found;
	trial_fork(found->seed, plant, true, &again);
	printf("again: %s --seed %llu", program_invocation_name,
	       (unsigned long long)found->seed);
	print_choice(&found->choice, &p);
	if (plant)
		printf(" --plant %s", plant);
	printf(" --trace\n");
	fflush(stdout);
}
