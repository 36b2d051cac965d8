/* What a verbs line says: words, names, numbers. */
#include "drill/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int call_refuse(struct call *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->reply, REPLY_MAX, fmt, ap);
	va_end(ap);
	return VERB_REFUSED;
}

void call_say(struct call *c, const char *fmt, ...)
{
	size_t n = strlen(c->reply);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->reply + n, REPLY_MAX - n, fmt, ap);
	va_end(ap);
}

static const char *const kind_names[O_N] = {
	[O_PD] = "pd",	 [O_MR] = "mr",	    [O_MW] = "mw", [O_CQ] = "cq",
	[O_SRQ] = "srq", [O_XRCD] = "xrcd", [O_QP] = "qp",
};

struct object *call_find(const struct call *c, const char *name, size_t len)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (len && strlen(c->t->object[i].name) == len &&
		    !memcmp(c->t->object[i].name, name, len))
			return &c->t->object[i];
	return NULL;
}

const char *objects_name(const struct objects *t, const void *any)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (t->object[i].name[0] && t->object[i].any == any)
			return t->object[i].name;
	return "?";
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
	if (call_find(c, name, strlen(name)))
		return call_refuse(c, "%s: there is one of that name", name);
	while (i < OBJECTS_MAX && c->t->object[i].name[0])
		i++;
	if (i == OBJECTS_MAX)
		return call_refuse(c, "more than %u objects", OBJECTS_MAX);
	*o = &c->t->object[i];
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
	*o = name ? call_find(c, name, strlen(name)) : NULL;
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

int call_number(struct call *c, const char *key, uint64_t preset,
		uint64_t *value)
{
	const char *text = words_get(&c->w, key);
	struct object *o;

	*value = preset;
	if (!text || words_number(text, value))
		return 0;
	o = call_find(c, text, strlen(text)); /* its key */
	if (o && (o->kind == O_MR || o->kind == O_MW)) {
		*value = c->t->key(o);
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
	      uint64_t preset, uint64_t *value)
{
	const char *text = words_get(&c->w, key);

	*value = preset;
	if (text && !verbs_bits(t, text, value))
		return call_refuse(c, "%s=%s: no such bits", key, text);
	return 0;
}

int call_run(struct call *c, const char *line, const struct verb *verbs,
	     size_t n)
{
	c->reply[0] = '\0';
	if (!words_split(&c->w, line, c->reply))
		return VERB_REFUSED;
	if (!c->w.n)
		return call_refuse(c, "which verb?");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(verbs[i].name, c->w.w[0].text))
			return verbs[i].run(c);
	return call_refuse(c, "%.40s: no such verb", c->w.w[0].text);
}
