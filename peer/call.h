/* Between the files that do a drill's verbs on <infiniband/verbs.h>.  Errnos
 * are positive here, as there.
 */
#ifndef PEER_CALL_H
#define PEER_CALL_H

#include "drill/call.h"
#include "peer/session.h"

static inline struct session *session_of(const struct call *c)
{
	return c->side;
}

/* Executes @line; the answer is one line: "ok KEY=VALUE ...", "errno EINVAL" or
 * "refused WHY".
 */
void session_call(struct session *s, const char *line,
		  char answer[REPLY_MAX + 16]);

/* The errno of the verb that has just given @any, or 0 if that is not NULL. */
int call_errno(const void *any);
/* An address; @gid stays if the line does not say. */
int call_gid(struct call *c, const char *key, union ibv_gid *gid);

/* The verbs. */
int verb_pd(struct call *c);
int verb_mr(struct call *c);
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
