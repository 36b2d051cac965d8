/* A whole capture file, as port=pcap reads it: frames lie in the file, and who
 * refuses it says why in a line.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "nic/port/capfile.h"
#include "tests/fuzz/fuzz.h"

static void read_all(const char *path, size_t size)
{
	char why[CAPFILE_WHY_MAX] = "";
	struct capfile_frame f;
	struct capfile *c;
	size_t total = 0;
	unsigned sum = 0;
	int got = capfile_open(path, &c, why);

	if (got) {
		FUZZ_CHECK(why[0] && strlen(why) < sizeof(why));
		return;
	}
	while ((got = capfile_next(c, &f, why)) > 0) {
		total += f.bytes.len;
		for (size_t i = 0; i < f.bytes.len; i++)
			sum += f.bytes.p[i];
	}
	FUZZ_CHECK(total <= size && sum <= 255 * size);
	FUZZ_CHECK(!got || why[0]);
	capfile_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	int fd = memfd_create("capture", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, size);
	close(fd);
	return 0;
}
