/* One verbs line under execution.  Functions return 0, the errno of a verb, or
 * CALL_REFUSED with the reason in the reply: the drill is wrong.
 */
#ifndef PEER_CALL_H
#define PEER_CALL_H

#include "peer/session.h"
#include "drill/verbs_words.h"

#define CALL_REFUSED (-1)

struct call {
	struct session *s;
	struct words w;
	char reply[REPLY_MAX];
};

/* Executes @line; the answer is one line: "ok KEY=VALUE ...", "errno EINVAL" or
 * "refused WHY".
 */
void call_run(struct session *s, const char *line, char answer[REPLY_MAX + 16]);

__attribute__((format(printf, 2, 3))) int call_refuse(struct call *c,
						      const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void call_say(struct call *c,
						    const char *fmt, ...);

/* The errno of the verb that has just given @any, or 0 if that is not NULL. */
int call_errno(const void *any);

/* The line's word @i that stands by itself, or NULL. */
const char *call_word(const struct call *c, unsigned i);
/* The object called so, of any kind, or NULL. */
struct object *call_find(struct session *s, const char *name, size_t len);
int call_find_kind(struct call *c, const char *name, enum object_kind kind,
		   struct object **o);
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
/* The same, of 32 bits. */
int call_number32(struct call *c, const char *key, uint32_t preset,
		  uint32_t *value);
int call_bits(struct call *c, const char *key, const struct verbs_word *t,
	      uint64_t preset, unsigned *value);
/* An address; @gid stays if the line does not say. */
int call_gid(struct call *c, const char *key, union ibv_gid *gid);
/* "NAME", "NAME+OFFSET", each maybe with ":LENGTH"; it may lie outside. */
int call_range(struct call *c, const char *text, struct object **o,
	       uint64_t *offset, uint64_t *len);

/* The verbs. */
int verb_pd(struct call *c);
int verb_mr(struct call *c);
int verb_write(struct call *c);
int verb_read(struct call *c);
int verb_cq(struct call *c);
int verb_xrcd(struct call *c);
int verb_mw(struct call *c);
int verb_srq(struct call *c);
int verb_limit(struct call *c);
int verb_free(struct call *c);
int verb_qp(struct call *c);
int verb_modify(struct call *c);
int verb_query(struct call *c);
int verb_attach(struct call *c);
int verb_detach(struct call *c);
int verb_post_send(struct call *c);
int verb_post_recv(struct call *c);

#endif
