/* Frames as for dissect_fuzz.c, replayed from both sides: whatever they say, it
 * is played or left out, and comes to an end.
 */
#include "replay/replay.h"
#include "tests/fuzz/fuzz.h"
#include "trace/dissect.h"
#include "trace/strip.h"

#define ICRC_MEND 1u /* flags: the packet's ICRC becomes right */
#define CUT	  2u /* the frame was longer on the wire */

static const int linktypes[] = {LINK_ETHERNET,	 LINK_NULL,    LINK_RAW,
				LINK_LINUX_SLL,	 LINK_IPV4,    LINK_IPV6,
				LINK_LINUX_SLL2, LINK_ETHERNET};

struct input {
	struct fuzz all, left;
	struct dissector *d;
	int linktype;
	uint8_t *bytes; /* of the frame in hand */
	struct frame frame;
	bool mend;
};

static bool go_back(void *ctx, char *why)
{
	struct input *in = ctx;

	in->left = in->all;
	in->linktype = linktypes[fuzz_u8(&in->left) % 8];
	fuzz_u8(&in->left);
	in->frame = (struct frame){.nsec = 1};
	return true;
}

static bool next_frame(struct input *in)
{
	struct fuzz *f = &in->left;
	uint16_t head;
	size_t len;

	if (!f->len)
		return false;
	head = fuzz_u16(f);
	in->mend = head >> 14 & ICRC_MEND;
	in->frame.nsec += (int64_t)fuzz_u16(f) * 1000;
	free(in->bytes);
	in->bytes = fuzz_bytes(f, head & 0x3fff, &len);
	in->frame = (struct frame){.number = in->frame.number + 1,
				   .nsec = in->frame.nsec,
				   .linktype = in->linktype,
				   .bytes = {in->bytes, len},
				   .wire_len = len};
	if (head >> 14 & CUT)
		in->frame.wire_len += fuzz_u16(f);
	dissect_begin(in->d, &in->frame);
	return true;
}

static int next(void *ctx, struct packet *p, char *why)
{
	struct input *in = ctx;

	while (!dissect_next(in->d, p))
		if (!next_frame(in))
			return 0;
	/* Fuzzers cannot guess it, and what follows believes few. */
	if (in->mend && p->icrc == ICRC_BAD)
		p->icrc = ICRC_OK;
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.all = {data, size}, .d = dissector_new()};
	struct replay_source source = {&in, go_back, next, NULL};
	struct replay_options o = {.spec = "",
				   .side = {true, true},
				   .verbose = size & 1,
				   .out = fuzz_nowhere()};
	char why[REPLAY_WHY_MAX];

	FUZZ_CHECK(in.d);
	setenv("GLASSNIC_LOG", "error", 0);
	FUZZ_CHECK(replay(&source, &o, why) >= 0);
	free(in.bytes);
	dissector_free(in.d);
	return 0;
}
