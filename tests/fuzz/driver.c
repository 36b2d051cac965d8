/* Runs a fuzz target without libFuzzer: every input, then a fixed number of
 * mutations of the inputs.  The same arguments give the same run.
 *
 *	NAME_fuzz [-m MUTATIONS] [-s SEED] FILE_OR_FOLDER...
 *
 * An input that is about to run is kept in memory, and written to
 * NAME_fuzz.crash (in TMPDIR) by the handler of the signal that it ends with.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nic/base/random.h"
#include "tests/fuzz/fuzz.h"

#define INPUTS	  4096u
#define INPUT_MAX 65536u
#define GROWTH	  64u /* bytes that one mutation may add */

struct input {
	uint8_t *p;
	size_t len;
};

static struct input inputs[INPUTS];
static unsigned ninput;
static struct random rnd;
static const uint8_t *running;
static size_t running_len;
static char crash_path[4096];

/* Only what a signal handler may do. */
static void keep_input(void)
{
	int fd = open(crash_path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	static const char text[] = "\nthe input is in ";

	if (fd < 0 || write(fd, running, running_len) < 0)
		return;
	close(fd);
	if (write(2, text, sizeof(text) - 1) < 0 ||
	    write(2, crash_path, strlen(crash_path)) < 0 ||
	    write(2, "\n", 1) < 0)
		return;
}

static void on_abort(int sig)
{
	keep_input();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Sanitizers end with a signal, and say where. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__ubsan_default_options(
	void);

const char *__asan_default_options(void)
{
	return "abort_on_error=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

static void watch(const char *program)
{
	const char *name = strrchr(program, '/');
	const char *folder = getenv("TMPDIR");

	snprintf(crash_path, sizeof(crash_path), "%s/%s.crash",
		 folder ? folder : "/tmp", name ? name + 1 : program);
	signal(SIGABRT, on_abort);
}

static void run(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_CHECK(copy);
	if (len)
		memcpy(copy, p, len);
	running = copy;
	running_len = len;
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* ---- inputs ------------------------------------------------------------- */

static bool load_file(const char *path)
{
	struct input *in = &inputs[ninput];
	FILE *file = fopen(path, "rb");

	if (!file || ninput == INPUTS)
		return false;
	in->p = malloc(INPUT_MAX + GROWTH);
	FUZZ_CHECK(in->p);
	in->len = fread(in->p, 1, INPUT_MAX, file);
	fclose(file);
	in->p = realloc(in->p, in->len + 1);
	FUZZ_CHECK(in->p);
	ninput++;
	return true;
}

static bool load_folder(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);
	bool good = n >= 0;
	char file[4096];

	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && good)
			good = load_file(file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return good;
}

static bool load(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	return S_ISDIR(st.st_mode) ? load_folder(path) : load_file(path);
}

/* ---- mutations ---------------------------------------------------------- */

static size_t below(size_t n)
{
	return n ? (size_t)(random_next(&rnd) % n) : 0;
}

static size_t mutate_once(uint8_t *p, size_t len)
{
	static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe};
	const struct input *other = &inputs[below(ninput)];
	size_t at = below(len), n = 1 + below(GROWTH), from = below(other->len);

	if (n > len - at)
		n = len - at;
	switch (below(6)) {
	case 0: /* a bit */
		if (len)
			p[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		if (len)
			p[at] = edges[below(sizeof(edges))];
		break;
	case 2:
		if (len)
			p[at] = (uint8_t)random_next(&rnd);
		break;
	case 3: /* out with some */
		memmove(p + at, p + at + n, len - at - n);
		return len - n;
	case 4: /* cut */ return below(4) ? len : at;
	case 5: /* in with some of another */
		n = 1 + below(GROWTH);
		if (n > other->len - from)
			n = other->len - from;
		memmove(p + at + n, p + at, len - at);
		memcpy(p + at, other->p + from, n);
		return len + n;
	}
	return len;
}

static void run_mutation(void)
{
	static uint8_t work[INPUT_MAX + 16 * GROWTH];
	const struct input *in = &inputs[below(ninput)];
	size_t len = in->len;
	unsigned times = 1u << below(4);

	memcpy(work, in->p, len);
	while (times--)
		len = mutate_once(work, len);
	run(work, len);
}

int main(int argc, char **argv)
{
	unsigned long mutations = 0;
	int opt;

	rnd.state = 1;
	while ((opt = getopt(argc, argv, "m:s:")) != -1) {
		if (opt == 'm')
			mutations = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			rnd.state = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		if (!load(argv[i])) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 2;
		}
	if (!ninput) {
		fprintf(stderr,
			"usage: %s [-m MUTATIONS] [-s SEED] "
			"FILE_OR_FOLDER...\n",
			argv[0]);
		return 2;
	}
	watch(argv[0]);
	for (unsigned i = 0; i < ninput; i++)
		run(inputs[i].p, inputs[i].len);
	for (unsigned long i = 0; i < mutations; i++)
		run_mutation();
	for (unsigned i = 0; i < ninput; i++)
		free(inputs[i].p);
	printf("%u inputs, %lu mutations\n", ninput, mutations);
	return 0;
}
