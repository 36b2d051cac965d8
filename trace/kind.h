/* What a packet is to who looks at a conversation: its colour, and its word in
 * legends and JSON.
 *
 * A row is X(symbol, word, what it means).
 */
#ifndef TRACE_KIND_H
#define TRACE_KIND_H

#include "trace/check.h"

/* clang-format off */
#define KIND_LIST(X)                                                           \
	X(DATA, "data", "request or data")                                     \
	X(ACK, "ack", "acknowledgement")                                       \
	X(NAK, "nak", "NAK")                                                   \
	X(RNR, "rnr", "RNR NAK")                                               \
	X(AGAIN, "again", "retransmission")                                    \
	X(CNP, "cnp", "congestion (CNP)")                                      \
	X(COPY, "copy", "copy by network or sniffer")                          \
	X(BAD, "bad", "damaged")
/* clang-format on */

enum kind {
#define X(sym, word, text) KIND_##sym,
	KIND_LIST(X)
#undef X
		KIND_N
};

enum kind kind_of(const struct packet *p, enum note note);
const char *kind_word(enum kind k);
const char *kind_text(enum kind k);

#endif
