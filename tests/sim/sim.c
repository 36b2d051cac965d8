/* The simulator: schedules of verbs on engines with a faulty network, each from
 * a seed, checked against a model (docs/testing.md).
 */
#include "tests/sim/trial.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX	 64u
#define FAILURES_MAX	 5u
#define PROGRESS_SECONDS 10

struct options {
	uint64_t seed, from, runs;
	unsigned jobs, seconds;
	bool one, trace, teeth, first;
	const char *plant, *steps, *rules, *faults;
};

/* One of the processes that share the seeds. */
struct job {
	pid_t pid;
	struct finding *at; /* shared with it */
	uint64_t next;	    /* the seed at work */
};

static const char usage[] =
	"usage: sim [--runs N] [--from SEED] [--seconds N] [--jobs N]\n"
	"       sim --seed N [--steps LIST] [--rules LIST] [--faults LIST] "
	"[--trace]\n"
	"       sim --teeth\n"
	"  --runs N       so many schedules (1000), from seed --from (1) on\n"
	"  --seconds N    fresh seeds for N seconds instead\n"
	"  --first        stops at the first failure, without shrinking it\n"
	"  --jobs N       in so many processes (one for each CPU)\n"
	"  --seed N       only this schedule\n"
	"  --steps LIST   of its steps only these (4,9-12)\n"
	"  --rules LIST   of its fault rules only these\n"
	"  --faults LIST  faults happen to these packets only\n"
	"  --trace        print steps, completions and packets\n"
	"  --plant NAME   with a bug built in, which must be found\n"
	"  --teeth        are all of those found, and are runs repeatable?\n";

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- many ---- */

/* Runs from job->next on, every @stride'th; exits 1 at the first failure. */
static void work(struct job *j, const struct options *o, double until)
{
	uint64_t end = o->seconds ? UINT64_MAX : o->from + o->runs;

	signal(SIGALRM, SIG_DFL);
	while (!j->at->stop && j->next < end &&
	       (!o->seconds || seconds() < until)) {
		alarm(TRIAL_SECONDS);
		memset(&j->at->choice, 0, sizeof(j->at->choice));
		j->at->seed = j->next;
		if (!trial_run(j->next, o->plant, false, j->at))
			_exit(1);
		j->at->runs++;
		j->next += o->jobs;
	}
	_exit(0);
}

static void start(struct job *j, const struct options *o, double until)
{
	fflush(stdout);
	j->at->failed = false;
	j->pid = fork();
	if (j->pid < 0) {
		perror("sim: fork");
		exit(1);
	}
	if (!j->pid)
		work(j, o, until);
}

static struct job *job_of(struct job *jobs, unsigned n, pid_t pid)
{
	for (unsigned i = 0; i < n; i++)
		if (jobs[i].pid == pid)
			return &jobs[i];
	return NULL;
}

/* They end at their next schedule, and count as passed. */
static void stop_all(struct job *jobs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		jobs[i].at->stop = true;
}

static void report(struct job *j, const struct options *o, int status)
{
	static struct finding found;

	found = *j->at;
	trial_died(&found, status);
	printf("seed %llu fails (%s: %s)\n", (unsigned long long)found.seed,
	       found.property, found.text);
	fflush(stdout);
	if (o->first)
		return;
	trial_shrink(&found, o->plant);
	trial_report(&found, o->plant);
}

static uint64_t print_sums(const struct job *jobs, unsigned n, double took)
{
	uint64_t runs = 0, packets = 0, requests = 0;

	for (unsigned i = 0; i < n; i++) {
		runs += jobs[i].at->runs;
		packets += jobs[i].at->packets;
		requests += jobs[i].at->requests;
	}
	printf("%llu schedules, %llu requests, %llu packets in %.1f s: %.0f "
	       "schedules a second\n",
	       (unsigned long long)runs, (unsigned long long)requests,
	       (unsigned long long)packets, took, (double)runs / took);
	fflush(stdout);
	return runs;
}

static void on_alarm(int sig)
{
}

