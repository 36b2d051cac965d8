/* Judges a capture: ICRCs, lengths, and the protocol's rules as far as a
 * sniffer can see them broken (trace/rule.h).
 *
 * A sniffer does not see everything.  It starts in the middle, misses frames,
 * stands in front of the place where the network loses packets or behind it,
 * sees copies, and QPNs are used again.  So a rule is only applied where no
 * such accident explains what was seen; later packets may take back what an
 * earlier one seemed to be, which is why the verdict comes at the end.
 */
#ifndef TRACE_CHECK_H
#define TRACE_CHECK_H

#include <stdio.h>
#include "trace/packet.h"
#include "trace/report.h"

struct check;
struct stream;

/* What a packet turned out to be, for who prints it. */
enum note {
	NOTE_NONE,
	NOTE_RETRANSMISSION,
	NOTE_NAK,  /* and RNR NAK */
	NOTE_COPY, /* made by the network or the sniffer */
	NOTE_CNP,
};

struct check *check_new(void); /* NULL: no memory */
void check_free(struct check *c);
/* Packets in the capture's order. */
enum note check_packet(struct check *c, const struct packet *p);
/* The stream that the last packet is of; of a CNP, another one from the same
 * host to the same QP.  NULL: not known.
 */
const struct stream *check_stream(const struct check *c);
/* The stream of @p, which is sound and was judged before; NULL: there are too
 * many.
 */
const struct stream *check_find(const struct check *c, const struct packet *p);
/* After the last packet: the stream whose requests are answered, as far as
 * anyone can tell, on stream number @number (*@on), but too seldom to be sure;
 * or NULL.
 */
const struct stream *check_guess(const struct check *c, uint32_t number,
				 const struct stream **on);
/* After the last packet: the violations that stand.  They belong to @c. */
const struct report *check_finish(struct check *c);
/* What was seen, and the line with the verdict. */
void check_summary(const struct check *c, FILE *out);

#endif
