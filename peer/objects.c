/* Verbs that make objects other than QPs, those for memory, and the end of
 * objects.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peer/call.h"

#define GUARD_BYTE 0x5a
#define CQE	   1024u
#define MR_MAX	   (1u << 26)
/* Where regions lie, for the script: the same as on the NIC in memory. */
#define IOVA_FIRST UINT64_C(0x100000000)
#define IOVA_STEP  0x10000000u

/* ---- memory ---- */

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
	*at = o->memory + MEMORY_GUARD + offset;
	*len = n;
	return 0;
}

static int register_memory(struct call *c, struct object *o, struct ibv_pd *pd,
			   unsigned access)
{
	o->memory = malloc(o->len + 2 * MEMORY_GUARD);
	if (!o->memory)
		return ENOMEM;
	memset(o->memory, GUARD_BYTE, o->len + 2 * MEMORY_GUARD);
	memset(o->memory + MEMORY_GUARD, 0, o->len);
	o->iova = access & IBV_ACCESS_ZERO_BASED
			  ? 0
			  : IOVA_FIRST + (uint64_t)IOVA_STEP * c->s->nregion++;
	o->mr = ibv_reg_mr_iova(pd, o->memory + MEMORY_GUARD, o->len, o->iova,
				access);
	if (o->mr)
		return 0;
	free(o->memory);
	return call_errno(NULL);
}

int verb_mr(struct call *c)
{
	struct object *o, *pd;
	unsigned access;
	uint64_t len;
	int rc = call_make(c, call_word(c, 1), O_MR, &o);

	if (!rc && (!call_word(c, 2) || !words_number(call_word(c, 2), &len) ||
		    !len || len > MR_MAX))
		rc = call_refuse(c, "mr NAME LENGTH: 1 to %u bytes", MR_MAX);
	if (!rc)
		rc = call_object(c, "pd", O_PD, c->s->pd, &pd);
	if (!rc)
		rc = call_bits(c, "access", verbs_access,
			       IBV_ACCESS_LOCAL_WRITE |
				       IBV_ACCESS_REMOTE_WRITE |
				       IBV_ACCESS_REMOTE_READ |
				       IBV_ACCESS_REMOTE_ATOMIC,
			       &access);
	if (rc)
		return rc;
	o->len = len;
	rc = register_memory(c, o, pd->pd, access);
	if (!rc)
		call_say(c, "va=0x%llx rkey=0x%x len=%llu",
			 (unsigned long long)o->iova, o->mr->rkey,
			 (unsigned long long)len);
	return call_made(o, call_word(c, 1), rc);
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

static bool guards_are_whole(const struct object *o)
{
	for (unsigned i = 0; i < MEMORY_GUARD; i++)
		if (o->memory[i] != GUARD_BYTE ||
		    o->memory[MEMORY_GUARD + o->len + i] != GUARD_BYTE)
			return false;
	return true;
}

/* ---- small objects ---- */

int verb_pd(struct call *c)
{
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_PD, &o);

	if (rc)
		return rc;
	o->pd = ibv_alloc_pd(c->s->device->context);
	return call_made(o, call_word(c, 1), call_errno(o->pd));
}

int verb_cq(struct call *c)
{
	struct object *o;
	uint32_t cqe;
	int rc = call_make(c, call_word(c, 1), O_CQ, &o);

	if (!rc)
		rc = call_number32(c, "cqe", CQE, &cqe);
	if (rc)
		return rc;
	o->held = words_has(&c->w, "hold");
	o->cq = ibv_create_cq(c->s->device->context, (int)cqe, NULL,
			      c->s->channel, 0);
	if (o->cq)
		ibv_req_notify_cq(o->cq, 0);
	return call_made(o, call_word(c, 1), call_errno(o->cq));
}

int verb_xrcd(struct call *c)
{
	struct ibv_xrcd_init_attr attr = {
		.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS,
		.fd = -1,
		.oflags = O_CREAT};
	struct object *o;
	int rc = call_make(c, call_word(c, 1), O_XRCD, &o);

	if (rc)
		return rc;
	o->xrcd = ibv_open_xrcd(c->s->device->context, &attr);
	return call_made(o, call_word(c, 1), call_errno(o->xrcd));
}

int verb_mw(struct call *c)
{
	struct object *o, *pd;
	uint32_t type;
	int rc = call_make(c, call_word(c, 1), O_MW, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->s->pd, &pd);
	if (!rc)
		rc = call_number32(c, "type", 2, &type);
	if (rc)
		return rc;
	o->mw = ibv_alloc_mw(pd->pd, (enum ibv_mw_type)type);
	rc = call_errno(o->mw);
	if (!rc)
		call_say(c, "rkey=0x%x", o->mw->rkey);
	return call_made(o, call_word(c, 1), rc);
}

/* ---- SRQs ---- */

static struct ibv_srq *create_srq(struct call *c, struct object *pd,
				  struct object *xrcd, struct object *cq,
				  const struct ibv_srq_attr *attr)
{
	struct ibv_srq_init_attr_ex x = {
		.attr = *attr,
		.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD |
			     IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ,
		.srq_type = IBV_SRQT_XRC,
		.pd = pd->pd,
	};
	struct ibv_srq_init_attr plain = {.attr = *attr};

	if (!xrcd)
		return ibv_create_srq(pd->pd, &plain);
	x.xrcd = xrcd->xrcd;
	x.cq = cq->cq;
	return ibv_create_srq_ex(c->s->device->context, &x);
}