/* Now and then wait() is interrupted, so that somebody sees how it goes. */
static void want_progress(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval every = {{PROGRESS_SECONDS, 0}, {PROGRESS_SECONDS, 0}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static int run_many(struct options *o)
{
	static struct job jobs[JOBS_MAX];
	double begin = seconds(), until = begin + o->seconds;
	unsigned failures = 0, alive = o->jobs;
	uint64_t runs;

	if (o->seconds)
		printf("seeds from %llu on\n", (unsigned long long)o->from);
	for (unsigned i = 0; i < o->jobs; i++) {
		jobs[i].at = trial_share(sizeof(struct finding));
		jobs[i].next = o->from + i;
		start(&jobs[i], o, until);
	}
	if (o->seconds)
		want_progress();
	while (alive) {
		int status;
		pid_t pid = wait(&status);
		struct job *j = pid > 0 ? job_of(jobs, o->jobs, pid) : NULL;

		if (pid < 0)
			print_sums(jobs, o->jobs, seconds() - begin);
		if (!j)
			continue;
		alive--;
		if (!status)
			continue;
		report(j, o, status);
		j->next = j->at->seed + o->jobs;
		if (++failures >= FAILURES_MAX || o->first) {
			stop_all(jobs, o->jobs);
			continue;
		}
		start(j, o, until);
		alive++;
	}
	runs = print_sums(jobs, o->jobs, seconds() - begin);
	printf("%llu passed, %u failed\n", (unsigned long long)runs, failures);
	return failures != 0;
}

/* ---- one ---- */

static bool take_list(const char *text, bool *list, unsigned n,
		      const char *what)
{
	if (!text || trial_parse_list(text, list, n))
		return true;
	fprintf(stderr,
		"sim: %s %s: not a list such as 4,9-12 of numbers below %u\n",
		what, text, n);
	return false;
}

static int run_one(const struct options *o)
{
	static struct finding found;
	static struct plan p;

	plan_make(&p, o->seed);
	if (!take_list(o->steps, found.choice.no_step, p.nstep, "--steps") ||
	    !take_list(o->rules, found.choice.no_rule, p.nrule, "--rules") ||
	    !take_list(o->faults, found.choice.no_fault, CHOICE_PACKETS,
		       "--faults"))
		return 2;
	if (o->trace)
		plan_print_head(&p, stderr);
	for (unsigned i = 0; i < p.nrule && o->trace; i++)
		if (!found.choice.no_rule[i])
			plan_print_rule(&p, i, stderr);
	if (trial_run(o->seed, o->plant, o->trace, &found)) {
		printf("seed %llu: passed (trace hash %016llx)\n",
		       (unsigned long long)o->seed,
		       (unsigned long long)found.hash);
		return 0;
	}
	printf("seed %llu: FAIL %s: %s\n", (unsigned long long)o->seed,
	       found.property, found.text);
	return 1;
}

/* ---- teeth ---- */

#define TEETH_SEEDS 300u
#define TEETH_STEPS 10u /* that a planted bug's failure may need */

static unsigned kept(const struct finding *f)
{
	static struct plan p;
	unsigned n = 0;

	plan_make(&p, f->seed);
	for (unsigned i = 0; i < p.nstep; i++)
		n += !f->choice.no_step[i];
	return n;
}

static bool is_found(const char *plant)
{
	static struct finding found;
	uint64_t seed = 1;

	memset(&found, 0, sizeof(found));
	while (seed < TEETH_SEEDS && trial_fork(seed, plant, false, &found))
		seed++;
	if (seed == TEETH_SEEDS) {
		printf("plant %s: not found by %u seeds\n", plant, TEETH_SEEDS);
		return false;
	}
	trial_shrink(&found, plant);
	printf("plant %s: found by seed %llu (%s: %s), in %u steps\n", plant,
	       (unsigned long long)found.seed, found.property, found.text,
	       kept(&found));
	return kept(&found) <= TEETH_STEPS;
}

static bool is_repeatable(void)
{
	static struct finding a, b;

	for (uint64_t seed = 1; seed < TEETH_SEEDS; seed++) {
		trial_fork(seed, NULL, false, &a);
		trial_fork(seed, NULL, false, &b);
		if (a.hash == b.hash)
			continue;
		printf("seed %llu: trace hashes %016llx and %016llx\n",
		       (unsigned long long)seed, (unsigned long long)a.hash,
		       (unsigned long long)b.hash);
		return false;
	}
	return true;
}

static int run_teeth(void)
{
	unsigned passed = is_repeatable(), failed = !passed;
	const char *name;

	for (unsigned i = 0; (name = plant_name(i)); i++) {
		bool ok = is_found(name);

		passed += ok;
		failed += !ok;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}

/* ---- options ---- */

static uint64_t number(const char *option, const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 0);

	if (end != text && !*end)
		return v;
	fprintf(stderr, "sim: --%s %s: not a number\n", option, text);
	exit(2);
}

static void parse(struct options *o, int argc, char **argv)
{
	static const struct option all[] = {
		{"runs", 1, NULL, 'r'},	   {"from", 1, NULL, 'f'},
		{"seconds", 1, NULL, 't'}, {"jobs", 1, NULL, 'j'},
		{"seed", 1, NULL, 's'},	   {"steps", 1, NULL, 'S'},
		{"rules", 1, NULL, 'R'},   {"faults", 1, NULL, 'F'},
		{"trace", 0, NULL, 'v'},   {"plant", 1, NULL, 'p'},
		{"teeth", 0, NULL, 'T'},   {"first", 0, NULL, '1'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", all, NULL)) != -1) {
		switch (c) {
		case 'r': o->runs = number("runs", optarg); break;
		case 'f': o->from = number("from", optarg); break;
		case 't':
			o->seconds = (unsigned)number("seconds", optarg);
			break;
		case 'j': o->jobs = (unsigned)number("jobs", optarg); break;
		case 's':
			o->one = true;
			o->seed = number("seed", optarg);
			break;
		case 'S': o->steps = optarg; break;
		case 'R': o->rules = optarg; break;
		case 'F': o->faults = optarg; break;
		case 'v': o->trace = true; break;
		case 'p': o->plant = optarg; break;
		case 'T': o->teeth = true; break;
		case '1': o->first = true; break;
		default: fputs(usage, stderr); exit(2);
		}
	}
	if (optind == argc && (!o->plant || plant_exists(o->plant)) &&
	    o->jobs && o->jobs <= JOBS_MAX)
		return;
	fputs(usage, stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct options o = {.from = 1,
			    .runs = 1000,
			    .jobs = cpus > 8   ? 8
				    : cpus < 1 ? 1
					       : (unsigned)cpus};

	parse(&o, argc, argv);
	if (o.seconds && o.from == 1)
		o.from = (uint64_t)time(NULL) << 20;
	if (o.teeth)
		return run_teeth();
	return o.one ? run_one(&o) : run_many(&o);
}
