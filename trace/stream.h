/* Streams: all packets from one address to one QP of another.  A stream
 * carries the requests of the QP at its source, and that QP's answers to the
 * requests of its peer.  So two streams make a connection, and which two
 * belong together no packet says: see trace/pair.h.
 */
#ifndef TRACE_STREAM_H
#define TRACE_STREAM_H

#include "trace/reqlog.h"
#include "trace/rule.h"

struct stream_key {
	struct ip_addr src, dst;
	uint32_t vni; /* VNI_NONE: no tunnel */
	uint32_t dqpn;
	uint32_t sqpn; /* UD; else 0 */
	enum transport transport;
};

/* Packets seen lately, to know the copies that a network or a sniffer on
 * several interfaces makes from those that a NIC sends again.
 */
#define COPIES_KEPT 16u

struct copies {
	struct {
		uint32_t icrc;
		uint16_t id;
		int64_t nsec;
	} seen[COPIES_KEPT];
	unsigned n;
	bool rising; /* each packet had a higher IPv4 identification */
};

/* Written by check_request.c. */
struct requester {
	struct reqlog log;
	uint32_t last_psn; /* of the request seen last */
	int64_t back_nsec; /* when it last went back, and where to */
	uint32_t back_psn;
	int64_t again_nsec; /* when a request was last seen a second time */
	int64_t first_nsec; /* when the first request was seen */
	int64_t idle_since; /* when the last was */
	bool has_start;	    /* the CM said: */
	uint32_t start_psn;
	bool doubt;	  /* perhaps a new connection with the same QPN */
	bool disobeys;	  /* it was blamed for going on after a NAK */
	bool has_suspect; /* far from the sequence: outlier, or new start */
	struct req suspect;
};

enum nak_state { NAK_NONE, NAK_SEQUENCE, NAK_RNR };

/* Answers to this stream's requests.  Written by check_response.c and those
 * that it calls.
 */
struct responder {
	bool has_acked;
	uint32_t acked; /* the PSN behind all that is acknowledged */
	/* MSN - messages ended in the log: between off and off + off_width. */
	bool has_msn;
	bool fresh; /* the connection was seen from its start */
	uint32_t off;
	int32_t off_width;
	bool has_other; /* off, if the MSN that was blamed last is right: */
	uint32_t other;
	int32_t other_width;
	uint32_t top_psn, top_msn; /* the answer with the highest PSN */
	bool has_top;

	enum nak_state nak; /* the last one, until progress */
	uint32_t nak_psn;
	int64_t nak_nsec;
	uint32_t rnr_usec;

	bool fatal; /* a NAK ended the connection */
	uint32_t fatal_psn;
	uint64_t fatal_frame;
	int64_t fatal_nsec;

	bool has_unsent; /* an answer to what was not seen (yet) */
	bool unsent_reported;
	enum rule unsent_rule;
	uint32_t unsent_psn;
	uint64_t unsent_frame;
	int64_t unsent_nsec;

	bool limited;	     /* every AETH so far granted credits */
	uint32_t lsn;	     /* the highest limit granted */
	int64_t credit_nsec; /* when the first was */
};

struct stream {
	struct stream *hash_next, *host_next;
	uint32_t number; /* from 1 */
	struct stream_key key;
	uint16_t sport;
	/* Written by pair.c and cm.c: */
	struct stream *peer;  /* the other direction, once known */
	bool sure;	      /* and it is certain */
	struct stream *guess; /* the one that its answers fit */
	unsigned fits;	      /* how often, without a doubt */
	bool misfits;	      /* some fitted another, or none */
	struct copies copies;
	bool has_pkey;
	uint16_t pkey;
	struct requester q;
	struct responder a;
};

struct streams;

struct streams *streams_new(void); /* NULL: no memory */
void streams_free(struct streams *t);
/* The stream with key @k, made if there is none; NULL past the limit. */
struct stream *streams_get(struct streams *t, const struct stream_key *k);
/* The first of a list, linked by host_next, that has all streams from @src to
 * @dst, and perhaps others.
 */
struct stream *streams_between(const struct streams *t,
			       const struct ip_addr *src,
			       const struct ip_addr *dst, uint32_t vni);
/* The stream number @i, from 1; NULL past the last. */
struct stream *streams_at(const struct streams *t, uint32_t i);

struct stream_key stream_key(const struct packet *p);
/* Notes @p, and says whether it is a copy of one seen just before.
 * @asked_nsec: when an answer asked for it again, or INT64_MIN; where packets
 * have no numbers of their own, it is no copy of what was sent before that.
 */
bool copies_note(struct copies *c, const struct packet *p, int64_t asked_nsec);

/* Forgets the connection on @s, in both directions: the QPN was given to a new
 * one.
 */
void stream_restart(struct stream *s);
void stream_pair(struct stream *a, struct stream *b);
/* They do not belong together after all.  What was sent stays known. */
void stream_unpair(struct stream *s);

#endif
