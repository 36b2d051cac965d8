/* A conversation as a ladder: two lifelines, an arrow for each packet.  This is
 * what is drawn; ladder_text.c, ladder_svg.c and ladder_html.c draw it.
 */
#ifndef TRACE_LADDER_H
#define TRACE_LADDER_H

#include "trace/kind.h"

#define LADDER_BRIEF_MAX 80

struct ladder_row {
	uint64_t frame;
	int64_t nsec;
	bool to_right, ackreq;
	bool is_marked; /* "congestion experienced" */
	enum note note;
	enum kind kind;
	uint32_t psn, dqpn;
	uint32_t stream, peer; /* their numbers; 0: none, not known */
	/* Set by ladder_finish: */
	bool has_sqpn; /* who sent it is known: */
	uint32_t sqpn;
	uint32_t connection;	      /* index */
	char brief[LADDER_BRIEF_MAX]; /* packet_brief */
	char label[LADDER_BRIEF_MAX]; /* packet_label */
	char *fields;		      /* "name value" lines; NULL: not wanted */
};

struct ladder_side {
	struct ip_addr addr;
	bool has_qpn;
	uint32_t qpn;
	bool more_qpns;
};

/* Two QPs of which one may not be known. */
struct ladder_connection {
	bool has_left, has_right;
	uint32_t left, right;
};

struct ladder {
	struct ladder_side left, right;
	uint32_t vni; /* their network, or VNI_NONE */
	bool to_itself;
	bool with_fields;
	size_t n, max;
	uint64_t
		past_max; /* packets of these hosts that there is no room for */
	uint64_t others;  /* packets of other hosts */
	struct ladder_row *row;
	struct ladder_connection *connection;
	size_t nconnection;
	int64_t start_nsec;
};

/* For at most @max packets; @with_fields: with all that is in them.  NULL: no
 * memory.
 */
struct ladder *ladder_new(size_t max, bool with_fields);
void ladder_free(struct ladder *l);
/* Notes @p on @t (or NULL), if it is between the two hosts of the first packet
 * and in the same network (hosts of two VNIs may have the same addresses).
 * @start_nsec: the time of the capture's first packet.  False: no memory.
 */
bool ladder_add(struct ladder *l, const struct packet *p, enum note note,
		const struct stream *t, int64_t start_nsec);
/* After the last packet: which connection each is of.  False: no memory. */
bool ladder_finish(struct ladder *l);

#endif
