/* Capture files (pcap by libpcap, and pcapng) as a stream of RoCEv2 packets.
 * One frame is in memory at a time.
 */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include <stdio.h>
#include "trace/packet.h"

struct reader;

/* How a file went so far. */
struct reader_stats {
	uint64_t frames; /* all */
	uint64_t other;	 /* without RoCEv2; of these */
	uint64_t v1;	 /* RoCEv1 */
	uint64_t unread; /* of a link type that is not read: the last one is */
	int unread_link;
	uint64_t fragments; /* of IP packets, which are not put together */
	uint64_t cut;	    /* RoCEv2, but cut by the sniffer */
	uint64_t trains;    /* datagrams that held several packets */
	uint64_t packets;   /* RoCEv2 packets */
	bool ends_early;    /* the last frame of the file is not whole */
};

#define READER_ERROR_MAX 512

/* Opens @path, "-" for standard input.  NULL: @error says what, where and what
 * to do, in one line.
 */
struct reader *reader_open(const char *path, char error[READER_ERROR_MAX]);
/* The same for a stream that is open, called @name; it is closed with the
 * reader, or on failure.
 */
struct reader *reader_of(FILE *file, const char *name,
			 char error[READER_ERROR_MAX]);
void reader_close(struct reader *r);

/* 1: @p is the next packet; its spans live until the next call.  0: the end.
 * -1: the file is damaged from here on, see reader_error.
 */
int reader_next(struct reader *r, struct packet *p);
const char *reader_error(const struct reader *r);
const struct reader_stats *reader_stats(const struct reader *r);
/* What the frames without RoCEv2 are, in one line, if that may surprise: there
 * is nothing else, or they are nearly that.  Else "".
 */
void reader_note(const struct reader *r, char note[READER_ERROR_MAX]);

#endif
