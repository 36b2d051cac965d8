/* A whole capture file, as `glassnic decode --check' and --ladder read it. */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/judge.h"
#include "trace/reader.h"

static void read_all(const char *path, bool color)
{
	char error[READER_ERROR_MAX] = "";
	struct reader *r = reader_open(path, error);
	struct judge judge;
	struct packet p;
	int got;

	if (!r) {
		FUZZ_CHECK(error[0] && strlen(error) < sizeof(error));
		return;
	}
	judge_open(&judge, color);
	while ((got = reader_next(r, &p)) > 0)
		judge_take(&judge, &p);
	FUZZ_CHECK(got == 0 || reader_error(r)[0]);
	FUZZ_CHECK(reader_stats(r)->other <= reader_stats(r)->frames);
	judge_close(&judge, 80);
	reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	int fd = memfd_create("capture", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, size & 1);
	close(fd);
	return 0;
}
