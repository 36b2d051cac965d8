/* Rules of fault injection, and the fates that they give: what is refused is
 * explained, and no fate reaches past its packet.
 */
#include "nic/impair/impair.h"
#include "tests/fuzz/fuzz.h"
#include "wire/opcode.h"

#define PACKETS 64u

static void check_fate(const struct fate *fate, const struct impair_view *v)
{
	FUZZ_CHECK(fate->copies <= IMPAIR_RULES * IMPAIR_COPIES);
	FUZZ_CHECK(fate->nflip <= IMPAIR_FLIPS);
	FUZZ_CHECK(fate->cut <= v->body_len);
	for (unsigned i = 0; i < fate->nflip; i++)
		FUZZ_CHECK(fate->flip[i] / 8 < v->body_len);
	FUZZ_CHECK(strlen(fate->note) < IMPAIR_NOTE_MAX);
}

static struct impair_view any_packet(struct fuzz *f)
{
	struct impair_view v = {
		.proto = (enum impair_proto)fuzz_below(f, IMPAIR_PROTOS),
		.aeth = (enum impair_aeth)fuzz_below(f, 4),
		.body_len = fuzz_u16(f) % 5000u,
	};

	v.len = v.body_len + 60;
	v.bth.opcode = fuzz_u8(f);
	v.bth.psn = fuzz_u16(f);
	v.bth.dqpn = fuzz_u8(f);
	return v;
}

static void judge_some(struct impair *im, struct fuzz *f)
{
	nsec_t now = SEC;

	for (unsigned i = 0; i < PACKETS; i++) {
		struct impair_view v = any_packet(f);
		enum impair_dir dir = i & 1 ? IMPAIR_IN : IMPAIR_OUT;
		struct fate fate;

		now += fuzz_u16(f) * USEC;
		if (impair_judge(im, dir, &v, now, &fate))
			check_fate(&fate, &v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct impair im;
	struct counters counters = {0};
	char why[IMPAIR_WHY_MAX + 16] = "";
	size_t cut = size / 2;
	struct fuzz rules = {data, cut}, packets = {data + cut, size - cut};
	char *text = fuzz_text(&rules);

	impair_init(&im, 1, &counters);
	if (impair_add(&im, text, why))
		FUZZ_CHECK(why[0] && strlen(why) < sizeof(why));
	else
		judge_some(&im, &packets);
	impair_fini(&im);
	free(text);
	return 0;
}
