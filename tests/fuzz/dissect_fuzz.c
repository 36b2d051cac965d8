/* Frames of any link type, one after the other, through the dissector and the
 * checker.  Input: the link type and the terminal's width; then for each frame
 * flags and length, time, and bytes.
 */
#include "tests/fuzz/judge.h"
#include "trace/dissect.h"
#include "trace/strip.h"
#include "wire/icrc.h"

#define ICRC_MEND 1u /* flags: the packet's ICRC becomes right */
#define CUT	  2u /* the frame was longer on the wire */

static const int linktypes[] = {LINK_ETHERNET,	 LINK_NULL,    LINK_RAW,
				LINK_LINUX_SLL,	 LINK_IPV4,    LINK_IPV6,
				LINK_LINUX_SLL2, LINK_ETHERNET};

static void take(struct dissector *d, struct judge *judge,
		 const struct frame *f, unsigned flags)
{
	struct packet p;
	unsigned n = 0;

	if (dissect_begin(d, f) < FRAME_ROCE)
		FUZZ_CHECK(!dissect_next(d, &p));
	while (dissect_next(d, &p)) {
		FUZZ_CHECK(n++ <= f->wire_len || n <= f->bytes.len);
		/* Fuzzers cannot guess it, and what follows believes few. */
		if (flags & ICRC_MEND && p.icrc == ICRC_BAD)
			p.icrc = ICRC_OK;
		judge_take(judge, &p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	int linktype = linktypes[fuzz_u8(&f) % 8];
	uint8_t width = fuzz_u8(&f);
	struct dissector *d = dissector_new();
	struct judge judge;
	uint64_t number = 0;
	int64_t nsec = 1;

	FUZZ_CHECK(d);
	judge_open(&judge, width & 1);
	while (f.len) {
		uint16_t head = fuzz_u16(&f);
		unsigned flags = head >> 14;
		size_t len;
		uint8_t *bytes;
		struct frame frame;

		nsec += (int64_t)fuzz_u16(&f) * 1000;
		bytes = fuzz_bytes(&f, head & 0x3fff, &len);
		frame = (struct frame){.number = ++number,
				       .nsec = nsec,
				       .linktype = linktype,
				       .bytes = {bytes, len},
				       .wire_len = len};
		if (flags & CUT)
			frame.wire_len += fuzz_u16(&f);
		take(d, &judge, &frame, flags);
		free(bytes);
	}
	judge_close(&judge, width);
	dissector_free(d);
	return 0;
}
