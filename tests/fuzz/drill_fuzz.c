/* Drills: whatever a script says, it is played or refused with a complaint, and
 * the NIC in memory is gone afterwards.  Time is bounded: a drill may wait for
 * a year of endless retries, which is right, but slow.
 */
#include "drill/bench.h"
#include "drill/play.h"
#include "tests/fuzz/fuzz.h"

#define RUNS_MAX   200u
#define STEP	   (100 * MSEC)
#define TEXT_MAX   4096u
#define DIGITS_MAX 4u /* of a number, or playing takes too long */

/* The NIC in memory, whose clock runs for so many steps and then is at its end.
 */
static const struct bench_ops *under;
static struct bench_ops over;
static unsigned runs;

static nsec_t bounded_now(struct bench *b)
{
	nsec_t now = under->now(b);

	/* At its end it still runs, so that who waits for a while has done so.
	 */
	return runs < RUNS_MAX ? now : NSEC_NEVER / 2 + runs * 1000 * SEC;
}

static bool bounded_run(struct bench *b, nsec_t until, bool stop)
{
	nsec_t most = under->now(b) + STEP;

	if (runs++ >= RUNS_MAX)
		return false;
	return under->run(b, until < most ? until : most, stop);
}

static struct bench *make(void *ctx, const char *spec, char *why, bool *skip)
{
	struct bench *b = strstr(spec, "impair=") ? NULL : vnic_new(spec, NULL, why);

	if (!b)
		return NULL;
	under = b->ops;
	over = *under;
	over.now = bounded_now;
	over.run = bounded_run;
	b->ops = &over;
	return b;
}

static bool is_slow(const char *text)
{
	unsigned digits = 0;

	for (; *text; text++) {
		digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
		if (digits > DIGITS_MAX)
			return true;
	}
	return false;
}

static void play_all(const struct script *s)
{
	static char complaint[COMPLAINT_MAX];
	struct coverage coverage = {0};
	struct play_options o = {.bench = make, .coverage = &coverage};

	for (unsigned run = 0; run < script_runs(s) && run < 4; run++) {
		enum play_result r;

		runs = 0;
		r = play(s, run, &o, complaint);
		FUZZ_CHECK(strlen(complaint) < COMPLAINT_MAX);
		FUZZ_CHECK((r == PLAY_PASSED) == !complaint[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[WORDS_WHY_MAX] = "";
	struct fuzz f = {data, size};
	char *text = fuzz_text(&f);
	struct script *s = NULL;

	setenv("GLASSNIC_LOG", "error", 0);
	if (strlen(text) < TEXT_MAX && !is_slow(text)) {
		s = script_parse("fuzz.drill", text, strlen(text), why);
		FUZZ_CHECK(s || why[0]);
	}
	if (s)
		play_all(s);
	script_free(s);
	free(text);
	return 0;
}
