/* Verbs that make objects other than QPs, and those for memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drill/vnic_call.h"
#include "nic/cq.h"
#include "nic/mr.h"
#include "nic/mw.h"

#define GUARD_BYTE 0x5a
#define CQE	   1024u
/* Where regions lie, for peers: the same in every run. */
#define IOVA_FIRST UINT64_C(0x100000000)
#define IOVA_STEP  0x10000000u

/* ---- memory
 * ------------------------------------------------------------------------- */

/* The same; it must lie in the region. */
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
	*at = o->memory + MEMORY_GUARD + offset;
	*len = n;
	return 0;
}

int verb_mr(struct call *c)
{
	uint64_t len, access;
	struct object *o, *pd;
	int rc = call_make(c, call_word(c, 1), O_MR, &o);

	if (!rc && (!call_word(c, 2) || !words_number(call_word(c, 2), &len) ||
		    !len || len > 1u << 26))
		rc = call_refuse(c, "mr NAME LENGTH: 1 to 67108864 bytes");
	if (!rc)
		rc = call_object(c, "pd", O_PD, c->v->pd, &pd);
	if (!rc)
		rc = call_bits(c, "access", verbs_access,
			       GN_ACCESS_LOCAL_WRITE | GN_ACCESS_REMOTE_WRITE |
				       GN_ACCESS_REMOTE_READ |
				       GN_ACCESS_REMOTE_ATOMIC,
			       &access);
	if (rc)
		return rc;
	o->memory = malloc(len + 2 * MEMORY_GUARD);
	if (!o->memory)
		return -ENOMEM;
	o->len = len;
	memset(o->memory, GUARD_BYTE, len + 2 * MEMORY_GUARD);
	memset(o->memory + MEMORY_GUARD, 0, len);
	rc = mr_new(pd->pd, o->memory + MEMORY_GUARD, len,
		    access & GN_ACCESS_ZERO_BASED
			    ? 0
			    : IOVA_FIRST + IOVA_STEP * c->v->nregion++,
		    (unsigned)access, &o->mr);
	if (rc) {
		free(o->memory);
		return rc;
	}
	call_say(c, "va=0x%llx rkey=0x%x len=%llu",
		 (unsigned long long)o->mr->iova, o->mr->h.key,
		 (unsigned long long)len);
	return call_made(o, call_word(c, 1), 0);
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

bool call_guards_are_whole(const struct object *o)
{
	for (unsigned i = 0; i < MEMORY_GUARD; i++)
		if (o->memory[i] != GUARD_BYTE ||
		    o->memory[MEMORY_GUARD + o->len + i] != GUARD_BYTE)
			return false;
	return true;
}

/* ---- small objects
 * ------------------------------------------------------------------ */

int verb_pd(struct call *c)
{
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_PD, &o);

	return rc ? rc
		  : call_made(o, call_word(c, 1),
			      pd_new(&c->v->engine, &o->pd));
}

int verb_cq(struct call *c)
{
	struct object *o;
	uint64_t cqe;
	int rc = call_make(c, call_word(c, 1), O_CQ, &o);

	if (!rc)
		rc = call_number(c, "cqe", CQE, &cqe);
	if (!rc)
		rc = cq_new(&c->v->engine, (unsigned)cqe, NULL, NULL, &o->cq);
	if (rc)
		return rc;
	o->cq->cookie = o->cq;
	o->cq->listener = (struct gn_listener *)c->v;
	o->held = words_has(&c->w, "hold");
	return call_made(o, call_word(c, 1), 0);
}

int verb_xrcd(struct call *c)
{
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_XRCD, &o);

	return rc ? rc
		  : call_made(
			    o, call_word(c, 1),
			    xrcd_open(&c->v->engine, 0, true, false, &o->xrcd));
}

int verb_mw(struct call *c)
{
	struct object *o, *pd;
	uint64_t type;
	int rc = call_make(c, call_word(c, 1), O_MW, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->v->pd, &pd);
	if (!rc)
		rc = call_number(c, "type", 2, &type);
	if (!rc)
		rc = mw_new(pd->pd, (unsigned)type, &o->mw);
	if (!rc)
		call_say(c, "rkey=0x%x", o->mw->h.key);
	return call_made(o, call_word(c, 1), rc);
}

int verb_srq(struct call *c)
{
	struct gn_srq_init init = {.listener = (struct gn_listener *)c->v};
	struct object *o, *pd, *xrcd, *cq;
	uint64_t max_wr, max_sge, limit;
	int rc = call_make(c, call_word(c, 1), O_SRQ, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->v->pd, &pd);
	if (!rc)
		rc = call_object(c, "xrcd", O_XRCD, NULL, &xrcd);
	if (!rc)
		rc = call_object(c, "cq", O_CQ, c->v->cq, &cq);
	if (!rc)
		rc = call_number(c, "max_wr", 16, &max_wr);
	if (!rc)
		rc = call_number(c, "max_sge", 4, &max_sge);
	if (!rc)
		rc = call_number(c, "limit", 0, &limit);
	if (rc)
		return rc;
	init.max_wr = (uint32_t)max_wr;
	init.max_sge = (uint32_t)max_sge;
	if (xrcd) {
		init.xrcd = xrcd->xrcd;
		init.cq = cq->cq;
	}
	rc = srq_new(pd->pd, &init, &o->srq);
	if (rc)
		return rc;
	o->srq->init.cookie = o->srq;
	if (limit)
		rc = srq_set_limit(o->srq, (uint32_t)limit);
	call_say(c, "srqn=0x%x", o->srq->srqn);
	return call_made(o, call_word(c, 1), rc);
}

int verb_limit(struct call *c)
{
	struct object *o;
	uint64_t n;
	int rc = call_find_kind(c, call_word(c, 1), O_SRQ, &o);

	if (rc)
		return rc;
	if (!call_word(c, 2) || !words_number(call_word(c, 2), &n))
		return call_refuse(c, "limit SRQ NUMBER");
	return srq_set_limit(o->srq, (uint32_t)n);
}
