/* A drill's verbs line under execution, at whichever side it is done: on the
 * engine in memory (vnic_*.c) or on <infiniband/verbs.h> (peer/).  What both
 * share is the line's words, numbers and names, and the memory of regions.
 *
 * Functions return 0, the errno of a verb (in the sign of that side), or
 * VERB_REFUSED with the reason in the reply: the drill is wrong.
 */
#ifndef DRILL_CALL_H
#define DRILL_CALL_H

#include "drill/verbs_words.h"
#include "drill/words.h"

#define REPLY_MAX    8192u
#define VERB_REFUSED (-100001)

#define OBJECTS_MAX 256u
#define OBJECT_NAME 32u

enum object_kind { O_PD, O_MR, O_MW, O_CQ, O_SRQ, O_XRCD, O_QP, O_N };

struct object {
	char name[OBJECT_NAME]; /* "": free */
	enum object_kind kind;
	union { /* what it is at that side */
		void *any;
		struct gn_pd *pd;
		struct gn_mr *mr;
		struct gn_mw *mw;
		struct gn_cq *cq;
		struct gn_srq *srq;
		struct gn_xrcd *xrcd;
		struct gn_qp *qp;
		struct ibv_pd *ibv_pd;
		struct ibv_mr *ibv_mr;
		struct ibv_mw *ibv_mw;
		struct ibv_cq *ibv_cq;
		struct ibv_srq *ibv_srq;
		struct ibv_xrcd *ibv_xrcd;
		struct ibv_qp *ibv_qp;
	};
	uint8_t *memory; /* O_MR: of a guard, len bytes, and a guard */
	size_t len;
	uint64_t iova; /* O_MR: how peers address it */
	bool held;     /* O_CQ: nobody polls it */
	bool extended; /* O_QP: can do what only ibv_wr_* calls can */
};

struct objects {
	struct object object[OBJECTS_MAX];
	struct object *pd, *cq; /* those that are there from the start */
	unsigned nregion;	/* made so far */
	/* The present key of a region or window. */
	uint32_t (*key)(const struct object *o);
};

struct call {
	struct objects *t;
	void *side; /* whose objects they are */
	struct words w;
	char *reply; /* REPLY_MAX bytes */
};

struct verb {
	const char *name;
	int (*run)(struct call *c);
};

/* The verbs that each side has, as functions of its own but for those of memory. */
#define VERB_LIST(X)                                                    \
	X(pd) X(mr) X(mw) X(cq) X(srq) X(xrcd) X(qp) X(modify) X(query) \
	X(post_send) X(post_recv) X(limit) X(attach) X(detach) X(write) \
	X(read) X(free)

#define X(name) int verb_##name(struct call *c);
VERB_LIST(X)
#undef X
/* Rows of a table of verbs. */
#define VERB_ROW(name) {#name, verb_##name},

/* Does @line by one of the @n @verbs. */
int call_run(struct call *c, const char *line, const struct verb *verbs,
	     size_t n);

__attribute__((format(printf, 2, 3))) int call_refuse(struct call *c,
						      const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void call_say(struct call *c,
						    const char *fmt, ...);

/* The line's word @i that stands by itself, or NULL. */
const char *call_word(const struct call *c, unsigned i);
/* The object called so, of any kind, or NULL. */
struct object *call_find(const struct call *c, const char *name, size_t len);
int call_find_kind(struct call *c, const char *name, enum object_kind kind,
		   struct object **o);
/* The name of the object that @any is, or "?". */
const char *objects_name(const struct objects *t, const void *any);
/* A place for a new object called @name. */
int call_make(struct call *c, const char *name, enum object_kind kind,
	      struct object **o);
/* Makes the name known if @rc says that the object is there; returns @rc. */
int call_made(struct object *o, const char *name, int rc);
/* The object that @key names; @preset (may be NULL) if the line does not say.
 */
int call_object(struct call *c, const char *key, enum object_kind kind,
		struct object *preset, struct object **o);
/* A number, or the key of the region or window of that name. */
int call_number(struct call *c, const char *key, uint64_t preset,
		uint64_t *value);
int call_number32(struct call *c, const char *key, uint32_t preset,
		  uint32_t *value);
int call_bits(struct call *c, const char *key, const struct verbs_word *t,
	      uint64_t preset, uint64_t *value);

/* ---- memory (call_memory.c) ---- */

/* "NAME", "NAME+OFFSET", each maybe with ":LENGTH"; it may lie outside. */
int call_range(struct call *c, const char *text, struct object **o,
	       uint64_t *offset, uint64_t *len);
/* Makes a region's name and memory, all zero, for the line "mr NAME LENGTH
 * [pd=] [access=]".  *@at is where it begins.
 */
int call_make_region(struct call *c, struct object **o, struct object **pd,
		     uint64_t *access, uint8_t **at);
/* Says what peers must know of region @o if @rc says that it is there; else
 * takes its memory back.  Returns @rc.
 */
int call_made_region(struct call *c, struct object *o, int rc);
void object_free_memory(struct object *o);
/* Where byte @offset of region @o is for the program itself. */
uint8_t *object_at(const struct object *o, uint64_t offset);
/* Was nothing beside the region written? */
bool object_is_whole(const struct object *o);

#endif
