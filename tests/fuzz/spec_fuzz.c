/* NIC specs: what is refused is explained in a line; what is taken can be
 * written down, and is the same again.
 */
#include "nic/host/spec.h"
#include "tests/fuzz/fuzz.h"

static void check_why(const char *why)
{
	FUZZ_CHECK(why[0] && strlen(why) < SPEC_WHY_MAX);
}

static void check_one(const char *text)
{
	char why[SPEC_WHY_MAX] = "", first[SPEC_TEXT_MAX], again[SPEC_TEXT_MAX];
	struct nic_spec spec, same;

	if (spec_parse(text, &spec, why)) {
		check_why(why);
		return;
	}
	spec_format(&spec, first);
	FUZZ_CHECK(strlen(first) < SPEC_TEXT_MAX - 1);
	FUZZ_CHECK(!spec_parse(first, &same, why));
	FUZZ_CHECK(!memcmp(&spec, &same, sizeof(spec)));
	FUZZ_CHECK(!strcmp(first, spec_format(&same, again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nic_spec specs[SPEC_NICS];
	char why[SPEC_WHY_MAX] = "";
	struct fuzz f = {data, size};
	char *text = fuzz_text(&f);
	int n = specs_parse(text, specs, SPEC_NICS, why);

	if (n < 0)
		check_why(why);
	else
		FUZZ_CHECK(n <= (int)SPEC_NICS);
	check_one(text);
	free(text);
	return 0;
}
