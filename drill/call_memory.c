/* Regions as memory: guards around it show what wrote where it may not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drill/call.h"
#include "nic/api.h"

#define GUARD	   4096u /* a page: rdma_rxe wants memory and iova to lie alike */
#define GUARD_BYTE 0x5a
#define MR_MAX	   (1u << 26)
/* Where regions lie, for peers: the same in every run. */
#define IOVA_FIRST UINT64_C(0x100000000)
#define IOVA_STEP  0x10000000u

int call_range(struct call *c, const char *text, struct object **o,
	       uint64_t *offset, uint64_t *len)
{
	size_t name = strcspn(text, "+:");
	char part[32];

	*o = call_find(c, text, name);
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

static bool take_memory(struct objects *t, struct object *o, uint64_t access)
{
	o->memory = aligned_alloc(GUARD, (o->len + 3 * GUARD - 1) &
						 ~(size_t)(GUARD - 1));
	if (!o->memory)
		return false;
	memset(o->memory, GUARD_BYTE, o->len + 2 * GUARD);
	memset(o->memory + GUARD, 0, o->len);
	o->iova = access & GN_ACCESS_ZERO_BASED
			  ? 0
			  : IOVA_FIRST + (uint64_t)IOVA_STEP * t->nregion++;
	return true;
}

int call_make_region(struct call *c, struct object **o, struct object **pd,
		     uint64_t *access, uint8_t **at)
{
	uint64_t len;
	int rc = call_make(c, call_word(c, 1), O_MR, o);

	if (!rc && (!call_word(c, 2) || !words_number(call_word(c, 2), &len) ||
		    !len || len > MR_MAX))
		rc = call_refuse(c, "mr NAME LENGTH: 1 to %u bytes", MR_MAX);
	if (!rc)
		rc = call_object(c, "pd", O_PD, c->t->pd, pd);
	if (!rc)
		rc = call_bits(c, "access", verbs_access,
			       GN_ACCESS_LOCAL_WRITE | GN_ACCESS_REMOTE_WRITE |
				       GN_ACCESS_REMOTE_READ |
				       GN_ACCESS_REMOTE_ATOMIC,
			       access);
	if (rc)
		return rc;
	(*o)->len = len;
	if (!take_memory(c->t, *o, *access))
		return call_refuse(c, "no memory");
	*at = object_at(*o, 0);
	return 0;
}

int call_made_region(struct call *c, struct object *o, int rc)
{
	if (rc) {
		object_free_memory(o);
		return rc;
	}
	call_say(c, "va=0x%llx rkey=0x%x len=%zu", (unsigned long long)o->iova,
		 c->t->key(o), o->len);
	return call_made(o, call_word(c, 1), 0);
}

void object_free_memory(struct object *o)
{
	free(o->memory);
	o->memory = NULL;
}

uint8_t *object_at(const struct object *o, uint64_t offset)
{
	return o->memory + GUARD + offset;
}

bool object_is_whole(const struct object *o)
{
	for (unsigned i = 0; i < GUARD; i++)
		if (o->memory[i] != GUARD_BYTE ||
		    o->memory[GUARD + o->len + i] != GUARD_BYTE)
			return false;
	return true;
}

/* Memory that the line names; it must lie in its region. */
static int get_memory(struct call *c, const char *text, uint8_t **at,
		      size_t *len)
{
	uint64_t offset, n;
	struct object *o;
	int rc = text ? call_range(c, text, &o, &offset, &n)
		      : call_refuse(c, "which memory?");

	if (rc)
		return rc;
	if (offset > o->len || n > o->len - offset)
		return call_refuse(c, "%s: past the region's %zu bytes", text,
				   o->len);
	*at = object_at(o, offset);
	*len = n;
	return 0;
}

int verb_write(struct call *c)
{
	uint8_t *at;
	size_t len;
	int rc = get_memory(c, call_word(c, 1), &at, &len);

	if (rc)
		return rc;
	if (!call_word(c, 2) ||
	    !words_bytes(call_word(c, 2), at, len, &len, c->reply))
		return call_refuse(c, "write MEMORY BYTES: what bytes?");
	return 0;
}

int verb_read(struct call *c)
{
	uint8_t *at;
	size_t len;
	int rc = get_memory(c, call_word(c, 1), &at, &len);

	if (rc)
		return rc;
	if (len > REPLY_MAX / 2 - 16)
		return call_refuse(c, "%zu bytes are too many to show", len);
	call_say(c, "data=");
	for (size_t i = 0; i < len; i++)
		sprintf(c->reply + 5 + 2 * i, "%02x", at[i]);
	return 0;
}
