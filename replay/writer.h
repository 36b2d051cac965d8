/* What a stage does and sees, as lines of a drill (docs/drill.md).  Payload
 * longer than WRITER_DATA_MAX bytes is not in it: only its length is.
 */
#ifndef REPLAY_WRITER_H
#define REPLAY_WRITER_H

#include <stdio.h>
#include "wire/roce.h"

#define WRITER_DATA_MAX 64u

struct stage;

/* @way: '>' to the NIC, '<' from it; @verdict: the word for why the NIC refused
 * it, or NULL.
 */
void writer_packet(FILE *out, const struct stage *s, char way,
		   const struct roce *r, const char *verdict);
/* @text: as a bench reports it. */
void writer_completion(FILE *out, const char *text);

#endif
