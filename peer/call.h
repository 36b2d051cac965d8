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

#endif
