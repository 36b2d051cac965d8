/* Faults put in on purpose, as a spec asks for them: the rules of its file
 * first, then one rule for each of its options, which are written as rules and
 * parsed like them.
 */
#include "nic/host/faults.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nic/base/log.h"

#define RULES_MAX (64u << 10) /* bytes of a file */

/* ---- rules ---- */

static int no_memory(char *why)
{
	snprintf(why, SPEC_WHY_MAX, "out of memory");
	return -ENOMEM;
}

static int read_file(const char *path, char *text, char *why)
{
	FILE *f = fopen(path, "re");
	int error = errno;
	size_t n;

	if (f) {
		errno = 0;
		n = fread(text, 1, RULES_MAX, f);
		error = ferror(f) ? errno : n == RULES_MAX ? EFBIG : 0;
		fclose(f);
		text[n < RULES_MAX ? n : 0] = '\0';
	}
	if (error)
		snprintf(why, SPEC_WHY_MAX,
			 "impair=%.100s: cannot read the rules: %s", path,
			 strerror(error));
	return -error;
}

static int add_file(struct impair *im, const char *path, char *why)
{
	char *text = malloc(RULES_MAX + 1), line[IMPAIR_WHY_MAX + 16];
	int rc = text ? read_file(path, text, why) : no_memory(why);

	if (!rc) {
		rc = impair_add(im, text, line);
		if (rc)
			snprintf(why, SPEC_WHY_MAX, "impair=%.50s: %s", path,
				 line);
	}
	free(text);
	return rc;
}

/* "WAY WHAT VALUE REST", if there is a value. */
static int add_option(struct impair *im, const struct nic_spec *s,
		      const char *what, const char *value, const char *rest,
		      char *why)
{
	static const char *const way[] = {
		[FAULTS_BOTH] = "", [FAULTS_IN] = "in ", [FAULTS_OUT] = "out "};
	char rule[100], wrong[IMPAIR_WHY_MAX + 16];
	int rc;

	if (!value[0])
		return 0;
	snprintf(rule, sizeof(rule), "%s%s %s%s", way[s->faults], what, value,
		 rest);
	rc = impair_add(im, rule, wrong);
	if (rc)
		snprintf(why, SPEC_WHY_MAX, "\"%s\": %.140s", rule, wrong);
	return rc;
}

static int add_options(struct impair *im, const struct nic_spec *s, char *why)
{
	const char *icrc = s->fixicrc ? " icrc=fixed" : "";
	const char *delay = s->delay[0] ? s->delay : s->jitter[0] ? "0" : "";
	char jitter[32] = "";
	const struct {
		const char *what, *value, *rest;
	} rules[] = {
		{"loss", s->loss, ""},
		{"dup chance", s->dup, ""},
		{"reorder chance", s->reorder, ""},
		{"corrupt chance", s->corrupt, icrc},
		{"truncate chance", s->truncate, icrc},
		{"mark chance", s->mark, ""},
		{"delay", delay, jitter},
		{"rate", s->rate, ""},
	};
	int rc = 0;

	if (s->jitter[0])
		snprintf(jitter, sizeof(jitter), " jitter=%s", s->jitter);
	for (size_t i = 0; !rc && i < sizeof(rules) / sizeof(rules[0]); i++)
		rc = add_option(im, s, rules[i].what, rules[i].value,
				rules[i].rest, why);
	return rc;
}

/* Other numbers than the engine's, and others on each NIC of the same seed. */
static uint64_t seed_of(const struct nic_spec *s, uint64_t seed)
{
	struct random mixed = {~seed};
	uint64_t hash = random_next(&mixed);

	for (unsigned i = 0; i < sizeof(s->ip.b); i++)
		hash = (hash ^ s->ip.b[i]) * 0x100000001b3u; /* FNV-1a */
	return hash;
}

static bool wants_faults(const struct nic_spec *s)
{
	return s->impair[0] || s->loss[0] || s->dup[0] || s->reorder[0] ||
	       s->corrupt[0] || s->truncate[0] || s->mark[0] || s->delay[0] ||
	       s->jitter[0] || s->rate[0];
}

int spec_faults_new(const struct nic_spec *s, uint64_t seed,
		    struct counters *counters, struct impair **out, char *why)
{
	struct impair *im;
	int rc = 0;

	*out = NULL;
	if (!wants_faults(s))
		return 0;
	im = malloc(sizeof(*im));
	if (!im)
		return no_memory(why);
	impair_init(im, seed_of(s, seed), counters);
	if (s->impair[0])
		rc = add_file(im, s->impair, why);
	if (!rc)
		rc = add_options(im, s, why);
	if (rc) {
		spec_faults_free(im);
		return rc;
	}
	log_info("%s: faults by %u rules, seed=%" PRIu64, s->name, im->nrule,
		 seed);
	*out = im;
	return 0;
}

void spec_faults_free(struct impair *im)
{
	if (!im)
		return;
	impair_fini(im);
	free(im);
}