static int set_limit(struct ibv_srq *srq, uint32_t limit)
{
	struct ibv_srq_attr attr = {.srq_limit = limit};

	return ibv_modify_srq(srq, &attr, IBV_SRQ_LIMIT);
}

int verb_srq(struct call *c)
{
	struct ibv_srq_attr attr = {0};
	struct object *o, *pd, *xrcd, *cq;
	uint32_t limit, srqn = 0;
	int rc = call_make(c, call_word(c, 1), O_SRQ, &o);

	if (!rc)
		rc = call_object(c, "pd", O_PD, c->s->pd, &pd);
	if (!rc)
		rc = call_object(c, "xrcd", O_XRCD, NULL, &xrcd);
	if (!rc)
		rc = call_object(c, "cq", O_CQ, c->s->cq, &cq);
	if (!rc)
		rc = call_number32(c, "max_wr", 16, &attr.max_wr);
	if (!rc)
		rc = call_number32(c, "max_sge", 4, &attr.max_sge);
	if (!rc)
		rc = call_number32(c, "limit", 0, &limit);
	if (rc)
		return rc;
	o->srq = create_srq(c, pd, xrcd, cq, &attr);
	if (!o->srq)
		return call_errno(NULL);
	call_made(o, call_word(c, 1), 0);
	if (limit)
		rc = set_limit(o->srq, limit);
	ibv_get_srq_num(o->srq, &srqn); /* only XRC SRQs have one */
	call_say(c, "srqn=0x%x", srqn);
	return rc;
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
	return set_limit(o->srq, (uint32_t)n);
}

/* ---- the end of objects ---- */

/* @pd: NULL for all. */
static void forget_addresses(struct session *s, const struct ibv_pd *pd)
{
	for (unsigned i = 0; i < AHS_MAX; i++)
		if (s->address[i].ah && (!pd || s->address[i].pd == pd)) {
			ibv_destroy_ah(s->address[i].ah);
			s->address[i].ah = NULL;
		}
}

static int destroy(struct object *o)
{
	int rc = 0;

	switch (o->kind) {
	case O_PD: rc = ibv_dealloc_pd(o->pd); break;
	case O_MR: rc = ibv_dereg_mr(o->mr); break;
	case O_MW: rc = ibv_dealloc_mw(o->mw); break;
	case O_CQ: rc = ibv_destroy_cq(o->cq); break;
	case O_SRQ: rc = ibv_destroy_srq(o->srq); break;
	case O_XRCD: rc = ibv_close_xrcd(o->xrcd); break;
	case O_QP: rc = ibv_destroy_qp(o->qp); break;
	case O_N: break;
	}
	if (rc)
		return rc > 0 ? rc : call_errno(NULL);
	if (o->kind == O_MR)
		free(o->memory);
	o->name[0] = '\0';
	return 0;
}

int verb_free(struct call *c)
{
	const char *name = call_word(c, 1);
	struct object *o = name ? call_find(c->s, name, strlen(name)) : NULL;

	if (!o)
		return call_refuse(c, "%s: nothing of that name",
				   name ? name : "-");
	if (o == c->s->pd || o == c->s->cq)
		return call_refuse(c, "%s: it is there from the start", name);
	if (o->kind == O_MR && !guards_are_whole(o))
		return call_refuse(
			c, "%s: memory beside the region was written", name);
	if (o->kind == O_PD)
		forget_addresses(c->s, o->pd);
	return destroy(o);
}

int session_make_first(struct session *s)
{
	char answer[REPLY_MAX + 16];

	call_run(s, "pd pd", answer);
	s->pd = &s->object[0];
	if (s->pd->name[0])
		call_run(s, "cq cq", answer);
	s->cq = &s->object[1];
	return s->cq->name[0] ? 0 : call_errno(NULL);
}

static void destroy_all(struct session *s, enum object_kind kind)
{
	for (unsigned i = 0; i < OBJECTS_MAX; i++) {
		struct object *o = &s->object[i];
		int rc;

		if (!o->name[0] || o->kind != kind)
			continue;
		rc = destroy(o);
		if (rc)
			fprintf(stderr,
				"glassnic peer: %s cannot be destroyed: %s\n",
				o->name, strerror(rc));
	}
}

/* In an order in which nothing is still used. */
void session_destroy(struct session *s)
{
	static const enum object_kind order[] = {O_QP, O_SRQ, O_XRCD,
						 O_MW, O_MR,  O_CQ};

	for (unsigned i = 0; i < GROUPS_MAX; i++)
		if (s->member[i].qp)
			ibv_detach_mcast(s->member[i].qp, &s->member[i].group,
					 0);
	for (size_t k = 0; k < sizeof(order) / sizeof(*order); k++)
		destroy_all(s, order[k]);
	forget_addresses(s, NULL);
	destroy_all(s, O_PD);
}
