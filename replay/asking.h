/* Between asker.c, meeting.c, message.c and missing.c: glassnic as requester.
 */
#ifndef REPLAY_ASKING_H
#define REPLAY_ASKING_H

#include "replay/role.h"

/* Captured request packets that make up one work request. */
struct message {
	struct list node;  /* by PSN */
	uint32_t psn, end; /* its first PSN, and the one behind those seen */
	struct roce first; /* without payload */
	uint32_t imm, inv_rkey; /* of the last */
	uint8_t last_opcode;
	bool solicited;
	uint8_t *data;
	size_t len, room;
	bool whole; /* its end was seen */
};

/* A READ, atomic or FLUSH that the NIC has sent. */
struct asked {
	uint32_t psn, span, len;
	uint8_t opcode;
};

#define ASKED_MAX 512u

struct asking {
	/* Putting messages together. */
	bool in_step;	      /* there is a sequence, which goes on at */
	uint32_t next;	      /* this PSN */
	struct message *open; /* the one that is not whole */
	struct list messages; /* not posted */
	/* Playing them. */
	uint32_t posted;  /* the PSN behind all that is, */
	uint32_t take;	  /* and that the NIC gives to the next */
	struct list owed; /* captured requests that the NIC has not sent yet */
	unsigned nowed;
	bool has_qp;
	bool over;     /* a NAK has ended the connection */
	uint32_t sent; /* the PSN behind all that the NIC has sent, */
	struct asked asked[ASKED_MAX]; /* a ring; PSNs from fed on wait */
	uint32_t nasked;
	uint32_t seen; /* the PSN behind all that was captured */
	uint32_t fed;  /* and behind all that an answer has accepted */
	bool doubt;    /* answers that the NIC waits for were not seen, */
	uint64_t doubt_frame; /* the last time before that of this frame */
	bool has_back;	      /* a NAK has asked for this PSN: */
	uint32_t back;
	bool owes_back;	 /* and the NIC has not gone back yet, */
	int64_t back_at; /* as it has to when the capture's clock is there */
	uint64_t place;	 /* in region "buf", for the next message */
	uint64_t id;	 /* of the next work request */
};

/* ---- answers with data (missing.c) ---- */

/* The NIC has sent @r. */
void missing_note(struct role *p, const struct roce *r);
/* Does answer @i leave out data that the NIC still waits for?  *@psn: of which
 * PSN; the request that has it, or NULL.
 */
const struct asked *missing_before(const struct role *p, const struct item *i,
				   uint32_t *psn);
/* True if answer @i may be played: what is missing before it was made up where
 * the sniffer has missed it.  False: what follows is to tell that yet.
 */
bool missing_fill(struct role *p, struct item *i, bool forced);

/* ---- requests of both (meeting.c) ---- */

/* What the NIC has sent since meets those that waited for it. */
void meeting_note(struct role *p);
/* What the NIC has sent that stands for @i; or NULL. */
struct out *meeting_find(struct role *p, const struct item *i);
/* What the NIC owes may yet come. */
void meeting_await(struct role *p);
/* Nobody waits any more: for what is below @psn; for all. */
void meeting_leave_below(struct role *p, uint32_t psn, uint64_t frame);
void meeting_leave_all(struct role *p, uint64_t frame);

/* ---- messages (message.c) ---- */

/* Request @i joins a message, if it continues the sequence. */
void message_join(struct role *p, struct item *i);
/* The sequence begins at @psn. */
void message_expect(struct role *p, uint32_t psn);
/* The sequence begins anew with @i, which is in the queue. */
void message_restart(struct role *p, struct item *i);
/* No more of it will be seen: it is taken for whole. */
void message_close(struct role *p, struct message *m);
/* The one that request @i is a packet of, if it is not posted; or NULL. */
struct message *message_of(const struct role *p, const struct item *i);
/* PSNs that the NIC takes for it. */
uint32_t message_span(const struct role *p, const struct message *m);
/* Posts @m.  False: see p->stage.trouble. */
bool message_post(struct role *p, const struct message *m);
void message_free(struct message *m);

#endif
