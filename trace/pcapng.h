/* pcapng files (draft-ietf-opsawg-pcapng) as a stream of frames: sections of
 * either byte order, interfaces of different link types, lengths and clocks.
 */
#ifndef TRACE_PCAPNG_H
#define TRACE_PCAPNG_H

#include <stdio.h>
#include "trace/dissect.h"

struct pcapng;

/* Does a file that begins with this byte look like one? */
#define PCAPNG_FIRST_BYTE 0x0a

#define PCAPNG_WHY_MAX 120u

/* Reads the first section's header, and takes over @file; NULL, and @why is
 * what is wrong: it does not.
 */
struct pcapng *pcapng_open(FILE *file, char why[PCAPNG_WHY_MAX]);
void pcapng_close(struct pcapng *p);

enum pcapng_got {
	PCAPNG_FRAME,
	PCAPNG_END,
	PCAPNG_CUT,	/* the file ends within a block */
	PCAPNG_DAMAGED, /* see pcapng_error */
};

/* The next frame; its bytes live until the next call.  f->number is not set,
 * f->linktype may be unknown.
 */
enum pcapng_got pcapng_next(struct pcapng *p, struct frame *f);
const char *pcapng_error(const struct pcapng *p);

#endif
