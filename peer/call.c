/* What a verbs line says: words, names, numbers. */
#include "peer/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int call_refuse(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->reply, REPLY_MAX, fmt, ap);
	va_end(ap);
	return CALL_REFUSED;
}

void call_say(struct call *c, const char *fmt, ...)
{
	size_t n = strlen(c->reply);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->reply + n, REPLY_MAX - n, fmt, ap);
	va_end(ap);
}

int call_errno(const void *any)
{
	if (any)
		return 0;
	return errno ? errno : EIO;
}

/* ---- names ---- */

static const char *const kind_names[O_N] = {
	[O_PD] = "pd",	 [O_MR] = "mr",	    [O_MW] = "mw", [O_CQ] = "cq",
	[O_SRQ] = "srq", [O_XRCD] = "xrcd", [O_QP] = "qp",
};

struct object *call_find(struct session *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (len && strlen(s->object[i].name) == len &&
		    !memcmp(s->object[i].name, name, len))
			return &s->object[i];
	return NULL;
}

int call_make(struct call *c, const char *name, enum object_kind kind,
	      struct object **o)
{
	unsigned i = 0;

	if (!name)
		return call_refuse(c, "%s: it needs a name", kind_names[kind]);
	if (strlen(name) >= OBJECT_NAME)
		return call_refuse(c, "%.40s: a name of more than %u letters",
				   name, OBJECT_NAME - 1);
	if (call_find(c->s, name, strlen(name)))
		return call_refuse(c, "%s: there is one of that name", name);
	while (i < OBJECTS_MAX && c->s->object[i].name[0])
		i++;
	if (i == OBJECTS_MAX)
		return call_refuse(c, "more than %u objects", OBJECTS_MAX);
	*o = &c->s->object[i];
	**o = (struct object){.kind = kind};
	return 0;
}

int call_made(struct object *o, const char *name, int rc)
{
	if (!rc)
		snprintf(o->name, sizeof(o->name), "%s", name);
	return rc;
}

const char *call_word(const struct call *c, unsigned i)
{
	return i < c->w.n && !c->w.w[i].value ? c->w.w[i].text : NULL;
}

int call_find_kind(struct call *c, const char *name, enum object_kind kind,
		   struct object **o)
{
	*o = name ? call_find(c->s, name, strlen(name)) : NULL;
	if (!*o || (*o)->kind != kind)
		return call_refuse(c, "%s: no %s of that name",
				   name ? name : "-", kind_names[kind]);
	return 0;
}

int call_object(struct call *c, const char *key, enum object_kind kind,
		struct object *preset, struct object **o)
{
	const char *name = words_get(&c->w, key);

	*o = preset;
	return name ? call_find_kind(c, name, kind, o) : 0;
}

/* ---- values ---- */

int call_number(struct call *c, const char *key, uint64_t preset,
		uint64_t *value)
{
	const char *text = words_get(&c->w, key);
	struct object *o;

	*value = preset;
	if (!text || words_number(text, value))
		return 0;
	o = call_find(c->s, text, strlen(text)); /* its key */
	if (o && (o->kind == O_MR || o->kind == O_MW)) {
		*value = o->kind == O_MR ? o->mr->rkey : o->mw->rkey;
		return 0;
	}
	return call_refuse(c, "%s=%s: not a number", key, text);
}

int call_number32(struct call *c, const char *key, uint32_t preset,
		  uint32_t *value)
{
	uint64_t v;
	int rc = call_number(c, key, preset, &v);

	*value = (uint32_t)v;
	return rc;
}

int call_bits(struct call *c, const char *key, const struct verbs_word *t,
	      uint64_t preset, unsigned *value)
{
	const char *text = words_get(&c->w, key);
	uint64_t v = preset;

	if (text && !verbs_bits(t, text, &v))
		return call_refuse(c, "%s=%s: no such bits", key, text);
	*value = (unsigned)v;
	return 0;
}

int call_gid(struct call *c, const char *key, union ibv_gid *gid)
{
	const char *text = words_get(&c->w, key);

	if (text && !gid_parse(gid, text))
		return call_refuse(c, "%s=%s: not an address", key, text);
	return 0;
}

int call_range(struct call *c, const char *text, struct object **o,
	       uint64_t *offset, uint64_t *len)
{
	size_t name = strcspn(text, "+:");
	char part[32];

	*o = call_find(c->s, text, name);
	if (!*o || (*o)->kind != O_MR)
		return call_refuse(c, "%.*s: no mr of that name", (int)name,
				   text);
	*offset = 0;
	if (text[name] == '+') {
		size_t n = strcspn(text + name + 1, ":");

		snprintf(part, sizeof(part), "%.*s", (int)n, text + name + 1);
		if (!words_number(part, offset))
			return call_refuse(c, "%s: the offset is no number",
					   text);
		name += 1 + n;
	}
	*len = (*o)->len - (*offset < (*o)->len ? *offset : (*o)->len);
	if (text[name] == ':' && !words_number(text + name + 1, len))
		return call_refuse(c, "%s: the length is no number", text);
	return 0;
}

/* ---- dispatch ---- */

static const struct verb {
	const char *name;
	int (*run)(struct call *c);
} verbs[] = {
	{"pd", verb_pd},
	{"mr", verb_mr},
	{"mw", verb_mw},
	{"cq", verb_cq},
	{"srq", verb_srq},
	{"xrcd", verb_xrcd},
	{"qp", verb_qp},
	{"modify", verb_modify},
	{"query", verb_query},
	{"post_send", verb_post_send},
	{"post_recv", verb_post_recv},
	{"limit", verb_limit},
	{"attach", verb_attach},
	{"detach", verb_detach},
	{"write", verb_write},
	{"read", verb_read},
	{"free", verb_free},
};

static int run(struct call *c, const char *line)
{
	if (!words_split(&c->w, line, c->reply))
		return CALL_REFUSED;
	if (!c->w.n)
		return call_refuse(c, "which verb?");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verbs[i].name, c->w.w[0].text))
			return verbs[i].run(c);
	return call_refuse(c, "%.40s: no such verb", c->w.w[0].text);
}

void call_run(struct session *s, const char *line, char answer[REPLY_MAX + 16])
{
	static struct call c;
	int rc;

	c.s = s;
	c.reply[0] = '\0';
	errno = 0;
	rc = run(&c, line);
	if (!rc)
		snprintf(answer, REPLY_MAX + 16, "ok %s", c.reply);
	else if (rc == CALL_REFUSED)
		snprintf(answer, REPLY_MAX + 16, "refused %s", c.reply);
	else if (strerrorname_np(rc))
		snprintf(answer, REPLY_MAX + 16, "errno %s",
			 strerrorname_np(rc));
	else
		snprintf(answer, REPLY_MAX + 16, "errno %d", rc);
}
