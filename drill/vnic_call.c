/* What a verbs line says: words, names, numbers. */
#include "drill/vnic_call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "nic/mr.h"
#include "nic/mw.h"

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

struct object *call_find(struct vnic *v, const char *name, size_t len)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (len && strlen(v->object[i].name) == len &&
		    !memcmp(v->object[i].name, name, len))
			return &v->object[i];
	return NULL;
}

const char *vnic_name(const struct vnic *v, const void *object)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++)
		if (v->object[i].name[0] && v->object[i].qp == object)
			return v->object[i].name;
	return "?";
}

/* A place for a new object called @name. */
int call_make(struct call *c, const char *name, enum object_kind kind,
	      struct object **o)
{
	unsigned i = 0;

	if (!name)
		return call_refuse(c, "%s: it needs a name", kind_names[kind]);
	if (strlen(name) >= OBJECT_NAME)
		return call_refuse(c, "%.40s: a name of more than %u letters",
				   name, OBJECT_NAME - 1);
	if (call_find(c->v, name, strlen(name)))
		return call_refuse(c, "%s: there is one of that name", name);
	while (i < OBJECTS_MAX && c->v->object[i].name[0])
		i++;
	if (i == OBJECTS_MAX)
		return call_refuse(c, "more than %u objects", OBJECTS_MAX);
	*o = &c->v->object[i];
	**o = (struct object){.kind = kind};
	return 0;
}

/* Makes the name known if @rc says that the object is there. */
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
	*o = name ? call_find(c->v, name, strlen(name)) : NULL;
	if (!*o || (*o)->kind != kind)
		return call_refuse(c, "%s: no %s of that name",
				   name ? name : "-", kind_names[kind]);
	return 0;
}

/* The object that @key names; @preset (may be NULL) if the line does not say.
 */
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
	o = call_find(c->v, text, strlen(text)); /* its key */
	if (o && (o->kind == O_MR || o->kind == O_MW)) {
		*value = o->kind == O_MR ? o->mr->h.key : o->mw->h.key;
		return 0;
	}
	return call_refuse(c, "%s=%s: not a number", key, text);
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

/* "NAME", "NAME+OFFSET", each maybe with ":LENGTH". */
int call_range(struct call *c, const char *text, struct object **o,
	       uint64_t *offset, uint64_t *len)
{
	size_t name = strcspn(text, "+:");
	char part[32];

	*o = call_find(c->v, text, name);
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
