/* The files of `glassnic decode --expect'. */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "trace/expect.h"

static void compare(struct expect *e)
{
	struct violation v = {.rule = RULE_PSN_SKIP, .frame = 4};
	struct report *r = report_new();

	FUZZ_CHECK(r);
	report_add(r, &v);
	expect_compare(e, r, fuzz_nowhere());
	report_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("expect", MFD_CLOEXEC);
	char path[32], error[EXPECT_ERROR_MAX] = "";
	struct expect *e;

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	e = expect_read(path, error);
	FUZZ_CHECK(e || (error[0] && strlen(error) < sizeof(error)));
	if (e)
		compare(e);
	expect_free(e);
	close(fd);
	return 0;
}
