/* Packets of a capture as lines of text: frame number, seconds since the first
 * packet, addresses, the packet (wire/print.h), and what is odd about it.
 */
#ifndef TRACE_PRINT_H
#define TRACE_PRINT_H

#include <stdio.h>
#include "trace/check.h"
#include "trace/paint.h"

#define PACKET_TEXT_MAX 400
#define SECONDS_MAX	32

/* "-0.000012": seconds to the microsecond.  Returns @text. */
const char *print_seconds(int64_t nsec, char text[SECONDS_MAX]);

/* @start_nsec: the time of the capture's first packet. */
void packet_print(const struct packet *p, enum note note, int64_t start_nsec,
		  const struct paint *paint, FILE *out);
/* What the packet is, in few words: "SEND_ONLY psn=5 len=1024 A"; A means
 * AckReq.  Returns @text.
 */
const char *packet_brief(const struct packet *p, char *text, size_t size);
/* The same without PSN and AckReq, for pictures: "SEND_ONLY 1024 bytes". */
const char *packet_label(const struct packet *p, char *text, size_t size);
/* Its colour. */
enum ink packet_ink(const struct packet *p, enum note note);

#endif
