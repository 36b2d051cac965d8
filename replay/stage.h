/* The NIC that plays: a bench of drills, one QP on it at a time, its clock set
 * by the capture's, and all that is done to it and comes from it written down
 * as a drill, if somebody wants that.
 */
#ifndef REPLAY_STAGE_H
#define REPLAY_STAGE_H

#include <stdio.h>
#include "drill/bench.h"
#include "nic/base/list.h"
#include "wire/roce.h"

/* A packet that the NIC has sent. */
struct out {
	struct list node;
	uint64_t frame; /* the captured packet played last before */
	bool known;	/* to the side that plays */
	bool again;	/* a request that the NIC has sent before */
	bool vague;   /* an answer made of memory that nothing captured tells */
	bool unfair;  /* a NAK for which there is no reason */
	uint32_t msn; /* messages that the NIC had taken whole by then */
	struct roce roce; /* its payload is in bytes */
	uint8_t bytes[];
};

struct stage {
	struct bench *bench;
	FILE *drill; /* or NULL */
	unsigned qps;
	char qp[16];	/* the QP's name, */
	uint32_t qpn;	/* its number, */
	uint32_t own;	/* and that of its peer */
	char recvs[16]; /* where its receive requests are posted: it, */
	uint32_t srqn;	/* or, of an XRC QP, an SRQ with this number */
	bool has_xrcd;
	uint64_t va, bytes;  /* region "buf" */
	uint32_t rkey;	     /* 0: it is free */
	uint32_t window_key; /* of window "w"; 0: none is bound */
	bool has_window;
	nsec_t zero; /* the bench's clock when the capture's was */
	int64_t origin;
	nsec_t unsaid; /* time that has passed since the drill's last line */
	uint64_t frame;
	struct list out;   /* of struct out, in the NIC's order, */
	unsigned nout;	   /* and how many */
	bool malformed;	   /* it sent a packet that does not decode */
	unsigned failed;   /* completions with an error but WR_FLUSH_ERR */
	char failure[160]; /* the last of these */
	char trouble[WORDS_WHY_MAX]; /* why nothing can be played any more */
};

/* Makes the bench for NIC @spec, as drill/play.h wants it. */
typedef struct bench *(*stage_bench)(void *ctx, const char *spec, char *why,
				     bool *skip);

/* @spec: a NIC spec, for @make, or, if that is NULL, for the NIC in memory;
 * @origin: the capture's clock now.  False: @why (of at least WORDS_WHY_MAX
 * bytes) is one line.
 */
bool stage_init(struct stage *s, const char *spec, stage_bench make, void *ctx,
		int64_t origin, FILE *drill, char *why);
void stage_fini(struct stage *s);

/* What the NIC has sent, behind @o; NULL: from the first on.  NULL: no more. */
struct out *stage_next(const struct stage *s, const struct out *o);
void stage_drop(struct stage *s, struct out *o);

/* A line of the drill: done, and written down.  False: see s->trouble. */
__attribute__((format(printf, 2, 3))) bool stage_do(struct stage *s,
						    const char *fmt, ...);
/* The same for a datagram: it goes to the capture's side. */
__attribute__((format(printf, 2, 3))) bool stage_do_to(struct stage *s,
						       const char *fmt, ...);
/* A comment of the drill. */
__attribute__((format(printf, 2, 3))) void stage_say(struct stage *s,
						     const char *fmt, ...);
/* A new QP of @type ("RC") in the place of the one before, connected to the
 * capture's side, with @attrs as drills write them.
 */
bool stage_qp(struct stage *s, const char *type, const char *attrs);
/* What a QP and a region must allow, for all that may be asked of them here. */
const char *stage_access(const struct stage *s);
#define STAGE_REGION_MAX UINT64_C(0x4000000) /* of drills */
/* Region NAME of @len bytes; "buf" is the one that peers see. */
bool stage_region(struct stage *s, const char *name, uint64_t len);
/* Frees "buf" and what hangs on it: its key opens nothing any more. */
bool stage_forget_region(struct stage *s);
/* Binds window "w" anew, for one SEND with invalidate. */
bool stage_window(struct stage *s);
/* Bytes of region @name from @offset on. */
bool stage_write(struct stage *s, const char *name, uint64_t offset,
		 struct span data);

/* The capture's clock is at @nsec. */
void stage_clock(struct stage *s, int64_t nsec);
/* Lets the NIC do what it does within @time. */
void stage_wait(struct stage *s, nsec_t time);
#define STAGE_SETTLE (10 * MSEC) /* READ responses may be paced */
/* Until when, on the bench's clock, it may do what it owes now. */
nsec_t stage_deadline(const struct stage *s);
/* Waits for the next thing that it does; false: nothing until @deadline. */
bool stage_step(struct stage *s, nsec_t deadline);
/* Sends @r, addressed to the QP, as captured packet @frame; what the NIC made
 * of it, DROP_N: that cannot be known.
 */
enum drop stage_send(struct stage *s, struct roce *r, uint64_t frame);

#endif
