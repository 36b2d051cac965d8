/* A verbs line becomes a verb, and its result an answer. */
#include "peer/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int call_errno(const void *any)
{
	if (any)
		return 0;
	return errno ? errno : EIO;
}

int call_gid(struct call *c, const char *key, union ibv_gid *gid)
{
	const char *text = words_get(&c->w, key);

	if (text && !gid_parse(gid, text))
		return call_refuse(c, "%s=%s: not an address", key, text);
	return 0;
}

static const struct verb verbs[] = {VERB_LIST(VERB_ROW)};

void session_call(struct session *s, const char *line,
		  char answer[REPLY_MAX + 16])
{
	static char reply[REPLY_MAX];
	struct call c = {.t = &s->objects, .side = s, .reply = reply};
	int rc;

	errno = 0;
	rc = call_run(&c, line, verbs, sizeof(verbs) / sizeof(*verbs));
	if (!rc)
		snprintf(answer, REPLY_MAX + 16, "ok %s", reply);
	else if (rc == VERB_REFUSED)
		snprintf(answer, REPLY_MAX + 16, "refused %s", reply);
	else if (strerrorname_np(rc))
		snprintf(answer, REPLY_MAX + 16, "errno %s",
			 strerrorname_np(rc));
	else
		snprintf(answer, REPLY_MAX + 16, "errno %d", rc);
}
